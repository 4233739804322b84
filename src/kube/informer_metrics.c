#include "kube/informer_metrics.h"

#include "base/metrics.h"

static const struct metric_description lists = {
    .name = "database_user_operator_informer_lists_total",
    .help = "Number of complete lists of a resource, the first one included",
    .type = METRIC_COUNTER,
    .labels = {"resource"},
};
static const struct metric_description watches = {
    .name = "database_user_operator_informer_watches_total",
    .help = "Number of watches begun",
    .type = METRIC_COUNTER,
    .labels = {"resource"},
};
static const struct metric_description failures = {
    .name = "database_user_operator_informer_failures_total",
    .help = "Number of lists and watches that failed",
    .type = METRIC_COUNTER,
    .labels = {"resource"},
};
static const struct metric_description unreadable = {
    .name = "database_user_operator_informer_unreadable_objects_total",
    .help = "Number of objects and events that could not be decoded and were skipped",
    .type = METRIC_COUNTER,
    .labels = {"resource"},
};
static const struct metric_description objects = {
    .name = "database_user_operator_informer_objects",
    .help = "Number of objects in the store",
    .type = METRIC_GAUGE,
    .labels = {"resource"},
};

void informer_metrics_init(struct informer_metrics *set, struct metrics *metrics,
                           const char *resource)
{
    *set = (struct informer_metrics){
        .resource = resource,
        .lists = metrics_family(metrics, &lists),
        .watches = metrics_family(metrics, &watches),
        .failures = metrics_family(metrics, &failures),
        .unreadable = metrics_family(metrics, &unreadable),
        .objects = metrics_family(metrics, &objects),
    };
    metric_touch(set->lists, resource, NULL);
    metric_touch(set->watches, resource, NULL);
    metric_touch(set->failures, resource, NULL);
    metric_touch(set->unreadable, resource, NULL);
    metric_touch(set->objects, resource, NULL);
}
