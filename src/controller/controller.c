#include "controller/controller.h"

#include "base/condition_variable.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "controller/cluster_identity.h"
#include "controller/database.h"
#include "controller/proof_memory.h"
#include "controller/resource_metrics.h"
#include "controller/secret_index.h"
#include "controller/watches.h"
#include "kube/workqueue.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/*
 * Threads: one for each watch, which only adds keys to the queue, and the workers, which own
 * nothing but the pass that they are in.  What they share is thread-safe by itself; the lock below
 * guards only who the workers are.  They start later than the informers: who does not lead keeps
 * its store and its queue warm.
 */

enum { WORKERS_DEFAULT = 8 };

struct controller_metrics {
    struct metric_family *reconciles;
    struct metric_family *errors;
    struct metric_family *seconds;
    struct metric_family *active;
};

struct controller {
    struct reconciler reconciler;
    const struct cancellation *stopping;
    struct log_scope log;
    struct kube_workqueue *queue;
    struct watches *watches;
    struct secret_index *index;
    struct controller_metrics metrics;
    struct resource_metrics *resources;
    struct heartbeats *heartbeats; /* of the workers */
    int64_t stuck_worker_timeout_ms;
    atomic_bool is_stuck; /* and the log has said so */
    size_t worker_count;
    pthread_mutex_t lock;
    pthread_cond_t worker_ended;
    /* Below: guarded by lock. */
    pthread_t *workers; /* NULL = not started */
    size_t running;
    bool is_stopping;
};

/* --- What the store keeps of a resource ------------------------------------------------------ */

struct projection {
    int64_t generation;
    bool deleting;
    bool has_finalizer;
    bool is_observed; /* status.observedGeneration is the generation */
    struct standing standing;
    uint32_t annotations; /* digest of our own annotations */
    char *secret_key;     /* "namespace/name" of the admin Secret; NULL = none */
};

/* FNV-1a: tells whether an annotation changed, nothing more. */
static uint32_t mix(uint32_t digest, const char *text)
{
    for (; *text != '\0'; text++)
        digest = (digest ^ (unsigned char)*text) * 16777619U;
    return digest * 31;
}

static uint32_t digest_annotations(const json_t *object)
{
    json_t *annotations = json_object_get(json_object_get(object, "metadata"), "annotations");
    uint32_t digest = 2166136261U;
    const char *key;
    json_t *value;

    json_object_foreach(annotations, key, value) {
        if (strncmp(key, ANNOTATION_PREFIX, strlen(ANNOTATION_PREFIX)) == 0 &&
            json_is_string(value))
            digest ^= mix(mix(2166136261U, key), json_string_value(value));
    }
    return digest;
}

static char *find_secret_key(const json_t *object)
{
    const char *namespace_name =
        document_string(document_at(object, "metadata", NULL), "namespace");
    const char *name =
        document_string(document_at(object, "spec", "connectionStringSecretRef", NULL), "name");

    return namespace_name != NULL && name != NULL ? mem_printf("%s/%s", namespace_name, name)
                                                  : NULL;
}

static void *project_database(void *context, const json_t *object)
{
    const struct controller *controller = context;
    struct projection *projection = mem_alloc(sizeof *projection);
    const json_t *metadata = document_at(object, "metadata", NULL);

    projection->generation = document_integer(metadata, "generation", 0);
    projection->deleting = document_string(metadata, "deletionTimestamp") != NULL;
    projection->is_observed = document_integer(document_at(object, "status", NULL),
                                               "observedGeneration", -1) == projection->generation;
    projection->has_finalizer =
        document_array_has(json_object_get(metadata, "finalizers"), DATABASE_FINALIZER);
    projection->standing = resource_metrics_read(controller->resources, object);
    projection->annotations = digest_annotations(object);
    projection->secret_key = find_secret_key(object);
    return projection;
}

static void free_projection(void *pointer)
{
    struct projection *projection = pointer;

    if (projection == NULL)
        return;
    free(projection->secret_key);
    free(projection);
}

/* --- From changes to keys -------------------------------------------------------------------- */

static char *entry_key(const struct kube_entry *entry)
{
    return mem_printf("%s/%s", entry->namespace_name, entry->name);
}

static void update_index(struct controller *controller, const char *key,
                         const struct kube_entry *before, const struct kube_entry *after)
{
    const struct projection *was = before != NULL ? before->projection : NULL;
    const struct projection *is = after != NULL ? after->projection : NULL;
    const char *old_key = was != NULL ? was->secret_key : NULL;
    const char *new_key = is != NULL ? is->secret_key : NULL;

    if (old_key != NULL && new_key != NULL && strcmp(old_key, new_key) == 0)
        return;
    if (old_key != NULL)
        secret_index_remove(controller->index, old_key, key);
    if (new_key != NULL)
        secret_index_add(controller->index, new_key, key);
}

