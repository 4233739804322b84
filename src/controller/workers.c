#include "controller/workers.h"

#include "base/condition_variable.h"
#include "base/heartbeat.h"
#include "base/memory.h"
#include "base/metrics.h"

#include <pthread.h>
#include <string.h>

struct worker_metrics {
    struct metric_family *reconciles;
    struct metric_family *errors;
    struct metric_family *seconds;
    struct metric_family *active;
};

struct workers {
    const struct reconciler *reconciler;
    struct kube_workqueue *queue;
    struct worker_metrics metrics;
    struct heartbeats *heartbeats;
    size_t count;
    pthread_mutex_t lock;
    pthread_cond_t worker_ended;

    /* Below: guarded by lock. */
    pthread_t *threads; /* NULL = not started */
    size_t running;
    bool is_stopping;
};

/* --- Metrics --------------------------------------------------------------------------------- */

/* Buckets of controller-runtime's controller_runtime_reconcile_time_seconds. */
static const double time_buckets[] = {
    0.005, 0.01, 0.025, 0.05, 0.1,  0.15, 0.2,  0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6,
    0.7,   0.8,  0.9,   1,    1.25, 1.5,  1.75, 2,    2.5, 3,    3.5, 4,    4.5, 5,
    6,     7,    8,     9,    10,   15,   20,   25,   30,  40,   50,  60,
};

static void make_metrics(struct workers *workers, struct metrics *metrics)
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

    workers->metrics = (struct worker_metrics){
        .reconciles = metrics_family(metrics, &reconciles),
        .errors = metrics_family(metrics, &errors),
        .seconds = metrics_family(metrics, &seconds),
        .active = metrics_family(metrics, &active),
    };
    for (size_t i = 0; i < array_length(results); i++)
        metric_touch(workers->metrics.reconciles, "database", results[i], NULL);
    metric_touch(workers->metrics.errors, "database", NULL);
    metric_touch(workers->metrics.seconds, "database", NULL);
    metric_touch(workers->metrics.active, "database", NULL);
    metric_set(metrics_family(metrics, &limit), (double)workers->count, "database", NULL);
}

/* --- From key to key ------------------------------------------------------------------------- */

static const char *result_label(const struct reconcile_outcome *outcome)
{
    switch (outcome->result) {
    case RECONCILE_DONE:
        return outcome->requeue_after_ms > 0 ? "requeue_after" : "success";
    case RECONCILE_AGAIN:
    case RECONCILE_BUSY:
    case RECONCILE_STOPPED:
        return "requeue";
    case RECONCILE_FAILED:
        return "error";
    }
    return "error";
}

static void schedule(struct workers *workers, const char *key, int priority,
                     const struct reconcile_outcome *outcome)
{
    switch (outcome->result) {
    case RECONCILE_DONE:
        kube_workqueue_forget(workers->queue, key);
        if (outcome->requeue_after_ms > 0)
            kube_workqueue_add_after(workers->queue, key, KUBE_PRIORITY_LOW,
                                     outcome->requeue_after_ms);
        return;
    case RECONCILE_AGAIN:
        kube_workqueue_add_with_backoff(workers->queue, key, priority, outcome->requeue_after_ms);
        return;
    case RECONCILE_FAILED:
        kube_workqueue_add_with_backoff(workers->queue, key, KUBE_PRIORITY_NORMAL,
                                        outcome->requeue_after_ms);
        if (outcome->awaits_server)
            kube_workqueue_await_group(workers->queue, key);
        return;
    case RECONCILE_BUSY:
    case RECONCILE_STOPPED:
        return;
    }
}

