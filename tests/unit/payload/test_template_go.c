#include "base/document.h"
#include "base/strbuf.h"
#include "payload/template.h"
#include "support/test.h"

#include <string.h>

/*
 * The results are those of text/template of Go 1.26, run by hand on the same values, with these
 * functions added: json = encoding/json without HTML escapes, and an int as it is; urlpart = %02X
 * of all but letters, digits and "-._~"; default = the second argument, or the first where
 * reflect's IsZero holds of the second.  Go does not know of JSON, so only what needs no escaping
 * is here as text of a document; single actions are compared after the escaping is undone.
 */

static void fill(struct credentials *credentials)
{
    static char host[] = "db.example.com", database[] = "my_db", username[] = "app user+1";

    *credentials = (struct credentials){
        .host = host, .port = 5432, .database = database, .username = username};
    secret_set_text(&credentials->password, "p@ss w0rd/+%\xc3\xa9");
}

static void render(const char *text, size_t length, struct secret *ret_value)
{
    auto_template struct secret_template *program = NULL;
    struct credentials credentials;
    struct error err;

    fill(&credentials);
    if (!template_parse(text, length, &program, &err) ||
        !template_render(program, &credentials, &engine_postgres, "postgres", ret_value, &err))
        fail_msg("%s: %s", text, err.message);
    secret_release(&credentials.password);
}

static void test_actions_print_what_go_prints(void **state maybe_unused)
{
    static const struct {
        const char *action, *result;
    } rows[] = {
        /* clang-format off: one row a line */
        {"plain", "plain"},
        {"{{.DBHost}}", "db.example.com"},
        {"{{ .DBHost }}", "db.example.com"},
        {"{{\n\t.DBHost\r\n}}", "db.example.com"},
        {"{{.DBPort}}", "5432"},
        {"{{.DBName}}{{.DBUsername}}", "my_dbapp user+1"},
        {"{{.DatabaseURL}}",
         "postgresql://app%20user%2B1:p%40ss%20w0rd%2F%2B%25%C3%A9@db.example.com:5432/my_db"},
        {"{{.Engine}}", "postgres"},
        {"a {{- .DBPort}}", "a5432"},
        {"a \t\n{{- .DBPort -}} \n b", "a5432b"},
        {"a {{.DBPort -}}\n\n{{- .DBPort}} b", "a 54325432 b"},
        {"{{- .DBPort -}}", "5432"},
        {"x{{-3}}", "x-3"},
        {"x {{- -3 -}} y", "x-3y"},
        {"{{3}}{{+4}}{{-0}}", "340"},
        {"a{{/* no */}}b", "ab"},
        {"a {{- /* no */ -}} b", "ab"},
        {"a {{/* {{ \"x\" }} */ -}} b", "a b"},
        {"a{{/**/}}{{/***/}}b", "ab"},
        {"a {{- /* \n */}} b", "a b"},
        {"{{\"text\"}}", "text"},
        {"{{`raw \\n`}}", "raw \\n"},
        {"{{`a\r\nb` | urlquery}}", "a%0Ab"},
        {"{{\"}}\"}}", "}}"},
        {"{{\"{{\"}}", "{{"},
        {"{{ `}}` }}", "}}"},
        {"}} } {x", "}} } {x"},
        {"{{ \"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\" | urlquery }}", "%07%08%0C%0A%0D%09%0B%5C%22"},
        {"{{ \"\\x41\\101\\u00e9\\U0001F511\" }}", "AA\303\251\360\237\224\221"},
        {"{{ \"\\xc3\\xa9\" }}", "\303\251"},
        {"{{\"\"}}", ""},
        {"{{ .DBPassword | urlquery }}", "p%40ss+w0rd%2F%2B%25%C3%A9"},
        {"{{ urlquery .DBPassword }}", "p%40ss+w0rd%2F%2B%25%C3%A9"},
        {"{{.DBUsername|urlquery}}", "app+user%2B1"},
        {"{{ \"-_.~ +&=/?%:@!*'()\303\251\" | urlquery }}",
         "-_.~+%2B%26%3D%2F%3F%25%3A%40%21%2A%27%28%29%C3%A9"},
        {"{{ .DBPassword | urlpart }}", "p%40ss%20w0rd%2F%2B%25%C3%A9"},
        {"{{ \"-_.~ +&=/?%:@!*()\303\251\" | urlpart }}",
         "-_.~%20%2B%26%3D%2F%3F%25%3A%40%21%2A%28%29%C3%A9"},
        {"{{ .DBPassword | urlquery | urlquery }}", "p%2540ss%2Bw0rd%252F%252B%2525%25C3%25A9"},
        {"{{ urlpart (urlquery .DBPassword) }}", "p%2540ss%2Bw0rd%252F%252B%2525%25C3%25A9"},
        {"{{ .DBPort | urlquery }}", "5432"},
        {"x{{ json .DBHost }}", "x\"db.example.com\""},
        {"x{{ json \"a\\\"b\\\\c\\n\" }}", "x\"a\\\"b\\\\c\\n\""},
        {"x{{ .DBHost | json | json }}", "x\"\\\"db.example.com\\\"\""},
        {"{{ json .DBPort }}", "5432"},
        {"{{ json \"\303\251<&>\" | urlquery }}", "%22%C3%A9%3C%26%3E%22"},
        {"{{ default \"x\" .DBHost }}", "db.example.com"},
        {"{{ .DBHost | default \"x\" }}", "db.example.com"},
        {"{{ default \"x\" \"\" }}", "x"},
        {"{{ \"\" | default \"x\" }}", "x"},
        {"{{ default 7 0 }}", "7"},
        {"{{ 0 | default 7 }}", "7"},
        {"{{ default \"none\" 0 | urlquery }}", "none"},
        {"{{ \"\" | default (.DBHost | urlpart) | json | urlquery }}", "%22db.example.com%22"},
        {"{{ default (default \"a\" \"\") \"\" }}", "a"},
        {"{{ (.DBHost) }}", "db.example.com"},
        {"{{(( .DBHost )|urlquery)}}", "db.example.com"},
        {"{{ (default \"a b\" \"\") | urlquery }}", "a+b"},
        {"{{ 9223372036854775807 }}{{ -9223372036854775808 }}",
         "9223372036854775807-9223372036854775808"},
        /* clang-format on */
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_strbuf struct strbuf text = {0};
        auto_secret struct secret value = {0};
        auto_json json_t *json = NULL;
        struct error err;

        strbuf_append_format(&text, "{\"p\":\"{{.DBPassword}}\",\"x\":\"%s\"}", rows[i].action);
        render(strbuf_text(&text), text.length, &value);

        assert_true(document_parse(secret_reveal(&value), value.length, &json, &err));
        assert_string_equal(document_string(json, "x"), rows[i].result);
    }
}

