#include "base/strbuf.h"
#include "payload/template.h"
#include "support/test.h"

#include <string.h>

static bool refuse(const char *text, size_t length, struct error *err)
{
    struct secret_template *program = NULL;
    bool parsed = template_parse(text, length, &program, err);

    template_free(program);
    return !parsed;
}

static void assert_refused(const char *text, size_t length, const char *message)
{
    struct error err;

    if (!refuse(text, length, &err))
        fail_msg("accepted: %s", text);
    assert_int_equal(err.kind, ERROR_INVALID);
    if (strstr(err.message, message) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", text, err.message, message);
}

static void test_what_is_not_of_the_language_is_named_with_its_place(void **state maybe_unused)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"{{if .DBHost}}", "1:3: the keyword \"if\" is not supported"},
        {"{{ range .DBHost }}", "1:4: the keyword \"range\" is not supported"},
        {"{{with .DBHost}}", "1:3: the keyword \"with\" is not supported"},
        {"{{define \"x\"}}", "1:3: the keyword \"define\" is not supported"},
        {"{{template \"x\"}}", "1:3: the keyword \"template\""},
        {"{{end}}", "1:3: the keyword \"end\""},
        {"{{true}}", "1:3: the keyword \"true\""},
        {"{{$x := .DBHost}}", "1:3: variables are not supported: \"$x\""},
        {"{{$}}", "1:3: variables are not supported: \"$\""},
        {"{{.}}", "1:3: unknown field \".\"; there are .DBHost, .DBPort, .DBName, .DBUsername, "
                  ".DBPassword, .DatabaseURL and .Engine"},
        {"\n\n  {{ .Password }}", "3:6: unknown field \".Password\"; there are"},
        {"{{.dbhost}}", "1:3: unknown field \".dbhost\""},
        {"{{.DBHostX}}", "1:3: unknown field \".DBHostX\""},
        {"{{.DBHost.Len}}", "1:10: unexpected \".Len\""},
        {"\xc3\xa9\xe2\x82\xac{{ printf \"%s\" .DBHost }}",
         "1:6: unknown function \"printf\"; there are json, urlquery, urlpart and default"},
        {"{{ .DBHost | html }}", "1:14: unknown function \"html\""},
        {"{{ .DBHost | .DBPort }}", "1:14: a function must follow the |, not \".DBPort\""},
        {"{{ .DBHost | \"canary\" }}", "1:14: a function must follow the |, not a string"},
        {"{{ .DBHost | }}", "a function must follow the |, not }}"},
        {"{{ | json }}", "1:4: a value is missing before \"|\""},
        {"{{}}", "1:3: a value is missing before }}"},
        {"{{-  -}}", "a value is missing before }}"},
        {"{{()}}", "1:4: a value is missing before \")\""},
        {"{{json}}", "1:3: json takes 1 argument"},
        {"{{json .DBHost .DBPort}}", "1:3: json takes 1 argument"},
        {"{{.DBHost | json .DBPort}}", "1:13: json takes 1 argument"},
        {"{{default 1}}", "1:3: default takes 2 arguments"},
        {"{{json default}}", "1:8: a call as an argument needs parentheses: \"default\""},
        {"{{.DBHost .DBPort}}", "1:11: only a function takes arguments: \".DBPort\""},
        {"{{.DBHost \"canary\"}}", "only a function takes arguments: a string"},
        {"{{.DBHost\"canary\"}}", "1:10: unexpected a string"},
        {"{{json(.DBHost)}}", "1:7: unexpected \"(\""},
        {"{{(.DBHost}}", "1:11: a ) is missing before }}"},
        {"{{.DBHost)}}", "1:10: unexpected \")\""},
        {"{{json .DBHost }", "1:16: unexpected \"}\""},
        {"{{json $x}}", "1:8: variables are not supported: \"$x\""},
        {"{{.DBHost, .DBPort}}", "1:10: unexpected \",\""},
        {"{{'c'}}", "1:3: unexpected \"'\""},
        {"{{\x01}}", "1:3: unexpected an unusual character"},
        {"{{abcdefghijklmnopqrstuvwxyzabcdefghijklmnop}}",
         "1:3: unknown function a long or unusual word"},
        {"{{0x10}}", "1:3: the number is not a decimal integer"},
        {"{{007}}", "1:3: the number is not a decimal integer"},
        {"{{1.5}}", "1:3: the number is not a decimal integer"},
        {"{{-}}", "1:3: the number is not a decimal integer"},
        {"{{9223372036854775808}}", "1:3: the number is not a decimal integer"},
        {"{{\"\\q\"}}", "1:3: the string holds a wrong escape, or is not UTF-8 text"},
        {"{{\"\\'\"}}", "1:3: the string holds a wrong escape"},
        {"{{\"\\x4\"}}", "1:3: the string holds a wrong escape"},
        {"{{\"\\400\"}}", "1:3: the string holds a wrong escape"},
        {"{{\"\\xff\"}}", "1:3: the string holds a wrong escape, or is not UTF-8 text"},
        {"{{\"\\000\"}}", "1:3: the string holds a wrong escape, or is not UTF-8 text"},
        {"{{\"\\ud800\"}}", "1:3: the string holds a wrong escape, or is not UTF-8 text"},
        {"{{\"\\U00110000\"}}", "1:3: the string holds a wrong escape"},
    };

    for (size_t i = 0; i < array_length(rows); i++)
        assert_refused(rows[i].text, strlen(rows[i].text), rows[i].message);
}

