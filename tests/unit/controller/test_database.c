#include "base/memory.h"
#include "controller/database.h"
#include "support/test.h"

#include <string.h>

#define METADATA                                                                               \
    "\"metadata\":{\"name\":\"app\",\"namespace\":\"team\",\"uid\":\"u\",\"resourceVersion\":" \
    "\"7\",\"generation\":3}"

/* Parses a resource with this spec; the identity must be readable. */
static bool parse(const char *spec, struct database *database, struct error *err)
{
    auto_json json_t *object = NULL;
    char text[4096];

    snprintf(text, sizeof text, "{" METADATA ",\"spec\":%s}", spec);
    object = json_loads(text, 0, NULL);
    assert_non_null(object);
    assert_true(database_parse_identity(object, database, err));
    return database_parse_spec(database, err);
}

static void test_the_minimal_example_gets_the_documented_defaults(void **state maybe_unused)
{
    auto_database struct database database = {0};
    struct error err;

    assert_true(parse("{\"engine\":\"postgres\",\"databaseName\":\"myapp_db\","
                      "\"connectionStringSecretRef\":{\"name\":\"postgres-admin\"}}",
                      &database, &err));

    assert_string_equal(database.spec.username, "myapp_db");
    assert_string_equal(database.spec.secret_name, "rds/postgres/myapp_db");
    assert_string_equal(database.spec.description, "Database credentials for myapp_db");
    assert_string_equal(database.spec.connection.name, "postgres-admin");
    assert_string_equal(database.spec.connection.key, "connectionString");
    assert_true(database.spec.privileges.all);
    assert_true(database.spec.retain_on_delete);
    assert_null(database.spec.region);
    assert_false(database.spec.connection.in_aws);
    assert_int_equal(database.generation, 3);
    assert_false(database.deleting);
    assert_false(database.has_finalizer);
}

static void test_given_values_win_over_defaults(void **state maybe_unused)
{
    auto_database struct database database = {0};
    struct error err;

    assert_true(
        parse("{\"engine\":\"postgresql\",\"databaseName\":\"analytics\",\"username\":"
              "\"analytics_user\",\"secretName\":\"/myapp/databases/analytics\",\"privileges\":"
              "[\"SELECT\",\"INSERT\"],\"retainOnDelete\":false,\"connectionStringSecretRef\":"
              "{\"name\":\"a\",\"key\":\"url\"},\"awsSecretsManager\":{\"region\":\"eu-west-1\","
              "\"description\":\"d\",\"tags\":{\"Team\":\"x\"}}}",
              &database, &err));

    assert_string_equal(database.spec.username, "analytics_user");
    assert_string_equal(database.spec.secret_name, "/myapp/databases/analytics");
    assert_string_equal(database.spec.connection.key, "url");
    assert_string_equal(database.spec.region, "eu-west-1");
    assert_string_equal(database.spec.description, "d");
    assert_string_equal(document_string(database.spec.tags, "Team"), "x");
    assert_false(database.spec.privileges.all);
    assert_false(database.spec.retain_on_delete);
}

static void test_the_secrets_region_wins_over_the_admin_secrets(void **state maybe_unused)
{
    auto_database struct database one = {0}, both = {0};
    struct error err;

    assert_true(parse("{\"engine\":\"postgres\",\"databaseName\":\"a\","
                      "\"connectionStringAWSSecretRef\":{\"secretName\":\"s\",\"region\":\"r-1\"}}",
                      &one, &err));
    assert_true(parse("{\"engine\":\"postgres\",\"databaseName\":\"a\",\"awsSecretsManager\":"
                      "{\"region\":\"r-2\"},"
                      "\"connectionStringAWSSecretRef\":{\"secretName\":\"s\",\"region\":\"r-1\"}}",
                      &both, &err));

    assert_string_equal(one.spec.region, "r-1");
    assert_string_equal(both.spec.region, "r-2");
    assert_true(one.spec.connection.in_aws);
}

static void test_all_in_any_case_among_others_means_all(void **state maybe_unused)
{
    auto_database struct database database = {0};
    struct error err;

    assert_true(parse("{\"engine\":\"postgres\",\"databaseName\":\"a\",\"privileges\":[\"SELECT\","
                      "\"all\"],\"connectionStringSecretRef\":{\"name\":\"s\"}}",
                      &database, &err));

    assert_true(database.spec.privileges.all);
}

/* MINIMAL with this template, as JSON. */
static bool parse_template(const char *text, struct database *database, struct error *err)
{
    auto_free char *spec = mem_printf("{\"engine\":\"postgres\",\"databaseName\":\"a\","
                                      "\"connectionStringSecretRef\":{\"name\":\"s\"},"
                                      "\"secretTemplate\":%s}",
                                      text);

    assert_true(parse(spec, database, err));
    return database_parse_template(database, err);
}

