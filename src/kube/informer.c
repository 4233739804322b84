/*
 * One thread: list everything, then watch what changes, for ever.  What went wrong decides how it
 * goes on (needs_list()): most failures resume the watch from the last version that was
 * seen, since listing anew is what a struggling server can bear least; only an expired version, or
 * a server that fails again and again, leads to a new list.
 *
 * Only this thread changes the store, and it tells the handler of a change after the store has it
 * and without holding the store's lock.
 */
#include "kube/informer.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/strbuf.h"
#include "kube/collection.h"
#include "kube/informer_metrics.h"
#include "kube/request.h"
#include "kube/status_error.h"
#include "kube/store.h"

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
};

struct kube_informer {
    struct kube_informer_options options;
    struct kube_collection collection;
    struct informer_metrics metrics;
    struct kube_store *store;
    pthread_t thread;
    bool is_started;
    atomic_bool has_synced;

    /* Below: the informer's thread alone. */
    struct strbuf version; /* the last one seen; "" = list first */
    bool has_seen_bookmark;
    bool has_advanced; /* this watch brought a version that was not known */
    unsigned failures; /* in a row */
    unsigned server_faults;
    int64_t failed_at_ms;
};

static int64_t now_ms(const struct kube_informer *informer)
{
    return timesource_monotonic_ms(kube_client_timesource(informer->options.client));
}

/* ---- telling of changes ---- */

static void tell(struct kube_informer *informer, enum kube_change change,
                 const struct kube_entry *before, const struct kube_entry *after, bool from_list)
{
    metric_set(informer->metrics.objects, (double)kube_store_count(informer->store),
               informer->metrics.resource, NULL);
    informer->options.on_change(informer->options.context, change, before, after, from_list);
}

/* Another uid under the same name is another object: the former one was deleted unseen. */
static void tell_of_new(struct kube_informer *informer, const struct kube_entry *before,
                        const struct kube_entry *after, bool from_list)
{
    if (before != NULL && strcmp(before->uid, after->uid) != 0) {
        tell(informer, KUBE_DELETED, before, NULL, from_list);
        before = NULL;
    }
    if (before == NULL)
        tell(informer, KUBE_ADDED, NULL, after, from_list);
    else if (strcmp(before->resource_version, after->resource_version) != 0)
        tell(informer, KUBE_MODIFIED, before, after, from_list);
}

static void skip_unreadable(struct kube_informer *informer, size_t length)
{
    metric_add(informer->metrics.unreadable, 1, informer->metrics.resource, NULL);
    log_warning(informer->options.log,
                "skipped an object among the %s that is no readable JSON (%zu bytes)",
                informer->metrics.resource, length);
}

static struct kube_entry *make_entry(struct kube_informer *informer, const json_t *object)
{
    const struct kube_informer_options *options = &informer->options;
    void *projection = options->project != NULL ? options->project(options->context, object) : NULL;

    return kube_store_make_entry(informer->store, object, projection);
}

/* ---- list ---- */

struct listing {
    struct kube_informer *informer;
    struct kube_store *staging; /* until the last page has come */
};

static void stage(void *context, const json_t *object, size_t length)
{
    const struct listing *listing = context;
    struct kube_entry *entry = NULL;

    if (object != NULL)
        entry = make_entry(listing->informer, object);
    if (entry == NULL) {
        skip_unreadable(listing->informer, length);
        return;
    }
    kube_store_free_entry(listing->staging, kube_store_replace(listing->staging, entry));
}

static void tell_of_deleted(void *context, struct kube_entry *entry)
{
    const struct listing *listing = context;

    tell(listing->informer, KUBE_DELETED, entry, NULL, true);
    kube_store_free_entry(listing->staging, entry);
}

/* The new list takes the place of the store at once; then the differences are told. */
static void publish(struct kube_informer *informer, struct kube_store *former)
{
    struct listing listing = {informer, former};
    const struct kube_entry *after = NULL;

    kube_store_swap(informer->store, former);
    while ((after = kube_store_next(informer->store, after)) != NULL) {
        struct kube_entry *before = kube_store_take(former, after->namespace_name, after->name);

        tell_of_new(informer, before, after, true);
        kube_store_free_entry(former, before);
    }
    kube_store_drain(former, tell_of_deleted, &listing);
}

