/* Taking a page apart: whatever the pieces, the elements are the same. */
#include "base/memory.h"
#include "kube/list_decoder.h"
#include "support/test.h"

#include <string.h>

#define NO_LIST "the answer of the Kubernetes API server is no list; is there a proxy before it?"

/* What came of a document. */
struct outcome {
    struct strbuf items; /* one a line */
    size_t count;
    size_t fails_at; /* the number of the element that the taker refuses; 0 = none */
    bool succeeded, is_complete;
    struct strbuf metadata;
    struct error err;
};

static void release(struct outcome *outcome)
{
    strbuf_release(&outcome->items);
    strbuf_release(&outcome->metadata);
}

static bool take_item(void *context, const char *text, size_t length, struct error *err)
{
    struct outcome *outcome = context;

    outcome->count++;
    if (outcome->count == outcome->fails_at)
        return error_set(err, ERROR_CONFLICT, "Mine", "element %zu is refused", outcome->count);
    strbuf_append(&outcome->items, text, length);
    strbuf_append_char(&outcome->items, '\n');
    return true;
}

/* Feeds a copy that ends where the piece ends, so that a read beyond it is found. */
static void feed(struct list_decoder *decoder, const char *bytes, size_t length,
                 struct outcome *outcome)
{
    auto_free char *piece = length > 0 ? mem_alloc(length) : NULL;

    if (length > 0)
        memcpy(piece, bytes, length);
    outcome->succeeded =
        list_decoder_feed(decoder, piece, length, take_item, outcome, &outcome->err);
}

/* Feeds `first` bytes, then pieces of `step` bytes, up to the first failure. */
static void decode(const char *text, size_t length, size_t first, size_t step,
                   struct outcome *outcome)
{
    struct list_decoder decoder = {0};
    size_t at = first;

    feed(&decoder, text, first, outcome);
    while (outcome->succeeded && at < length) {
        size_t size = length - at < step ? length - at : step;

        feed(&decoder, text + at, size, outcome);
        at += size;
    }
    outcome->is_complete = list_decoder_is_complete(&decoder);
    strbuf_append_text(&outcome->metadata, strbuf_text(&decoder.metadata));
    list_decoder_release(&decoder);
}

struct expectation {
    const char *name, *text, *items, *metadata;
};

static void expect_page(const struct expectation *expected, size_t first, size_t step)
{
    struct outcome outcome = {0};

    decode(expected->text, strlen(expected->text), first, step, &outcome);

    if (!outcome.succeeded || !outcome.is_complete)
        fail_msg("%s, %zu then %zu: %s", expected->name, first, step,
                 outcome.succeeded ? "is not complete" : outcome.err.message);
    if (strcmp(strbuf_text(&outcome.items), expected->items) != 0)
        fail_msg("%s, %zu then %zu: '%s'", expected->name, first, step,
                 strbuf_text(&outcome.items));
    if (strcmp(strbuf_text(&outcome.metadata), expected->metadata) != 0)
        fail_msg("%s, %zu then %zu: metadata '%s'", expected->name, first, step,
                 strbuf_text(&outcome.metadata));
    release(&outcome);
}

static void expect_pages(const struct expectation *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(expected[i].text);

        for (size_t cut = 0; cut <= length; cut++)
            expect_page(&expected[i], cut, SIZE_MAX);
        for (size_t step = 1; step <= 3; step++)
            expect_page(&expected[i], 0, step);
    }
}

/* ---- pages ---- */

static void test_metadata_may_come_before_or_after_the_items(void **state maybe_unused)
{
    static const struct expectation pages[] = {
        {"built-in",
         "{\"kind\":\"SecretList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"7\","
         "\"continue\":\"abc\"},\"items\":[{\"metadata\":{\"name\":\"a\"}},{\"metadata\":{\"name\":"
         "\"b\"}}]}\n",
         "{\"metadata\":{\"name\":\"a\"}}\n{\"metadata\":{\"name\":\"b\"}}\n",
         "{\"resourceVersion\":\"7\",\"continue\":\"abc\"}"},
        {"custom",
         "{\"apiVersion\":\"x/v1\",\"items\":[{\"metadata\":{\"name\":\"a\"}}],\"kind\":\"L\","
         "\"metadata\":{\"resourceVersion\":\"7\"}}",
         "{\"metadata\":{\"name\":\"a\"}}\n", "{\"resourceVersion\":\"7\"}"},
        {"items first", "{\"items\":[{}],\"metadata\":{}}", "{}\n", "{}"},
        {"no metadata", "{\"items\":[{\"a\":1}]}", "{\"a\":1}\n", ""},
        {"metadata is null", "{\"metadata\":null,\"items\":[]}", "", "null"},
        {"the last metadata counts", "{\"metadata\":{\"a\":1},\"items\":[],\"metadata\":{\"b\":2}}",
         "", "{\"b\":2}"},
    };

    expect_pages(pages, array_length(pages));
}

