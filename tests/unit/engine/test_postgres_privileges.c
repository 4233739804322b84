#include "base/strbuf.h"
#include "engine/postgres_privileges.h"
#include "support/test.h"

#include <string.h>

/* What the words of a list mean on each kind of object. */
static const struct row {
    const char *list;
    const char *rights[POSTGRES_OBJECT_COUNT];
} rows[] = {
    {"[\"SELECT\"]", {"{CONNECT}", "{USAGE}", "{SELECT}", "{SELECT}"}},
    {"[\"INSERT\"]", {"{CONNECT}", "{USAGE}", "{INSERT}", "{USAGE}"}},
    {"[\"UPDATE\"]", {"{CONNECT}", "{USAGE}", "{UPDATE}", "{UPDATE}"}},
    {"[\"DELETE\"]", {"{CONNECT}", "{USAGE}", "{DELETE}", "{}"}},
    {"[\"TRUNCATE\"]", {"{CONNECT}", "{USAGE}", "{TRUNCATE}", "{}"}},
    {"[\"REFERENCES\"]", {"{CONNECT}", "{USAGE}", "{REFERENCES}", "{}"}},
    {"[\"TRIGGER\"]", {"{CONNECT}", "{USAGE}", "{TRIGGER}", "{}"}},
    {"[\"CREATE\"]", {"{CONNECT,CREATE}", "{USAGE,CREATE}", "{}", "{}"}},
    {"[\"CONNECT\"]", {"{CONNECT}", "{}", "{}", "{}"}},
    {"[\"TEMPORARY\"]", {"{CONNECT,TEMPORARY}", "{}", "{}", "{}"}},
    {"[\"temp\",\"connect\"]", {"{CONNECT,TEMPORARY}", "{}", "{}", "{}"}},
    {"[\"delete\",\"Select\",\"UPDATE\",\"INSERT\",\"select\"]",
     {"{CONNECT}", "{USAGE}", "{SELECT,INSERT,UPDATE,DELETE}", "{SELECT,USAGE,UPDATE}"}},
};

static struct engine_privileges parse(const char *list)
{
    auto_json json_t *json = json_loads(list, 0, NULL);
    struct engine_privileges privileges;
    struct error err;

    assert_true(engine_privileges_parse(&postgres_privilege_table, json, &privileges, &err));
    return privileges;
}

static void test_each_word_has_its_meaning_on_each_kind_of_object(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(rows); i++) {
        struct engine_privileges privileges = parse(rows[i].list);

        for (size_t object = 0; object < POSTGRES_OBJECT_COUNT; object++) {
            auto_strbuf struct strbuf array = {0};

            postgres_privileges_append_array(&array, &privileges, (enum postgres_object)object);
            if (strcmp(strbuf_text(&array), rows[i].rights[object]) != 0)
                fail_msg("%s on object %zu: %s, not %s", rows[i].list, object, strbuf_text(&array),
                         rows[i].rights[object]);
        }
    }
}

static void check_rendered(const char *list, const char *expected)
{
    struct engine_privileges privileges = parse(list);
    auto_json json_t *rendered = engine_privileges_render(&postgres_privilege_table, &privileges);
    auto_json json_t *json = json_loads(expected, 0, NULL);

    if (!json_equal(rendered, json))
        fail_msg("%s is not rendered as %s", list, expected);
}

static void test_equal_sets_are_rendered_alike(void **state maybe_unused)
{
    check_rendered("[]", "[\"ALL\"]");
    check_rendered("[\"SELECT\",\"all privileges\"]", "[\"ALL\"]");
    check_rendered("[\"temp\",\"insert\",\"SELECT\",\" select \"]",
                   "[\"SELECT\",\"INSERT\",\"TEMPORARY\"]");
}

static void test_words_that_mean_nothing_here_are_refused_by_name(void **state maybe_unused)
{
    static const char *const words[] = {"USAGE", "EXECUTE", "MAINTAIN", "DROP",
                                        "ALTER", "INDEX",   "SET",      "pg_read_all_data"};

    for (size_t i = 0; i < array_length(words); i++) {
        auto_json json_t *list = json_pack("[s,s]", "SELECT", words[i]);
        struct engine_privileges privileges;
        struct error err;

        assert_false(engine_privileges_parse(&postgres_privilege_table, list, &privileges, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, words[i]));
        assert_non_null(strstr(err.message, "SELECT, INSERT, UPDATE"));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_word_has_its_meaning_on_each_kind_of_object),
        cmocka_unit_test(test_equal_sets_are_rendered_alike),
        cmocka_unit_test(test_words_that_mean_nothing_here_are_refused_by_name),
    };

    return cmocka_run_group_tests_name("engine/postgres_privileges", tests, NULL, NULL);
}