static void count_standing(struct controller *controller, const struct kube_entry *before,
                           const struct kube_entry *after)
{
    const struct projection *was = before != NULL ? before->projection : NULL;
    const struct projection *is = after != NULL ? after->projection : NULL;

    resource_metrics_move(controller->resources, was != NULL ? &was->standing : NULL,
                          is != NULL ? &is->standing : NULL);
}

/* Our own status writes change neither generation nor annotations, so they do not wake us. */
static bool is_worth_a_pass(const struct kube_entry *before, const struct kube_entry *after)
{
    const struct projection *was = before->projection, *is = after->projection;

    return strcmp(before->uid, after->uid) != 0 || was->generation != is->generation ||
           was->deleting != is->deleting || was->annotations != is->annotations ||
           (was->has_finalizer && !is->has_finalizer);
}

static int choose_priority(const struct projection *projection, bool from_list)
{
    if (projection->deleting)
        return KUBE_PRIORITY_HIGH;
    return from_list && projection->is_observed ? KUBE_PRIORITY_LOW : KUBE_PRIORITY_NORMAL;
}

static void on_database_change(void *context, enum kube_change change,
                               const struct kube_entry *before, const struct kube_entry *after,
                               bool from_list)
{
    struct controller *controller = context;
    auto_free char *key = entry_key(after != NULL ? after : before);

    update_index(controller, key, before, after);
    count_standing(controller, before, after);
    switch (change) {
    case KUBE_DELETED:
        proof_memory_forget(controller->reconciler.proofs, before->uid);
        kube_workqueue_forget(controller->queue, key);
        return;
    case KUBE_MODIFIED:
        if (!is_worth_a_pass(before, after))
            return;
        kube_workqueue_forget(controller->queue, key); /* what failed before may work now */
        break;
    case KUBE_ADDED:
        break;
    }
    kube_workqueue_add(controller->queue, key, choose_priority(after->projection, from_list));
}

static void wake_database(void *context, const char *database_key)
{
    struct controller *controller = context;

    kube_workqueue_forget(controller->queue, database_key);
    kube_workqueue_add(controller->queue, database_key, KUBE_PRIORITY_HIGH);
}

/* --- Workers --------------------------------------------------------------------------------- */

static const char *result_label(const struct reconcile_outcome *outcome)
{
    switch (outcome->result) {
    case RECONCILE_DONE:
        return outcome->requeue_after_ms > 0 ? "requeue_after" : "success";
    case RECONCILE_AGAIN:
    case RECONCILE_STOPPED:
        return "requeue";
    case RECONCILE_FAILED:
        return "error";
    }
    return "error";
}

static void schedule(struct controller *controller, const char *key,
                     const struct reconcile_outcome *outcome)
{
    switch (outcome->result) {
    case RECONCILE_DONE:
        kube_workqueue_forget(controller->queue, key);
        if (outcome->requeue_after_ms > 0)
            kube_workqueue_add_after(controller->queue, key, KUBE_PRIORITY_LOW,
                                     outcome->requeue_after_ms);
        return;
    case RECONCILE_AGAIN:
    case RECONCILE_FAILED:
        kube_workqueue_add_with_backoff(controller->queue, key, KUBE_PRIORITY_NORMAL,
                                        outcome->requeue_after_ms);
        return;
    case RECONCILE_STOPPED:
        return;
    }
}

static void work_on(struct controller *controller, const char *key)
{
    const struct reconciler *reconciler = &controller->reconciler;
    int64_t begun_ms = timesource_monotonic_ms(reconciler->timesource);
    const char *slash = strchr(key, '/');
    auto_free char *namespace_name = mem_strndup(key, (size_t)(slash - key));
    struct reconcile_outcome outcome = {0};

    metric_add(controller->metrics.active, 1, "database", NULL);
    heartbeat_begin();
    reconcile_database(reconciler, namespace_name, slash + 1, &outcome);
    heartbeat_end();
    metric_add(controller->metrics.active, -1, "database", NULL);
    metric_add(controller->metrics.reconciles, 1, "database", result_label(&outcome), NULL);
    if (outcome.result == RECONCILE_FAILED)
        metric_add(controller->metrics.errors, 1, "database", NULL);
    metric_observe(controller->metrics.seconds,
                   (double)(timesource_monotonic_ms(reconciler->timesource) - begun_ms) / 1000,
                   "database", NULL);
    schedule(controller, key, &outcome);
}

