#include "base/memory.h"
#include "controller/tenant_rules.h"
#include "support/test.h"

#include <string.h>

/* A resource team-a/app with the default path, or a path of its own. */
static void make_database(struct database *database, const char *secret_name)
{
    *database = (struct database){
        .namespace_name = mem_strdup("team-a"),
        .name = mem_strdup("app"),
        .spec = {.secret_name = mem_strdup(secret_name != NULL ? secret_name : "rds/postgres/app"),
                 .secret_name_given = secret_name != NULL},
    };
}

static struct tenant_rules *make_rules(const struct tenant_rules_options *options)
{
    struct tenant_rules *rules = NULL;
    struct error err;

    if (!tenant_rules_parse(options, &rules, &err))
        fail_msg("%s", err.message);
    return rules;
}

/* --- Places ---------------------------------------------------------------------------------- */

static void
test_the_default_path_is_put_under_the_prefix_and_stays_where_it_was(void **state maybe_unused)
{
    static const struct {
        const char *prefix;
        const char *given;
        const char *actual; /* what the status says; NULL = nothing yet */
        const char *expected;
    } rows[] = {
        {NULL, NULL, NULL, "rds/postgres/app"},
        {"{namespace}/", NULL, NULL, "team-a/rds/postgres/app"},
        {"x-{namespace}/{name}/", NULL, NULL, "x-team-a/app/rds/postgres/app"},
        {"{namespace}/", "own/path", NULL, "own/path"},
        {"{namespace}/", NULL, "rds/postgres/app", "rds/postgres/app"},
        {NULL, NULL, "team-a/rds/postgres/app", "team-a/rds/postgres/app"},
        {"{namespace}/", NULL, "own/path", "team-a/rds/postgres/app"},
        {"{namespace}/", "own/path", "rds/postgres/app", "own/path"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct tenant_rules *rules =
            make_rules(&(struct tenant_rules_options){.secret_name_prefix = rows[i].prefix});
        auto_database struct database database = {0};
        auto_database_status struct database_status status = {0};

        make_database(&database, rows[i].given);
        status.actual_secret_name = mem_strdup_or_null(rows[i].actual);
        status.secret_arn = mem_strdup_or_null(rows[i].actual);

        tenant_rules_place_secret(rules, &database, &status);

        assert_string_equal(database.spec.secret_name, rows[i].expected);
        tenant_rules_free(rules);
    }
}

static void test_a_name_outside_the_prefix_is_refused_with_one_inside(void **state maybe_unused)
{
    static const struct {
        const char *prefix;
        const char *name;
        const char *part; /* NULL = allowed */
    } rows[] = {
        {NULL, "anything", NULL},
        {"{namespace}/", "team-a/x", NULL},
        {"{namespace}/", "team-a/", "'team-a/team-a/'"},
        {"{namespace}/", "team-b/x", "set spec.secretName to 'team-a/team-b/x'"},
        {"{namespace}/", "team-ab/x", "--secret-name-prefix"},
        {"{namespace}/", "/team-a/x", "'team-a/team-a/x'"},
        {"prod-", "prod-x", NULL},
        {"prod-", "test-x", "'prod-'"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct tenant_rules *rules =
            make_rules(&(struct tenant_rules_options){.secret_name_prefix = rows[i].prefix});
        auto_database struct database database = {0};
        struct failure failure = {0};
        bool allowed;

        make_database(&database, rows[i].name);
        allowed = tenant_rules_check_secret(rules, &database, &failure);

        if (allowed != (rows[i].part == NULL))
            fail_msg("row %zu: %s", i, failure.error.message);
        if (!allowed) {
            assert_string_equal(failure.reason, "NotAllowed");
            if (strstr(failure.error.message, rows[i].part) == NULL)
                fail_msg("row %zu: '%s'", i, failure.error.message);
        }
        tenant_rules_free(rules);
    }
}

/* --- Lists ----------------------------------------------------------------------------------- */

static void test_admin_secrets_and_regions_need_an_entry_of_the_namespace(void **state maybe_unused)
{
    struct tenant_rules *rules = make_rules(&(struct tenant_rules_options){
        .allowed_admin_secrets = "team-a=rds/admin/*,team-b=*",
        .allowed_regions = "*=eu-*",
    });
    auto_database struct database database = {0};
    struct failure failure = {0};

    make_database(&database, NULL);
    database.spec.connection.name = mem_strdup("rds/admin/main");
    assert_true(tenant_rules_check_admin(rules, &database, &failure));
    assert_true(tenant_rules_check_region(rules, &database, "eu-west-1", "x", &failure));
    free(database.spec.connection.name);
    database.spec.connection.name =
        mem_strdup("arn:aws:secretsmanager:eu-west-1:1:secret:rds/admin/main-AbCdEf");
    assert_false(tenant_rules_check_admin(rules, &database, &failure));
    assert_non_null(strstr(failure.error.message, "--allowed-admin-secrets"));
    assert_false(tenant_rules_check_region(rules, &database, "us-east-1", "x", &failure));
    assert_non_null(strstr(failure.error.message, "--allowed-regions"));
    assert_string_equal(failure.reason, "NotAllowed");

    tenant_rules_free(rules);
}

/* --- Tags ------------------------------------------------------------------------------------ */

static void test_required_tags_join_those_of_the_spec(void **state maybe_unused)
{
    struct tenant_rules *rules =
        make_rules(&(struct tenant_rules_options){.required_tags = "Owner=platform,Cost=a=b"});
    auto_database struct database plain = {0}, tagged = {0}, opposed = {0};
    struct failure failure = {0};

    make_database(&plain, NULL);
    assert_true(tenant_rules_add_tags(rules, &plain, &failure));
    assert_int_equal(json_object_size(plain.spec.tags), 2);
    assert_string_equal(document_string(plain.spec.tags, "Cost"), "a=b");

    make_database(&tagged, NULL);
    tagged.spec.tags = json_pack("{s:s,s:s}", "Team", "x", "Owner", "platform");
    assert_true(tenant_rules_add_tags(rules, &tagged, &failure));
    assert_int_equal(json_object_size(tagged.spec.tags), 3);

    make_database(&opposed, NULL);
    opposed.spec.tags = json_pack("{s:s}", "Owner", "me");
    assert_false(tenant_rules_add_tags(rules, &opposed, &failure));
    assert_non_null(strstr(failure.error.message, "--required-tags"));
    assert_string_equal(failure.reason, "NotAllowed");

    tenant_rules_free(rules);
}

/* --- Options --------------------------------------------------------------------------------- */

static void test_an_option_that_cannot_be_read_is_named(void **state maybe_unused)
{
    static const struct {
        struct tenant_rules_options options;
        const char *part;
    } rows[] = {
        {{.secret_name_prefix = "{namespace}"}, "must be followed by a '/'"},
        {{.secret_name_prefix = "{namespace}-{name}/"}, "'{namespace}' must be followed"},
        {{.secret_name_prefix = "{team}/"}, "--secret-name-prefix may hold"},
        {{.secret_name_prefix = "a b/"}, "--secret-name-prefix may hold"},
        {{.allowed_admin_secrets = "x"}, "--allowed-admin-secrets: 'x'"},
        {{.allowed_regions = "x"}, "--allowed-regions: 'x'"},
        {{.required_tags = "x"}, "--required-tags: 'x' is not key=value"},
        {{.required_tags = "=x"}, "--required-tags"},
        {{.required_tags = "a=1,a=2"}, "'a' is there twice"},
        {{.required_tags = "aws:a=1"}, "reserved"},
        {{.required_tags = "ManagedBy=me"}, "reserved"},
        {{.required_tags = "database.opzkit.io/cluster=x"}, "reserved"},
        {{.required_tags = "a=\xff"}, "UTF-8"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct tenant_rules *rules = NULL;
        struct error err;

        if (tenant_rules_parse(&rows[i].options, &rules, &err))
            fail_msg("row %zu was taken", i);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (strstr(err.message, rows[i].part) == NULL)
            fail_msg("row %zu: '%s' does not say '%s'", i, err.message, rows[i].part);
        assert_null(rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_outside_the_prefix_is_refused_with_one_inside),
        cmocka_unit_test(test_admin_secrets_and_regions_need_an_entry_of_the_namespace),
        cmocka_unit_test(test_an_option_that_cannot_be_read_is_named),
        cmocka_unit_test(test_required_tags_join_those_of_the_spec),
        cmocka_unit_test(test_the_default_path_is_put_under_the_prefix_and_stays_where_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
