#include "controller/admin_value.h"
#include "support/test.h"

#include <string.h>

#define HIDDEN "hidden-p@ss/w:rd"
#define URL    "postgresql://boss:hidden-p%40ss%2Fw%3Ard@db.example.com:5433/postgres"
#define RDS    "\"username\":\"boss\",\"password\":\"" HIDDEN "\",\"host\":\"db.example.com\""

static bool parse(const char *text, const char *key, const struct engine_driver *driver,
                  struct connection_string *server, struct error *err)
{
    auto_secret struct secret value = {0};

    secret_set_text(&value, text);
    return admin_value_parse(&value, key, driver, server, err);
}

static void test_each_form_gives_the_same_connection(void **state maybe_unused)
{
    static const struct {
        const char *value;
        const char *key;
    } rows[] = {
        {URL, NULL},
        {"\n " URL "\n", NULL},
        {"{\"connectionString\":\"" URL "\"}", NULL},
        {" \n{\"connectionString\":\"" URL "\"}", "connectionString"},
        {"{\"connectionString\":\"wrong\",\"url\":\"" URL "\"}", "url"},
        {"{\"connectionString\":\"" URL "\"," RDS ",\"engine\":\"mysql\"}", NULL},
        {"{" RDS ",\"port\":5433,\"dbname\":\"postgres\",\"engine\":\"postgres\"}", NULL},
        {"{" RDS ",\"port\":\"5433\",\"dbname\":\"postgres\",\"engine\":\"aurora-postgresql\","
         "\"dbInstanceIdentifier\":\"main\",\"masterarn\":\"arn:...\"}",
         NULL},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_connection_string struct connection_string server = {0};
        struct error err;

        if (!parse(rows[i].value, rows[i].key, &engine_postgres, &server, &err))
            fail_msg("row %zu: %s", i, err.message);
        assert_string_equal(server.username, "boss");
        assert_string_equal(secret_reveal(&server.password), HIDDEN);
        assert_int_equal(server.host_count, 1);
        assert_string_equal(server.hosts[0].host, "db.example.com");
        assert_int_equal(server.hosts[0].port, 5433);
        assert_string_equal(server.database, "postgres");
    }
}

static void test_what_rds_may_leave_out_has_the_engines_default(void **state maybe_unused)
{
    auto_connection_string struct connection_string postgres = {0}, mysql = {0}, address = {0};
    struct error err;

    assert_true(parse("{" RDS "}", NULL, &engine_postgres, &postgres, &err));
    assert_true(parse("{" RDS ",\"engine\":\"aurora\"}", NULL, &engine_mysql, &mysql, &err));
    assert_true(parse("{\"username\":\"u\",\"password\":\"p\",\"host\":\"2001:db8::1\"}", NULL,
                      &engine_postgres, &address, &err));

    assert_int_equal(postgres.hosts[0].port, 5432);
    assert_int_equal(postgres.tls_mode, ENGINE_TLS_REQUIRE);
    assert_int_equal(mysql.hosts[0].port, 3306);
    assert_string_equal(mysql.username, "boss");
    assert_string_equal(address.hosts[0].host, "2001:db8::1");
}

struct refusal {
    const char *value;
    const char *key;
    const char *part;
};

static void test_what_is_wrong_is_said_without_the_value(void **state maybe_unused)
{
    static const struct refusal rows[] = {
        {HIDDEN, NULL, "neither JSON nor a usable connection string"},
        {URL, "url", "not a JSON object, so that it has no key 'url'"},
        {"{\"connectionString\":\"" HIDDEN "\"", NULL, "cannot be read as such"},
        {"{\"connectionString\":\"" HIDDEN "\"}", NULL, "the key 'connectionString'"},
        {"{\"connectionString\":5}", NULL, "the key 'connectionString' of its JSON is not a"},
        {"{\"connectionString\":\"" URL "\"}", "url", "has no key 'url'"},
        {"{\"password\":\"" HIDDEN "\",\"host\":\"h\"}", NULL, "'username' is missing"},
        {"{\"username\":\"u\",\"host\":\"h\"}", NULL, "'password' is missing"},
        {"{\"username\":\"u\",\"password\":\"" HIDDEN "\"}", NULL, "'host' is missing"},
        {"{\"username\":\"u\",\"password\":7,\"host\":\"h\"}", NULL, "'password' of its JSON"},
        {"{" RDS ",\"engine\":\"mysql\"}", NULL, "does not fit spec.engine"},
        {"{" RDS ",\"engine\":\"oracle-ee\"}", NULL, "does not fit spec.engine"},
        {"{" RDS ",\"port\":\"x\"}", NULL, "'port'"},
        {"{" RDS ",\"port\":70000}", NULL, "port"},
        {"{" RDS ",\"port\":true}", NULL, "'port'"},
        {"{\"username\":\"u\",\"password\":\"" HIDDEN "\",\"host\":\"h/?sslmode=disable\"}", NULL,
         "'host'"},
        {"[1]", NULL, "neither JSON nor a usable connection string"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_connection_string struct connection_string server = {0};
        struct error err;

        if (parse(rows[i].value, rows[i].key, &engine_postgres, &server, &err))
            fail_msg("row %zu was taken", i);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (strstr(err.message, rows[i].part) == NULL)
            fail_msg("row %zu: '%s' does not say '%s'", i, err.message, rows[i].part);
        assert_null(strstr(err.message, "hidden"));
        assert_null(strstr(err.message, "boss"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_form_gives_the_same_connection),
        cmocka_unit_test(test_what_is_wrong_is_said_without_the_value),
        cmocka_unit_test(test_what_rds_may_leave_out_has_the_engines_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
