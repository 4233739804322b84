/*
 * The versions that a secret with a template needs, from every state that an interrupted pass may
 * leave behind.
 */
#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/secret_changes.h"
#include "controller/secret_reading.h"
#include "payload/canonical.h"
#include "payload/template.h"
#include "plan_fixture.h"
#include "support/test.h"

#include <string.h>

#define FLAT "{\"u\":\"{{.DBUsername}}\",\"p\":\"{{.DBPassword}}\"}"
#define MADE "{\"u\":\"app\",\"p\":\"p\"}"

static void set_template(struct database *database, const char *text)
{
    struct error err;

    template_free(database->spec.secret_template);
    database->spec.secret_template = NULL;
    if (text != NULL)
        assert_true(template_parse(text, strlen(text), &database->spec.secret_template, &err));
}

static void set_canonical(struct facts *facts, const char *described)
{
    auto_secret struct secret value = {0};

    secret_set_text(&value, described);
    json_decref(facts->secret.canonical);
    facts->secret.canonical = canonical_make(facts->secret.credentials.document, &value, NULL);
}

/* What a pass would see after the writing was cut off behind so many versions. */
static void write_versions(struct facts *facts, const struct secret_rewrite *rewrite, int count)
{
    if (count > 0 && !secret_is_empty(&rewrite->canonical)) {
        json_decref(facts->secret.canonical);
        facts->secret.canonical = json_loads(secret_reveal(&rewrite->canonical), 0, NULL);
    }
    if (count > 1 && !secret_is_empty(&rewrite->value))
        secret_copy(&facts->secret.value, &rewrite->value);
}

static void read_again(const struct plan_input *input, struct facts *facts)
{
    char host[] = "db.example.com", name[] = "app";
    const struct credentials target = {
        .host = host, .port = 5432, .database = name, .username = name};
    struct secret_reading reading = {&facts->secret.value,
                                     facts->secret.canonical,
                                     input->database->spec.secret_template,
                                     &target,
                                     &engine_postgres,
                                     "postgres",
                                     OWNERSHIP_OURS};
    struct error err;

    credentials_release(&facts->secret.credentials);
    assert_true(secret_reading_run(&reading, &facts->secret.credentials, &err));
}

static void set_documented(struct facts *facts)
{
    auto_strbuf struct strbuf text = STRBUF_ERASING;

    document_render(facts->secret.credentials.document, true, &text);
    secret_take_strbuf(&facts->secret.value, &text);
}

CHANGE(template_is_added)
{
    set_documented(facts);
    set_template(database, FLAT);
}

CHANGE(template_is_there)
{
    template_is_added(input, facts, database, status);
    set_canonical(facts, MADE);
    secret_set_text(&facts->secret.value, MADE);
    facts->secret.credentials.format_version = PAYLOAD_FORMAT_TEMPLATE;
}

CHANGE(template_changes)
{
    template_is_there(input, facts, database, status);
    set_template(database, "{\"p\":\"{{.DBUsername}}\",\"u\":\"{{.DBPassword}}\"}");
}

CHANGE(template_is_removed)
{
    template_is_there(input, facts, database, status);
    set_template(database, NULL);
}

CHANGE(a_person_wrote)
{
    template_is_there(input, facts, database, status);
    secret_set_text(&facts->secret.value, "{\"u\":\"app\",\"p\":\"new\",\"x\":1}");
    secret_set_text(&facts->secret.credentials.password, "new");
}

CHANGE(canonical_is_lost)
{
    template_is_there(input, facts, database, status);
    json_decref(facts->secret.canonical);
    facts->secret.canonical = NULL;
}

CHANGE(host_changes)
{
    struct connection_string *server = (struct connection_string *)(uintptr_t)input->server;

    template_is_there(input, facts, database, status);
    set_template(database, "{\"h\":\"{{.DBHost}}\",\"p\":\"{{.DBPassword}}\"}");
    free(server->hosts[0].host);
    server->hosts[0].host = mem_strdup("db2.example.com");
}

