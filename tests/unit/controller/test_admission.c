#include "controller/admission.h"
#include "support/test.h"

#include <string.h>

#define CONNECTION "\"connectionStringSecretRef\":{\"name\":\"s\"}"
#define MINIMAL    "\"engine\":\"postgres\",\"databaseName\":\"app\"," CONNECTION

struct row {
    const char *spec;
    const char *status;
    const char *reason; /* NULL = admitted */
    const char *part;
};

static const struct row rows[] = {
    {"{" MINIMAL "}", "{}", NULL, NULL},
    {"{" MINIMAL ",\"privileges\":[\"all\",\"SELECT\"]}", "{}", NULL, NULL},
    {"{" MINIMAL ",\"retainOnDelete\":false}", "{}", NULL, NULL},
    {"{" MINIMAL ",\"awsSecretsManager\":{\"tags\":{\"ManagedBy\":\"database-user-operator\"}}}",
     "{}", NULL, NULL},
    {"{\"engine\":\"oracle\",\"databaseName\":\"app\"," CONNECTION "}", "{}", "NotSupported",
     "spec.engine"},
    {"{\"engine\":\"postgres\",\"databaseName\":\"app\",\"connectionStringAWSSecretRef\":{"
     "\"secretName\":\"s\"}}",
     "{}", NULL, NULL},
    {"{" MINIMAL ",\"privileges\":[\"SELECT\"]}", "{}", NULL, NULL},
    {"{" MINIMAL ",\"adoptExistingDatabase\":true}", "{}", NULL, NULL},
    {"{" MINIMAL ",\"awsSecretsManager\":{\"tags\":{\"ManagedBy\":\"me\"}}}", "{}", "InvalidSpec",
     "ManagedBy"},

    {"{" MINIMAL "}", "{\"connectionInfo\":{\"database\":\"old\"}}", "ImmutableField",
     "create a new resource"},
    {"{" MINIMAL "}", "{\"connectionInfo\":{\"username\":\"old\"}}", "ImmutableField",
     "spec.username"},
    {"{" MINIMAL "}", "{\"connectionInfo\":{\"engine\":\"postgresql\"}}", "ImmutableField",
     "spec.engine"},
    {"{" MINIMAL "}",
     "{\"connectionInfo\":{\"engine\":\"postgres\",\"database\":\"app\",\"username\":\"app\"}}",
     NULL, NULL},
};

static void check(size_t number, const struct row *row, const char *annotations)
{
    auto_json json_t *object =
        json_loads("{\"metadata\":{\"name\":\"a\",\"namespace\":\"n\",\"uid\":\"u\","
                   "\"resourceVersion\":\"1\"}}",
                   0, NULL);
    auto_database struct database database = {0};
    auto_database_status struct database_status status = {0};
    struct failure failure = {0};
    struct error err;
    bool admitted;

    json_object_set_new(object, "spec", json_loads(row->spec, 0, NULL));
    if (annotations != NULL)
        json_object_set_new(json_object_get(object, "metadata"), "annotations",
                            json_loads(annotations, 0, NULL));
    json_object_set_new(object, "status", json_loads(row->status, 0, NULL));
    assert_true(database_parse_identity(object, &database, &err));
    assert_true(database_parse_spec(&database, &err));
    database_status_parse(object, &status);

    admitted = admission_check(&database, &status, &failure);

    if (admitted != (row->reason == NULL))
        fail_msg("row %zu: admitted is %d (%s)", number, admitted, failure.error.message);
    if (row->reason == NULL)
        return;
    assert_string_equal(failure.reason, row->reason);
    if (strstr(failure.error.message, row->part) == NULL)
        fail_msg("row %zu: '%s' does not say '%s'", number, failure.error.message, row->part);
}

static void test_each_spec_is_admitted_or_refused_with_its_field(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(rows); i++)
        check(i, &rows[i], NULL);
}

static void test_an_annotation_that_would_do_nothing_is_named(void **state maybe_unused)
{
    static const struct row admitted = {"{" MINIMAL "}", "{}", NULL, NULL};
    static const struct row refused = {"{" MINIMAL "}", "{}", "NotSupported",
                                       "database.opzkit.io/rest-password"};

    check(0, &admitted, "{\"database.opzkit.io/reconcile-now\":\"1\"}");
    check(1, &admitted, "{\"example.com/reset-password\":\"1\"}");
    check(2, &refused, "{\"database.opzkit.io/rest-password\":\"1\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_annotation_that_would_do_nothing_is_named),
        cmocka_unit_test(test_each_spec_is_admitted_or_refused_with_its_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
