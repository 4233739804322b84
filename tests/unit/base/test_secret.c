#include "base/document.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/strbuf.h"
#include "support/test.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- every block on its way back to the heap is searched for the canary ---- */

static const char canary[] = "c4nary-Password";
/* Volatile, as compilers know that free() changes no variable of ours. */
static volatile bool watching;
static volatile unsigned blocks_seen, blocks_with_canary;

void __real_free(void *memory);
void *__real_realloc(void *memory, size_t size_bytes);
void __wrap_free(void *memory);
void *__wrap_realloc(void *memory, size_t size_bytes);

static void look_at(void *memory)
{
    if (!watching || memory == NULL)
        return;
    blocks_seen++;
    if (memmem(memory, malloc_usable_size(memory), canary, strlen(canary)) != NULL)
        blocks_with_canary++;
}

void __wrap_free(void *memory)
{
    look_at(memory);
    __real_free(memory);
}

/* It may move the content and leave the old copy behind. */
void *__wrap_realloc(void *memory, size_t size_bytes)
{
    look_at(memory);
    return __real_realloc(memory, size_bytes);
}

static void start_watching(void)
{
    watching = true;
    blocks_seen = 0;
    blocks_with_canary = 0;
}

static void assert_all_erased(void)
{
    watching = false;
    assert_true(blocks_seen > 0);
    assert_int_equal(blocks_with_canary, 0);
}

static void test_the_watch_sees_what_is_not_erased(void **state maybe_unused)
{
    char *block = mem_strdup(canary);

    start_watching();
    free(block);
    watching = false;

    assert_int_equal(blocks_with_canary, 1);
}

static void test_a_released_secret_is_erased(void **state maybe_unused)
{
    struct secret secret = {0};

    secret_set_text(&secret, canary);
    start_watching();
    secret_release(&secret);

    assert_all_erased();
    assert_null(secret.bytes);
    assert_int_equal(secret.length, 0);
}

static void test_the_end_of_a_scope_erases(void **state maybe_unused)
{
    start_watching();
    {
        auto_secret struct secret secret = {0};

        secret_set_text(&secret, canary);
    }

    assert_all_erased();
}

static void test_a_replaced_value_is_erased(void **state maybe_unused)
{
    auto_secret struct secret secret = {0}, other = {0};

    secret_set_text(&secret, canary);
    secret_set_text(&other, "other");
    start_watching();
    secret_copy(&secret, &other);

    assert_all_erased();
    assert_string_equal(secret_reveal(&secret), "other");
}

static void test_a_growing_erasing_buffer_leaves_nothing_behind(void **state maybe_unused)
{
    struct strbuf buf = STRBUF_ERASING;

    start_watching();
    for (int i = 0; i < 2000; i++)
        strbuf_append_text(&buf, canary);
    strbuf_append_format(&buf, "%s%s", canary, canary);
    strbuf_release(&buf);

    assert_all_erased();
    assert_true(blocks_seen > 5);
}

static void test_clearing_an_erasing_buffer_erases_it(void **state maybe_unused)
{
    struct strbuf buf = STRBUF_ERASING;

    strbuf_append_text(&buf, canary);
    strbuf_clear(&buf);

    assert_int_equal(buf.length, 0);
    assert_null(memmem(buf.text, buf.capacity, canary + 1, 8));
    strbuf_release(&buf);
}

static void test_removing_a_prefix_of_an_erasing_buffer_erases_the_rest(void **state maybe_unused)
{
    struct strbuf buf = STRBUF_ERASING;

    strbuf_append_text(&buf, "12345");
    strbuf_append_text(&buf, canary);
    strbuf_remove_prefix(&buf, 5 + strlen(canary));
    strbuf_append_text(&buf, "");

    assert_string_equal(strbuf_text(&buf), "");
    assert_null(memmem(buf.text, buf.capacity, canary + 4, 6));
    strbuf_release(&buf);
}

static void test_a_secret_takes_the_memory_of_a_buffer(void **state maybe_unused)
{
    struct strbuf buf = STRBUF_ERASING;
    struct secret secret = {0};

    strbuf_append_text(&buf, canary);
    start_watching();
    secret_take_strbuf(&secret, &buf);
    assert_string_equal(secret_reveal(&secret), canary);
    assert_int_equal(secret.length, strlen(canary));
    assert_int_equal(buf.length, 0);
    assert_true(buf.erasing);
    secret_release(&secret);
    strbuf_release(&buf);

    assert_all_erased();
}

