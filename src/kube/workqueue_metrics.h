/*
 * The metrics of a work queue, under the names and labels of controller-runtime, so that public
 * dashboards and alerts work.
 */
#ifndef KUBE_WORKQUEUE_METRICS_H
#define KUBE_WORKQUEUE_METRICS_H

#include <stdint.h>

struct metrics;
struct metric_family;

struct workqueue_metrics {
    const char *name; /* label; borrowed */
    struct metric_family *depth, *adds, *retries, *queue_duration, *work_duration, *unfinished,
        *longest;
};

/* `metrics` NULL makes a set that does nothing. */
void workqueue_metrics_init(struct workqueue_metrics *set, struct metrics *metrics,
                            const char *name);

/* An item became ready (+1) or ceased to be (-1). */
void workqueue_metrics_depth(const struct workqueue_metrics *set, int priority, int change);
void workqueue_metrics_added(const struct workqueue_metrics *set);
void workqueue_metrics_retried(const struct workqueue_metrics *set);
void workqueue_metrics_begun(const struct workqueue_metrics *set, int64_t queued_ms);
void workqueue_metrics_done(const struct workqueue_metrics *set, int64_t worked_ms);
/* The sum and the maximum of the times for which items are being processed now. */
void workqueue_metrics_unfinished(const struct workqueue_metrics *set, int64_t sum_ms,
                                  int64_t longest_ms);

#endif
