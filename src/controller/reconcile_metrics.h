/*
 * What the passes count: calls of database servers, repairs, and how old the credentials are that
 * they look after.  Labels come from small fixed sets; no name that a user chooses is one.
 */
#ifndef CONTROLLER_RECONCILE_METRICS_H
#define CONTROLLER_RECONCILE_METRICS_H

#include "base/error.h"
#include "base/timesource.h"

#include <stdint.h>

struct engine_driver;
struct metric_family;
struct metrics;
struct proof_memory;

struct reconcile_metrics {
    struct metric_family *database_calls, *drift, *oldest_login, *oldest_password;
};

/* `metrics` NULL makes a set that does nothing. */
void reconcile_metrics_init(struct reconcile_metrics *set, struct metrics *metrics);

/* One call of a driver ended; `failure` NULL = it succeeded. */
void reconcile_metrics_note_call(const struct reconcile_metrics *set,
                                 const struct engine_driver *driver, const char *operation,
                                 int64_t duration_ms, const struct error *failure);

/* Something was made again under a Ready resource; `what` is the reason of its event. */
void reconcile_metrics_note_drift(const struct reconcile_metrics *set, const char *what);

/* Brings what is remembered of the credentials up to date, before the page is rendered. */
void reconcile_metrics_collect(const struct reconcile_metrics *set, struct proof_memory *proofs);

/* Calls an operation of the pass's driver, whose last argument is `err`, and counts it. */
#define database_call(pass, operation, err, ...)                                              \
    ({                                                                                        \
        const struct timesource *timesource_ = (pass)->reconciler->timesource;                \
        int64_t begun_ms_ = timesource_monotonic_ms(timesource_);                             \
        bool succeeded_ = (pass)->driver->operation(__VA_ARGS__, err);                        \
                                                                                              \
        reconcile_metrics_note_call(&(pass)->reconciler->metrics, (pass)->driver, #operation, \
                                    timesource_monotonic_ms(timesource_) - begun_ms_,         \
                                    succeeded_ ? NULL : (err));                               \
        succeeded_;                                                                           \
    })

#endif