static void (*const states[])(struct plan_input *input, struct facts *facts,
                              struct database *database, struct database_status *status) = {
    template_is_added, template_is_there, template_changes, template_is_removed,
    a_person_wrote,    canonical_is_lost, host_changes,
};

/* The value is what the template makes (or documented), and the canonical JSON describes it. */
static void check_final(const struct plan_input *input, const char *password)
{
    const struct secret_facts *secret = &input->facts->secret;

    assert_true(secret_changes_is_current(input));
    assert_string_equal(secret_reveal(&secret->credentials.password), password);
    assert_non_null(strstr(secret_reveal(&secret->value), password));
    if (input->database->spec.secret_template == NULL)
        return;
    assert_true(canonical_describes(secret->canonical, &secret->value));
    assert_string_equal(document_string(secret->canonical, "DB_PASSWORD"), password);
}

/* Cut off behind every version, looked at again, and finished by the next pass. */
static void check_interrupted(void *context, const struct plan_input *input)
{
    struct facts *facts = (struct facts *)(uintptr_t)input->facts;
    auto_secret struct secret password = {0};
    int first = *(int *)context;
    struct error err;

    secret_copy(&password, &facts->secret.credentials.password);
    for (int pass = 0; pass < 2; pass++) {
        auto_secret_rewrite struct secret_rewrite rewrite = {0};

        assert_true(secret_changes_plan(input, &rewrite, &err));
        write_versions(facts, &rewrite, pass == 0 ? first : 2);
        read_again(input, facts);
        assert_true(secret_equals(&facts->secret.credentials.password, &password));
    }
    check_final(input, secret_reveal(&password));
}

static void test_an_interrupted_rewrite_keeps_the_password(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(states); i++) {
        for (int count = 0; count <= 2; count++) {
            struct setup setup = {OURS, OURS, OURS, PROOF_PASSED, states[i]};

            plan_fixture_run(&setup, check_interrupted, &count);
        }
    }
}

static void check_added(void *context maybe_unused, const struct plan_input *input)
{
    auto_secret_rewrite struct secret_rewrite rewrite = {0};
    auto_json json_t *canonical = NULL, *documented = NULL;
    struct error err;

    assert_true(secret_changes_plan(input, &rewrite, &err));
    assert_string_equal(secret_reveal(&rewrite.value), MADE);
    canonical = json_loads(secret_reveal(&rewrite.canonical), 0, NULL);
    assert_true(canonical_describes(canonical, &rewrite.value));
    documented = canonical_documented(canonical);
    assert_true(json_equal(documented, input->facts->secret.credentials.document));
}

static void test_an_added_template_makes_two_versions(void **state maybe_unused)
{
    struct setup setup = {OURS, OURS, OURS, PROOF_PASSED, template_is_added};

    plan_fixture_run(&setup, check_added, NULL);
}

CHANGE(template_repeats_a_key)
{
    set_documented(facts);
    set_template(database, "{\"{{.DBName}}\":1,\"{{.DBUsername}}\":2,\"p\":\"{{.DBPassword}}\"}");
}

static void check_refused(void *context maybe_unused, const struct plan_input *input)
{
    auto_secret_rewrite struct secret_rewrite rewrite = {0};
    struct error err;

    assert_false(secret_changes_is_current(input));
    assert_false(secret_changes_plan(input, &rewrite, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "spec.secretTemplate: "));
}

static void test_names_that_break_the_template_are_refused(void **state maybe_unused)
{
    struct setup setup = {OURS, OURS, OURS, PROOF_PASSED, template_repeats_a_key};

    plan_fixture_run(&setup, check_refused, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_interrupted_rewrite_keeps_the_password),
        cmocka_unit_test(test_an_added_template_makes_two_versions),
        cmocka_unit_test(test_names_that_break_the_template_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
