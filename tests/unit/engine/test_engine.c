#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/engine.h"
#include "support/child_process.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static void test_words_for_postgresql_find_its_driver(void **state maybe_unused)
{
    assert_ptr_equal(engine_driver_find("postgres"), &engine_postgres);
    assert_ptr_equal(engine_driver_find("postgresql"), &engine_postgres);
}

static void test_words_for_mysql_and_mariadb_find_their_driver(void **state maybe_unused)
{
    assert_ptr_equal(engine_driver_find("mysql"), &engine_mysql);
    assert_ptr_equal(engine_driver_find("mariadb"), &engine_mysql);
}

static void test_other_words_find_nothing(void **state maybe_unused)
{
    static const char *const words[] = {
        "",          "Postgres", "POSTGRESQL", "postgresq", "postgresqlx",
        " postgres", "pg",       "oracle",     "sqlite",
    };

    for (size_t i = 0; i < array_length(words); i++) {
        if (engine_driver_find(words[i]) != NULL)
            fail_msg("'%s' found a driver", words[i]);
    }
}

static void test_driver_says_what_goes_into_urls_and_payloads(void **state maybe_unused)
{
    const struct engine_driver *driver = engine_driver_find("postgres");

    assert_string_equal(driver->family, "PostgreSQL");
    assert_string_equal(engine_url_keys(driver, "postgres")[0], "POSTGRES_URL");
    assert_null(engine_url_keys(driver, "postgresql")[1]);
    assert_string_equal(engine_url_keys(&engine_mysql, "mariadb")[1], "MARIADB_URL");
    assert_null(engine_url_keys(&engine_mysql, "mysql")[1]);
    assert_string_equal(driver->url_scheme, "postgresql");
}

static void
test_driver_parses_its_connection_strings_and_checks_its_names(void **state maybe_unused)
{
    auto_connection_string struct connection_string parts = {0};
    auto_secret struct secret text = {0};
    struct engine_target target = {.database = "template1", .username = "u"};
    struct error err = {0};

    secret_set_text(&text, "postgres://u:p@h/d");

    assert_true(engine_postgres.parse_connection_string(&text, &parts, &err));
    assert_string_equal(parts.username, "u");
    assert_false(engine_postgres.check_names(&target, "adm", &err));
}

static int use_environment(void *context maybe_unused)
{
    static const char *const kept[] = {"PATH_OF_TEST", "pgoptions", "MYPGHOST"};
    static const char *const removed[] = {"PGHOST",    "PGPASSWORD",    "PGOPTIONS",
                                          "PGSERVICE", "PGSSLROOTCERT", "PG"};

    clearenv();
    for (size_t i = 0; i < array_length(kept); i++)
        setenv(kept[i], "kept", 1);
    for (size_t i = 0; i < array_length(removed); i++)
        setenv(removed[i], "canary", 1);
    engine_library_init();
    for (size_t i = 0; i < array_length(kept); i++) {
        if (getenv(kept[i]) == NULL)
            return 1;
    }
    for (size_t i = 0; i < array_length(removed); i++) {
        if (getenv(removed[i]) != NULL)
            return 2;
    }
    return 0;
}

static void test_set_up_removes_the_variables_of_libpq_and_no_others(void **state maybe_unused)
{
    auto_strbuf struct strbuf output = {0};

    assert_int_equal(child_process_run(use_environment, NULL, &output), 0);
}

static void test_facts_may_be_released_empty_full_and_twice(void **state maybe_unused)
{
    struct engine_facts facts = {0};

    engine_facts_release(&facts);
    facts = (struct engine_facts){
        .server_identity = mem_strdup("1"),
        .server_version = mem_strdup("PostgreSQL 15"),
        .database = {.present = true,
                     .owner = mem_strdup("u"),
                     .id = mem_strdup("2"),
                     .marker = {.uid = mem_strdup("3")}},
        .user = {.privileged_as = mem_strdup("SUPERUSER"),
                 .other_accounts = mem_strdup("u@h"),
                 .id = mem_strdup("4"),
                 .marker = {.uid = mem_strdup("5")}},
    };
    engine_facts_release(&facts);
    engine_facts_release(&facts);

    assert_null(facts.server_identity);
    assert_false(facts.database.present);
    assert_null(facts.user.id);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_for_postgresql_find_its_driver),
        cmocka_unit_test(test_words_for_mysql_and_mariadb_find_their_driver),
        cmocka_unit_test(test_other_words_find_nothing),
        cmocka_unit_test(test_driver_says_what_goes_into_urls_and_payloads),
        cmocka_unit_test(test_driver_parses_its_connection_strings_and_checks_its_names),
        cmocka_unit_test(test_set_up_removes_the_variables_of_libpq_and_no_others),
        cmocka_unit_test(test_facts_may_be_released_empty_full_and_twice),
    };

    return cmocka_run_group_tests_name("engine/engine", tests, NULL, NULL);
}
