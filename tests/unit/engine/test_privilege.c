#include "base/document.h"
#include "engine/engine.h"
#include "engine/privilege.h"
#include "support/test.h"

#include <string.h>

static const char *const words[] = {"SELECT", "INSERT", "CREATE TEMPORARY TABLES", "TEMPORARY",
                                    NULL};
static const struct engine_privilege_table table = {.family = "Testbase", .words = words};

enum { SELECT = 1, INSERT = 2, TEMPORARY_TABLES = 4, TEMPORARY = 8 };

static bool parse(const char *list, struct engine_privileges *ret_privileges, struct error *err)
{
    auto_json json_t *json = NULL;

    if (list != NULL)
        assert_true(document_parse(list, strlen(list), &json, err));
    return engine_privileges_parse(&table, json, ret_privileges, err);
}

static void test_lists_become_sets(void **state maybe_unused)
{
    static const struct {
        const char *list;
        bool all;
        uint32_t set;
    } cases[] = {
        {NULL, true, 0},
        {"[]", true, 0},
        {"[\"ALL\"]", true, 0},
        {"[\"all\"]", true, 0},
        {"[\"ALL PRIVILEGES\"]", true, 0},
        {"[\"All  Privileges\"]", true, 0},
        {"[\"SELECT\"]", false, SELECT},
        {"[\"select\"]", false, SELECT},
        {"[\"SeLeCt\", \"insert\"]", false, SELECT | INSERT},
        {"[\" SELECT\", \"INSERT \"]", false, SELECT | INSERT},
        {"[\"SELECT\", \"SELECT\", \"select\"]", false, SELECT},
        {"[\"CREATE TEMPORARY TABLES\"]", false, TEMPORARY_TABLES},
        {"[\"  create   temporary tables  \"]", false, TEMPORARY_TABLES},
        {"[\"TEMPORARY\"]", false, TEMPORARY},
        {"[\"TEMP\"]", false, TEMPORARY},
        {"[\"temp\"]", false, TEMPORARY},
        /* whoever has all has these as well */
        {"[\"SELECT\", \"ALL\"]", true, 0},
        {"[\"ALL\", \"SELECT\"]", true, 0},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct engine_privileges privileges = {.words = 0xffff};
        struct error err = {0};

        if (!parse(cases[i].list, &privileges, &err))
            fail_msg("%s: %s", cases[i].list, err.message);
        if (privileges.all != cases[i].all || privileges.words != cases[i].set)
            fail_msg("%s: all %d, words %x", cases[i].list, privileges.all,
                     (unsigned)privileges.words);
    }
}

static void test_words_of_others_are_refused_and_named(void **state maybe_unused)
{
    static const struct {
        const char *list, *named;
    } cases[] = {
        {"[\"UPDATE\"]", "'UPDATE'"},
        {"[\"SELECT\", \"UPDATE\"]", "'UPDATE'"},
        {"[\"ALL\", \"UPDATE\"]", "'UPDATE'"},
        {"[\"\"]", "''"},
        {"[\" \"]", "' '"},
        {"[\"SELECT, INSERT\"]", "'SELECT, INSERT'"},
        {"[\"SELECT ON *.* TO x; --\"]", "'SELECT ON *.* TO x; --'"},
        {"[\"SELECTS\"]", "'SELECTS'"},
        {"[\"SELEC\"]", "'SELEC'"},
        {"[\"CREATETEMPORARY TABLES\"]", "'CREATETEMPORARY TABLES'"},
        {"[\"SE LECT\"]", "'SE LECT'"},
        {"[\"SELECT\\t\"]", "'SELECT"},
        {"[\"CREATE TEMPORARY TABLES AND MANY MORE WORDS THAN ANY PRIVILEGE EVER HAD\"]",
         "'CREATE TEMPORARY TABLES AND MANY MORE WORDS THAN ANY PRIVILEGE E'"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct engine_privileges privileges = {.words = 0xffff};
        struct error err = {0};

        if (parse(cases[i].list, &privileges, &err))
            fail_msg("%s was accepted", cases[i].list);
        if (err.kind != ERROR_INVALID || strstr(err.message, cases[i].named) == NULL ||
            strstr(err.message, "a privilege that Testbase has on a database: use SELECT, INSERT, "
                                "CREATE TEMPORARY TABLES, TEMPORARY, or ALL") == NULL)
            fail_msg("%s: %s: %s", cases[i].list, error_kind_name(err.kind), err.message);
        if (privileges.words != 0xffff)
            fail_msg("%s: something was returned", cases[i].list);
    }
}

static void test_what_is_no_list_of_words_is_refused(void **state maybe_unused)
{
    static const char *const lists[] = {"{}",     "{\"a\":\"SELECT\"}", "[1]",
                                        "[null]", "[\"SELECT\", true]", "[[\"SELECT\"]]"};

    for (size_t i = 0; i < array_length(lists); i++) {
        struct engine_privileges privileges;
        struct error err = {0};

        if (parse(lists[i], &privileges, &err))
            fail_msg("%s was accepted", lists[i]);
        if (err.kind != ERROR_INVALID ||
            strstr(err.message, "spec.privileges must be a list") == NULL)
            fail_msg("%s: %s", lists[i], err.message);
    }
}

/* A bit for each word: a 33rd would be lost without a sound. */
static void test_tables_of_the_drivers_fit_into_a_set(void **state maybe_unused)
{
    static const struct engine_driver *const drivers[] = {&engine_postgres, &engine_mysql};

    for (size_t i = 0; i < array_length(drivers); i++) {
        const struct engine_privilege_table *privileges = drivers[i]->privileges;

        for (size_t word = 0; privileges->words[word] != NULL; word++) {
            auto_json json_t *list = json_pack("[s]", privileges->words[word]);
            struct engine_privileges parsed = {0};
            struct error err = {0};

            assert_true(word < 32);
            assert_true(engine_privileges_parse(privileges, list, &parsed, &err));
            assert_false(parsed.all);
            assert_int_equal(parsed.words, UINT32_C(1) << word);
        }
    }
}

static void test_words_of_one_family_mean_nothing_to_the_other(void **state maybe_unused)
{
    static const struct {
        const struct engine_driver *driver;
        const char *word;
    } cases[] = {
        {&engine_postgres, "DROP"}, {&engine_postgres, "ALTER"}, {&engine_postgres, "INDEX"},
        {&engine_mysql, "CONNECT"}, {&engine_mysql, "TRUNCATE"}, {&engine_mysql, "TEMPORARY"},
        {&engine_mysql, "TEMP"},    {&engine_mysql, "USAGE"},    {&engine_mysql, "GRANT OPTION"},
        {&engine_mysql, "SUPER"},   {&engine_mysql, "FILE"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_json json_t *list = json_pack("[s]", cases[i].word);
        struct engine_privileges privileges;
        struct error err = {0};

        if (engine_privileges_parse(cases[i].driver->privileges, list, &privileges, &err))
            fail_msg("%s was accepted for %s", cases[i].word, cases[i].driver->family);
        assert_non_null(strstr(err.message, cases[i].driver->family));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_become_sets),
        cmocka_unit_test(test_words_of_others_are_refused_and_named),
        cmocka_unit_test(test_what_is_no_list_of_words_is_refused),
        cmocka_unit_test(test_tables_of_the_drivers_fit_into_a_set),
        cmocka_unit_test(test_words_of_one_family_mean_nothing_to_the_other),
    };

    return cmocka_run_group_tests_name("engine/privilege", tests, NULL, NULL);
}