static void test_what_is_not_closed_is_named_with_its_beginning(void **state maybe_unused)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"{\n {{", "2:2: the action is not closed by }}"},
        {"{{ .DBHost ", "1:1: the action is not closed by }}"},
        {"{{ .DBHost }", "1:12: unexpected \"}\""},
        {"{{ \"canary }}", "1:4: the string is not closed"},
        {"{{ \"canary\n\" }}", "1:4: the string is not closed"},
        {"{{ \"canary\\\n\" }}", "1:4: the string is not closed"},
        {"{{ \"canary\\", "1:4: the string is not closed"},
        {"{{ `canary\n }}", "1:4: the string is not closed"},
        {"{{/* canary }}", "1:1: the comment is not closed by */"},
        {"{{/*/}}", "1:1: the comment is not closed by */"},
        {"{{/* canary */ }}", "1:1: the comment's */ must be followed by }} at once"},
        {"{{ /* canary */}}", "1:4: unexpected \"/\""},
        {"{{-/* canary */}}", "the number is not a decimal integer"},
    };

    for (size_t i = 0; i < array_length(rows); i++)
        assert_refused(rows[i].text, strlen(rows[i].text), rows[i].message);
}

static void test_an_action_must_fit_its_place_in_the_json(void **state maybe_unused)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"{\"p\": {{.DBPassword}}}",
         "1:7: text outside a JSON string: put it between double quotes"},
        {"{\"p\": \"\", \"q\": {{.DBHost}}}", "1:16: text outside a JSON string"},
        {"{\"p\": \"\\\\\", \"q\": {{\"x\"}}}", "1:18: text outside a JSON string"},
        {"{\"p\": {{ default 5 .DBHost }}}", "1:7: text outside a JSON string"},
        {"{\"p\": {{ json .DBHost | urlquery }}}", "1:7: text outside a JSON string"},
        {"{\"p\": \"\\{{.DBPassword}}\"}", "1:9: an action cannot stand inside an escape sequence"},
        {"{\"p\": \"\\u{{.DBPassword}}\"}", "1:10: an action cannot stand inside an escape"},
        {"{\"p\": \"\\u00e{{.DBPassword}}\"}", "1:13: an action cannot stand inside an escape"},
        {"{\"p\": \"{{ json .DBPassword }}\"}",
         "1:8: json between quotes: it makes the quotes itself"},
        {"{\"p\": \"{{- .DBPassword | json -}} \"}", "1:8: json between quotes"},
    };

    for (size_t i = 0; i < array_length(rows); i++)
        assert_refused(rows[i].text, strlen(rows[i].text), rows[i].message);
}

static void test_the_output_must_be_an_object_that_holds_the_password(void **state maybe_unused)
{
    static const char not_json[] = "what it makes is no JSON object";
    static const char no_password[] = "no string of what it makes holds the password";
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", not_json},
        {"canary", not_json},
        {"{{json .DBPassword}}", not_json},
        {"[\"{{.DBPassword}}\"]", not_json},
        {"\"{{.DBPassword}}\"", not_json},
        {"{\"p\": \"{{.DBPassword}}\"", not_json},
        {"{\"p\": \"{{.DBPassword}}\"} x", not_json},
        {"{\"p\": \"{{.DBPassword}}\", \"p\": 1}", "or repeats a key"},
        {"{\"a\": {\"p\": \"{{.DBPassword}}\", \"\\u0070\": 1}}", "or repeats a key"},
        {"{\"p\": \"{{.DBPassword}}\\u0000\"}", not_json},
        {"{\"p\":\n\"{{.DBPassword}}\n\"}", "at line 2"},
        {"{}", no_password},
        {"{\"p\": \"{{.DBHost}}\"}", no_password},
        {"{\"{{.DBPassword}}\": \"p\"}", no_password},
        {"{\"{{.DBPassword}}\": \"{{.DBPassword}}\"}", no_password},
        {"{\"p\": \"{{.DBPassword}}{{.DBPassword}}\"}", no_password},
        {"{\"p\": \"{{.DBPassword | urlquery | urlquery | urlquery}}\"}", no_password},
        {"{\"p\": \"{{/* .DBPassword */}}\"}", no_password},
        {"{\"p\": \"{{default .DBPassword .DBHost}}\"}", no_password},
    };

    for (size_t i = 0; i < array_length(rows); i++)
        assert_refused(rows[i].text, strlen(rows[i].text), rows[i].message);
}

