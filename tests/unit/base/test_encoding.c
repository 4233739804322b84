#include "base/encoding.h"
#include "base/strbuf.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static void test_hexadecimal_is_lower_case(void **state maybe_unused)
{
    auto_strbuf struct strbuf buf = {0};

    encoding_append_hex(&buf, "\x00\x0f\xf0\xab\xff", 5);

    assert_string_equal(strbuf_text(&buf), "000ff0abff");
}

static void test_hexadecimal_brings_every_byte_back_in_either_case(void **state maybe_unused)
{
    for (int i = 0; i < 256; i++) {
        char byte = (char)i, upper[3];
        auto_strbuf struct strbuf lower = {0}, back = {0}, again = {0};

        encoding_append_hex(&lower, &byte, 1);
        snprintf(upper, sizeof upper, "%02X", (unsigned)i);
        assert_true(encoding_append_hex_decoded(&back, strbuf_text(&lower), lower.length));
        assert_true(encoding_append_hex_decoded(&again, upper, 2));
        assert_int_equal(back.length, 1);
        assert_int_equal(again.length, 1);
        assert_memory_equal(strbuf_text(&back), &byte, 1);
        assert_memory_equal(strbuf_text(&again), &byte, 1);
    }
}

static void test_hexadecimal_is_appended_to_what_is_there(void **state maybe_unused)
{
    auto_strbuf struct strbuf buf = {0};

    strbuf_append_text(&buf, "before ");
    assert_true(encoding_append_hex_decoded(&buf, "", 0));
    assert_true(encoding_append_hex_decoded(&buf, "00ff41aF", 8));

    assert_int_equal(buf.length, 11);
    assert_memory_equal(strbuf_text(&buf), "before \x00\xff\x41\xaf", 12);
}

static void test_what_is_not_hexadecimal_is_refused_and_appends_nothing(void **state maybe_unused)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"4", 1},
        {"414", 3},
        {"4g", 2},
        {"g4", 2},
        {"41 4", 4},
        {" 41 ", 4},
        {"0x41", 4},
        {"41\n4", 4},
        {"41\0"
         "4",
         4},
        {"-1", 2},
        {"+1", 2},
        {"4\xff", 2},
        {"/1", 2},
        {":1", 2},
        {"@1", 2},
        {"`1", 2},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_strbuf struct strbuf buf = {0};

        strbuf_append_text(&buf, "before");
        if (encoding_append_hex_decoded(&buf, cases[i].text, cases[i].length))
            fail_msg("'%s' was accepted", cases[i].text);
        assert_string_equal(strbuf_text(&buf), "before");
    }
}

/* RFC 4648 section 10. */
static const struct {
    const char *plain, *encoded, *url;
} base64_cases[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/", "-_-_"},
};

static void test_base64_gives_the_vectors_of_rfc_4648(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(base64_cases); i++) {
        const char *plain = base64_cases[i].plain;
        auto_strbuf struct strbuf standard = {0}, url = {0}, back = {0};

        encoding_append_base64(&standard, plain, strlen(plain));
        encoding_append_base64url(&url, plain, strlen(plain));
        assert_string_equal(strbuf_text(&standard), base64_cases[i].encoded);
        assert_string_equal(strbuf_text(&url), base64_cases[i].url);
        assert_true(encoding_append_base64_decoded(&back, strbuf_text(&standard), standard.length));
        assert_string_equal(strbuf_text(&back), plain);
    }
}

static void test_base64_brings_every_byte_back(void **state maybe_unused)
{
    unsigned char bytes[256];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    for (size_t length = 0; length <= sizeof bytes; length++) {
        auto_strbuf struct strbuf encoded = {0}, back = {0};

        encoding_append_base64(&encoded, bytes, length);
        assert_true(encoding_append_base64_decoded(&back, strbuf_text(&encoded), encoded.length));
        assert_int_equal(back.length, length);
        assert_memory_equal(strbuf_text(&back), bytes, length);
    }
}

static void test_base64_ignores_line_breaks(void **state maybe_unused)
{
    static const char text[] = "Zm9v\r\n Ym\tFy\n";
    auto_strbuf struct strbuf buf = {0};

    assert_true(encoding_append_base64_decoded(&buf, text, strlen(text)));

    assert_string_equal(strbuf_text(&buf), "foobar");
}

