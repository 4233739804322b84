#include "controller/controller.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/text.h"
#include "controller/circuits.h"
#include "controller/cluster_identity.h"
#include "controller/database.h"
#include "controller/proof_memory.h"
#include "controller/resource_metrics.h"
#include "controller/secret_index.h"
#include "controller/server_access.h"
#include "controller/session_pool.h"
#include "controller/watches.h"
#include "controller/workers.h"
#include "kube/workqueue.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

/*
 * Threads: one for each watch, which only adds keys to the queue, and the workers.  What they share
 * is thread-safe by itself.  The workers start later than the informers: who does not lead keeps
 * its store and its queue warm.
 */

/* Fifty passes a second: 10,000 resources are looked at within 200 s of a restart. */
enum { LISTED_SPACING_MS = 20 };

struct controller {
    struct reconciler reconciler;
    const struct cancellation *stopping;
    struct log_scope log;
    struct kube_workqueue *queue;
    struct watches *watches;
    struct secret_index *index;
    struct workers *workers;
    struct resource_metrics *resources;
    int64_t stuck_worker_timeout_ms;
    atomic_bool is_stuck;                /* and the log has said so */
    atomic_uint_least64_t settled_count; /* of the resources listed */
};

/* --- What the store keeps of a resource ------------------------------------------------------ */

struct projection {
    int64_t generation;
    bool deleting;
    bool has_finalizer;
    bool is_settled; /* the status tells how it ended, and nothing was asked for since */
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

/* Whether the annotation asks for what the member of the status does not say was done. */
static bool is_asked_for(const json_t *object, const char *annotation, const char *member)
{
    const char *asked =
        document_string(document_at(object, "metadata", "annotations", NULL), annotation);

    return asked != NULL &&
           !text_equal(asked, document_string(document_at(object, "status", NULL), member));
}

static bool is_settled(const json_t *object)
{
    const json_t *status = document_at(object, "status", NULL);
    const char *phase = document_string(status, "phase");
    int64_t generation = document_integer(document_at(object, "metadata", NULL), "generation", 0);

    return document_integer(status, "observedGeneration", -1) == generation &&
           (text_equal(phase, "Ready") || text_equal(phase, "Error")) &&
           !is_asked_for(object, ANNOTATION_RECONCILE_NOW, "lastHandledReconcileAt") &&
           !is_asked_for(object, ANNOTATION_RESET_PASSWORD, "lastHandledPasswordReset");
}

static void *project_database(void *context, const json_t *object)
{
    const struct controller *controller = context;
    struct projection *projection = mem_alloc(sizeof *projection);
    const json_t *metadata = document_at(object, "metadata", NULL);

    projection->generation = document_integer(metadata, "generation", 0);
    projection->deleting = document_string(metadata, "deletionTimestamp") != NULL;
    projection->is_settled = is_settled(object);
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

/* What was Ready or refused when the operator ended is only looked at again: one after the other,
 * so that a restart is no storm, and after everything that somebody waits for. */
static void add_settled(struct controller *controller, const char *key)
{
    uint64_t turn_ms = atomic_fetch_add(&controller->settled_count, 1) * LISTED_SPACING_MS;

    if (controller->reconciler.sync_period_ms > 0)
        turn_ms %= controller->reconciler.sync_period_ms;
    kube_workqueue_add_after(controller->queue, key, KUBE_PRIORITY_LOW, turn_ms);
}

/* Somebody who changes or deletes something waits for what comes of it. */
static void add_changed(struct controller *controller, const char *key, enum kube_change change,
                        const struct projection *projection)
{
    bool is_urgent = change == KUBE_MODIFIED || projection->deleting;

    kube_workqueue_add(controller->queue, key,
                       is_urgent ? KUBE_PRIORITY_HIGH : KUBE_PRIORITY_NORMAL);
}

static void on_database_change(void *context, enum kube_change change,
                               const struct kube_entry *before, const struct kube_entry *after,
                               bool from_list)
{
    struct controller *controller = context;
    auto_free char *key = entry_key(after != NULL ? after : before);
    const struct projection *projection = after != NULL ? after->projection : NULL;

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
        if (from_list && projection->is_settled && !projection->deleting) {
            add_settled(controller, key);
            return;
        }
        break;
    }
    add_changed(controller, key, change, projection);
}

static void wake_database(void *context, const char *database_key)
{
    struct controller *controller = context;

    kube_workqueue_forget(controller->queue, database_key);
    kube_workqueue_add(controller->queue, database_key, KUBE_PRIORITY_HIGH);
}

/* --- Life cycle ------------------------------------------------------------------------------ */

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
    size_t worker_count = options->worker_count > 0 ? options->worker_count : WORKERS_DEFAULT;
    struct kube_workqueue_options queue = {
        .name = "database",
        .timesource = options->timesource,
        .random = options->random,
        .metrics = options->metrics,
        .group_limit = SERVER_PASSES_LIMIT,
        .worker_count = worker_count,
    };
    struct circuits_options circuits = {
        .timesource = options->timesource,
        .random = options->random,
    };
    struct session_pool_options sessions = {
        .timesource = options->timesource,
        .idle_limit = SERVER_PASSES_LIMIT,
    };

    controller->index = index;
    controller->queue = kube_workqueue_new(&queue);
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
        .queue = controller->queue,
        .circuits = circuits_new(&circuits),
        .sessions = session_pool_new(&sessions),
        .default_region = options->default_region,
        .rules = options->rules,
        .database_ca_file = options->database_ca_file,
        .sync_period_ms = options->sync_period_ms,
    };
    controller->stopping = options->stopping;
    controller->log = (struct log_scope){.log = options->log, .controller = "database"};
    controller->stuck_worker_timeout_ms = (int64_t)options->stuck_worker_timeout_ms;
    controller->workers =
        workers_new(&controller->reconciler, controller->queue, options->metrics, worker_count);
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

void controller_lead(struct controller *controller)
{
    workers_start(controller->workers);
}

bool controller_stop(struct controller *controller, struct cancellation *abort_passes,
                     int64_t drain_ms)
{
    bool drained = workers_stop(controller->workers, abort_passes, drain_ms);

    watches_stop(controller->watches);
    return drained;
}

void controller_free(struct controller *controller)
{
    if (controller == NULL)
        return;
    watches_free(controller->watches);
    workers_free(controller->workers);
    kube_workqueue_free(controller->queue);
    secret_index_free(controller->index);
    resource_metrics_free(controller->resources);
    session_pool_free(controller->reconciler.sessions);
    circuits_free(controller->reconciler.circuits);
    proof_memory_free(controller->reconciler.proofs);
    cluster_identity_free(controller->reconciler.cluster);
    free(controller);
}

bool controller_is_alive(struct controller *controller)
{
    int64_t silent_ms = workers_longest_silence_ms(controller->workers);
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

void controller_visit_circuits(struct controller *controller, circuits_visitor visit, void *context)
{
    circuits_visit(controller->reconciler.circuits, visit, context);
}
