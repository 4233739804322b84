#include "base/document.h"
#include "base/strbuf.h"
#include "payload/template.h"
#include "support/test.h"

#include <string.h>

static char host[] = "db.example.com", database[] = "my_db", username[] = "app";
static const struct credentials around = {
    .host = host, .port = 5432, .database = database, .username = username};

static struct secret_template *parse(const char *text)
{
    struct secret_template *program = NULL;
    struct error err;

    if (!template_parse(text, strlen(text), &program, &err))
        fail_msg("%s: %s", text, err.message);
    return program;
}

static bool find(const struct secret_template *program, const char *stored,
                 struct secret *ret_password, bool *ret_agrees, struct error *err)
{
    auto_secret struct secret value = {0};

    secret_set_text(&value, stored);
    return template_find_password(program, &value, &around, &engine_postgres, "postgres",
                                  ret_password, ret_agrees, err);
}

static const char *const shapes[] = {
    "{\"p\":\"{{.DBPassword}}\"}",
    "{\"p\":{{json .DBPassword}}}",
    "{\"a\":{\"b\":[1,{\"p\":\"x{{.DBPassword}}y\"}]}}",
    "{\"p\":\"{{.DBPassword | urlquery}}\"}",
    "{\"p\":\"{{.DBPassword | urlpart}}\"}",
    "{\"p\":\"{{.DBPassword | urlpart | urlquery}}\"}",
    "{\"p\":{{.DBPassword | json | json}}}",
    "{\"u\":\"{{.DatabaseURL}}\"}",
    "{\"u\":\"jdbc:x?url={{.DatabaseURL | urlquery}}&a=b\"}",
    "{\"c\":\"{\\\"p\\\": {{json .DBPassword}}}\"}",
    "{\"c\":\"{\\\"u\\\": {{json .DatabaseURL}}}\"}",
    "{\"c\":\"{{.DBPassword | json | urlquery}}\"}",
    "{\"p\":\"{{.DBPassword}}\",\"u\":\"{{.DatabaseURL}}\",\"q\":\"{{.DBPassword | urlquery}}\"}",
    "{\"p\":\"{{default `x` .DBPassword}}\",\"k{{.DBPassword}}\":1}",
    "{\"t\":\"{{.DBPassword}} {{.DBPassword}}\",\"p\":\"{{.DBPassword}}\"}",
};

static void assert_round_trip(const struct secret_template *program, const char *password,
                              size_t length)
{
    auto_secret struct secret value = {0}, read = {0}, expected = {0};
    struct credentials credentials = around;
    struct error err;
    bool agrees = false;

    secret_set(&expected, password, length);
    credentials.password = expected;
    if (!template_render(program, &credentials, &engine_postgres, "postgres", &value, &err) ||
        !find(program, secret_reveal(&value), &read, &agrees, &err))
        fail_msg("%s", err.message);
    assert_true(agrees);
    assert_true(secret_equals(&read, &expected));
}

static void test_what_was_rendered_is_read_back_with_every_byte(void **state maybe_unused)
{
    static const char *const passwords[] = {
        "A",
        "b",
        "AA",
        "none",
        "%41",
        "+",
        "%",
        "a+b%20c",
        "\\u0041",
        "\"",
        "\\",
        "\\\"",
        "x\"}",
        "{{.DBHost}}",
        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91",
        "\xc2\x80\xc2\x9f",
        " lead trail ",
    };

    for (size_t s = 0; s < array_length(shapes); s++) {
        auto_template struct secret_template *program = parse(shapes[s]);

        for (size_t i = 0; i < array_length(passwords); i++)
            assert_round_trip(program, passwords[i], strlen(passwords[i]));
        for (int byte = 1; byte < 0x80; byte++) {
            char alone[] = {(char)byte, '\0'};
            char inside[] = {'p', (char)byte, (char)byte, 'w', '\0'};

            assert_round_trip(program, alone, 1);
            assert_round_trip(program, inside, 4);
        }
    }
}

