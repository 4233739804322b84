#include "controller/reconcile_metrics.h"

#include "base/compiler.h"
#include "base/metrics.h"
#include "controller/proof_memory.h"
#include "engine/engine.h"

#include <math.h>

/* From a query on the same machine to the longest time-out. */
static const double call_buckets[] = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
};

static const struct metric_description database_calls = {
    .name = "database_user_operator_database_call_duration_seconds",
    .help = "Operations on database servers by engine, operation and outcome (ok, or the kind of "
            "the error)",
    .type = METRIC_HISTOGRAM,
    .labels = {"engine", "operation", "outcome"},
    .buckets = call_buckets,
    .bucket_count = array_length(call_buckets),
};
static const struct metric_description drift = {
    .name = "database_user_operator_drift_found_total",
    .help = "Differences found and repaired under resources that were Ready and not changed, by "
            "what was done",
    .type = METRIC_COUNTER,
    .labels = {"repair"},
};
static const struct metric_description oldest_login = {
    .name = "database_user_operator_oldest_verified_login_timestamp_seconds",
    .help = "Of the last logins that proved each stored password, the one longest ago; NaN before "
            "the first",
    .type = METRIC_GAUGE,
};
static const struct metric_description oldest_password = {
    .name = "database_user_operator_oldest_password_timestamp_seconds",
    .help = "When the oldest of the current secret versions was made, which is the latest that its "
            "password was; NaN before the first is read",
    .type = METRIC_GAUGE,
};

void reconcile_metrics_init(struct reconcile_metrics *set, struct metrics *metrics)
{
    static const char *const repairs[] = {"Created", "PrivilegesChanged", "SecretRestored"};

    *set = (struct reconcile_metrics){
        .database_calls = metrics_family(metrics, &database_calls),
        .drift = metrics_family(metrics, &drift),
        .oldest_login = metrics_family(metrics, &oldest_login),
        .oldest_password = metrics_family(metrics, &oldest_password),
    };
    for (size_t i = 0; i < array_length(repairs); i++)
        metric_touch(set->drift, repairs[i], NULL);
}

void reconcile_metrics_note_call(const struct reconcile_metrics *set,
                                 const struct engine_driver *driver, const char *operation,
                                 int64_t duration_ms, const struct error *failure)
{
    metric_observe(set->database_calls, (double)duration_ms / 1000, driver->url_scheme, operation,
                   failure != NULL ? error_kind_name(failure->kind) : "ok", NULL);
}

void reconcile_metrics_note_drift(const struct reconcile_metrics *set, const char *what)
{
    metric_add(set->drift, 1, what, NULL);
}

static double or_unknown(int64_t seconds)
{
    return seconds > 0 ? (double)seconds : NAN;
}

void reconcile_metrics_collect(const struct reconcile_metrics *set, struct proof_memory *proofs)
{
    struct credential_times oldest;

    proof_memory_find_oldest(proofs, &oldest);
    metric_set(set->oldest_login, or_unknown(oldest.proven_at_s), NULL);
    metric_set(set->oldest_password, or_unknown(oldest.stored_at_s), NULL);
}
