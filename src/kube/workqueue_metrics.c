#include "kube/workqueue_metrics.h"

#include "base/compiler.h"
#include "base/metrics.h"

#include <stdio.h>

/* 10 ns to 1000 s, as client-go. */
static const double seconds_buckets[] = {
    1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000,
};

#define DESCRIPTION(metric_name, help_text, metric_type, ...)                                  \
    static const struct metric_description metric_name = {                                     \
        .name = "workqueue_" #metric_name,                                                     \
        .help = help_text,                                                                     \
        .type = metric_type,                                                                   \
        .labels = {"name", "controller", ##__VA_ARGS__},                                       \
        .buckets = (metric_type) == METRIC_HISTOGRAM ? seconds_buckets : NULL,                 \
        .bucket_count = (metric_type) == METRIC_HISTOGRAM ? array_length(seconds_buckets) : 0, \
    }

DESCRIPTION(depth, "Current depth of workqueue by workqueue and priority", METRIC_GAUGE,
            "priority");
DESCRIPTION(adds_total, "Total number of adds handled by workqueue", METRIC_COUNTER);
DESCRIPTION(retries_total, "Total number of retries handled by workqueue", METRIC_COUNTER);
DESCRIPTION(queue_duration_seconds,
            "How long in seconds an item stays in workqueue before being requested",
            METRIC_HISTOGRAM);
DESCRIPTION(work_duration_seconds, "How long in seconds processing an item from workqueue takes",
            METRIC_HISTOGRAM);
DESCRIPTION(unfinished_work_seconds,
            "How many seconds of work has been done that is in progress and hasn't been observed "
            "by work_duration",
            METRIC_GAUGE);
DESCRIPTION(longest_running_processor_seconds,
            "How many seconds has the longest running processor for workqueue been running",
            METRIC_GAUGE);

void workqueue_metrics_init(struct workqueue_metrics *set, struct metrics *metrics,
                            const char *name)
{
    *set = (struct workqueue_metrics){
        .name = name,
        .depth = metrics_family(metrics, &depth),
        .adds = metrics_family(metrics, &adds_total),
        .retries = metrics_family(metrics, &retries_total),
        .queue_duration = metrics_family(metrics, &queue_duration_seconds),
        .work_duration = metrics_family(metrics, &work_duration_seconds),
        .unfinished = metrics_family(metrics, &unfinished_work_seconds),
        .longest = metrics_family(metrics, &longest_running_processor_seconds),
    };
    workqueue_metrics_depth(set, 0, 0);
    metric_touch(set->adds, name, name, NULL);
    metric_touch(set->retries, name, name, NULL);
    metric_touch(set->queue_duration, name, name, NULL);
    metric_touch(set->work_duration, name, name, NULL);
    workqueue_metrics_unfinished(set, 0, 0);
}

static double seconds(int64_t milliseconds)
{
    return (double)milliseconds / 1000;
}

void workqueue_metrics_depth(const struct workqueue_metrics *set, int priority, int change)
{
    char label[16];

    snprintf(label, sizeof label, "%d", priority);
    metric_add(set->depth, change, set->name, set->name, label, NULL);
}

void workqueue_metrics_added(const struct workqueue_metrics *set)
{
    metric_add(set->adds, 1, set->name, set->name, NULL);
}

void workqueue_metrics_retried(const struct workqueue_metrics *set)
{
    metric_add(set->retries, 1, set->name, set->name, NULL);
}

void workqueue_metrics_begun(const struct workqueue_metrics *set, int64_t queued_ms)
{
    metric_observe(set->queue_duration, seconds(queued_ms), set->name, set->name, NULL);
}

void workqueue_metrics_done(const struct workqueue_metrics *set, int64_t worked_ms)
{
    metric_observe(set->work_duration, seconds(worked_ms), set->name, set->name, NULL);
}

void workqueue_metrics_unfinished(const struct workqueue_metrics *set, int64_t sum_ms,
                                  int64_t longest_ms)
{
    metric_set(set->unfinished, seconds(sum_ms), set->name, set->name, NULL);
    metric_set(set->longest, seconds(longest_ms), set->name, set->name, NULL);
}