static void *run_worker(void *context)
{
    struct controller *controller = context;
    char *key;

    heartbeats_join(controller->heartbeats);
    while ((key = kube_workqueue_get(controller->queue)) != NULL) {
        work_on(controller, key);
        kube_workqueue_done(controller->queue, key);
        free(key);
    }
    pthread_mutex_lock(&controller->lock);
    controller->running--;
    pthread_cond_signal(&controller->worker_ended);
    pthread_mutex_unlock(&controller->lock);
    return NULL;
}

/* --- Life cycle ------------------------------------------------------------------------------ */

/* Buckets of controller-runtime's controller_runtime_reconcile_time_seconds. */
static const double time_buckets[] = {
    0.005, 0.01, 0.025, 0.05, 0.1,  0.15, 0.2,  0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6,
    0.7,   0.8,  0.9,   1,    1.25, 1.5,  1.75, 2,    2.5, 3,    3.5, 4,    4.5, 5,
    6,     7,    8,     9,    10,   15,   20,   25,   30,  40,   50,  60,
};

static void make_metrics(struct controller *controller, struct metrics *metrics)
{
    static const struct metric_description reconciles = {
        .name = "controller_runtime_reconcile_total",
        .help = "Total number of reconciliations per controller",
        .type = METRIC_COUNTER,
        .labels = {"controller", "result"},
    };
    static const struct metric_description errors = {
        .name = "controller_runtime_reconcile_errors_total",
        .help = "Total number of reconciliation errors per controller",
        .type = METRIC_COUNTER,
        .labels = {"controller"},
    };
    static const struct metric_description seconds = {
        .name = "controller_runtime_reconcile_time_seconds",
        .help = "Length of time per reconciliation per controller",
        .type = METRIC_HISTOGRAM,
        .labels = {"controller"},
        .buckets = time_buckets,
        .bucket_count = array_length(time_buckets),
    };
    static const struct metric_description active = {
        .name = "controller_runtime_active_workers",
        .help = "Number of currently used workers per controller",
        .type = METRIC_GAUGE,
        .labels = {"controller"},
    };
    static const struct metric_description limit = {
        .name = "controller_runtime_max_concurrent_reconciles",
        .help = "Maximum number of concurrent reconciles per controller",
        .type = METRIC_GAUGE,
        .labels = {"controller"},
    };
    static const char *const results[] = {"success", "requeue_after", "requeue", "error"};

    controller->metrics = (struct controller_metrics){
        .reconciles = metrics_family(metrics, &reconciles),
        .errors = metrics_family(metrics, &errors),
        .seconds = metrics_family(metrics, &seconds),
        .active = metrics_family(metrics, &active),
    };
    for (size_t i = 0; i < array_length(results); i++)
        metric_touch(controller->metrics.reconciles, "database", results[i], NULL);
    metric_touch(controller->metrics.errors, "database", NULL);
    metric_touch(controller->metrics.seconds, "database", NULL);
    metric_touch(controller->metrics.active, "database", NULL);
    metric_set(metrics_family(metrics, &limit), (double)controller->worker_count, "database", NULL);
}

/* What is known only when somebody asks. */
static void collect_metrics(void *context)
{
    struct controller *controller = context;

    kube_workqueue_update_metrics(controller->queue);
    reconcile_metrics_collect(&controller->reconciler.metrics, controller->reconciler.proofs);
}

static void make_watches(struct controller *controller, const struct controller_options *options)
{
    struct kube_source source = {
        .client = options->kube,
        .resource = &database_resource,
        .log = &controller->log,
        .metrics = options->metrics,
        .cancellation = options->stopping,
    };
    struct kube_informer_options databases = {
        .source = source,
        .project = project_database,
        .free_projection = free_projection,
        .on_change = on_database_change,
        .context = controller,
    };
    struct secret_watch_options secrets = {
        .source = source,
        .index = controller->index,
        .wake = wake_database,
        .context = controller,
    };

    controller->watches = watches_new(options->scope, &databases, &secrets);
}

struct controller *controller_new(const struct controller_options *options)
{
    struct controller *controller = mem_alloc(sizeof *controller);
    struct secret_index *index = secret_index_new();
    struct kube_workqueue_options queue = {
        .name = "database",
        .timesource = options->timesource,
        .random = options->random,
        .metrics = options->metrics,
    };

