#include "base/document.h"
#include "base/strbuf.h"
#include "support/test.h"

#include <string.h>

static json_t *parse(const char *text)
{
    struct error err = {0};
    json_t *value = NULL;

    if (!document_parse(text, strlen(text), &value, &err))
        fail_msg("%s: %s", text, err.message);
    return value;
}

static void
test_what_is_not_json_is_refused_with_its_place_and_without_its_text(void **state maybe_unused)
{
    static const struct {
        const char *text;
        size_t length;
        const char *place;
    } cases[] = {
        {"", 0, "line 1"},
        {"{\"password\":\n hunter2}", 21, "line 2, column"},
        {"{\"hunter2\":1,\"hunter2\":2}", 25, "line 1"},
        {"{\"a\":\"hunter2\\u0000\"}", 21, "line 1"},
        {"{\"a\":\"hunter2\xff\"}", 16, "line 1"},
        {"[1] hunter2", 11, "line 1"},
        {"\"hunter2\"", 9, "line 1"},
        {"{\"a\":1}\0hunter2", 15, "line 1"},
        {"{\"hunter2\":", 11, "line 1"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct error err = {0};
        json_t *value = NULL;

        if (document_parse(cases[i].text, cases[i].length, &value, &err))
            fail_msg("case %zu was accepted", i);
        assert_null(value);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (strstr(err.message, cases[i].place) == NULL)
            fail_msg("case %zu: %s", i, err.message);
        assert_null(strstr(err.message, "hunter2"));
    }
}

static void test_deep_nesting_is_refused_not_followed(void **state maybe_unused)
{
    auto_strbuf struct strbuf text = {0};
    struct error err = {0};
    json_t *value = NULL;

    for (int i = 0; i < 100000; i++)
        strbuf_append_char(&text, '[');

    assert_false(document_parse(strbuf_text(&text), text.length, &value, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
}

static void test_rendering_keeps_the_order_or_sorts(void **state maybe_unused)
{
    auto_json json_t *value =
        parse("{\"b\": [1, 2.5, true, null], \"a\": {\"z\": \"\\u00e4\\n\"}}");
    auto_strbuf struct strbuf inserted = {0}, sorted = {0};

    document_render(value, false, &inserted);
    document_render(value, true, &sorted);

    assert_string_equal(strbuf_text(&inserted),
                        "{\"b\":[1,2.5,true,null],\"a\":{\"z\":\"\xc3\xa4\\n\"}}");
    assert_string_equal(strbuf_text(&sorted),
                        "{\"a\":{\"z\":\"\xc3\xa4\\n\"},\"b\":[1,2.5,true,null]}");
}

static void test_a_path_leads_to_its_value_or_to_nothing(void **state maybe_unused)
{
    auto_json json_t *value = parse("{\"a\":{\"b\":{\"c\":7},\"n\":null,\"s\":\"x\"}}");

    assert_int_equal(json_integer_value(document_at(value, "a", "b", "c", NULL)), 7);
    assert_ptr_equal(document_at(value, NULL), value);
    assert_null(document_at(value, "a", "missing", "c", NULL));
    assert_null(document_at(value, "a", "n", NULL));
    assert_null(document_at(value, "a", "n", "c", NULL));
    assert_null(document_at(value, "a", "s", "c", NULL));
    assert_null(document_at(NULL, "a", NULL));
}

static void test_members_of_the_wrong_type_count_as_missing(void **state maybe_unused)
{
    auto_json json_t *value =
        parse("{\"s\":\"text\",\"i\":-3,\"t\":true,\"f\":false,\"r\":1.5,\"n\":null}");

    assert_string_equal(document_string(value, "s"), "text");
    assert_null(document_string(value, "i"));
    assert_null(document_string(value, "missing"));
    assert_null(document_string(NULL, "s"));
    assert_int_equal(document_integer(value, "i", 9), -3);
    assert_int_equal(document_integer(value, "r", 9), 9);
    assert_int_equal(document_integer(value, "s", 9), 9);
    assert_true(document_boolean(value, "t", false));
    assert_false(document_boolean(value, "f", true));
    assert_true(document_boolean(value, "n", true));
    assert_false(document_boolean(NULL, "t", false));
}

static void test_a_member_is_set_unless_it_is_null(void **state maybe_unused)
{
    auto_json json_t *value = parse("{\"a\":\"old\",\"b\":\"old\"}");

    document_set_string(value, "a", "new");
    document_set_string(value, "b", NULL);
    document_set_string(value, "c", "");

    assert_string_equal(document_string(value, "a"), "new");
    assert_string_equal(document_string(value, "b"), "old");
    assert_string_equal(document_string(value, "c"), "");
}

static void test_a_text_in_another_encoding_is_kept_readable(void **state maybe_unused)
{
    auto_json json_t *value = json_object();

    document_set_string(value, "message", "Datenbank f\xfcr '\xe4' fehlt");

    assert_string_equal(document_string(value, "message"),
                        "Datenbank f\xef\xbf\xbdr '\xef\xbf\xbd' fehlt");
}

static void test_an_array_has_the_strings_among_its_items(void **state maybe_unused)
{
    auto_json json_t *array = json_pack("[s,i,n,s]", "a", 1, "b");
    auto_json json_t *object = json_pack("{s:s}", "a", "a");

    assert_true(document_array_has(array, "a"));
    assert_true(document_array_has(array, "b"));
    assert_false(document_array_has(array, "1"));
    assert_false(document_array_has(array, ""));
    assert_false(document_array_has(object, "a"));
    assert_false(document_array_has(NULL, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_json_is_refused_with_its_place_and_without_its_text),
        cmocka_unit_test(test_deep_nesting_is_refused_not_followed),
        cmocka_unit_test(test_rendering_keeps_the_order_or_sorts),
        cmocka_unit_test(test_a_path_leads_to_its_value_or_to_nothing),
        cmocka_unit_test(test_members_of_the_wrong_type_count_as_missing),
        cmocka_unit_test(test_a_member_is_set_unless_it_is_null),
        cmocka_unit_test(test_an_array_has_the_strings_among_its_items),
        cmocka_unit_test(test_a_text_in_another_encoding_is_kept_readable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
