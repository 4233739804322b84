#include "controller/database_status.h"
#include "support/fake_timesource.h"
#include "support/test.h"

#include <string.h>

/* What the usage guide shows, with conditions. */
static const char documented[] =
    "{\"phase\":\"Ready\",\"message\":\"Database, user, and secret are ready\",\"conditions\":[{"
    "\"type\":\"Ready\",\"status\":\"True\",\"reason\":\"Ready\",\"message\":\"fine\","
    "\"lastTransitionTime\":\"2026-01-02T03:04:05Z\",\"observedGeneration\":1}],"
    "\"observedGeneration\":1,\"databaseCreated\":true,\"userCreated\":true,\"secretCreated\":true,"
    "\"actualUsername\":\"myapp_db\",\"actualSecretName\":\"rds/postgres/myapp_db\",\"secretARN\":"
    "\"arn:aws:secretsmanager:us-east-1:1:secret:x-abcdef\",\"secretRegion\":\"us-east-1\","
    "\"secretVersion\":\"v\",\"secretFormatVersion\":\"v2\",\"serverIdentity\":\"7\","
    "\"connectionInfo\":{\"host\":\"db.example.com\",\"port\":5432,\"database\":\"myapp_db\","
    "\"username\":\"myapp_db\",\"engine\":\"postgres\"},\"managedTags\":[\"Team\"],"
    "\"appliedPrivileges\":[\"SELECT\"],"
    "\"databaseMissingGeneration\":1,\"lastHandledReconcileAt\":\"now\","
    "\"lastHandledPasswordReset\":\"1\",\"transferTo\":\"n/a\"}";

static json_t *object_with_status(const char *status)
{
    json_t *object = json_object();
    json_t *value = json_loads(status, 0, NULL);

    assert_non_null(value);
    json_object_set_new(object, "status", value);
    return object;
}

static void test_the_documented_status_survives_reading_and_writing(void **state maybe_unused)
{
    auto_json json_t *object = object_with_status(documented);
    auto_database_status struct database_status status = {0};
    auto_json json_t *rendered = NULL;

    database_status_parse(object, &status);
    rendered = database_status_render(&status);

    assert_true(json_equal(rendered, json_object_get(object, "status")));
    assert_int_equal(status.phase, DATABASE_PHASE_READY);
    assert_int_equal(status.conditions[CONDITION_READY].value, CONDITION_TRUE);
}

static void test_a_hostile_status_is_read_without_harm(void **state maybe_unused)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"phase\":7,\"conditions\":{\"a\":1},\"connectionInfo\":[],\"managedTags\":\"x\"}",
        ("{\"phase\":\"Unheard\",\"conditions\":[1,null,{\"type\":\"Foreign\",\"status\":\"True\"},"
         "{\"type\":\"Ready\",\"status\":\"Maybe\",\"reason\":9}],\"observedGeneration\":\"1\"}"),
    };

    for (size_t i = 0; i < array_length(texts); i++) {
        auto_json json_t *object = object_with_status(texts[i]);
        auto_database_status struct database_status status = {0};
        auto_json json_t *rendered = NULL;

        database_status_parse(object, &status);
        rendered = database_status_render(&status);

        assert_int_equal(status.phase, DATABASE_PHASE_NONE);
        assert_int_equal(status.observed_generation, 0);
        assert_true(json_is_object(rendered));
    }
}

static void test_a_long_foreign_message_is_cut(void **state maybe_unused)
{
    char message[ERROR_MESSAGE_SIZE * 2], text[sizeof message + 200];
    auto_database_status struct database_status status = {0};
    auto_json json_t *object = NULL;
    size_t length;

    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    snprintf(text, sizeof text,
             "{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"message\":\"%s\"}]}",
             message);
    object = object_with_status(text);

    database_status_parse(object, &status);

    length = strlen(status.conditions[CONDITION_READY].message);
    assert_int_equal(length, ERROR_MESSAGE_SIZE - 1);
    assert_string_equal(status.conditions[CONDITION_READY].message + length - 3, "...");
}

static void test_transition_time_changes_only_with_the_value(void **state maybe_unused)
{
    auto_database_status struct database_status status = {0};
    struct condition *ready = &status.conditions[CONDITION_READY];
    struct fake_timesource clock;
    char first[TIMESTAMP_SIZE];

    fake_timesource_init(&clock, 1767323045000000);
    database_status_set_condition(&status, CONDITION_READY, CONDITION_FALSE, "A", "a",
                                  &clock.source);
    memcpy(first, ready->last_transition, sizeof first);
    fake_timesource_advance_ms(&clock, 60000);
    database_status_set_condition(&status, CONDITION_READY, CONDITION_FALSE, "B", "b",
                                  &clock.source);
    assert_string_equal(ready->last_transition, first);
    assert_string_equal(ready->reason, "B");
    assert_string_equal(ready->message, "b");

    database_status_set_condition(&status, CONDITION_READY, CONDITION_TRUE, "C", "c",
                                  &clock.source);

    assert_string_not_equal(ready->last_transition, first);
}

static void test_conditions_that_were_never_set_are_not_published(void **state maybe_unused)
{
    auto_database_status struct database_status status = {0};
    auto_json json_t *rendered = database_status_render(&status);

    assert_int_equal(json_array_size(json_object_get(rendered, "conditions")), 0);
    assert_null(json_object_get(rendered, "phase"));
    assert_null(json_object_get(rendered, "connectionInfo"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_documented_status_survives_reading_and_writing),
        cmocka_unit_test(test_a_hostile_status_is_read_without_harm),
        cmocka_unit_test(test_a_long_foreign_message_is_cut),
        cmocka_unit_test(test_transition_time_changes_only_with_the_value),
        cmocka_unit_test(test_conditions_that_were_never_set_are_not_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
