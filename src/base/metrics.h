/*
 * A registry of counters, gauges and histograms, rendered in the Prometheus text format 0.0.4.
 * Families and their label values come from small fixed sets (never object names); series exist
 * from the first touch, so metric_touch() makes zero series visible at start.  A family that has
 * all the series that it may have takes what is new as one more whose labels are all "other":
 * whatever comes in from outside, the page stays small.
 * Thread-safe.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/compiler.h"

#include <stddef.h>

struct strbuf;
struct metrics;
struct metric_family;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum { METRIC_LABELS_LIMIT = 4, METRIC_SERIES_DEFAULT = 256 };

struct metric_description {
    const char *name; /* with its unit suffix; borrowed for ever, as all here */
    const char *help;
    enum metric_type type;
    const char *labels[METRIC_LABELS_LIMIT]; /* ends at the first NULL */
    const double *buckets;                   /* upper bounds, rising, without +Inf */
    size_t bucket_count;
    size_t series_limit; /* 0 = METRIC_SERIES_DEFAULT */
};

struct metrics *metrics_new(void) returns_owned;
void metrics_free(struct metrics *metrics);

/* Finds or makes the family; `metrics` NULL gives NULL, and every operation on a NULL family does
 * nothing, so that rooms can do without. */
struct metric_family *metrics_family(struct metrics *metrics,
                                     const struct metric_description *description);

/* Brings gauges up to date before each rendering, on the thread that renders; no lock is held.
 * `context` outlives the last rendering. */
typedef void (*metrics_collect_fn)(void *context);
void metrics_add_collector(struct metrics *metrics, metrics_collect_fn collect, void *context);

/* One value for each label of the family, in order, ended by NULL (also without labels). */
void metric_touch(struct metric_family *family, ...) __attribute__((sentinel));
/* Counters, by what is not negative, and gauges. */
void metric_add(struct metric_family *family, double amount, ...) __attribute__((sentinel));
/* Gauges, and counters that somebody else counts (CPU seconds).  A gauge of what is not known is
 * NAN: no comparison holds for it. */
void metric_set(struct metric_family *family, double value, ...) __attribute__((sentinel));
/* Histograms. */
void metric_observe(struct metric_family *family, double value, ...) __attribute__((sentinel));

/* Appends the whole page, families in the order of their making; those without series are left
 * out. */
void metrics_render(struct metrics *metrics, struct strbuf *buf);

#endif
