#include "base/strbuf.h"
#include "kube/managed_fields.h"
#include "support/test.h"

#include <string.h>

static void test_the_member_goes_wherever_it_stands(void **state maybe_unused)
{
    static const struct {
        const char *text;
        const char *rest;
    } rows[] = {
        {"{\"metadata\":{\"a\":1,\"managedFields\":[{\"x\":{\"f:y\":{}}}],\"b\":2}}",
         "{\"metadata\":{\"a\":1,\"b\":2}}"},
        {"{\"metadata\":{\"a\":1,\"managedFields\":[]}}", "{\"metadata\":{\"a\":1}}"},
        {"{\"metadata\":{\"managedFields\":[],\"b\":2}}", "{\"metadata\":{\"b\":2}}"},
        {"{\"metadata\":{\"managedFields\":[[1],[2]]}}", "{\"metadata\":{}}"},
        {"{\"managedFields\":[1],\"managedFields\":[2]}", "{}"},
        {"{\"managedFields\":[1],\"managedFields\":[2],\"a\":3}", "{\"a\":3}"},
        {"{\"a\":1,\"managedFields\":[1],\"b\":2,\"managedFields\":[2]}", "{\"a\":1,\"b\":2}"},
        {"{\"managedFields\":[\"]\",\"\\\"]\",\"\\\\\"],\"a\":1}", "{\"a\":1}"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_strbuf struct strbuf rest = {0};

        assert_true(managed_fields_cut(rows[i].text, strlen(rows[i].text), &rest));
        assert_string_equal(strbuf_text(&rest), rows[i].rest);
    }
}

static void test_what_only_looks_alike_stays(void **state maybe_unused)
{
    static const char *const texts[] = {
        "",
        "{}",
        "{\"a\":\"managedFields\"}",
        "{\"managedFields\":null}",
        "{\"managedFields\":{\"a\":[1]}}",
        "{\"a\":\"{\\\"managedFields\\\":[1]}\"}",
        "{\"a\":\",\\\"managedFields\\\":[\",\"b\":1}",
        "{\"\\\"managedFields\":[1]}",
        "{\"my\\\\\\\"managedFields\":[1]}",
        "{\"managedFields\":[1",
        "{\"managedFields\":[\"",
        "{\"managedFields\":[\"\\",
        "{\"a\":1,\"managedFields\":[",
        "\"managedFields\":[1]",
    };

    for (size_t i = 0; i < array_length(texts); i++) {
        auto_strbuf struct strbuf rest = {0};

        if (managed_fields_cut(texts[i], strlen(texts[i]), &rest))
            fail_msg("%s became %s", texts[i], strbuf_text(&rest));
        assert_int_equal(rest.length, 0);
    }
}

/* The text may end anywhere, and what is behind it is not ours to read. */
static void test_a_text_that_was_cut_off_is_read_to_its_end_only(void **state maybe_unused)
{
    static const char text[] = "{\"m\":{\"managedFields\":[{\"a\\\"b\":[\"]\\\\\"]}],\"c\":{}}}";

    for (size_t length = 1; length < sizeof text; length++) {
        auto_strbuf struct strbuf rest = {0};
        char *copy = memcpy(test_malloc(length), text, length);

        if (managed_fields_cut(copy, length, &rest))
            assert_memory_equal(strbuf_text(&rest), "{\"m\":{", strlen("{\"m\":{"));
        test_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_member_goes_wherever_it_stands),
        cmocka_unit_test(test_what_only_looks_alike_stays),
        cmocka_unit_test(test_a_text_that_was_cut_off_is_read_to_its_end_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
