/*
 * Which credentials a stored secret holds, whoever wrote it.
 */
#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/secret_reading.h"
#include "payload/canonical.h"
#include "support/test.h"

#include <string.h>

#define FLAT    "{\"u\":\"{{.DBUsername}}\",\"p\":\"{{.DBPassword}}\"}"
#define SWAPPED "{\"u\":\"{{.DBPassword}}\",\"p\":\"{{.DBUsername}}\"}"
#define AS_URL  "{\"url\":\"{{.DatabaseURL}}\"}"
#define OURS    "{\"u\":\"app\",\"p\":\"kept\"}"
#define COMPLETE                                                                \
    "{\"DB_HOST\":\"h\",\"DB_PORT\":1,\"DB_NAME\":\"d\",\"DB_USERNAME\":\"u\"," \
    "\"DB_PASSWORD\":\"full\"}"
#define CANONICAL                                                           \
    "{\"DB_HOST\":\"db.example.com\",\"DB_PORT\":5432,\"DB_NAME\":\"app\"," \
    "\"DB_USERNAME\":\"app\",\"DB_PASSWORD\":\"kept\",\"note\":1}"

static const struct row {
    const char *name;
    const char *value;
    const char *template_text; /* NULL = none */
    const char *described; /* the value that the canonical JSON describes; NULL = there is none */
    const char *password;  /* NULL = refused */
    const char *format;
    const char *host; /* NULL = names nothing */
    const char *part; /* of the refusal */
    enum ownership ownership;
} rows[] = {
    /* Documented and old formats, without a template. */
    {"documented", COMPLETE, NULL, NULL, "full", "v2", "h", NULL, OWNERSHIP_OURS},
    {"old", "{\"password\":\"x\",\"host\":\"h\"}", NULL, NULL, "x", "v1", "h", NULL,
     OWNERSHIP_OURS},
    {"only a password", "{\"DB_PASSWORD\":\"x\"}", NULL, NULL, "x", "v2", NULL, NULL,
     OWNERSHIP_OURS},
    {"no JSON", "x", NULL, NULL, NULL, NULL, NULL, "not a JSON object", OWNERSHIP_OURS},
    {"no password", "{\"a\":1}", NULL, NULL, NULL, NULL, NULL, "under the key DB_PASSWORD",
     OWNERSHIP_OURS},

    /* What the canonical JSON describes is ours, whatever the template is today. */
    {"ours", OURS, FLAT, OURS, "kept", "template", "db.example.com", NULL, OWNERSHIP_OURS},
    {"ours, template changed", OURS, SWAPPED, OURS, "kept", "template", "db.example.com", NULL,
     OWNERSHIP_OURS},
    {"ours, template removed", OURS, NULL, OURS, "kept", "template", "db.example.com", NULL,
     OWNERSHIP_OURS},
    {"ours and no sense in it", "{}", FLAT, "{}", "kept", "template", "db.example.com", NULL,
     OWNERSHIP_OURS},
    {"ours and like another format", COMPLETE, NULL, COMPLETE, "kept", "template", "db.example.com",
     NULL, OWNERSHIP_OURS},

    /* What somebody else wrote is read by the template. */
    {"of a person", "{\"u\":\"app\",\"p\":\"new\"}", FLAT, OURS, "new", "template",
     "db.example.com", NULL, OWNERSHIP_OURS},
    {"of a person, same password", "{\"p\":\"kept\",\"x\":1}", FLAT, OURS, "kept", "template",
     "db.example.com", NULL, OWNERSHIP_OURS},
    {"of a person, nothing beside it", OURS, FLAT, NULL, "kept", "template", NULL, NULL,
     OWNERSHIP_OURS},
    {"of a person, as a URL", "{\"url\":\"postgresql://app:n%2Fw@db.example.com:5432/app\"}",
     AS_URL, OURS, "n/w", "template", "db.example.com", NULL, OWNERSHIP_OURS},
    {"of a person, no URL", "{\"url\":\"elsewhere\"}", AS_URL, OURS, NULL, NULL, NULL,
     "put the former value back", OWNERSHIP_OURS},
    {"of a person, no JSON", "x", FLAT, OURS, NULL, NULL, NULL, "dbuo-canonical", OWNERSHIP_OURS},
    {"of a person, no template", "{\"p\":\"new\"}", NULL, OURS, NULL, NULL, NULL,
     "the documented format", OWNERSHIP_OURS},

    /* A template that is not applied yet. */
    {"documented, template added", COMPLETE, FLAT, NULL, "full", "v2", "h", NULL, OWNERSHIP_OURS},
    {"documented by a person", COMPLETE, FLAT, OURS, "full", "v2", "h", NULL, OWNERSHIP_OURS},
    {"only a password, template", "{\"DB_PASSWORD\":\"x\"}", FLAT, OURS, "x", "v2", NULL, NULL,
     OWNERSHIP_OURS},
    {"old, template added", "{\"password\":\"x\",\"host\":\"h\"}", FLAT, NULL, "x", "v1", "h", NULL,
     OWNERSHIP_OURS},
    /* A template reads what is not ours last or not at all. */
    {"predecessor's", OURS, FLAT, NULL, "kept", "template", NULL, NULL, OWNERSHIP_PREDECESSOR},
    {"predecessor's, known format", "{\"password\":\"x\",\"host\":\"h\"}",
     "{\"password\":\"{{.DBPassword}}\"}", NULL, "x", "v1", "h", NULL, OWNERSHIP_PREDECESSOR},
    {"of one who is gone", OURS, FLAT, OURS, "kept", "template", "db.example.com", NULL,
     OWNERSHIP_RELEASED},
    {"unmarked", OURS, FLAT, NULL, NULL, NULL, NULL, "under the key DB_PASSWORD", OWNERSHIP_NONE},
    {"unmarked, described", OURS, FLAT, OURS, NULL, NULL, NULL, "under the key DB_PASSWORD",
     OWNERSHIP_NONE},
    {"unmarked, known format", "{\"password\":\"x\",\"host\":\"h\"}",
     "{\"password\":\"{{.DBPassword}}\"}", NULL, "x", "v1", "h", NULL, OWNERSHIP_NONE},

    {"documented keys, the template's", "{\"DB_PASSWORD\":\"n%2Fw\"}",
     "{\"DB_PASSWORD\":\"{{.DBPassword | urlpart}}\"}", OURS, "n/w", "template", "db.example.com",
     NULL, OWNERSHIP_OURS},
};