static bool list(struct kube_informer *informer, struct error *err)
{
    struct kube_store *staging = kube_store_new(informer->options.free_projection);
    struct listing listing = {informer, staging};
    auto_strbuf struct strbuf version = {0};
    bool succeeded = kube_collection_list(informer->options.client, &informer->collection, stage,
                                          &listing, &version, err);

    if (succeeded) {
        publish(informer, staging);
        strbuf_clear(&informer->version);
        strbuf_append_text(&informer->version, strbuf_text(&version));
        informer->server_faults = 0;
        metric_add(informer->metrics.lists, 1, informer->metrics.resource, NULL);
        atomic_store(&informer->has_synced, true);
        log_debug(informer->options.log, "listed %zu %s", kube_store_count(informer->store),
                  informer->metrics.resource);
    }
    kube_store_free(staging);
    return succeeded;
}

/* ---- watch ---- */

static void upsert(struct kube_informer *informer, const json_t *object, size_t length)
{
    struct kube_entry *after = make_entry(informer, object), *before;

    if (after == NULL) {
        skip_unreadable(informer, length);
        return;
    }
    before = kube_store_replace(informer->store, after);
    tell_of_new(informer, before, after, false);
    kube_store_free_entry(informer->store, before);
}

static void remove_object(struct kube_informer *informer, const json_t *object, size_t length)
{
    const json_t *metadata = document_at(object, "metadata", NULL);
    const char *name = document_string(metadata, "name");
    const char *namespace_name = document_string(metadata, "namespace");
    struct kube_entry *before;

    if (name == NULL) {
        skip_unreadable(informer, length);
        return;
    }
    before = kube_store_take(informer->store, namespace_name != NULL ? namespace_name : "", name);
    if (before != NULL)
        tell(informer, KUBE_DELETED, before, NULL, false);
    kube_store_free_entry(informer->store, before);
}

static void advance(struct kube_informer *informer, const json_t *object)
{
    const char *version = document_string(document_at(object, "metadata", NULL), "resourceVersion");

    if (version == NULL || version[0] == '\0' ||
        strcmp(version, strbuf_text(&informer->version)) == 0)
        return;
    strbuf_clear(&informer->version);
    strbuf_append_text(&informer->version, version);
    informer->has_advanced = true;
    informer->server_faults = 0;
}

static void take_event(void *context, enum kube_event event, const json_t *object, size_t length)
{
    struct kube_informer *informer = context;

    switch (event) {
    case KUBE_EVENT_ADDED:
    case KUBE_EVENT_MODIFIED:
        upsert(informer, object, length);
        break;
    case KUBE_EVENT_DELETED:
        remove_object(informer, object, length);
        break;
    case KUBE_EVENT_BOOKMARK:
        informer->has_seen_bookmark = true;
        break;
    case KUBE_EVENT_UNREADABLE:
        skip_unreadable(informer, length);
        break; /* its version is unknown: the next event carries a later one */
    }
    advance(informer, object);
}

static bool watch(struct kube_informer *informer, struct error *err)
{
    const struct random_source *random = kube_client_random(informer->options.client);
    auto_free char *from = mem_strdup(strbuf_text(&informer->version));
    struct kube_watch watch = {
        .resource_version = from,
        .timeout_seconds =
            WATCH_SHORTEST_SECONDS + (uint32_t)random_below(random, WATCH_SPREAD_SECONDS),
        .expects_bookmarks = informer->has_seen_bookmark,
        .on_event = take_event,
        .context = informer,
    };
    int64_t begun_ms = now_ms(informer);

    informer->has_advanced = false;
    metric_add(informer->metrics.watches, 1, informer->metrics.resource, NULL);
    if (!kube_collection_watch(informer->options.client, &informer->collection, &watch, err))
        return false;
    if (informer->has_advanced || now_ms(informer) - begun_ms >= SHORT_WATCH_MS) {
        informer->server_faults = 0;
        return true;
    }
    return error_set(err, ERROR_UNAVAILABLE, NULL,
                     "watching %s: the Kubernetes API server ended the watch at once",
                     informer->metrics.resource);
}

/* ---- going on after a failure ---- */