    controller->index = index;
    controller->reconciler = (struct reconciler){
        .kube = options->kube,
        .scope = options->scope,
        .admin_secrets = index,
        .secrets = options->secrets,
        .events = options->events,
        .timesource = options->timesource,
        .random = options->random,
        .cancellation = options->aborting,
        .log = options->log,
        .cluster = cluster_identity_new(options->cluster_id),
        .former_clusters = options->former_cluster_ids,
        .require_adoption_tag = options->require_adoption_tag,
        .proofs = proof_memory_new(),
        .default_region = options->default_region,
        .rules = options->rules,
        .database_ca_file = options->database_ca_file,
        .sync_period_ms = options->sync_period_ms,
    };
    controller->stopping = options->stopping;
    controller->log = (struct log_scope){.log = options->log, .controller = "database"};
    controller->worker_count = options->worker_count > 0 ? options->worker_count : WORKERS_DEFAULT;
    controller->heartbeats = heartbeats_new(controller->worker_count, options->timesource);
    controller->stuck_worker_timeout_ms = (int64_t)options->stuck_worker_timeout_ms;
    controller->queue = kube_workqueue_new(&queue);
    pthread_mutex_init(&controller->lock, NULL);
    condition_variable_init(&controller->worker_ended);
    make_metrics(controller, options->metrics);
    reconcile_metrics_init(&controller->reconciler.metrics, options->metrics);
    controller->resources = resource_metrics_new(options->metrics);
    metrics_add_collector(options->metrics, collect_metrics, controller);
    make_watches(controller, options);
    return controller;
}

void controller_start(struct controller *controller)
{
    watches_start(controller->watches);
}

/* The lock is held. */
static void start_workers(struct controller *controller)
{
    controller->workers = mem_alloc_array(controller->worker_count, sizeof *controller->workers);
    controller->running = controller->worker_count;
    for (size_t i = 0; i < controller->worker_count; i++) {
        if (pthread_create(&controller->workers[i], NULL, run_worker, controller) != 0)
            abort(); /* no threads at start: nothing can work */
    }
}

void controller_lead(struct controller *controller)
{
    pthread_mutex_lock(&controller->lock);
    if (!controller->is_stopping)
        start_workers(controller);
    pthread_mutex_unlock(&controller->lock);
}

/* Waits until all workers have ended, at most drain_ms. */
static bool wait_for_workers(struct controller *controller, int64_t drain_ms)
{
    struct timespec deadline = condition_variable_deadline(drain_ms);
    bool ended;

    pthread_mutex_lock(&controller->lock);
    controller->is_stopping = true;
    while (controller->running > 0 &&
           pthread_cond_timedwait(&controller->worker_ended, &controller->lock, &deadline) == 0)
        continue;
    ended = controller->running == 0;
    pthread_mutex_unlock(&controller->lock);
    return ended;
}

bool controller_stop(struct controller *controller, struct cancellation *abort_passes,
                     int64_t drain_ms)
{
    bool drained;

    kube_workqueue_shut_down(controller->queue);
    drained = wait_for_workers(controller, drain_ms);
    if (!drained)
        cancellation_request(abort_passes);
    for (size_t i = 0; controller->workers != NULL && i < controller->worker_count; i++)
        pthread_join(controller->workers[i], NULL);
    watches_stop(controller->watches);
    return drained;
}

void controller_free(struct controller *controller)
{
    if (controller == NULL)
        return;
    watches_free(controller->watches);
    kube_workqueue_free(controller->queue);
    secret_index_free(controller->index);
    resource_metrics_free(controller->resources);
    proof_memory_free(controller->reconciler.proofs);
    cluster_identity_free(controller->reconciler.cluster);
    heartbeats_free(controller->heartbeats);
    pthread_mutex_destroy(&controller->lock);
    pthread_cond_destroy(&controller->worker_ended);
    free(controller->workers);
    free(controller);
}

bool controller_is_alive(struct controller *controller)
{
    int64_t silent_ms = heartbeats_longest_silence_ms(controller->heartbeats);
    bool is_stuck =
        controller->stuck_worker_timeout_ms > 0 && silent_ms > controller->stuck_worker_timeout_ms;

    if (is_stuck != atomic_exchange(&controller->is_stuck, is_stuck) && is_stuck)
        log_error(&controller->log,
                  "a worker has given no sign of life for %" PRId64
                  " s, and no wait of it takes so long: /healthz fails, so that the process is "
                  "started anew",
                  silent_ms / 1000);
    return !is_stuck;
}

bool controller_has_synced(const struct controller *controller)
{
    return watches_have_synced(controller->watches);
}