static void test_json_values_are_erased(void **state maybe_unused)
{
    auto_strbuf struct strbuf text = STRBUF_ERASING;
    struct error err = {0};
    json_t *value = NULL;

    document_install_allocator();
    strbuf_append_format(&text, "{\"POSTGRES_URL\":\"%s\",\"list\":[\"%s\"]}", canary, canary);
    start_watching();
    assert_true(document_parse(strbuf_text(&text), text.length, &value, &err));
    strbuf_clear(&text);
    document_render(value, false, &text);
    assert_non_null(strstr(strbuf_text(&text), canary));
    json_decref(value);
    strbuf_release(&text);

    assert_all_erased();
    json_set_alloc_funcs(malloc, free);
}

static void test_a_file_that_is_read_is_erased(void **state maybe_unused)
{
    char path[] = "/tmp/dbuo-test-secret-XXXXXX";
    int fd = mkstemp(path);
    struct strbuf content = STRBUF_ERASING;
    struct error err = {0};

    assert_true(fd >= 0);
    assert_int_equal(write(fd, canary, strlen(canary)), (ssize_t)strlen(canary));
    close(fd);
    start_watching();
    assert_true(file_read(path, 4096, &content, &err));
    assert_string_equal(strbuf_text(&content), canary);
    strbuf_release(&content);

    assert_all_erased();
    unlink(path);
}

static void test_the_empty_secret_reveals_an_empty_text(void **state maybe_unused)
{
    struct secret secret = {0};

    assert_true(secret_is_empty(&secret));
    assert_string_equal(secret_reveal(&secret), "");
    secret_set(&secret, NULL, 0);
    assert_true(secret_is_empty(&secret));
    assert_string_equal(secret_reveal(&secret), "");
    secret_release(&secret);
    secret_release(&secret);
}

static void test_a_secret_may_be_set_to_a_part_of_itself(void **state maybe_unused)
{
    auto_secret struct secret secret = {0};

    secret_set_text(&secret, "key=value");
    secret_set_text(&secret, secret_reveal(&secret) + 4);

    assert_string_equal(secret_reveal(&secret), "value");
}

static void test_equality_looks_at_length_and_every_byte(void **state maybe_unused)
{
    static const struct {
        const char *a, *b;
        size_t a_length, b_length;
        bool equal;
    } cases[] = {
        {"", "", 0, 0, true},         {"a", "a", 1, 1, true},        {"a", "b", 1, 1, false},
        {"abc", "abd", 3, 3, false},  {"abc", "bbc", 3, 3, false},   {"ab", "abc", 2, 3, false},
        {"a\0b", "a\0b", 3, 3, true}, {"a\0b", "a\0c", 3, 3, false}, {"a", "a\0", 1, 2, false},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_secret struct secret a = {0}, b = {0};

        secret_set(&a, cases[i].a, cases[i].a_length);
        secret_set(&b, cases[i].b, cases[i].b_length);
        if (secret_equals(&a, &b) != cases[i].equal)
            fail_msg("case %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_watch_sees_what_is_not_erased),
        cmocka_unit_test(test_a_released_secret_is_erased),
        cmocka_unit_test(test_the_end_of_a_scope_erases),
        cmocka_unit_test(test_a_replaced_value_is_erased),
        cmocka_unit_test(test_a_growing_erasing_buffer_leaves_nothing_behind),
        cmocka_unit_test(test_clearing_an_erasing_buffer_erases_it),
        cmocka_unit_test(test_removing_a_prefix_of_an_erasing_buffer_erases_the_rest),
        cmocka_unit_test(test_a_secret_takes_the_memory_of_a_buffer),
        cmocka_unit_test(test_json_values_are_erased),
        cmocka_unit_test(test_a_file_that_is_read_is_erased),
        cmocka_unit_test(test_the_empty_secret_reveals_an_empty_text),
        cmocka_unit_test(test_a_secret_may_be_set_to_a_part_of_itself),
        cmocka_unit_test(test_equality_looks_at_length_and_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