static void test_no_message_quotes_strings_or_text_of_the_template(void **state maybe_unused)
{
    static const char *const texts[] = {
        "canary",
        "{\"canary\": 1}",
        "{\"p\": \"canary\n\"}",
        "{{ \"canary\\q\" }}",
        "{{ .DBHost `canary` }}",
        "{{ .DBHost \"canary }}",
        "{{ json `canary` `canary` }}",
        "{{ json 1canary }}",
        "{{/* canary */ }}",
    };

    for (size_t i = 0; i < array_length(texts); i++) {
        struct error err;

        assert_true(refuse(texts[i], strlen(texts[i]), &err));
        assert_null(strstr(err.message, "canary"));
    }
}

static void append_repeated(struct strbuf *text, const char *part, size_t count)
{
    for (size_t i = 0; i < count; i++)
        strbuf_append_text(text, part);
}

static void test_sizes_and_depths_are_limited(void **state maybe_unused)
{
    static const struct {
        const char *begin, *part;
        size_t count;
        const char *end, *message;
    } rows[] = {
        {"{\"p\": \"{{.DBPassword}}\"}", " ", TEMPLATE_SIZE_LIMIT, "", "it is longer than 65536"},
        {"{{", "(", 17, "", "1:19: more than 16 parentheses in each other"},
        {"{{", "(", 60000, "", "more than 16 parentheses in each other"},
        {"{\"p\": \"x{{.DBPassword", " | json", 5000, "}}\"}", "it makes more than"},
        {"{\"p\": {{json .DBPassword", " | urlquery", 5000, " | json}}}",
         "its functions make more than"},
        {"{\"p\":", "[", 30000, "", "what it makes is no JSON object"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_strbuf struct strbuf text = {0};

        strbuf_append_text(&text, rows[i].begin);
        append_repeated(&text, rows[i].part, rows[i].count);
        strbuf_append_text(&text, rows[i].end);
        assert_refused(strbuf_text(&text), text.length, rows[i].message);
    }
}

static void test_a_source_that_is_no_text_is_refused(void **state maybe_unused)
{
    assert_refused("{\"p\": \"{{.DBPassword}}\xff\"}", 25, "it is not UTF-8 text");
    assert_refused("{\"p\": \"{{.DBPassword}}\0\"}", 25, "it is not UTF-8 text");
}

/* A fixed sequence (xorshift), so that a failure can be repeated. */
static size_t draw(uint64_t *seed, size_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (size_t)(*seed % below);
}

static void append_hostile(struct strbuf *text, uint64_t *seed)
{
    static const char *const pieces[] = {
        "{{",
        "}}",
        "\"",
        "`",
        "{{- ",
        " -}}",
        "{{/*",
        "*/}}",
        "\\",
        ".DBPassword",
        "json",
        "urlquery",
        "|",
        "(",
        ")",
        "\\u00",
        "{\"p\": \"{{.DBPassword}}\", \"x\":",
        "}",
        ":",
        "\n",
        " ",
        "default",
        "-9",
        "\xc3\xa9",
        ".DBPort",
    };
    size_t piece = draw(seed, array_length(pieces) + 5);

    if (piece < array_length(pieces))
        strbuf_append_text(text, pieces[piece]);
    else
        strbuf_append_char(text, (char)draw(seed, 256));
}

/* What is accepted renders or is refused in words; the sanitizers watch the rest. */
static void test_random_templates_do_no_harm(void **state maybe_unused)
{
    char host[] = "h", database[] = "d", username[] = "u";
    struct credentials credentials = {
        .host = host, .port = 1, .database = database, .username = username};
    uint64_t seed = 88172645463325252;

    secret_set_text(&credentials.password, "pw\"\\");
    for (size_t i = 0; i < 20000; i++) {
        auto_template struct secret_template *program = NULL;
        auto_strbuf struct strbuf text = {0};
        auto_secret struct secret value = {0};
        struct error err = {0};

        for (size_t left = draw(&seed, 30); left > 0; left--)
            append_hostile(&text, &seed);
        if (!template_parse(strbuf_text(&text), text.length, &program, &err) ||
            !template_render(program, &credentials, &engine_postgres, "postgres", &value, &err)) {
            assert_int_equal(err.kind, ERROR_INVALID);
            assert_true(err.message[0] != '\0');
        }
    }
    secret_release(&credentials.password);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_of_the_language_is_named_with_its_place),
        cmocka_unit_test(test_what_is_not_closed_is_named_with_its_beginning),
        cmocka_unit_test(test_an_action_must_fit_its_place_in_the_json),
        cmocka_unit_test(test_the_output_must_be_an_object_that_holds_the_password),
        cmocka_unit_test(test_no_message_quotes_strings_or_text_of_the_template),
        cmocka_unit_test(test_sizes_and_depths_are_limited),
        cmocka_unit_test(test_a_source_that_is_no_text_is_refused),
        cmocka_unit_test(test_random_templates_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
