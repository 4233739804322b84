#include "base/memory.h"
#include "engine/postgres_names.h"
#include "support/test.h"

#include <string.h>

#define NAME_62 "n2345678901234567890123456789012345678901234567890123456789012"

static void check(const char *database, const char *username, const char *admin,
                  const char *expected_code, const char *expected_text)
{
    struct engine_target target = {.database = database, .username = username};
    struct error err = {0};

    if (postgres_check_names(&target, admin, &err))
        fail_msg("'%s', '%s': was accepted", database, username);
    if (err.kind != ERROR_INVALID || !error_has_code(&err, expected_code) ||
        strstr(err.message, expected_text) == NULL)
        fail_msg("'%s', '%s': %s, %s: %s", database, username, error_kind_name(err.kind), err.code,
                 err.message);
}

static void test_ordinary_names_are_taken(void **state maybe_unused)
{
    static const struct {
        const char *database, *username;
    } cases[] = {
        {"orders", "orders"},
        {"orders", "orders_app"},
        {NAME_62 "3", NAME_62 "3"},
        /* the lists hold whole names, each for its own kind */
        {"postgres2", "postgres2"},
        {"template", "template0"},
        {"template2", "template1"},
        {"root", "azure_sys"},
        {"admin", "azure_maintenance"},
        {"public", "publican"},
        {"current_user", "user"},
        {"rds_superuser", "rds"},
        {"pg_stats", "pgadmin"},
        {"pg_catalog", "pg"},
        {"dbuo", "dbuo_x"},
        {"my_dbuo_x", "my_pg_x"},
        {"adm", "adm2"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct engine_target target = {.database = cases[i].database,
                                       .username = cases[i].username};
        struct error err = {0};

        if (!postgres_check_names(&target, "adm", &err))
            fail_msg("'%s', '%s': %s", cases[i].database, cases[i].username, err.message);
    }
}

static void test_databases_of_the_server_and_of_its_provider_are_reserved(void **state maybe_unused)
{
    static const char *const names[] = {
        "postgres",  "template0", "template1", "rdsadmin", "cloudsqladmin", "azure_maintenance",
        "azure_sys", "Postgres",  "TEMPLATE1", "dbuo_x",   "dbuo_",         "dbuo_0b9c",
    };

    for (size_t i = 0; i < array_length(names); i++) {
        auto_free char *expected = mem_printf("database '%s' is reserved", names[i]);

        check(names[i], "orders", "adm", "ReservedName", expected);
    }
}

static void test_users_of_the_server_and_of_its_provider_are_reserved(void **state maybe_unused)
{
    static const char *const names[] = {
        "postgres",
        "root",
        "admin",
        "rdsadmin",
        "rds_superuser",
        "cloudsqladmin",
        "cloudsqlsuperuser",
        "azuresu",
        "azure_superuser",
        "azure_pg_admin",
        "public",
        "none",
        "current_user",
        "session_user",
        "current_role",
        "PUBLIC",
        "Root",
        "pg_",
        "pg_monitor",
        "pg_mine",
        "PG_mine",
        "dbuo_keeper_1",
    };

    for (size_t i = 0; i < array_length(names); i++) {
        auto_free char *expected = mem_printf("user '%s' is reserved", names[i]);

        check("orders", names[i], "adm", "ReservedName", expected);
    }
}

static void test_admin_is_never_the_user(void **state maybe_unused)
{
    struct engine_target target = {.database = "orders", .username = "dbadmin"};
    struct error err = {0};

    check("orders", "dbadmin", "dbadmin", "ReservedName", "is the admin user of the connection");
    assert_true(postgres_check_names(&target, NULL, &err));
    assert_true(postgres_check_names(&target, "DBADMIN", &err));
}

static void test_names_end_at_63_bytes(void **state maybe_unused)
{
    check(NAME_62 "34", "orders", "adm", "NameTooLong", "end at 63 characters");
    check("orders", NAME_62 "34", "adm", "NameTooLong", "end at 63 characters");
    check(NAME_62 "\xc3\xa9", "orders", "adm", "NameTooLong", "end at 63 characters");
}

static void test_refusal_names_the_way_out(void **state maybe_unused)
{
    check("postgres", "orders", "adm", "ReservedName", "create a new resource with another name");
    check(NAME_62 "34", "orders", "adm", "NameTooLong",
          "create a new resource with a shorter spec.databaseName");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_names_are_taken),
        cmocka_unit_test(test_databases_of_the_server_and_of_its_provider_are_reserved),
        cmocka_unit_test(test_users_of_the_server_and_of_its_provider_are_reserved),
        cmocka_unit_test(test_admin_is_never_the_user),
        cmocka_unit_test(test_names_end_at_63_bytes),
        cmocka_unit_test(test_refusal_names_the_way_out),
    };

    return cmocka_run_group_tests_name("engine/postgres_names", tests, NULL, NULL);
}
