/*
 * One thread: list everything, then watch what changes, for ever.  What went wrong decides how it
 * goes on (needs_list()): most failures resume the watch from the last version that was
 * seen, since listing anew is what a struggling server can bear least; only an expired version, or
 * a server that fails again and again, leads to a new list.
 */
#include "kube/reflector.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/strbuf.h"
#include "kube/collection.h"
#include "kube/informer_metrics.h"
#include "kube/request.h"
#include "kube/status_error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    WATCH_SHORTEST_SECONDS = 300,
    WATCH_SPREAD_SECONDS = 300,
    /* A watch that ends sooner and brought nothing new is a failure, though the server says it is
     * not: a proxy's page in the place of events would be asked for again and again, without rest.
     */
    SHORT_WATCH_MS = 1000,
    /* After so long without a failure the next one counts as the first. */
    CALM_MS = 2 * 60 * 1000,
    /* Resuming from a version that the server fails at again and again leads nowhere. */
    SERVER_FAULTS_LIMIT = 3,
    /* A failure that stays is told so often, as people look at the end of a log. */
    REMINDER_MS = 10 * 60 * 1000,
};

struct kube_reflector {
    struct kube_source source;
    struct kube_reflector_handler handler;
    void *context; /* the handler's */
    struct kube_collection collection;
    struct informer_metrics metrics;
    pthread_t thread;
    bool is_started;
    atomic_bool has_synced;

    /* Below: the reflector's thread alone. */
    struct strbuf version; /* the last one seen; "" = list first */
    bool has_seen_bookmark;
    bool has_advanced; /* this watch brought a version that was not known */
    unsigned failures; /* in a row */
    unsigned server_faults;
    int64_t failed_at_ms;
    enum error_kind told_kind; /* of the failure that was told and is not over; ERROR_NONE */
    int64_t told_at_ms;
};

static int64_t now_ms(const struct kube_reflector *reflector)
{
    return timesource_monotonic_ms(kube_client_timesource(reflector->source.client));
}

/* ---- telling ---- */

/* What is followed, for people: "databases in namespace team". */
static const char *in_namespace(const struct kube_reflector *reflector)
{
    return reflector->source.namespace_name != NULL ? " in namespace " : "";
}

static const char *namespace_or_nothing(const struct kube_reflector *reflector)
{
    return reflector->source.namespace_name != NULL ? reflector->source.namespace_name : "";
}

/* A failure that stays is one line, and one more from time to time. */
static enum log_level choose_level(struct kube_reflector *reflector, const struct error *failure)
{
    bool is_known = reflector->told_kind == failure->kind ||
                    (reflector->told_kind != ERROR_NONE && failure->kind == ERROR_GONE);

    if (is_known && now_ms(reflector) - reflector->told_at_ms < REMINDER_MS)
        return LOG_LEVEL_DEBUG;
    reflector->told_kind = failure->kind;
    reflector->told_at_ms = now_ms(reflector);
    return failure->kind == ERROR_DENIED || failure->kind == ERROR_NOT_FOUND ? LOG_LEVEL_ERROR
                                                                             : LOG_LEVEL_WARNING;
}

static const char *find_advice(const struct kube_reflector *reflector, const struct error *failure)
{
    if (failure->kind == ERROR_NOT_FOUND)
        return " (is its CustomResourceDefinition installed?)";
    if (failure->kind == ERROR_DENIED)
        return reflector->source.namespace_name != NULL
                   ? " (does the namespace exist, and is the operator's Role bound in it?)"
                   : " (is the operator's ClusterRole bound?)";
    return "";
}

static void tell_failure(struct kube_reflector *reflector, const struct error *failure,
                         uint64_t delay_ms)
{
    log_failure(reflector->source.log, choose_level(reflector, failure), failure,
                "cannot follow the %s%s%s%s; trying again in %.1f s", reflector->metrics.resource,
                in_namespace(reflector), namespace_or_nothing(reflector),
                find_advice(reflector, failure), (double)delay_ms / 1000);
}

static void tell_success(struct kube_reflector *reflector)
{
    if (reflector->told_kind != ERROR_NONE)
        log_info(reflector->source.log, "following the %s%s%s again", reflector->metrics.resource,
                 in_namespace(reflector), namespace_or_nothing(reflector));
    reflector->told_kind = ERROR_NONE;
}