static json_t *make_canonical(const char *described)
{
    auto_json json_t *documented = json_loads(CANONICAL, 0, NULL);
    auto_secret struct secret value = {0};

    secret_set_text(&value, described);
    return canonical_make(documented, &value, NULL);
}

static void check(const struct row *row, const struct credentials *credentials)
{
    if (strcmp(secret_reveal(&credentials->password), row->password) != 0 ||
        strcmp(credentials->format_version, row->format) != 0 ||
        strcmp(credentials->host != NULL ? credentials->host : "",
               row->host != NULL ? row->host : "") != 0)
        fail_msg("%s: %s %s %s", row->name, secret_reveal(&credentials->password),
                 credentials->format_version, credentials->host != NULL ? credentials->host : "-");
    assert_null(json_object_get(credentials->document, CANONICAL_DIGESTS));
}

static void run(const struct row *row)
{
    char host[] = "db.example.com", name[] = "app";
    const struct credentials target = {
        .host = host, .port = 5432, .database = name, .username = name};
    auto_template struct secret_template *program = NULL;
    auto_json json_t *canonical = row->described != NULL ? make_canonical(row->described) : NULL;
    auto_secret struct secret value = {0};
    auto_credentials struct credentials credentials = {0};
    struct secret_reading reading = {&value,           canonical,  NULL,          &target,
                                     &engine_postgres, "postgres", row->ownership};
    struct error err;
    bool is_read;

    secret_set_text(&value, row->value);
    if (row->template_text != NULL)
        assert_true(template_parse(row->template_text, strlen(row->template_text), &program, &err));
    reading.program = program;
    is_read = secret_reading_run(&reading, &credentials, &err);
    if (is_read != (row->password != NULL))
        fail_msg("%s: read is %d", row->name, is_read);
    if (is_read)
        check(row, &credentials);
    else if (strstr(err.message, row->part) == NULL)
        fail_msg("%s: '%s'", row->name, err.message);
}

static void test_each_value_gives_its_credentials(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(rows); i++)
        run(&rows[i]);
}

static void test_a_canonical_json_describes_the_next_value_and_the_former(void **state maybe_unused)
{
    auto_json json_t *documented = json_loads(CANONICAL, 0, NULL);
    auto_secret struct secret next = {0}, former = {0}, other = {0};
    auto_json json_t *canonical = NULL, *again = NULL;

    secret_set_text(&next, "next");
    secret_set_text(&former, "former");
    secret_set_text(&other, "other");
    canonical = canonical_make(documented, &next, &former);

    assert_true(canonical_describes(canonical, &next));
    assert_true(canonical_describes(canonical, &former));
    assert_false(canonical_describes(canonical, &other));
    assert_false(canonical_describes(NULL, &next));
    assert_false(canonical_describes(documented, &next));
    again = canonical_documented(canonical);
    assert_true(json_equal(again, documented));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_value_gives_its_credentials),
        cmocka_unit_test(test_a_canonical_json_describes_the_next_value_and_the_former),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