static void test_documents_are_what_go_makes(void **state maybe_unused)
{
    static const struct {
        const char *text, *result;
    } rows[] = {
        /* clang-format off: one row a line */
        {"{\"DB_HOST\":\"{{.DBHost}}\",\"DB_PORT\":{{.DBPort}},\"DB_PASSWORD\":{{json "
         ".DBPassword}}}",
         "{\"DB_HOST\":\"db.example.com\",\"DB_PORT\":5432,\"DB_PASSWORD\":\"p@ss "
         "w0rd/+%\303\251\"}"},
        {"{\n  {{- /* nested */}}\n  \"db\": {\"host\": \"{{.DBHost}}\", \"auth\": "
         "[\"{{.DBUsername}}\", \"{{.DBPassword}}\"]}\n}\n",
         "{\n  \"db\": {\"host\": \"db.example.com\", \"auth\": [\"app user+1\", \"p@ss "
         "w0rd/+%\303\251\"]}\n}\n"},
        {"{\"jdbc\": \"jdbc:{{.Engine}}ql://{{.DBHost}}:{{.DBPort}}/{{.DBName}}?user={{.DBUsername "
         "| urlquery}}&password={{.DBPassword | urlquery}}\"}",
         "{\"jdbc\": "
         "\"jdbc:postgresql://db.example.com:5432/"
         "my_db?user=app+user%2B1&password=p%40ss+w0rd%2F%2B%25%C3%A9\"}"},
        {"{\"url\": \"{{.DatabaseURL}}\", \"{{.DBName}}\": {{json .DBPort}}, \"port\": "
         "\"{{.DBPort}}\"}",
         "{\"url\": "
         "\"postgresql://app%20user%2B1:p%40ss%20w0rd%2F%2B%25%C3%A9@db.example.com:5432/my_db\", "
         "\"my_db\": 5432, \"port\": \"5432\"}"},
        /* clang-format on */
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_secret struct secret value = {0};

        render(rows[i].text, strlen(rows[i].text), &value);

        assert_string_equal(secret_reveal(&value), rows[i].result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_actions_print_what_go_prints),
        cmocka_unit_test(test_documents_are_what_go_makes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