static bool needs_list(struct kube_informer *informer, const struct error *failure)
{
    switch (failure->kind) {
    case ERROR_GONE:
        return true;
    case ERROR_NOT_FOUND: /* the resource type went; when it comes back it is another one */
        return true;
    case ERROR_UNAVAILABLE:
        if (error_has_code(failure, KUBE_CODE_INTERNAL_ERROR))
            return ++informer->server_faults >= SERVER_FAULTS_LIMIT;
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
static bool note_failure(struct kube_informer *informer)
{
    int64_t now = now_ms(informer);
    bool was_calm = now - informer->failed_at_ms >= CALM_MS;

    informer->failed_at_ms = now;
    informer->failures = was_calm ? 1 : informer->failures + 1;
    return was_calm;
}

static uint64_t choose_delay_ms(const struct kube_informer *informer, const struct error *failure)
{
    const struct random_source *random = kube_client_random(informer->options.client);
    uint64_t delay_ms = backoff_delay_ms(&informer->options.backoff, informer->failures, random);

    return delay_ms < failure->retry_after_ms ? failure->retry_after_ms : delay_ms;
}

static void recover(struct kube_informer *informer, const struct error *failure)
{
    uint64_t delay_ms;

    if (failure->kind == ERROR_CANCELLED)
        return;
    if (needs_list(informer, failure)) {
        strbuf_clear(&informer->version);
        informer->server_faults = 0;
    }
    /* An expired version is the ordinary end of a long pause, and worth no waiting the first time.
     */
    if (note_failure(informer) && failure->kind == ERROR_GONE && failure->retry_after_ms == 0) {
        informer->failures = 0;
        log_failure(informer->options.log, LOG_LEVEL_DEBUG, failure, "listing %s again",
                    informer->metrics.resource);
        return;
    }
    metric_add(informer->metrics.failures, 1, informer->metrics.resource, NULL);
    delay_ms = choose_delay_ms(informer, failure);
    log_failure(informer->options.log, LOG_LEVEL_WARNING, failure,
                "cannot follow the %s; trying again in %.1f s", informer->metrics.resource,
                (double)delay_ms / 1000);
    cancellation_wait(informer->options.cancellation, (int64_t)delay_ms);
}

static void *run(void *context)
{
    struct kube_informer *informer = context;
    struct error err;

    while (!cancellation_is_requested(informer->options.cancellation)) {
        bool must_list = informer->version.length == 0;

        if (!(must_list ? list(informer, &err) : watch(informer, &err)))
            recover(informer, &err);
    }
    return NULL;
}

/* ---- life cycle ---- */

struct kube_informer *kube_informer_new(const struct kube_informer_options *options)
{
    static const struct backoff_policy default_backoff = {
        .first_ms = 1200,
        .limit_ms = 45 * 1000,
        .jitter_percent = 33,
    };
    struct kube_informer *informer = mem_alloc(sizeof *informer);

    informer->options = *options;
    if (options->backoff.first_ms == 0)
        informer->options.backoff = default_backoff;
    informer->collection = (struct kube_collection){
        .resource = options->resource,
        .namespace_name = options->namespace_name,
        .label_selector = options->label_selector,
        .field_selector = options->field_selector,
        .metadata_only = options->metadata_only,
        .cancellation = options->cancellation,
    };
    informer->store = kube_store_new(options->free_projection);
    informer->failed_at_ms = now_ms(informer) - CALM_MS;
    informer_metrics_init(&informer->metrics, options->metrics, options->resource->plural);
    return informer;
}

void kube_informer_start(struct kube_informer *informer)
{
    if (pthread_create(&informer->thread, NULL, run, informer) != 0)
        abort(); /* no threads at start: nothing can work */
    informer->is_started = true;
}

void kube_informer_stop(struct kube_informer *informer)
{
    if (!informer->is_started)
        return;
    pthread_join(informer->thread, NULL);
    informer->is_started = false;
}

void kube_informer_free(struct kube_informer *informer)
{
    if (informer == NULL)
        return;
    kube_store_free(informer->store);
    strbuf_release(&informer->version);
    free(informer);
}

bool kube_informer_has_synced(const struct kube_informer *informer)
{
    return atomic_load(&informer->has_synced);
}

size_t kube_informer_count(struct kube_informer *informer)
{
    return kube_store_count(informer->store);
}

void kube_informer_for_each(struct kube_informer *informer,
                            void (*visit)(void *context, const struct kube_entry *entry),
                            void *context)
{
    kube_store_for_each(informer->store, visit, context);
}
