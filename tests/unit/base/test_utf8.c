#include "base/compiler.h"
#include "base/utf8.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static void test_every_form_has_its_length(void **state maybe_unused)
{
    static const struct {
        const char *bytes;
        size_t available, length;
    } cases[] = {
        {"", 1, 1}, /* NUL is a character */
        {"a", 1, 1},
        {"\x7f", 1, 1},
        {"\xc2\x80", 2, 2},
        {"\xdf\xbf", 2, 2},
        {"\xe0\xa0\x80", 3, 3},
        {"\xed\x9f\xbf", 3, 3},
        {"\xee\x80\x80", 3, 3},
        {"\xef\xbf\xbf", 3, 3},
        {"\xf0\x90\x80\x80", 4, 4},
        {"\xf4\x8f\xbf\xbf", 4, 4},
        {"\xc2\x80", 1, 0}, /* cut */
        {"\xe0\xa0\x80", 2, 0},
        {"\xf0\x90\x80\x80", 3, 0},
        {"\x80", 1, 0},             /* continuation without beginning */
        {"\xc0\x80", 2, 0},         /* overlong */
        {"\xc1\xbf", 2, 0},         /* overlong */
        {"\xe0\x9f\xbf", 3, 0},     /* overlong */
        {"\xed\xa0\x80", 3, 0},     /* surrogate */
        {"\xf0\x8f\xbf\xbf", 4, 0}, /* overlong */
        {"\xf4\x90\x80\x80", 4, 0}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", 4, 0},
        {"\xff", 1, 0},
        {"\xc2\x20", 2, 0},
        {"\xe1\x80\x20", 3, 0},
        {"\xf1\x80\x80\x20", 4, 0},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        size_t length = utf8_sequence_length(cases[i].bytes, cases[i].available);

        if (length != cases[i].length)
            fail_msg("case %zu: expected %zu, got %zu", i, cases[i].length, length);
    }
}

/* Prints `wanted` into an array of `size` and marks the cut; the compiler must not foresee it. */
static const char *cut(char *text, size_t size, const char *volatile wanted)
{
    utf8_mark_truncation(text, size, snprintf(text, size, "%s", wanted));
    return text;
}

static void test_a_text_that_fits_stays(void **state maybe_unused)
{
    char text[8];

    assert_string_equal(cut(text, sizeof text, "1234567"), "1234567");
    assert_string_equal(cut(text, sizeof text, ""), "");
}

static void test_a_cut_text_says_so(void **state maybe_unused)
{
    char text[8];

    assert_string_equal(cut(text, sizeof text, "12345678"), "1234...");
}

static void test_a_cut_never_splits_a_character(void **state maybe_unused)
{
    char text[8];

    assert_string_equal(cut(text, sizeof text, "123\xc3\xa4xxxx"), "123...");
    assert_string_equal(cut(text, sizeof text, "12\xc3\xa4xxxx"), "12\xc3\xa4...");
    assert_string_equal(cut(text, sizeof text, "12\xe2\x82\xacxxxx"), "12...");
    assert_string_equal(cut(text, sizeof text, "1\xf0\x9f\x98\x80xxxx"), "1...");
    assert_string_equal(cut(text, sizeof text, "\xf0\x9f\x98\x80xxxx"), "\xf0\x9f\x98\x80...");
}

static void test_bytes_that_are_not_utf8_are_cut_without_running_away(void **state maybe_unused)
{
    char text[8], smallest[4];

    assert_string_equal(cut(text, sizeof text, "\x80\x80\x80\x80\x80\x80\x80\x80\x80"), "\x80...");
    assert_string_equal(cut(smallest, sizeof smallest, "\x80\x80\x80\x80"), "...");
}

static void test_a_failed_print_is_left_alone(void **state maybe_unused)
{
    char text[8] = "1234567";

    utf8_mark_truncation(text, sizeof text, -1);

    assert_string_equal(text, "1234567");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_has_its_length),
        cmocka_unit_test(test_a_text_that_fits_stays),
        cmocka_unit_test(test_a_cut_text_says_so),
        cmocka_unit_test(test_a_cut_never_splits_a_character),
        cmocka_unit_test(test_bytes_that_are_not_utf8_are_cut_without_running_away),
        cmocka_unit_test(test_a_failed_print_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