static void test_page_may_have_no_items(void **state maybe_unused)
{
    static const struct expectation pages[] = {
        {"empty", "{\"metadata\":{\"a\":1},\"items\":[]}", "", "{\"a\":1}"},
        {"empty with spaces", "{\"items\": [ \n ] }", "", ""},
        {"null, as Go writes an empty slice", "{\"items\":null,\"metadata\":{\"a\":1}}", "",
         "{\"a\":1}"},
        {"null at the end", "{\"metadata\":{},\"items\":null}", "", "{}"},
        {"null with spaces", "{ \"items\" : null , \"metadata\" : {} }", "", "{}"},
    };

    expect_pages(pages, array_length(pages));
}

static void test_space_between_the_parts_is_skipped_and_within_them_kept(void **state maybe_unused)
{
    static const struct expectation pages[] = {
        {"all kinds",
         " \t\r\n{ \"items\" :\n[ { \"a\" : 1 } ,\r\n\t{ } ] , \"metadata\" :\t{ \"b\" : [ 2 ] } } "
         "\n",
         "{ \"a\" : 1 }\n{ }\n", "{ \"b\" : [ 2 ] }"},
    };

    expect_pages(pages, array_length(pages));
}

static void test_brackets_and_quotes_in_strings_are_text(void **state maybe_unused)
{
    static const struct expectation pages[] = {
        {"brackets", "{\"items\":[{\"a\":\"}]{[,:\"},{\"b\":\"]}\"}],\"metadata\":{\"c\":\"}}\"}}",
         "{\"a\":\"}]{[,:\"}\n{\"b\":\"]}\"}\n", "{\"c\":\"}}\"}"},
        {"escaped quotes", "{\"items\":[{\"a\":\"\\\"}\"},{\"b\":\"\\\\\"},{\"c\":\"\\\\\\\"]\"}]}",
         "{\"a\":\"\\\"}\"}\n{\"b\":\"\\\\\"}\n{\"c\":\"\\\\\\\"]\"}\n", ""},
        {"other escapes", "{\"items\":[{\"a\":\"\\u0022\\n\\/\"}]}", "{\"a\":\"\\u0022\\n\\/\"}\n",
         ""},
        {"names too", "{\"items\":[{\"}]\":1,\"\\\"{\":2}]}", "{\"}]\":1,\"\\\"{\":2}\n", ""},
        {"skipped strings", "{\"kind\":\"\\\"]}{\\\\\",\"items\":[{\"a\":1}]}", "{\"a\":1}\n", ""},
        {"UTF-8",
         "{\"items\":[{\"a\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98\"}],"
         "\"metadata\":{\"\xc3\xb6\":1}}",
         "{\"a\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98\"}\n", "{\"\xc3\xb6\":1}"},
        {"an empty string", "{\"kind\":\"\",\"items\":[{\"\":\"\"}]}", "{\"\":\"\"}\n", ""},
    };

    expect_pages(pages, array_length(pages));
}