static void work_on(struct workers *workers, const char *key, int priority)
{
    const struct reconciler *reconciler = workers->reconciler;
    int64_t begun_ms = timesource_monotonic_ms(reconciler->timesource);
    const char *slash = strchr(key, '/');
    auto_free char *namespace_name = mem_strndup(key, (size_t)(slash - key));
    struct reconcile_request request = {
        .key = key,
        .namespace_name = namespace_name,
        .name = slash + 1,
        .is_urgent = priority >= KUBE_PRIORITY_HIGH,
    };
    struct reconcile_outcome outcome = {0};

    metric_add(workers->metrics.active, 1, "database", NULL);
    heartbeat_begin();
    reconcile_database(reconciler, &request, &outcome);
    heartbeat_end();
    metric_add(workers->metrics.active, -1, "database", NULL);
    metric_add(workers->metrics.reconciles, 1, "database", result_label(&outcome), NULL);
    if (outcome.result == RECONCILE_FAILED)
        metric_add(workers->metrics.errors, 1, "database", NULL);
    metric_observe(workers->metrics.seconds,
                   (double)(timesource_monotonic_ms(reconciler->timesource) - begun_ms) / 1000,
                   "database", NULL);
    schedule(workers, key, priority, &outcome);
}

static void *run_worker(void *context)
{
    struct workers *workers = context;
    int priority;
    char *key;

    heartbeats_join(workers->heartbeats);
    while ((key = kube_workqueue_get(workers->queue, &priority)) != NULL) {
        work_on(workers, key, priority);
        kube_workqueue_done(workers->queue, key);
        free(key);
    }
    pthread_mutex_lock(&workers->lock);
    workers->running--;
    pthread_cond_signal(&workers->worker_ended);
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

/* --- Life cycle ------------------------------------------------------------------------------ */

struct workers *workers_new(const struct reconciler *reconciler, struct kube_workqueue *queue,
                            struct metrics *metrics, size_t count)
{
    struct workers *workers = mem_alloc(sizeof *workers);

    workers->reconciler = reconciler;
    workers->queue = queue;
    workers->count = kube_workqueue_threads(count);
    workers->heartbeats = heartbeats_new(workers->count, reconciler->timesource);
    pthread_mutex_init(&workers->lock, NULL);
    condition_variable_init(&workers->worker_ended);
    make_metrics(workers, metrics);
    return workers;
}

/* The lock is held. */
static void start_threads(struct workers *workers)
{
    workers->threads = mem_alloc_array(workers->count, sizeof *workers->threads);
    workers->running = workers->count;
    for (size_t i = 0; i < workers->count; i++) {
        if (pthread_create(&workers->threads[i], NULL, run_worker, workers) != 0)
            abort(); /* no threads at start: nothing can work */
    }
}

void workers_start(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    if (!workers->is_stopping)
        start_threads(workers);
    pthread_mutex_unlock(&workers->lock);
}

static bool wait_for_workers(struct workers *workers, int64_t drain_ms)
{
    struct timespec deadline = condition_variable_deadline(drain_ms);
    bool ended;

    pthread_mutex_lock(&workers->lock);
    workers->is_stopping = true;
    while (workers->running > 0 &&
           pthread_cond_timedwait(&workers->worker_ended, &workers->lock, &deadline) == 0)
        continue;
    ended = workers->running == 0;
    pthread_mutex_unlock(&workers->lock);
    return ended;
}

bool workers_stop(struct workers *workers, struct cancellation *abort_passes, int64_t drain_ms)
{
    bool drained;

    kube_workqueue_shut_down(workers->queue);
    drained = wait_for_workers(workers, drain_ms);
    if (!drained)
        cancellation_request(abort_passes);
    for (size_t i = 0; workers->threads != NULL && i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    return drained;
}

void workers_free(struct workers *workers)
{
    if (workers == NULL)
        return;
    pthread_mutex_destroy(&workers->lock);
    pthread_cond_destroy(&workers->worker_ended);
    heartbeats_free(workers->heartbeats);
    free(workers->threads);
    free(workers);
}

int64_t workers_longest_silence_ms(struct workers *workers)
{
    return heartbeats_longest_silence_ms(workers->heartbeats);
}