static void test_a_template_is_compiled_or_refused_with_its_position(void **state maybe_unused)
{
    static const struct {
        const char *text, *part; /* part NULL = accepted */
        bool is_there;
    } rows[] = {
        {"null", NULL, false},
        {"\"\"", NULL, false},
        {"\"{\\\"p\\\":\\\"{{.DBPassword}}\\\"}\"", NULL, true},
        {"7", "spec.secretTemplate must be a string", false},
        {"\"{\\\"p\\\":\\\"{{.Nothing}}\\\"}\"", "spec.secretTemplate: 1:9: unknown field", false},
        {"\"{}\"", "spec.secretTemplate: no string of what it makes holds the password", false},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_database struct database database = {0};
        struct error err;
        bool accepted = parse_template(rows[i].text, &database, &err);

        assert_int_equal(accepted, rows[i].part == NULL);
        assert_int_equal(database.spec.secret_template != NULL, rows[i].is_there);
        if (!accepted && strstr(err.message, rows[i].part) == NULL)
            fail_msg("row %zu: '%s'", i, err.message);
    }
}

static void test_a_bad_spec_is_refused_with_the_field(void **state maybe_unused)
{
    static const struct {
        const char *spec, *part;
    } rows[] = {
        {"{}", "spec.engine"},
        {"{\"engine\":\"postgres\"}", "spec.databaseName"},
        {"{\"engine\":7,\"databaseName\":\"a\"}", "spec.engine"},
        {"{\"engine\":\"postgres\",\"databaseName\":\"Upper\"}", "lower-case"},
        {"{\"engine\":\"postgres\",\"databaseName\":\"1st\"}", "lower-case"},
        {"{\"engine\":\"postgres\",\"databaseName\":\"a\\\"; DROP\"}", "lower-case"},
        {"{\"engine\":\"postgres\",\"databaseName\":\"a234567890123456789012345678901234567890"
         "123456789012345678901234\"}",
         "63"},
        {"{\"engine\":\"postgres\",\"databaseName\":\"a\"}", "exactly one of"},
        {"{\"engine\":\"postgres\",\"databaseName\":\"a\",\"connectionStringSecretRef\":{\"name\":"
         "\"s\"},\"connectionStringAWSSecretRef\":{\"secretName\":\"s\"}}",
         "exactly one of"},
        {"{\"engine\":\"postgres\",\"databaseName\":\"a\",\"connectionStringSecretRef\":{}}",
         "connectionStringSecretRef.name"},
        {"{\"engine\":\"postgres\",\"databaseName\":\"a\",\"connectionStringSecretRef\":{\"name\":"
         "\"s\"},\"privileges\":\"ALL\"}",
         "spec.privileges"},
        {"{\"engine\":\"postgres\",\"databaseName\":\"a\",\"connectionStringSecretRef\":{\"name\":"
         "\"s\"},\"privileges\":[1]}",
         "spec.privileges"},
        {"{\"engine\":\"postgres\",\"databaseName\":\"a\",\"connectionStringSecretRef\":{\"name\":"
         "\"s\"},\"awsSecretsManager\":{\"tags\":{\"a\":1}}}",
         "tag 'a'"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_database struct database database = {0};
        struct error err = {0};

        if (parse(rows[i].spec, &database, &err))
            fail_msg("row %zu was accepted", i);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (strstr(err.message, rows[i].part) == NULL)
            fail_msg("row %zu: '%s' does not say '%s'", i, err.message, rows[i].part);
    }
}

static void test_an_object_without_identity_is_an_internal_error(void **state maybe_unused)
{
    auto_json json_t *object = json_loads("{\"metadata\":{\"name\":\"a\"}}", 0, NULL);
    auto_database struct database database = {0};
    struct error err;

    assert_false(database_parse_identity(object, &database, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
}

static void test_deletion_and_our_finalizer_are_seen(void **state maybe_unused)
{
    auto_json json_t *object =
        json_loads("{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\","
                   "\"resourceVersion\":\"1\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","
                   "\"finalizers\":[\"x/y\",\"" DATABASE_FINALIZER "\"]}}",
                   0, NULL);
    auto_database struct database database = {0};
    struct error err;

    assert_true(database_parse_identity(object, &database, &err));

    assert_true(database.deleting);
    assert_true(database.has_finalizer);
}

static void test_only_exactly_false_gives_up_retention(void **state maybe_unused)
{
    static const struct {
        const char *spec;
        bool retains;
    } rows[] = {
        {"{}", true},
        {"{\"retainOnDelete\":true}", true},
        {"{\"retainOnDelete\":null}", true},
        {"{\"retainOnDelete\":\"false\"}", true},
        {"{\"retainOnDelete\":false}", false},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_database struct database database = {0};
        struct error err;

        (void)!parse(rows[i].spec, &database, &err);
        assert_int_equal(database_retains_on_delete(&database), rows[i].retains);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_minimal_example_gets_the_documented_defaults),
        cmocka_unit_test(test_given_values_win_over_defaults),
        cmocka_unit_test(test_the_secrets_region_wins_over_the_admin_secrets),
        cmocka_unit_test(test_all_in_any_case_among_others_means_all),
        cmocka_unit_test(test_a_template_is_compiled_or_refused_with_its_position),
        cmocka_unit_test(test_a_bad_spec_is_refused_with_the_field),
        cmocka_unit_test(test_an_object_without_identity_is_an_internal_error),
        cmocka_unit_test(test_deletion_and_our_finalizer_are_seen),
        cmocka_unit_test(test_only_exactly_false_gives_up_retention),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
