#include "base/document.h"
#include "base/strbuf.h"
#include "kube/label_selector.h"
#include "support/test.h"

#include <string.h>

static bool matches(const char *text, const char *labels)
{
    struct label_selector *selector = NULL;
    auto_json json_t *object = NULL;
    struct error err;
    bool answer;

    assert_true(document_parse(labels, strlen(labels), &object, &err));
    assert_true(label_selector_parse(text, &selector, &err));
    assert_string_equal(label_selector_text(selector), text);
    answer = label_selector_matches(selector, object);
    label_selector_free(selector);
    return answer;
}

static void test_what_selects_what(void **state maybe_unused)
{
    static const struct {
        const char *selector;
        const char *met_by;
        const char *not_met_by;
    } rows[] = {
        {"shard=1", "'shard':'1'", "'shard':'2'"},
        {"shard==1", "'shard':'1'", "'other':'1'"},
        {"shard=", "'shard':''", "'other':''"},
        {"shard!=1", "'shard':'2'", "'shard':'1'"},
        {"shard!=1", "'other':'1'", "'shard':'1'"},
        {"shard in (1,2)", "'shard':'2'", "'shard':'3'"},
        {"shard in (1)", "'shard':'1'", "'other':'1'"},
        {"shard in ()", "'shard':''", "'shard':'1'"},
        {"shard notin (1, 2)", "'shard':'3'", "'shard':'2'"},
        {"shard notin (1)", "'other':'1'", "'shard':'1'"},
        {"shard", "'shard':''", "'other':''"},
        {"!shard", "'other':'1'", "'shard':''"},
        {"a=1,b=2", "'a':'1','b':'2'", "'a':'1'"},
        {" a = 1 ,\tb in ( 2 ,3 ) , ! c ", "'a':'1','b':'3'", "'a':'1','b':'3','c':'x'"},
        {"example.com/tier=a_b.c-D", "'example.com/tier':'a_b.c-D'", "'tier':'a_b.c-D'"},
        {"index=1", "'index':'1'", "'index':'2'"},
        {"in=1", "'in':'1'", "'in':'2'"},
        {"notin", "'notin':''", "'in':'1'"},
        {"in in (in)", "'in':'in'", "'in':'out'"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        for (size_t other = 0; other < 2; other++) {
            auto_strbuf struct strbuf object = {0};

            strbuf_append_format(&object, "{\"metadata\":{\"labels\":{");
            for (const char *c = other ? rows[i].not_met_by : rows[i].met_by; *c != '\0'; c++)
                strbuf_append_char(&object, *c == '\'' ? '"' : *c);
            strbuf_append_text(&object, "}}}");
            if (matches(rows[i].selector, strbuf_text(&object)) == (other == 1))
                fail_msg("'%s' and %s", rows[i].selector, strbuf_text(&object));
        }
    }
}

static void test_an_object_without_labels_has_none(void **state maybe_unused)
{
    assert_false(matches("a", "{\"metadata\":{\"name\":\"x\"}}"));
    assert_true(matches("!a", "{\"metadata\":{\"name\":\"x\"}}"));
    assert_true(matches("a!=1", "{}"));
    assert_false(matches("a=1", "{\"metadata\":{\"labels\":{\"a\":1}}}"));
}

static void test_what_is_no_selector_is_refused_with_the_place(void **state maybe_unused)
{
    static const struct {
        const char *selector;
        const char *says;
    } rows[] = {
        {"", "there is no label's name at 'its end'"},
        {" ", "there is no label's name at 'its end'"},
        {"a=1,", "there is no label's name at 'its end'"},
        {",a=1", "there is no label's name at ',a=1'"},
        {"=1", "there is no label's name at '=1'"},
        {"-a=1", "there is no label's name at '-a=1'"},
        {"/a=1", "no label's name begins so at '/a=1'"},
        {"UPPER/a=1", "no label's name begins so at 'UPPER/a=1'"},
        {"a/b/c=1", "there is no label's name at 'a/b/c=1'"},
        {"a/=1", "there is no label's name at 'a/=1'"},
        {"a=-1", "no label's value looks so at '-1'"},
        {"a=1.", "no label's value looks so at '1.'"},
        {"a=b=c", "',' is missing at '=c'"},
        {"a=b c", "',' is missing at 'c'"},
        {"a in 1", "'(' is missing at '1'"},
        {"a in (1", "')' is missing at 'its end'"},
        {"a in (1 2)", "')' is missing at '2)'"},
        {"!a=1", "',' is missing at '=1'"},
        {"a>1", "there is none of =, ==, !=, in, notin at '>1'"},
        {"a like b", "there is none of =, ==, !=, in, notin at 'like b'"},
        {"a=\xc3\xa4", "',' is missing at '\xc3\xa4'"},
        {"a0123456789012345678901234567890123456789012345678901234567890123=1",
         "there is no label's name at"},
        {"a=0123456789012345678901234567890123456789012345678901234567890123",
         "no label's value looks so at"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct label_selector *selector = NULL;
        struct error err;

        if (label_selector_parse(rows[i].selector, &selector, &err))
            fail_msg("'%s' was accepted", rows[i].selector);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_null(selector);
        if (strstr(err.message, rows[i].says) == NULL)
            fail_msg("'%s': %s", rows[i].selector, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_selects_what),
        cmocka_unit_test(test_an_object_without_labels_has_none),
        cmocka_unit_test(test_what_is_no_selector_is_refused_with_the_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
