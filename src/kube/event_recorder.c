/*
 * A queue of copies and one thread that sends them.  The lock guards the queue; the memory of what
 * was told belongs to the thread.
 */
#include "kube/event_recorder.h"

#include "base/condition_variable.h"
#include "base/document.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "kube/event_memory.h"
#include "kube/request.h"
#include "kube/status_error.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

enum {
    QUEUE_LIMIT = 1000,
    ATTEMPTS_LIMIT = 12,
    RETRY_INTERVAL_MS = 10 * 1000,
    NAME_LIMIT = 253, /* of an object */
    SUFFIX_SIZE = 1 + 16,
    NOTE_LIMIT = 1024,
    INSTANCE_LIMIT = 128,
};

static const struct kube_resource event_resource = {
    .group = "events.k8s.io", .version = "v1", .plural = "events"};

/* A copy, with the time at which it happened. */
struct recorded_event {
    struct recorded_event *next;
    struct kube_event event;
    int64_t realtime_us;
    int64_t monotonic_ms;
};

struct kube_event_recorder {
    struct kube_client *client;
    const struct log_scope *log;
    const struct timesource *timesource;
    const char *controller;
    char instance[INSTANCE_LIMIT + 1];
    unsigned retry_interval_ms;
    struct metric_family *events;
    pthread_t thread;

    /* Of the thread. */
    struct event_memory *memory;
    uint64_t next_suffix;
    bool is_failing;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Below: guarded by lock. */
    struct recorded_event *first, **end;
    size_t count;
    bool is_stopping;
    bool is_giving_up; /* no further attempts */
    bool has_ended;
};

/* ---- copies ---- */

/* The beginning of a text, whole characters only. */
static char *cut(const char *text, size_t limit)
{
    size_t length = strlen(text);

    if (length > limit) {
        length = limit;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    return mem_strndup(text, length);
}

static struct recorded_event *copy(const struct kube_event *event,
                                   const struct timesource *timesource)
{
    struct recorded_event *copied = mem_alloc(sizeof *copied);

    copied->event = (struct kube_event){
        .api_version = mem_strdup(event->api_version),
        .kind = mem_strdup(event->kind),
        .namespace_name = mem_strdup(event->namespace_name),
        .name = mem_strdup(event->name),
        .uid = mem_strdup(event->uid),
        .resource_version = mem_strdup(event->resource_version),
        .is_warning = event->is_warning,
        .reason = mem_strdup(event->reason),
        .action = mem_strdup(event->action),
        .note = cut(event->note, NOTE_LIMIT),
    };
    copied->realtime_us = timesource_realtime_us(timesource);
    copied->monotonic_ms = timesource_monotonic_ms(timesource);
    return copied;
}

static void free_copy(struct recorded_event *copied)
{
    const char *const texts[] = {
        copied->event.api_version, copied->event.kind,   copied->event.namespace_name,
        copied->event.name,        copied->event.uid,    copied->event.resource_version,
        copied->event.reason,      copied->event.action, copied->event.note,
    };

    for (size_t i = 0; i < array_length(texts); i++)
        free((void *)(uintptr_t)texts[i]);
    free(copied);
}

/* ---- the object ---- */

/* Names are unique in a namespace: the object's, and a number that starts at the time of the start
 * in nanoseconds, as the names of other recorders do. */
static char *make_name(struct kube_event_recorder *recorder, const struct kube_event *event)
{
    int kept = (int)strnlen(event->name, NAME_LIMIT - SUFFIX_SIZE);

    return mem_printf("%.*s.%016" PRIx64, kept, event->name, recorder->next_suffix++);
}

static json_t *make_regarding(const struct kube_event *event)
{
    json_t *regarding = json_object();

    document_set_string(regarding, "apiVersion", event->api_version);
    document_set_string(regarding, "kind", event->kind);
    document_set_string(regarding, "namespace", event->namespace_name);
    document_set_string(regarding, "name", event->name);
    document_set_string(regarding, "uid", event->uid);
    document_set_string(regarding, "resourceVersion", event->resource_version);
    return regarding;
}

static json_t *make_object(const struct kube_event_recorder *recorder,
                           const struct recorded_event *recorded, const char *name)
{
    const struct kube_event *event = &recorded->event;
    json_t *object = json_object();
    json_t *metadata = json_object();
    char time[TIMESTAMP_SIZE];

    timestamp_render_micro(recorded->realtime_us, time);
    document_set_string(metadata, "name", name);
    document_set_string(metadata, "namespace", event->namespace_name);
    document_set_string(object, "apiVersion", "events.k8s.io/v1");
    document_set_string(object, "kind", "Event");
    json_object_set_new(object, "metadata", metadata);
    document_set_string(object, "eventTime", time);
    document_set_string(object, "reportingController", recorder->controller);
    document_set_string(object, "reportingInstance", recorder->instance);
    document_set_string(object, "type", event->is_warning ? "Warning" : "Normal");
    document_set_string(object, "reason", event->reason);
    document_set_string(object, "action", event->action);
    document_set_string(object, "note", event->note);
    json_object_set_new(object, "regarding", make_regarding(event));
    return object;
}

/* Only the series of an event may change; the test makes sure that it is the one we know. */
static json_t *make_series_patch(const struct recorded_event *recorded, unsigned count)
{
    char time[TIMESTAMP_SIZE];

    timestamp_render_micro(recorded->realtime_us, time);
    return json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:{s:i, s:s}}]", "op", "test", "path", "/reason",
                     "value", recorded->event.reason, "op", "add", "path", "/series", "value",
                     "count", (int)count, "lastObservedTime", time);
}

