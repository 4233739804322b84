#include "base/memory.h"
#include "engine/mysql_operations.h"
#include "support/test.h"

#include <string.h>

#define NAME_32 "n2345678901234567890123456789012"
#define NAME_64 NAME_32 NAME_32
#define NAME_80 NAME_64 "n234567890123456"

static void check(const char *engine, const char *database, const char *username, const char *admin,
                  const char *expected_code, const char *expected_text)
{
    struct engine_target target = {.engine = engine, .database = database, .username = username};
    struct error err = {0};

    if (engine_mysql_check_names(&target, admin, &err))
        fail_msg("%s '%s', '%s': was accepted", engine, database, username);
    if (err.kind != ERROR_INVALID || !error_has_code(&err, expected_code) ||
        strstr(err.message, expected_text) == NULL)
        fail_msg("%s '%s', '%s': %s, %s: %s", engine, database, username, error_kind_name(err.kind),
                 err.code, err.message);
}

static void test_ordinary_names_are_taken(void **state maybe_unused)
{
    static const struct {
        const char *engine, *database, *username;
    } cases[] = {
        {"mysql", "orders", "orders_app"},
        {"mariadb", "orders", "orders_app"},
        {"mysql", NAME_64, NAME_32},
        {"mariadb", NAME_64, NAME_80},
        /* the lists hold whole names, each for its own kind */
        {"mysql", "mysql2", "root2"},
        {"mariadb", "root", "mariadb"},
        {"mysql", "admin", "sys"},
        {"mysql", "my_sys", "information_schema"},
        {"mysql", "systems", "mysqld"},
        {"mysql", "public", "publican"},
        {"mysql", "mariadb", "mariadb"},
        {"mysql", "none", "rds"},
        {"mysql", "rds_superuser", "user"},
        {"mysql", "adm", "adm2"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct engine_target target = {.engine = cases[i].engine,
                                       .database = cases[i].database,
                                       .username = cases[i].username};
        struct error err = {0};

        if (!engine_mysql_check_names(&target, "adm", &err))
            fail_msg("%s '%s', '%s': %s", cases[i].engine, cases[i].database, cases[i].username,
                     err.message);
    }
}

static void test_databases_of_the_server_and_of_its_provider_are_reserved(void **state maybe_unused)
{
    static const char *const names[] = {
        "mysql", "sys", "information_schema", "performance_schema", "ndbinfo", "innodb", "rdsadmin",
        "MySQL", "SYS", "Information_Schema", "PERFORMANCE_SCHEMA",
    };

    for (size_t i = 0; i < array_length(names); i++) {
        auto_free char *expected = mem_printf("database '%s' is reserved", names[i]);

        check("mysql", names[i], "orders", "adm", "ReservedName", expected);
        check("mariadb", names[i], "orders", "adm", "ReservedName", expected);
    }
}

static void test_users_of_the_server_and_of_its_provider_are_reserved(void **state maybe_unused)
{
    static const char *const names[] = {
        "root",        "admin",         "mysql",     "rdsadmin",         "rdsrepladmin",
        "mariadb.sys", "rdsproxyadmin", "mysql.sys", "mysql.infoschema", "rds_superuser_role",
        "public",      "none",          "PUBLIC",    "current_user",     "session_user",
        "Root",        "cloudsqladmin", "MySQL.x",   "azure_superuser",
    };

    for (size_t i = 0; i < array_length(names); i++) {
        auto_free char *expected = mem_printf("user '%s' is reserved", names[i]);

        check("mysql", "orders", names[i], "adm", "ReservedName", expected);
        check("mariadb", "orders", names[i], "adm", "ReservedName", expected);
    }
}

static void test_admin_is_never_the_user(void **state maybe_unused)
{
    struct engine_target target = {.engine = "mysql", .database = "orders", .username = "dbadmin"};
    struct error err = {0};

    check("mysql", "orders", "dbadmin", "dbadmin", "ReservedName",
          "is the admin user of the connection");
    assert_true(engine_mysql_check_names(&target, NULL, &err));
    assert_true(engine_mysql_check_names(&target, "DBADMIN", &err)); /* another user here */
}

static void test_user_names_end_at_32_on_mysql_and_at_80_on_mariadb(void **state maybe_unused)
{
    check("mysql", "orders", NAME_32 "3", "adm", "NameTooLong",
          "user names of MySQL end at 32 characters, and '" NAME_32 "3' has 33");
    check("mariadb", "orders", NAME_80 "1", "adm", "NameTooLong",
          "user names of MariaDB end at 80 characters");
}

static void test_database_names_end_at_64(void **state maybe_unused)
{
    check("mysql", NAME_64 "5", "orders", "adm", "NameTooLong",
          "database names of MySQL end at 64 characters");
    check("mariadb", NAME_64 "5", "orders", "adm", "NameTooLong",
          "database names of MariaDB end at 64 characters");
}

static void test_refusal_names_the_way_out(void **state maybe_unused)
{
    check("mysql", "mysql", "orders", "adm", "ReservedName",
          "create a new resource with another name");
    check("mysql", "orders", NAME_32 "3", "adm", "NameTooLong",
          "create a new resource with a shorter spec.username");
    check("mysql", NAME_64 "5", "orders", "adm", "NameTooLong",
          "create a new resource with a shorter spec.databaseName");
}

static void test_unknown_engine_is_a_mistake_of_ours(void **state maybe_unused)
{
    struct engine_target target = {.engine = "oracle", .database = "orders", .username = "orders"};
    struct error err = {0};

    assert_false(engine_mysql_check_names(&target, NULL, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_names_are_taken),
        cmocka_unit_test(test_databases_of_the_server_and_of_its_provider_are_reserved),
        cmocka_unit_test(test_users_of_the_server_and_of_its_provider_are_reserved),
        cmocka_unit_test(test_admin_is_never_the_user),
        cmocka_unit_test(test_user_names_end_at_32_on_mysql_and_at_80_on_mariadb),
        cmocka_unit_test(test_database_names_end_at_64),
        cmocka_unit_test(test_refusal_names_the_way_out),
        cmocka_unit_test(test_unknown_engine_is_a_mistake_of_ours),
    };

    return cmocka_run_group_tests_name("engine/mysql_names", tests, NULL, NULL);
}