static void skip_unreadable(struct kube_reflector *reflector, size_t length)
{
    metric_add(reflector->metrics.unreadable, 1, reflector->metrics.resource, NULL);
    log_warning(reflector->source.log,
                "skipped an object among the %s that is no readable JSON (%zu bytes)",
                reflector->metrics.resource, length);
}

/* ---- list ---- */

static void take_listed(void *context, const json_t *object, size_t length)
{
    struct kube_reflector *reflector = context;

    if (object == NULL || !reflector->handler.listed(reflector->context, object))
        skip_unreadable(reflector, length);
}

static bool list(struct kube_reflector *reflector, struct error *err)
{
    auto_strbuf struct strbuf version = {0};

    reflector->handler.list_begins(reflector->context);
    if (!kube_collection_list(reflector->source.client, &reflector->collection, take_listed,
                              reflector, &version, err))
        return false;
    reflector->handler.list_complete(reflector->context);
    strbuf_clear(&reflector->version);
    strbuf_append_text(&reflector->version, strbuf_text(&version));
    reflector->server_faults = 0;
    tell_success(reflector);
    metric_add(reflector->metrics.lists, 1, reflector->metrics.resource, NULL);
    atomic_store(&reflector->has_synced, true);
    return true;
}

/* ---- watch ---- */

static void advance(struct kube_reflector *reflector, const json_t *object)
{
    const char *version = document_string(document_at(object, "metadata", NULL), "resourceVersion");

    if (version == NULL || version[0] == '\0' ||
        strcmp(version, strbuf_text(&reflector->version)) == 0)
        return;
    strbuf_clear(&reflector->version);
    strbuf_append_text(&reflector->version, version);
    reflector->has_advanced = true;
    reflector->server_faults = 0;
    tell_success(reflector);
}

static void take_event(void *context, enum kube_event event, const json_t *object, size_t length)
{
    struct kube_reflector *reflector = context;
    const struct kube_reflector_handler *handler = &reflector->handler;
    bool is_usable = true;

    switch (event) {
    case KUBE_EVENT_ADDED:
    case KUBE_EVENT_MODIFIED:
        is_usable = handler->changed(reflector->context, object);
        break;
    case KUBE_EVENT_DELETED:
        is_usable = handler->deleted(reflector->context, object);
        break;
    case KUBE_EVENT_BOOKMARK:
        reflector->has_seen_bookmark = true;
        break;
    case KUBE_EVENT_UNREADABLE:
        is_usable = false;
        break; /* its version is unknown: the next event carries a later one */
    }
    if (!is_usable)
        skip_unreadable(reflector, length);
    advance(reflector, object);
}

static bool watch(struct kube_reflector *reflector, struct error *err)
{
    const struct random_source *random = kube_client_random(reflector->source.client);
    auto_free char *from = mem_strdup(strbuf_text(&reflector->version));
    struct kube_watch watch = {
        .resource_version = from,
        .timeout_seconds =
            WATCH_SHORTEST_SECONDS + (uint32_t)random_below(random, WATCH_SPREAD_SECONDS),
        .expects_bookmarks = reflector->has_seen_bookmark,
        .on_event = take_event,
        .context = reflector,
    };
    int64_t begun_ms = now_ms(reflector);

    reflector->has_advanced = false;
    metric_add(reflector->metrics.watches, 1, reflector->metrics.resource, NULL);
    if (!kube_collection_watch(reflector->source.client, &reflector->collection, &watch, err))
        return false;
    if (reflector->has_advanced || now_ms(reflector) - begun_ms >= SHORT_WATCH_MS) {
        reflector->server_faults = 0;
        return true;
    }
    return error_set(err, ERROR_UNAVAILABLE, NULL,
                     "watching %s: the Kubernetes API server ended the watch at once",
                     reflector->metrics.resource);
}

/* ---- going on after a failure ---- */

static bool needs_list(struct kube_reflector *reflector, const struct error *failure)
{
    switch (failure->kind) {
    case ERROR_GONE:
        return true;
    case ERROR_NOT_FOUND: /* the resource type went; when it comes back it is another one */
        return true;
    case ERROR_UNAVAILABLE:
        if (error_has_code(failure, KUBE_CODE_INTERNAL_ERROR))
            return ++reflector->server_faults >= SERVER_FAULTS_LIMIT;
        return error_has_code(failure, KUBE_CODE_VERSION_TOO_LARGE);
    case ERROR_INVALID: /* an event that is too large, or a version that the server cannot read */
        return !error_has_code(failure, "Tls"); /* which says nothing about the version */
    case ERROR_INTERNAL:
        return true;
    case ERROR_DENIED:
    case ERROR_CONFLICT:
    case ERROR_CANCELLED:
    case ERROR_NONE:
        return false;
    }
    return false;
}

