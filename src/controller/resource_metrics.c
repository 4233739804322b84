#include "controller/resource_metrics.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "controller/database_status.h"

#include <pthread.h>
#include <string.h>

/* As status.phase says it; the first is a resource that nobody has looked at yet. */
static const char *const phases[] = {"None", "Pending", "Creating", "Ready", "Error", "Deleting"};

static const struct metric_description by_phase = {
    .name = "database_user_operator_databases",
    .help = "Number of Database resources by phase",
    .type = METRIC_GAUGE,
    .labels = {"phase"},
};
static const struct metric_description not_ready = {
    .name = "database_user_operator_databases_not_ready",
    .help = "Number of Database resources whose condition Ready is not True, by its reason",
    .type = METRIC_GAUGE,
    .labels = {"reason"},
};

struct resource_metrics {
    struct metric_family *by_phase, *not_ready;
    pthread_mutex_t lock;
    char *reasons[STANDING_REASONS_LIMIT]; /* guarded by lock, as the count; never changed once set
                                            */
    size_t reason_count;
};

/* The numbers of reasons that are not in the list. */
enum { REASON_READY, REASON_FIRST, REASON_OTHER = REASON_FIRST + STANDING_REASONS_LIMIT };

struct resource_metrics *resource_metrics_new(struct metrics *metrics)
{
    struct resource_metrics *set = mem_alloc(sizeof *set);

    pthread_mutex_init(&set->lock, NULL);
    set->by_phase = metrics_family(metrics, &by_phase);
    set->not_ready = metrics_family(metrics, &not_ready);
    for (size_t i = 0; i < array_length(phases); i++)
        metric_touch(set->by_phase, phases[i], NULL);
    return set;
}

void resource_metrics_free(struct resource_metrics *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->reason_count; i++)
        free(set->reasons[i]);
    pthread_mutex_destroy(&set->lock);
    free(set);
}

static uint8_t find_phase(const char *text)
{
    for (size_t i = 1; text != NULL && i < array_length(phases); i++) {
        if (strcmp(phases[i], text) == 0)
            return (uint8_t)i;
    }
    return 0;
}

static uint8_t number_of(struct resource_metrics *set, const char *reason)
{
    size_t i = 0;

    pthread_mutex_lock(&set->lock);
    while (i < set->reason_count && strcmp(set->reasons[i], reason) != 0)
        i++;
    if (i == set->reason_count && i < STANDING_REASONS_LIMIT)
        set->reasons[set->reason_count++] = mem_strdup(reason);
    pthread_mutex_unlock(&set->lock);
    return (uint8_t)(REASON_FIRST + i);
}

static const json_t *find_ready(const json_t *status)
{
    const json_t *condition;
    size_t i;

    json_array_foreach(json_object_get(status, "conditions"), i, condition) {
        const char *type = document_string(condition, "type");

        if (type != NULL && strcmp(type, "Ready") == 0)
            return condition;
    }
    return NULL;
}

struct standing resource_metrics_read(struct resource_metrics *set, const json_t *object)
{
    const json_t *status = document_at(object, "status", NULL);
    const json_t *ready = find_ready(status);
    const char *value = document_string(ready, "status");
    const char *reason = document_string(ready, "reason");
    struct standing standing = {.phase = find_phase(document_string(status, "phase"))};

    if (value == NULL || strcmp(value, "True") != 0)
        standing.reason = number_of(set, reason != NULL ? reason : "Unknown");
    return standing;
}

/* A reason, once numbered, stays where it is. */
static const char *reason_of(struct resource_metrics *set, uint8_t number)
{
    const char *reason = "other";

    pthread_mutex_lock(&set->lock);
    if (number != REASON_OTHER)
        reason = set->reasons[number - REASON_FIRST];
    pthread_mutex_unlock(&set->lock);
    return reason;
}

static void count(struct resource_metrics *set, const struct standing *standing, int change)
{
    if (standing == NULL)
        return;
    metric_add(set->by_phase, change, phases[standing->phase], NULL);
    if (standing->reason != REASON_READY)
        metric_add(set->not_ready, change, reason_of(set, standing->reason), NULL);
}

void resource_metrics_move(struct resource_metrics *set, const struct standing *before,
                           const struct standing *after)
{
    if (before != NULL && after != NULL && before->phase == after->phase &&
        before->reason == after->reason)
        return;
    count(set, before, -1);
    count(set, after, 1);
}
