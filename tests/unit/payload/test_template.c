#include "base/document.h"
#include "base/strbuf.h"
#include "payload/template.h"
#include "support/test.h"

#include <string.h>

static char host[] = "db.example.com", database[] = "my_db", username[] = "app";

static void fill(struct credentials *credentials, const char *password)
{
    *credentials = (struct credentials){
        .host = host, .port = 5432, .database = database, .username = username};
    secret_set_text(&credentials->password, password);
}

static struct secret_template *parse(const char *text)
{
    struct secret_template *program = NULL;
    struct error err;

    if (!template_parse(text, strlen(text), &program, &err))
        fail_msg("%s: %s", text, err.message);
    return program;
}

static void render(const char *text, const char *password, struct secret *ret_value)
{
    auto_template struct secret_template *program = parse(text);
    struct credentials credentials;
    struct error err;

    fill(&credentials, password);
    if (!template_render(program, &credentials, &engine_postgres, "postgresql", ret_value, &err))
        fail_msg("%s: %s", text, err.message);
    secret_release(&credentials.password);
}

static void test_values_are_escaped_by_their_place(void **state maybe_unused)
{
    static const struct {
        const char *text, *password, *result;
    } rows[] = {
        {"{\"p\":\"{{.DBPassword}}\"}", "a\"b\\c\n", "{\"p\":\"a\\\"b\\\\c\\n\"}"},
        {"{\"p\":{{json .DBPassword}}}", "a\"b\\c\n", "{\"p\":\"a\\\"b\\\\c\\n\"}"},
        {"{\"p\":{{json .DBPassword}}}", "\",\"q\":\"", "{\"p\":\"\\\",\\\"q\\\":\\\"\"}"},
        {"{\"p\":\"{{.DBPassword}}\"}", "\",\"q\":\"", "{\"p\":\"\\\",\\\"q\\\":\\\"\"}"},
        {"{\"p\":\"{{.DBPassword}}\"}", "{{.DBHost}}", "{\"p\":\"{{.DBHost}}\"}"},
        {"{\"p\":\"\\\\{{.DBPassword}}\"}", "\"", "{\"p\":\"\\\\\\\"\"}"},
        {"{\"p\":\"\\u00e9{{.DBPassword}}\"}", "\"", "{\"p\":\"\\u00e9\\\"\"}"},
        {"{\"p\":\"\\\"{{.DBPassword}}\\\"\"}", "x", "{\"p\":\"\\\"x\\\"\"}"},
        {"{\"c\":\"{\\\"p\\\":{{json .DBPassword}}}\"}", "a\"b",
         "{\"c\":\"{\\\"p\\\":\\\"a\\\\\\\"b\\\"}\"}"},
        {"{\"p\":\"{{.DBPassword | urlquery}}\"}", "a\"b c", "{\"p\":\"a%22b+c\"}"},
        {"{\"p\":\"{{.DBPassword | urlpart}}\"}", "a\"b c", "{\"p\":\"a%22b%20c\"}"},
        {"{\"p\":\"{{.DBPassword}}\",\"q\":{{.DBPort}},\"r\":{{json .DBPort}},\"s\":\"{{json "
         ".DBPort}}\"}",
         "x", "{\"p\":\"x\",\"q\":5432,\"r\":5432,\"s\":\"5432\"}"},
        {"{\"u\":\"{{.DatabaseURL}}\",\"e\":\"{{.Engine}}\"}", "a@b",
         "{\"u\":\"postgresql://app:a%40b@db.example.com:5432/my_db\",\"e\":\"postgresql\"}"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_secret struct secret value = {0};

        render(rows[i].text, rows[i].password, &value);
        assert_string_equal(secret_reveal(&value), rows[i].result);
    }
}

static void assert_render_fails(const struct secret_template *program,
                                const struct credentials *credentials, const char *message)
{
    auto_secret struct secret value = {0};
    struct error err;

    assert_false(template_render(program, credentials, &engine_postgres, "postgres", &value, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, message));
    assert_true(secret_is_empty(&value));
}

static void test_values_that_are_no_text_are_refused(void **state maybe_unused)
{
    auto_template struct secret_template *program =
        parse("{\"p\":\"{{.DBPassword}}\",\"h\":\"{{.DBHost}}\",\"u\":\"{{.DatabaseURL}}\"}");
    char latin1[] = "h\xe9";
    struct credentials credentials;

    fill(&credentials, "");
    assert_render_fails(program, &credentials, "there is no password");
    secret_set(&credentials.password, "a\0b", 3);
    assert_render_fails(program, &credentials, "the value of .DBPassword is not UTF-8 text");
    secret_set_text(&credentials.password, "canary\xff");
    assert_render_fails(program, &credentials, "the value of .DBPassword is not UTF-8 text");
    secret_set_text(&credentials.password, "x");
    credentials.host = latin1;
    assert_render_fails(program, &credentials, "the value of .DBHost is not UTF-8 text");
    secret_release(&credentials.password);
}

static void test_keys_that_become_equal_are_refused(void **state maybe_unused)
{
    auto_template struct secret_template *program =
        parse("{\"p\":\"{{.DBPassword}}\",\"{{.DBName}}\":1,\"my_db\":2}");
    struct credentials credentials;

    fill(&credentials, "canary");
    assert_render_fails(program, &credentials, "repeats a key");
    secret_release(&credentials.password);
}

static void test_the_output_ends_at_what_secrets_manager_takes(void **state maybe_unused)
{
    static const char begin[] = "{\"p\":\"{{.DBPassword}}\",\"x\":\"", end[] = "\"}";
    const size_t rest = strlen("{\"p\":\"0123456789012345678901234567\",\"x\":\"\"}");

    for (size_t over = 0; over < 2; over++) {
        auto_strbuf struct strbuf text = {0};
        auto_template struct secret_template *program = NULL;
        auto_secret struct secret value = {0};
        struct credentials credentials;
        struct error err;

        strbuf_append_text(&text, begin);
        for (size_t i = rest; i < TEMPLATE_OUTPUT_LIMIT + over; i++)
            strbuf_append_char(&text, 'x');
        strbuf_append_text(&text, end);
        program = parse(strbuf_text(&text));
        fill(&credentials, "0123456789012345678901234567");
        if (over > 0) {
            assert_render_fails(program, &credentials, "it makes more than 65536 bytes");
        } else {
            assert_true(
                template_render(program, &credentials, &engine_postgres, "postgres", &value, &err));
            assert_int_equal(value.length, TEMPLATE_OUTPUT_LIMIT);
        }
        secret_release(&credentials.password);
    }
}

static void test_nothing_is_ok_to_free(void **state maybe_unused)
{
    template_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_escaped_by_their_place),
        cmocka_unit_test(test_values_that_are_no_text_are_refused),
        cmocka_unit_test(test_keys_that_become_equal_are_refused),
        cmocka_unit_test(test_the_output_ends_at_what_secrets_manager_takes),
        cmocka_unit_test(test_nothing_is_ok_to_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