static void test_a_version_of_a_person_is_read(void **state maybe_unused)
{
    static const struct {
        const char *text, *stored, *password;
        bool agrees;
    } rows[] = {
        /* Another order, other white space, more keys, other escapes. */
        {"{\"h\":\"{{.DBHost}}\",\"p\":\"{{.DBPassword}}\"}",
         "{ \"extra\": [1],\n \"p\": \"n\\u0065w\", \"h\": \"other\" }", "new", true},
        {"{\"u\":\"{{.DatabaseURL}}\"}",
         "{\"u\":\"postgresql://app:n%65%2fw!@db.example.com:5432/my_db\"}", "ne/w!", true},
        {"{\"q\":\"{{.DBPassword | urlquery}}\"}", "{\"q\":\"a+b%2b\"}", "a b+", true},
        {"{\"q\":\"{{.DBPassword | urlpart}}\"}", "{\"q\":\"a+b%2b\"}", "a+b+", true},
        {"{\"c\":\"{\\\"p\\\":{{json .DBPassword}}}\"}",
         "{\"c\":\"{\\\"p\\\":\\\"a\\\\u0041\\\"}\"}", "aA", true},
        /* The string that is the password alone wins, wherever it stands. */
        {"{\"u\":\"{{.DatabaseURL}}\",\"p\":\"{{.DBPassword}}\"}",
         "{\"u\":\"postgresql://app:old@db.example.com:5432/my_db\",\"p\":\"new\"}", "new", false},
        {"{\"p\":\"{{.DBPassword}}\",\"u\":\"{{.DatabaseURL}}\"}",
         "{\"u\":\"postgresql://app:old@db.example.com:5432/my_db\",\"p\":\"new\"}", "new", false},
        {"{\"p\":\"{{.DBPassword}}\",\"q\":\"{{.DBPassword}}\"}", "{\"q\":\"two\",\"p\":\"one\"}",
         "one", false},
        {"{\"x\":\"1{{.DBPassword}}\",\"y\":\"2{{.DBPassword}}\"}",
         "{\"y\":\"2two\",\"x\":\"1one\"}", "one", false},
        /* What does not look like the template's is passed over. */
        {"{\"u\":\"{{.DatabaseURL}}\",\"p\":\"{{.DBPassword}}\"}",
         "{\"u\":\"postgresql://app:old@moved:5432/my_db\",\"p\":\"new\"}", "new", true},
        {"{\"u\":\"{{.DatabaseURL}}\",\"p\":\"{{.DBPassword}}\"}",
         "{\"u\":\"postgresql://app:new@db.example.com:5432/my_db\",\"p\":\"\"}", "new", true},
        {"{\"u\":\"{{.DatabaseURL}}\",\"p\":\"{{.DBPassword}}\"}",
         "{\"u\":\"postgresql://app:n%w@db.example.com:5432/my_db\",\"p\":\"new\"}", "new", true},
        {"{\"u\":\"{{.DatabaseURL}}\",\"p\":\"{{.DBPassword}}\"}", "{\"u\":7,\"p\":\"new\"}", "new",
         true},
        {"{\"a\":[\"{{.DBPassword}}\",\"{{.DBPassword}}\"]}", "{\"a\":[\"new\"]}", "new", true},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_template struct secret_template *program = parse(rows[i].text);
        auto_secret struct secret password = {0};
        struct error err;
        bool agrees = !rows[i].agrees;

        if (!find(program, rows[i].stored, &password, &agrees, &err))
            fail_msg("%s: %s", rows[i].stored, err.message);
        assert_string_equal(secret_reveal(&password), rows[i].password);
        assert_int_equal(agrees, rows[i].agrees);
    }
}

static void test_what_holds_no_password_is_refused_without_quoting(void **state maybe_unused)
{
    static const struct {
        const char *text, *stored, *message;
    } rows[] = {
        {"{\"p\":\"{{.DBPassword}}\"}", "canary", "its value is not a JSON object"},
        {"{\"p\":\"{{.DBPassword}}\"}", "[\"canary\"]", "its value is not a JSON object"},
        {"{\"p\":\"{{.DBPassword}}\"}", "{\"p\":\"canary\",\"p\":\"x\"}", "not a JSON object"},
        {"{\"p\":\"{{.DBPassword}}\"}", "{\"q\":\"canary\"}", "it holds no password where"},
        {"{\"p\":\"{{.DBPassword}}\"}", "{\"p\":\"\"}", "it holds no password where"},
        {"{\"p\":\"{{.DBPassword}}\"}", "{\"p\":{\"p\":\"canary\"}}", "it holds no password where"},
        {"{\"p\":\"{{.DBPassword}}\"}", "{\"p\":5}", "it holds no password where"},
        {"{\"p\":\"abc{{.DBPassword}}cba\"}", "{\"p\":\"abcba\"}", "it holds no password where"},
        {"{\"p\":\"abc{{.DBPassword}}cba\"}", "{\"p\":\"canary\"}", "it holds no password where"},
        {"{\"p\":\"{{.DBPassword | urlpart}}\"}", "{\"p\":\"canary%\"}", "it holds no password"},
        {"{\"p\":\"{{.DBPassword | urlpart}}\"}", "{\"p\":\"canary%00\"}", "it holds no password"},
        {"{\"p\":\"{{.DBPassword | urlpart}}\"}", "{\"p\":\"canary%ff\"}", "it holds no password"},
        {"{\"p\":{{.DBPassword | json | json}}}", "{\"p\":\"\\\"canary\\\",\\\"x\\\"\"}",
         "it holds no password"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_template struct secret_template *program = parse(rows[i].text);
        auto_secret struct secret password = {0};
        struct error err;
        bool agrees = false;

        assert_false(find(program, rows[i].stored, &password, &agrees, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, rows[i].message));
        assert_null(strstr(err.message, "canary"));
        assert_true(secret_is_empty(&password));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_rendered_is_read_back_with_every_byte),
        cmocka_unit_test(test_a_version_of_a_person_is_read),
        cmocka_unit_test(test_what_holds_no_password_is_refused_without_quoting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