/* ---- sending ---- */

static bool post(struct kube_event_recorder *recorder, const struct recorded_event *recorded,
                 struct event_series *series, struct error *err)
{
    auto_json json_t *object = NULL;

    if (series->name == NULL)
        series->name = make_name(recorder, &recorded->event);
    object = make_object(recorder, recorded, series->name);
    /* "Already exists" is an attempt whose answer was lost: the name is nobody else's. */
    return kube_client_create(recorder->client, &event_resource, recorded->event.namespace_name,
                              object, NULL, err) ||
           error_has_code(err, "AlreadyExists");
}

static bool continue_series(struct kube_event_recorder *recorder,
                            const struct recorded_event *recorded, struct event_series *series,
                            struct error *err)
{
    struct kube_object_reference reference = {
        .resource = &event_resource,
        .namespace_name = recorded->event.namespace_name,
        .name = series->name,
    };
    auto_json json_t *patch = make_series_patch(recorded, series->count);

    return kube_client_json_patch(recorder->client, &reference, patch, NULL, err);
}

static bool send_once(struct kube_event_recorder *recorder, const struct recorded_event *recorded,
                      struct event_series *series, struct error *err)
{
    if (series->count == 1)
        return post(recorder, recorded, series, err);
    if (continue_series(recorder, recorded, series, err))
        return true;
    if (err->kind != ERROR_NOT_FOUND)
        return false;
    /* The API server keeps events for an hour, or somebody removed it. */
    free(series->name);
    series->name = NULL;
    series->count = 1;
    return post(recorder, recorded, series, err);
}

/* Waits before the next attempt; false when there shall be none. */
static bool wait_for_retry(struct kube_event_recorder *recorder)
{
    struct timespec until = condition_variable_deadline(recorder->retry_interval_ms);
    bool gives_up;

    pthread_mutex_lock(&recorder->lock);
    while (!recorder->is_stopping &&
           pthread_cond_timedwait(&recorder->changed, &recorder->lock, &until) == 0)
        continue;
    gives_up = recorder->is_stopping;
    pthread_mutex_unlock(&recorder->lock);
    return !gives_up;
}

/* The first failure in a row is worth a line: events are missing until it is repaired. */
static void report(struct kube_event_recorder *recorder, const struct error *err)
{
    enum log_level level = recorder->is_failing ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING;

    recorder->is_failing = true;
    log_failure(recorder->log, level, err, "an event could not be recorded");
}

static void deliver(struct kube_event_recorder *recorder, const struct recorded_event *recorded)
{
    struct event_series *series =
        event_memory_count(recorder->memory, &recorded->event, recorded->monotonic_ms);
    struct error err;

    if (series == NULL) {
        metric_add(recorder->events, 1, "suppressed", NULL);
        return;
    }
    for (int attempt = 1; !send_once(recorder, recorded, series, &err); attempt++) {
        if (err.kind == ERROR_UNAVAILABLE && attempt < ATTEMPTS_LIMIT && wait_for_retry(recorder))
            continue;
        metric_add(recorder->events, 1, "failed", NULL);
        if (err.kind != ERROR_CANCELLED && !error_has_code(&err, KUBE_CODE_NAMESPACE_TERMINATING))
            report(recorder, &err);
        return;
    }
    recorder->is_failing = false;
    metric_add(recorder->events, 1, "sent", NULL);
}

