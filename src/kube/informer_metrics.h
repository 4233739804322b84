/*
 * The metrics of an informer, labelled by the resource's plural.
 */
#ifndef KUBE_INFORMER_METRICS_H
#define KUBE_INFORMER_METRICS_H

struct metrics;
struct metric_family;

struct informer_metrics {
    const char *resource; /* label; borrowed */
    struct metric_family *lists, *watches, *failures, *unreadable, *objects;
};

/* `metrics` NULL makes a set that does nothing. */
void informer_metrics_init(struct informer_metrics *set, struct metrics *metrics,
                           const char *resource);

#endif