static void test_other_members_of_any_type_are_skipped(void **state maybe_unused)
{
    static const struct expectation pages[] = {
        {"numbers", "{\"a\":1,\"b\":-2.5e+10 ,\"c\":0,\"items\":[{\"d\":-1.5E3}],\"e\":12}",
         "{\"d\":-1.5E3}\n", ""},
        {"words", "{\"a\":true,\"b\":false,\"c\":null,\"items\":[{\"d\":null}],\"e\":true}",
         "{\"d\":null}\n", ""},
        {"arrays", "{\"a\":[[1,[2]],[],{\"items\":[{\"x\":1}]}],\"items\":[{\"b\":[[{}],[3]]}]}",
         "{\"b\":[[{}],[3]]}\n", ""},
        {"a number at the end", "{\"items\":[{\"a\":1}],\"n\":7}", "{\"a\":1}\n", ""},
        {"a number as metadata", "{\"items\":[],\"metadata\":42}", "", "42"},
        {"a number and a space", "{\"items\":[],\"metadata\":42 }", "", "42"},
        {"the empty name", "{\"\":1,\"items\":[]}", "", ""},
    };

    expect_pages(pages, array_length(pages));
}

static void test_only_members_of_the_list_itself_count(void **state maybe_unused)
{
    static const struct expectation pages[] = {
        {"inside an element",
         "{\"items\":[{\"items\":[{\"a\":1}],\"metadata\":{\"b\":2}}],\"metadata\":{\"c\":3}}",
         "{\"items\":[{\"a\":1}],\"metadata\":{\"b\":2}}\n", "{\"c\":3}"},
        {"inside the metadata",
         "{\"metadata\":{\"items\":[{\"a\":1}],\"metadata\":1},\"items\":[]}", "",
         "{\"items\":[{\"a\":1}],\"metadata\":1}"},
        {"as text", "{\"kind\":\"items\",\"a\":\"metadata\",\"items\":[{}]}", "{}\n", ""},
        {"names that are alike",
         "{\"item\":[{\"a\":1}],\"itemsx\":[{\"a\":2}],\"Items\":[{\"a\":3}],\"metadat\":4,"
         "\"metadatas\":5,\"items\":[{}]}",
         "{}\n", ""},
    };

    expect_pages(pages, array_length(pages));
}

static void test_element_is_handed_out_as_soon_as_it_is_there(void **state maybe_unused)
{
    struct list_decoder decoder = {0};
    struct outcome outcome = {0};

    feed(&decoder, "{\"items\":[{\"a\":", 15, &outcome);
    assert_int_equal(outcome.count, 0);
    feed(&decoder, "1}", 2, &outcome);
    assert_int_equal(outcome.count, 1);
    assert_string_equal(strbuf_text(&outcome.items), "{\"a\":1}\n");
    assert_false(list_decoder_is_complete(&decoder));
    feed(&decoder, ",{}]", 4, &outcome);
    assert_int_equal(outcome.count, 2);
    assert_false(list_decoder_is_complete(&decoder));
    feed(&decoder, "}", 1, &outcome);
    assert_true(list_decoder_is_complete(&decoder));

    list_decoder_release(&decoder);
    release(&outcome);
}

static void test_released_decoder_can_take_another_page(void **state maybe_unused)
{
    struct list_decoder decoder = {0};
    struct outcome outcome = {0};

    feed(&decoder, "{\"metadata\":{\"a\":1},\"items\":[{\"b\":[", 35, &outcome);
    list_decoder_release(&decoder);
    feed(&decoder, "{\"items\":[{\"c\":1}]}", 19, &outcome);

    assert_true(list_decoder_is_complete(&decoder));
    assert_string_equal(strbuf_text(&decoder.metadata), "");
    assert_string_equal(strbuf_text(&outcome.items), "{\"c\":1}\n");
    list_decoder_release(&decoder);
    release(&outcome);
}

/* ---- what is no page ---- */

static void test_cut_off_page_is_not_complete(void **state maybe_unused)
{
    static const char page[] = "{\"kind\":\"L\",\"n\":12,\"items\":[{\"a\":[\"]\"]},{\"b\":2}],"
                               "\"metadata\":{\"resourceVersion\":\"7\"}}";
    enum { LENGTH = sizeof page - 1 };

    for (size_t length = 0; length <= LENGTH; length++) {
        struct outcome outcome = {0};

        decode(page, length, 0, SIZE_MAX, &outcome);

        assert_true(outcome.succeeded);
        assert_int_equal(outcome.is_complete, length == LENGTH);
        release(&outcome);
    }
}

