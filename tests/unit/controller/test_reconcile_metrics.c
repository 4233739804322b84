#include "base/metrics.h"
#include "base/strbuf.h"
#include "controller/proof_memory.h"
#include "controller/reconcile_metrics.h"
#include "engine/engine.h"
#include "support/test.h"

#include <string.h>

static void expect_sample(struct metrics *metrics, const char *sample)
{
    auto_strbuf struct strbuf page = {0};

    metrics_render(metrics, &page);
    if (strstr(strbuf_text(&page), sample) == NULL)
        fail_msg("'%s' is missing in:\n%s", sample, strbuf_text(&page));
}

static void test_calls_are_counted_by_engine_operation_and_outcome(void **state maybe_unused)
{
    const struct error failure = {.kind = ERROR_UNAVAILABLE, .message = "host db-of-a-tenant"};
    struct metrics *metrics = metrics_new();
    struct reconcile_metrics set;

    reconcile_metrics_init(&set, metrics);
    reconcile_metrics_note_call(&set, &engine_postgres, "observe", 7, NULL);
    reconcile_metrics_note_call(&set, &engine_mysql, "connect", 5000, &failure);

    expect_sample(metrics, "_call_duration_seconds_sum{engine=\"postgresql\",operation=\"observe\","
                           "outcome=\"ok\"} 0.007\n");
    expect_sample(metrics, "_call_duration_seconds_bucket{engine=\"mysql\",operation=\"connect\","
                           "outcome=\"unavailable\",le=\"5\"} 1\n");
    metrics_free(metrics);
}

static void test_drift_is_there_from_the_start(void **state maybe_unused)
{
    struct metrics *metrics = metrics_new();
    struct reconcile_metrics set;

    reconcile_metrics_init(&set, metrics);
    expect_sample(metrics, "_drift_found_total{repair=\"Created\"} 0\n");
    reconcile_metrics_note_drift(&set, "Created");

    expect_sample(metrics, "_drift_found_total{repair=\"Created\"} 1\n");
    metrics_free(metrics);
}

static void test_the_oldest_credentials_are_told(void **state maybe_unused)
{
    struct metrics *metrics = metrics_new();
    struct proof_memory *proofs = proof_memory_new();
    struct reconcile_metrics set;

    reconcile_metrics_init(&set, metrics);
    reconcile_metrics_collect(&set, proofs);
    expect_sample(metrics, "_oldest_verified_login_timestamp_seconds NaN\n");
    expect_sample(metrics, "_oldest_password_timestamp_seconds NaN\n");

    proof_memory_note_times(proofs, "a", &(struct credential_times){.proven_at_s = 1700000002});
    proof_memory_note_times(proofs, "b", &(struct credential_times){.stored_at_s = 1600000001});
    reconcile_metrics_collect(&set, proofs);

    expect_sample(metrics, "_oldest_verified_login_timestamp_seconds 1700000002\n");
    expect_sample(metrics, "_oldest_password_timestamp_seconds 1600000001\n");
    proof_memory_free(proofs);
    metrics_free(metrics);
}

static void test_without_a_registry_nothing_happens(void **state maybe_unused)
{
    struct reconcile_metrics set;

    reconcile_metrics_init(&set, NULL);
    reconcile_metrics_note_call(&set, &engine_postgres, "observe", 1, NULL);
    reconcile_metrics_note_drift(&set, "Created");

    assert_null(set.drift);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_are_counted_by_engine_operation_and_outcome),
        cmocka_unit_test(test_drift_is_there_from_the_start),
        cmocka_unit_test(test_the_oldest_credentials_are_told),
        cmocka_unit_test(test_without_a_registry_nothing_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