static void test_what_is_not_base64_is_refused_and_appends_nothing(void **state maybe_unused)
{
    static const char *const texts[] = {
        "Z",    "Zg",    "Zg=",  "Zm8",       "Zm9vY",    "=",     "==",   "===",
        "====", "Zg===", "Z===", "Zg==Zg==",  "Zm9v====", "Z=g=",  "Zm-_", "Zm9*",
        "Zm9.", "\xff",  "Zg=a", "Zm9vZg==x", "Zm9v\v",   "Zm9v=",
    };

    for (size_t i = 0; i < array_length(texts); i++) {
        auto_strbuf struct strbuf buf = {0};

        strbuf_append_text(&buf, "before");
        if (encoding_append_base64_decoded(&buf, texts[i], strlen(texts[i])))
            fail_msg("'%s' was accepted", texts[i]);
        assert_string_equal(strbuf_text(&buf), "before");
    }
}

static void test_base64_refuses_a_nul_character(void **state maybe_unused)
{
    auto_strbuf struct strbuf buf = {0};

    assert_false(encoding_append_base64_decoded(&buf, "Zm9\0", 4));
}

static void test_percent_encoding_leaves_only_unreserved_characters(void **state maybe_unused)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    auto_strbuf struct strbuf kept = {0}, all = {0};

    encoding_append_percent(&kept, unreserved, strlen(unreserved));
    assert_string_equal(strbuf_text(&kept), unreserved);
    for (int i = 0; i < 256; i++) {
        char byte = (char)i;

        encoding_append_percent(&all, &byte, 1);
    }
    assert_int_equal(all.length, 66 + 3 * (256 - 66));
    encoding_append_percent(&kept, "/:@%+ \xc3\xa4", 8);
    assert_string_equal(strbuf_text(&kept) + strlen(unreserved), "%2F%3A%40%25%2B%20%C3%A4");
}

static void test_percent_encoding_brings_every_byte_back(void **state maybe_unused)
{
    for (int i = 1; i < 256; i++) {
        char byte = (char)i;
        auto_strbuf struct strbuf encoded = {0}, back = {0};

        encoding_append_percent(&encoded, &byte, 1);
        assert_true(encoding_append_percent_decoded(&back, strbuf_text(&encoded), encoded.length));
        assert_int_equal(back.length, 1);
        assert_memory_equal(strbuf_text(&back), &byte, 1);
    }
}

static void test_percent_decoding_takes_both_cases_and_leaves_plus_alone(void **state maybe_unused)
{
    auto_strbuf struct strbuf buf = {0};

    assert_true(encoding_append_percent_decoded(&buf, "a%2fb%2Fc+d%25", 14));

    assert_string_equal(strbuf_text(&buf), "a/b/c+d%");
}

static void test_a_bad_escape_is_refused_and_appends_nothing(void **state maybe_unused)
{
    static const char *const texts[] = {"%", "a%", "a%2", "%zz", "%2g", "%g2", "ok%00", "%%41"};

    for (size_t i = 0; i < array_length(texts); i++) {
        auto_strbuf struct strbuf buf = {0};

        strbuf_append_text(&buf, "before");
        if (encoding_append_percent_decoded(&buf, texts[i], strlen(texts[i])))
            fail_msg("'%s' was accepted", texts[i]);
        assert_string_equal(strbuf_text(&buf), "before");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hexadecimal_is_lower_case),
        cmocka_unit_test(test_hexadecimal_brings_every_byte_back_in_either_case),
        cmocka_unit_test(test_hexadecimal_is_appended_to_what_is_there),
        cmocka_unit_test(test_what_is_not_hexadecimal_is_refused_and_appends_nothing),
        cmocka_unit_test(test_base64_gives_the_vectors_of_rfc_4648),
        cmocka_unit_test(test_base64_brings_every_byte_back),
        cmocka_unit_test(test_base64_ignores_line_breaks),
        cmocka_unit_test(test_what_is_not_base64_is_refused_and_appends_nothing),
        cmocka_unit_test(test_base64_refuses_a_nul_character),
        cmocka_unit_test(test_percent_encoding_leaves_only_unreserved_characters),
        cmocka_unit_test(test_percent_encoding_brings_every_byte_back),
        cmocka_unit_test(test_percent_decoding_takes_both_cases_and_leaves_plus_alone),
        cmocka_unit_test(test_a_bad_escape_is_refused_and_appends_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