/* Counts the failure; true when it is the first after a calm time. */
static bool note_failure(struct kube_reflector *reflector)
{
    int64_t now = now_ms(reflector);
    bool was_calm = now - reflector->failed_at_ms >= CALM_MS;

    reflector->failed_at_ms = now;
    reflector->failures = was_calm ? 1 : reflector->failures + 1;
    return was_calm;
}

static uint64_t choose_delay_ms(const struct kube_reflector *reflector, const struct error *failure)
{
    const struct random_source *random = kube_client_random(reflector->source.client);
    uint64_t delay_ms = backoff_delay_ms(&reflector->source.backoff, reflector->failures, random);

    return delay_ms < failure->retry_after_ms ? failure->retry_after_ms : delay_ms;
}

static void recover(struct kube_reflector *reflector, const struct error *failure)
{
    uint64_t delay_ms;

    if (failure->kind == ERROR_CANCELLED)
        return;
    if (needs_list(reflector, failure)) {
        strbuf_clear(&reflector->version);
        reflector->server_faults = 0;
    }
    /* An expired version is the ordinary end of a long pause, and worth no waiting the first time.
     */
    if (note_failure(reflector) && failure->kind == ERROR_GONE && failure->retry_after_ms == 0) {
        reflector->failures = 0;
        log_failure(reflector->source.log, LOG_LEVEL_DEBUG, failure, "listing %s again",
                    reflector->metrics.resource);
        return;
    }
    metric_add(reflector->metrics.failures, 1, reflector->metrics.resource, NULL);
    delay_ms = choose_delay_ms(reflector, failure);
    tell_failure(reflector, failure, delay_ms);
    cancellation_wait(reflector->source.cancellation, (int64_t)delay_ms);
}

static void *run(void *context)
{
    struct kube_reflector *reflector = context;
    struct error err;

    while (!cancellation_is_requested(reflector->source.cancellation)) {
        bool must_list = reflector->version.length == 0;

        if (!(must_list ? list(reflector, &err) : watch(reflector, &err)))
            recover(reflector, &err);
    }
    return NULL;
}

/* ---- life cycle ---- */

struct kube_reflector *kube_reflector_new(const struct kube_source *source,
                                          const struct kube_reflector_handler *handler,
                                          void *context)
{
    static const struct backoff_policy default_backoff = {
        .first_ms = 1200,
        .limit_ms = 45 * 1000,
        .jitter_percent = 33,
    };
    struct kube_reflector *reflector = mem_alloc(sizeof *reflector);

    reflector->source = *source;
    reflector->handler = *handler;
    reflector->context = context;
    if (source->backoff.first_ms == 0)
        reflector->source.backoff = default_backoff;
    reflector->collection = (struct kube_collection){
        .resource = source->resource,
        .namespace_name = source->namespace_name,
        .label_selector = source->label_selector,
        .field_selector = source->field_selector,
        .metadata_only = source->metadata_only,
        .cancellation = source->cancellation,
    };
    reflector->failed_at_ms = now_ms(reflector) - CALM_MS;
    informer_metrics_init(&reflector->metrics, source->metrics, source->resource->plural);
    return reflector;
}

void kube_reflector_start(struct kube_reflector *reflector)
{
    if (pthread_create(&reflector->thread, NULL, run, reflector) != 0)
        abort(); /* no threads at start: nothing can work */
    reflector->is_started = true;
}

void kube_reflector_stop(struct kube_reflector *reflector)
{
    if (!reflector->is_started)
        return;
    pthread_join(reflector->thread, NULL);
    reflector->is_started = false;
}

void kube_reflector_free(struct kube_reflector *reflector)
{
    if (reflector == NULL)
        return;
    strbuf_release(&reflector->version);
    free(reflector);
}

bool kube_reflector_has_synced(const struct kube_reflector *reflector)
{
    return atomic_load(&reflector->has_synced);
}