static void test_what_is_no_list_is_refused(void **state maybe_unused)
{
    static const struct {
        const char *name, *text;
    } documents[] = {
        {"HTML", "<html><body>Log in</body></html>"},
        {"an array", "[{\"a\":1}]"},
        {"a string", "\"items\""},
        {"a number", "12"},
        {"a word", "null"},
        {"text", "404 page not found"},
        {"a byte order mark", "\xef\xbb\xbf{\"items\":[]}"},
        {"two documents", "{\"items\":[]}{\"items\":[]}"},
        {"text after the end", "{\"items\":[]} x"},
        {"a bracket after the end", "{\"items\":[]}}"},
        {"no colon", "{\"items\"[]}"},
        {"a comma for a colon", "{\"items\",[]}"},
        {"no value", "{\"items\":}"},
        {"no value but a comma", "{\"metadata\":,\"items\":[]}"},
        {"two colons", "{\"metadata\"::{}}"},
        {"no value but a closing bracket", "{\"metadata\":]}"},
        {"a name without quotes", "{items:[]}"},
        {"a closing bracket for a brace", "{\"a\":1]"},
        {"an element that is a number", "{\"items\":[1]}"},
        {"an element that is a string", "{\"items\":[\"a\"]}"},
        {"an element that is null", "{\"items\":[null]}"},
        {"an element that is an array", "{\"items\":[[]]}"},
        {"a brace that ends the items", "{\"items\":[}"},
        {"a name with an escape", "{\"a\\u0062\":1,\"items\":[]}"},
        {"items that are an object", "{\"items\":{\"a\":{}}}"},
        {"items that are a string", "{\"items\":\"none\"}"},
        {"items that are a number", "{\"items\":0}"},
        {"an object without items", "{}"},
        {"another object", "{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Failure\"}"},
    };

    for (size_t i = 0; i < array_length(documents); i++) {
        size_t length = strlen(documents[i].text);

        for (size_t cut = 0; cut <= length + 1; cut++) {
            struct outcome outcome = {0};

            /* The last round has pieces of one byte. */
            decode(documents[i].text, length, cut > length ? 0 : cut, cut > length ? 1 : SIZE_MAX,
                   &outcome);

            if (outcome.succeeded)
                fail_msg("%s was accepted, cut %zu", documents[i].name, cut);
            assert_int_equal(outcome.err.kind, ERROR_INTERNAL);
            assert_string_equal(outcome.err.message, NO_LIST);
            assert_int_equal(outcome.count, 0);
            release(&outcome);
        }
    }
}

static void test_name_may_be_long_but_not_endless(void **state maybe_unused)
{
    for (size_t length = 255; length <= 258; length++) {
        auto_strbuf struct strbuf text = {0};
        struct outcome outcome = {0};

        strbuf_append_text(&text, "{\"");
        for (size_t i = 0; i < length; i++)
            strbuf_append_char(&text, 'n');
        strbuf_append_text(&text, "\":1,\"items\":[]}");
        decode(strbuf_text(&text), text.length, 0, 100, &outcome);

        assert_int_equal(outcome.succeeded, length <= 256);
        release(&outcome);
    }
}

static void test_refused_element_ends_the_decoding(void **state maybe_unused)
{
    static const char page[] = "{\"items\":[{\"a\":1},{\"b\":2},{\"c\":3}],\"metadata\":{}}";
    enum { LENGTH = sizeof page - 1 };

    for (size_t cut = 0; cut <= LENGTH; cut++) {
        struct outcome outcome = {.fails_at = 2};

        decode(page, LENGTH, cut, SIZE_MAX, &outcome);

        assert_false(outcome.succeeded);
        assert_false(outcome.is_complete);
        assert_int_equal(outcome.err.kind, ERROR_CONFLICT);
        assert_true(error_has_code(&outcome.err, "Mine"));
        assert_string_equal(outcome.err.message, "element 2 is refused");
        assert_int_equal(outcome.count, 2);
        assert_string_equal(strbuf_text(&outcome.items), "{\"a\":1}\n");
        release(&outcome);
    }
}

/* ---- the limit ---- */

/* A page whose element, metadata or other member is a text of `size` bytes with its brackets. */
static void decode_large(const char *before, size_t size, const char *after, size_t step,
                         struct outcome *outcome)
{
    auto_strbuf struct strbuf text = {0};
    auto_free char *filler = mem_alloc(size);