static struct recorded_event *next(struct kube_event_recorder *recorder)
{
    struct recorded_event *recorded;

    pthread_mutex_lock(&recorder->lock);
    while (recorder->first == NULL && !recorder->is_stopping)
        pthread_cond_wait(&recorder->changed, &recorder->lock);
    recorded = recorder->is_giving_up ? NULL : recorder->first;
    if (recorded != NULL) {
        recorder->first = recorded->next;
        if (recorder->first == NULL)
            recorder->end = &recorder->first;
        recorder->count--;
    } else {
        recorder->has_ended = true;
        pthread_cond_broadcast(&recorder->changed);
    }
    pthread_mutex_unlock(&recorder->lock);
    return recorded;
}

static void *run(void *context)
{
    struct kube_event_recorder *recorder = context;
    struct recorded_event *recorded;

    while ((recorded = next(recorder)) != NULL) {
        deliver(recorder, recorded);
        free_copy(recorded);
    }
    return NULL;
}

/* ---- life cycle ---- */

static void init_metrics(struct kube_event_recorder *recorder, struct metrics *metrics)
{
    static const struct metric_description events = {
        .name = "database_user_operator_events_total",
        .help = "Number of events by what became of them",
        .type = METRIC_COUNTER,
        .labels = {"outcome"},
    };
    static const char *const outcomes[] = {"sent", "suppressed", "failed", "dropped"};

    recorder->events = metrics_family(metrics, &events);
    for (size_t i = 0; i < array_length(outcomes); i++)
        metric_touch(recorder->events, outcomes[i], NULL);
}

struct kube_event_recorder *
kube_event_recorder_new(const struct kube_event_recorder_options *options)
{
    struct kube_event_recorder *recorder = mem_alloc(sizeof *recorder);
    auto_free char *instance = cut(options->instance, INSTANCE_LIMIT);

    recorder->client = options->client;
    recorder->log = options->log;
    recorder->timesource = kube_client_timesource(options->client);
    recorder->controller = options->controller;
    memcpy(recorder->instance, instance, strlen(instance) + 1);
    recorder->retry_interval_ms =
        options->retry_interval_ms != 0 ? options->retry_interval_ms : RETRY_INTERVAL_MS;
    recorder->memory = event_memory_new();
    recorder->next_suffix = (uint64_t)timesource_realtime_us(recorder->timesource) * 1000;
    recorder->end = &recorder->first;
    init_metrics(recorder, options->metrics);
    pthread_mutex_init(&recorder->lock, NULL);
    condition_variable_init(&recorder->changed);
    if (pthread_create(&recorder->thread, NULL, run, recorder) != 0)
        abort(); /* no threads at start: nothing can work */
    return recorder;
}

bool kube_event_recorder_flush(struct kube_event_recorder *recorder, int64_t flush_ms)
{
    struct timespec until = condition_variable_deadline(flush_ms);
    bool ended;

    pthread_mutex_lock(&recorder->lock);
    recorder->is_stopping = true;
    pthread_cond_broadcast(&recorder->changed);
    while (!recorder->has_ended &&
           pthread_cond_timedwait(&recorder->changed, &recorder->lock, &until) == 0)
        continue;
    ended = recorder->has_ended;
    recorder->is_giving_up = true;
    pthread_mutex_unlock(&recorder->lock);
    return ended;
}

void kube_event_recorder_free(struct kube_event_recorder *recorder)
{
    struct recorded_event *recorded;

    if (recorder == NULL)
        return;
    kube_event_recorder_flush(recorder, 0);
    pthread_join(recorder->thread, NULL);
    while ((recorded = recorder->first) != NULL) {
        recorder->first = recorded->next;
        free_copy(recorded);
    }
    event_memory_free(recorder->memory);
    pthread_cond_destroy(&recorder->changed);
    pthread_mutex_destroy(&recorder->lock);
    free(recorder);
}

void kube_event_recorder_record(struct kube_event_recorder *recorder,
                                const struct kube_event *event)
{
    struct recorded_event *recorded = copy(event, recorder->timesource);

    pthread_mutex_lock(&recorder->lock);
    if (recorder->count < QUEUE_LIMIT && !recorder->is_stopping) {
        *recorder->end = recorded;
        recorder->end = &recorded->next;
        recorder->count++;
        recorded = NULL;
        pthread_cond_broadcast(&recorder->changed);
    }
    pthread_mutex_unlock(&recorder->lock);
    if (recorded != NULL) {
        metric_add(recorder->events, 1, "dropped", NULL);
        free_copy(recorded);
    }
}
