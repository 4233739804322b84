#include "base/document.h"
#include "base/memory.h"
#include "payload/payload.h"
#include "support/test.h"

#include <string.h>

static void make(struct credentials *credentials, const char *host, const char *password)
{
    *credentials = (struct credentials){
        .host = mem_strdup(host),
        .port = 5432,
        .database = mem_strdup("myapp_db"),
        .username = mem_strdup("myapp_db"),
    };
    secret_set_text(&credentials->password, password);
}

static void test_the_value_is_the_documented_json(void **state maybe_unused)
{
    auto_credentials struct credentials credentials = {0};
    auto_secret struct secret value = {0};

    make(&credentials, "db.example.com", "pAss-w0rd_");
    payload_render(&credentials, &engine_postgres, "postgres", &value);

    assert_string_equal(
        secret_reveal(&value),
        "{\"DB_HOST\":\"db.example.com\",\"DB_NAME\":\"myapp_db\",\"DB_PASSWORD\":\"pAss-w0rd_\","
        "\"DB_PORT\":5432,\"DB_USERNAME\":\"myapp_db\",\"POSTGRES_URL\":\"postgresql://"
        "myapp_db:pAss-w0rd_@db.example.com:5432/myapp_db\"}");
}

static void test_mariadb_gets_the_url_under_both_its_keys(void **state maybe_unused)
{
    static const char url[] = "mysql://myapp_db:pw@h:5432/myapp_db";
    auto_credentials struct credentials credentials = {0};
    auto_secret struct secret mysql = {0}, mariadb = {0};
    auto_json json_t *first = NULL, *second = NULL;
    struct error err;

    make(&credentials, "h", "pw");
    payload_render(&credentials, &engine_mysql, "mysql", &mysql);
    payload_render(&credentials, &engine_mysql, "mariadb", &mariadb);

    assert_true(document_parse(secret_reveal(&mysql), mysql.length, &first, &err));
    assert_true(document_parse(secret_reveal(&mariadb), mariadb.length, &second, &err));
    assert_string_equal(document_string(first, "MYSQL_URL"), url);
    assert_null(document_string(first, "MARIADB_URL"));
    assert_string_equal(document_string(second, "MYSQL_URL"), url);
    assert_string_equal(document_string(second, "MARIADB_URL"), url);
}

static void test_the_url_is_escaped_and_ipv6_is_bracketed(void **state maybe_unused)
{
    auto_credentials struct credentials credentials = {0};
    auto_secret struct secret value = {0};

    make(&credentials, "2001:db8::1", "p@ss:w/rd%\"\\");
    payload_render(&credentials, &engine_postgres, "postgres", &value);

    assert_non_null(strstr(secret_reveal(&value),
                           "postgresql://myapp_db:p%40ss%3Aw%2Frd%25%22%5C@[2001:db8::1]:5432/"));
}

static void test_what_was_written_is_read_back(void **state maybe_unused)
{
    auto_credentials struct credentials written = {0}, read = {0};
    auto_secret struct secret value = {0};
    struct error err;

    make(&written, "db.example.com", "p@ss\"\\word");
    payload_render(&written, &engine_postgres, "postgres", &value);

    assert_true(payload_parse(&value, &read, &err));
    assert_string_equal(read.host, written.host);
    assert_int_equal(read.port, written.port);
    assert_string_equal(read.database, written.database);
    assert_string_equal(read.username, written.username);
    assert_true(secret_equals(&read.password, &written.password));
    assert_string_equal(read.format_version, "v2");
}

static void test_what_people_added_is_kept(void **state maybe_unused)
{
    auto_credentials struct credentials read = {0};
    auto_secret struct secret value = {0}, again = {0};
    struct error err;

    secret_set_text(&value, "{\"password\":\"p\",\"note\":[1],\"DB_PORT\":\"5432\"}");
    assert_true(payload_parse(&value, &read, &err));
    read.host = mem_strdup("h");
    read.port = 1;
    read.database = mem_strdup("d");
    read.username = mem_strdup("u");
    payload_render(&read, &engine_postgres, "postgres", &again);

    assert_string_equal(
        secret_reveal(&again),
        "{\"DB_HOST\":\"h\",\"DB_NAME\":\"d\",\"DB_PASSWORD\":\"p\",\"DB_PORT\":1,"
        "\"DB_USERNAME\":\"u\",\"POSTGRES_URL\":\"postgresql://u:p@h:1/d\",\"note\":[1],"
        "\"password\":\"p\"}");
}

static void test_formats_of_the_predecessor_and_of_people_are_read(void **state maybe_unused)
{
    static const struct {
        const char *value, *version, *host;
        int64_t port;
    } rows[] = {
        {"{\"host\":\"h\",\"port\":5432,\"dbname\":\"d\",\"username\":\"u\",\"password\":"
         "\"canary\"}",
         "v1", "h", 5432},
        {"{\"DB_PASSWORD\":\"canary\"}", "v2", NULL, 0},
        {"{\"DB_PASSWORD\":\"canary\",\"DB_PORT\":\"6432\",\"DB_HOST\":null}", "v2", NULL, 6432},
        {"{\"DB_PASSWORD\":\"canary\",\"DB_PORT\":\"x\",\"password\":\"other\"}", "v2", NULL, 0},
        {"{\"password\":\"canary\",\"DB_PASSWORD\":\"\"}", "v1", NULL, 0},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_credentials struct credentials read = {0};
        auto_secret struct secret value = {0};
        struct error err;

        secret_set_text(&value, rows[i].value);
        assert_true(payload_parse(&value, &read, &err));
        assert_string_equal(read.format_version, rows[i].version);
        assert_string_equal(secret_reveal(&read.password), "canary");
        assert_int_equal(read.port, rows[i].port);
        if (rows[i].host == NULL)
            assert_null(read.host);
        else
            assert_string_equal(read.host, rows[i].host);
    }
}

static void test_what_holds_no_password_is_refused_without_quoting(void **state maybe_unused)
{
    static const char *const values[] = {
        "canary",
        "\"canary\"",
        "[\"canary\"]",
        "{\"DB_HOST\":\"canary\"",
        "{\"canary\":1}",
        "{}",
        "{\"DB_PASSWORD\":7,\"x\":\"canary\"}",
        "",
    };

    for (size_t i = 0; i < array_length(values); i++) {
        auto_credentials struct credentials read = {0};
        auto_secret struct secret value = {0};
        struct error err;

        secret_set_text(&value, values[i]);
        assert_false(payload_parse(&value, &read, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_null(strstr(err.message, "canary"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_value_is_the_documented_json),
        cmocka_unit_test(test_mariadb_gets_the_url_under_both_its_keys),
        cmocka_unit_test(test_the_url_is_escaped_and_ipv6_is_bracketed),
        cmocka_unit_test(test_what_was_written_is_read_back),
        cmocka_unit_test(test_what_people_added_is_kept),
        cmocka_unit_test(test_formats_of_the_predecessor_and_of_people_are_read),
        cmocka_unit_test(test_what_holds_no_password_is_refused_without_quoting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
