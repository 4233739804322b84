#include "base/memory.h"
#include "base/strbuf.h"
#include "support/child_process.h"
#include "support/test.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

/* The sanitizers' allocators must fail as malloc() does, for the tests of what happens then. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static bool is_zero(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;

    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void test_new_memory_is_zero(void **state maybe_unused)
{
    auto_free void *dirty = malloc(300);
    auto_free void *block = NULL, *array = NULL;

    memset(dirty, 0xaa, 300);
    free(take(dirty));
    block = mem_alloc(300);
    array = mem_alloc_array(10, 30);

    assert_true(is_zero(block, 300));
    assert_true(is_zero(array, 300));
}

static void test_nothing_is_a_size_too(void **state maybe_unused)
{
    auto_free void *block = mem_alloc(0), *empty_array = mem_alloc_array(0, 8),
                   *array_of_nothing = mem_alloc_array(8, 0), *resized = mem_resize(NULL, 0),
                   *for_library = mem_alloc_for_library(0);

    assert_non_null(block);
    assert_non_null(empty_array);
    assert_non_null(array_of_nothing);
    assert_non_null(resized);
    assert_non_null(for_library);
}

static void test_resizing_keeps_the_content(void **state maybe_unused)
{
    auto_free char *text = mem_strdup("abc");

    text = mem_resize(text, 10000);
    assert_string_equal(text, "abc");
    text = mem_resize_array(text, 2, 2);
    assert_memory_equal(text, "abc", 4);
}

static void test_copies_are_equal_and_separate(void **state maybe_unused)
{
    static const char original[] = "abcdef";
    auto_free char *whole = mem_strdup(original), *part = mem_strndup(original, 3),
                   *longer = mem_strndup(original, 100), *null = mem_strdup_or_null(NULL),
                   *present = mem_strdup_or_null("x"), *made = mem_printf("%d-%s", 7, "y");

    assert_string_equal(whole, original);
    assert_ptr_not_equal(whole, original);
    assert_string_equal(part, "abc");
    assert_string_equal(longer, original);
    assert_null(null);
    assert_string_equal(present, "x");
    assert_string_equal(made, "7-y");
}

static void test_take_leaves_null_behind(void **state maybe_unused)
{
    auto_free char *first = mem_strdup("x");
    auto_free char *second = take(first);

    assert_null(first);
    assert_string_equal(second, "x");
}

static int resize_to_too_much(void *context)
{
    size_t count = *(size_t *)context;

    free(mem_resize_array(NULL, count, 16));
    return 0;
}

static int allocate_too_much(void *context)
{
    size_t count = *(size_t *)context;

    free(mem_alloc_array(count, 16));
    return 0;
}

static void assert_dies_of_lack_of_memory(int (*function)(void *context))
{
    auto_strbuf struct strbuf output = {0};
    size_t count = SIZE_MAX / 16 + 2; /* times 16 wraps around to 16 */
    int status = child_process_run(function, &count, &output);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(strbuf_text(&output), "out of memory"));
}

static void test_sizes_that_overflow_end_the_process(void **state maybe_unused)
{
    assert_dies_of_lack_of_memory(resize_to_too_much);
    assert_dies_of_lack_of_memory(allocate_too_much);
}

static void test_freeing_nothing_is_fine(void **state maybe_unused)
{
    mem_free_erased(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_memory_is_zero),
        cmocka_unit_test(test_nothing_is_a_size_too),
        cmocka_unit_test(test_resizing_keeps_the_content),
        cmocka_unit_test(test_copies_are_equal_and_separate),
        cmocka_unit_test(test_take_leaves_null_behind),
        cmocka_unit_test(test_sizes_that_overflow_end_the_process),
        cmocka_unit_test(test_freeing_nothing_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
