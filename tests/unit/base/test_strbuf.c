#include "base/document.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "support/child_process.h"
#include "support/fake_random.h"
#include "support/test.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static void test_the_empty_buffer_reads_as_an_empty_text(void **state maybe_unused)
{
    auto_strbuf struct strbuf buf = {0};

    assert_string_equal(strbuf_text(&buf), "");
    strbuf_append(&buf, NULL, 0);
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_remove_prefix(&buf, 0);
    strbuf_clear(&buf);
    assert_int_equal(buf.length, 0);
}

static void test_appending_keeps_order_and_terminates(void **state maybe_unused)
{
    auto_strbuf struct strbuf buf = {0};

    strbuf_append(&buf, "a\0b", 3);
    strbuf_append_text(&buf, "cd");
    strbuf_append_char(&buf, 'e');
    strbuf_append_format(&buf, "%d-%s", 42, "f");

    assert_int_equal(buf.length, 10);
    assert_memory_equal(strbuf_text(&buf), "a\0bcde42-f", 11);
}

static void test_it_grows_over_many_appends(void **state maybe_unused)
{
    auto_strbuf struct strbuf plain = {0}, erasing = STRBUF_ERASING;

    for (int i = 0; i < 10000; i++) {
        strbuf_append_format(&plain, "%05d", i);
        strbuf_append_format(&erasing, "%05d", i);
    }

    assert_int_equal(plain.length, 50000);
    assert_memory_equal(strbuf_text(&plain) + 5 * 1234, "01234", 5);
    assert_string_equal(strbuf_text(&plain), strbuf_text(&erasing));
    assert_int_equal(strlen(strbuf_text(&plain)), 50000);
}

static void test_removing_a_prefix_keeps_the_rest(void **state maybe_unused)
{
    auto_strbuf struct strbuf buf = {0};

    strbuf_append_text(&buf, "line one\nline two");
    strbuf_remove_prefix(&buf, 9);
    assert_string_equal(strbuf_text(&buf), "line two");
    strbuf_remove_prefix(&buf, buf.length);
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_append_text(&buf, "again");
    assert_string_equal(strbuf_text(&buf), "again");
}

static void test_clear_keeps_the_memory_and_release_gives_it_back(void **state maybe_unused)
{
    struct strbuf buf = STRBUF_ERASING;

    strbuf_append_text(&buf, "abc");
    strbuf_clear(&buf);
    assert_true(buf.capacity > 0);
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_release(&buf);
    assert_int_equal(buf.capacity, 0);
    assert_true(buf.erasing);
    strbuf_append_text(&buf, "usable");
    strbuf_release(&buf);
    strbuf_release(&buf);
}

static void test_detach_gives_the_text_away(void **state maybe_unused)
{
    struct strbuf buf = {0};
    auto_free char *empty = strbuf_detach(&buf), *text = NULL;

    strbuf_append_text(&buf, "abc");
    text = strbuf_detach(&buf);

    assert_string_equal(empty, "");
    assert_string_equal(text, "abc");
    assert_int_equal(buf.length, 0);
    assert_string_equal(strbuf_text(&buf), "");
}

static int grow_past_the_limit(void *context)
{
    auto_strbuf struct strbuf buf = {0};

    strbuf_append(&buf, context, STRBUF_LIMIT);
    return 0;
}

static void test_growing_past_the_limit_ends_the_process(void **state maybe_unused)
{
    auto_strbuf struct strbuf output = {0};
    int status = child_process_run(grow_past_the_limit, NULL, &output);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(strbuf_text(&output), "STRBUF_LIMIT"));
}

static void test_what_is_not_utf8_is_replaced_byte_by_byte(void **state maybe_unused)
{
    auto_strbuf struct strbuf buf = {0};

    strbuf_append_utf8(&buf, "a\xff\xc3\xa4\xc3\n\xe2\x82", 8);

    assert_string_equal(strbuf_text(&buf), "a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\n"
                                           "\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_json_escapes_are_those_of_rfc_8259(void **state maybe_unused)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *expected;
    } cases[] = {
        {"plain", 5, "plain"},
        {"\"\\/", 3, "\\\"\\\\/"},
        {"a\nb\tc\rd", 7, "a\\nb\\u0009c\\u000dd"},
        {"\0", 1, "\\u0000"},
        {"\x1b[31m\x7f", 6, "\\u001b[31m\\u007f"},
        {"\xc2\x9b", 2, "\\u009b"}, /* CSI as one character */
        {"\xc2\xa0", 2, "\xc2\xa0"},
        {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9", 9, "\xe2\x80\xa7\\u2028\\u2029"},
        {"\xe2\x80\xae\xe2\x80\xaf", 6, "\\u202e\xe2\x80\xaf"}, /* right to left */
        {"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa", 12,
         "\xe2\x81\xa5\\u2066\\u2069\xe2\x81\xaa"},
        {"\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80"},
        {"\x80", 1, "\xef\xbf\xbd"},
        {"\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_strbuf struct strbuf buf = {0};

        strbuf_append_json_escaped(&buf, cases[i].bytes, cases[i].length);
        if (strcmp(strbuf_text(&buf), cases[i].expected) != 0)
            fail_msg("case %zu: got %s", i, strbuf_text(&buf));
    }
}

static void test_any_bytes_become_a_json_string(void **state maybe_unused)
{
    struct fake_random random;

    fake_random_init(&random, 3);
    for (int i = 0; i < 2000; i++) {
        char bytes[24];
        size_t length = (size_t)random_below(&random.source, sizeof bytes + 1);
        auto_strbuf struct strbuf text = {0};
        auto_json json_t *value = NULL;

        random_fill(&random.source, bytes, length);
        strbuf_append_char(&text, '"');
        strbuf_append_json_escaped(&text, bytes, length);
        strbuf_append_char(&text, '"');
        value = json_loadb(strbuf_text(&text), text.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (value == NULL)
            fail_msg("round %d is not JSON: %s", i, strbuf_text(&text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_empty_buffer_reads_as_an_empty_text),
        cmocka_unit_test(test_appending_keeps_order_and_terminates),
        cmocka_unit_test(test_it_grows_over_many_appends),
        cmocka_unit_test(test_removing_a_prefix_keeps_the_rest),
        cmocka_unit_test(test_clear_keeps_the_memory_and_release_gives_it_back),
        cmocka_unit_test(test_detach_gives_the_text_away),
        cmocka_unit_test(test_growing_past_the_limit_ends_the_process),
        cmocka_unit_test(test_what_is_not_utf8_is_replaced_byte_by_byte),
        cmocka_unit_test(test_json_escapes_are_those_of_rfc_8259),
        cmocka_unit_test(test_any_bytes_become_a_json_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