    memset(filler, 'x', size);
    memcpy(filler, "{\"\":\"", 5);
    memcpy(filler + size - 2, "\"}", 2);
    strbuf_append_text(&text, before);
    strbuf_append(&text, filler, size);
    strbuf_append_text(&text, after);
    decode(strbuf_text(&text), text.length, 0, step, outcome);
}

static void test_value_over_the_limit_is_refused(void **state maybe_unused)
{
    static const struct {
        const char *before, *after;
        size_t step;
    } cases[] = {
        {"{\"items\":[{},", "]}", SIZE_MAX},
        {"{\"items\":[{},", "]}", 1000 * 1000},
        {"{\"items\":[{}],\"metadata\":", "}", 1000 * 1000},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct outcome at_limit = {0}, over_limit = {0};

        decode_large(cases[i].before, LIST_VALUE_LIMIT_BYTES, cases[i].after, cases[i].step,
                     &at_limit);
        decode_large(cases[i].before, LIST_VALUE_LIMIT_BYTES + 1, cases[i].after, cases[i].step,
                     &over_limit);

        if (!at_limit.succeeded || !at_limit.is_complete)
            fail_msg("case %zu: %s", i, at_limit.err.message);
        assert_int_equal(at_limit.items.length + at_limit.metadata.length,
                         LIST_VALUE_LIMIT_BYTES + (at_limit.count == 2 ? 4 : 3));
        assert_false(over_limit.succeeded);
        assert_int_equal(over_limit.err.kind, ERROR_INVALID);
        assert_true(error_has_code(&over_limit.err, "TooLarge"));
        assert_string_equal(over_limit.err.message,
                            "the Kubernetes API server sent an object larger than 8388608 bytes");
        assert_int_equal(over_limit.count, 1);
        release(&at_limit);
        release(&over_limit);
    }
}

static void test_endless_element_is_refused_before_its_end(void **state maybe_unused)
{
    enum { STEP = 1024 * 1024 };
    auto_free char *piece = mem_alloc(STEP);
    struct list_decoder decoder = {0};
    struct outcome outcome = {0};
    size_t fed = 0;

    memset(piece, 'x', STEP);
    feed(&decoder, "{\"items\":[{\"a\":\"", 16, &outcome);
    while (fed < 100 && outcome.succeeded) {
        feed(&decoder, piece, STEP, &outcome);
        fed += outcome.succeeded;
    }

    assert_int_equal(fed, LIST_VALUE_LIMIT_BYTES / STEP - 1);
    assert_true(error_has_code(&outcome.err, "TooLarge"));
    list_decoder_release(&decoder);
    release(&outcome);
}

static void test_value_that_nobody_wants_has_no_limit(void **state maybe_unused)
{
    struct outcome outcome = {0};

    decode_large("{\"other\":", LIST_VALUE_LIMIT_BYTES + 1, ",\"items\":[{}]}", 1000 * 1000,
                 &outcome);

    assert_true(outcome.succeeded && outcome.is_complete);
    assert_int_equal(outcome.count, 1);
    release(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_may_come_before_or_after_the_items),
        cmocka_unit_test(test_page_may_have_no_items),
        cmocka_unit_test(test_space_between_the_parts_is_skipped_and_within_them_kept),
        cmocka_unit_test(test_brackets_and_quotes_in_strings_are_text),
        cmocka_unit_test(test_other_members_of_any_type_are_skipped),
        cmocka_unit_test(test_only_members_of_the_list_itself_count),
        cmocka_unit_test(test_element_is_handed_out_as_soon_as_it_is_there),
        cmocka_unit_test(test_released_decoder_can_take_another_page),
        cmocka_unit_test(test_cut_off_page_is_not_complete),
        cmocka_unit_test(test_what_is_no_list_is_refused),
        cmocka_unit_test(test_name_may_be_long_but_not_endless),
        cmocka_unit_test(test_refused_element_ends_the_decoding),
        cmocka_unit_test(test_value_over_the_limit_is_refused),
        cmocka_unit_test(test_endless_element_is_refused_before_its_end),
        cmocka_unit_test(test_value_that_nobody_wants_has_no_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
