/*
 * The controller of Database resources: watches (of the resources, and of the metadata of Secrets)
 * feed a work queue, workers reconcile what comes out of it.
 */
#ifndef CONTROLLER_CONTROLLER_H
#define CONTROLLER_CONTROLLER_H

#include "base/cancellation.h"
#include "base/compiler.h"
#include "controller/reconcile.h"

#include <stdbool.h>
#include <stddef.h>

struct metrics;
struct controller;
struct watch_scope;

/* All borrowed for the life of the controller. */
struct controller_options {
    struct kube_client *kube;
    struct secrets_manager *secrets;
    struct kube_event_recorder *events;
    const struct timesource *timesource;
    const struct random_source *random;
    /* Ends the watches and the intake of work; passes that run may finish. */
    const struct cancellation *stopping;
    /* Ends the passes themselves. */
    const struct cancellation *aborting;
    struct log *log;
    struct metrics *metrics;
    const struct watch_scope *scope;
    const char *cluster_id;         /* NULL = uid of kube-system */
    const char *former_cluster_ids; /* separated by ','; NULL = none */
    bool require_adoption_tag;      /* secrets without a mark have to be handed over in AWS */
    struct aws_region_source *default_region;
    const struct tenant_rules *rules;
    const char *database_ca_file;     /* NULL = the system's bundle */
    uint64_t sync_period_ms;          /* 0 = no drift passes */
    size_t worker_count;              /* 0 = 8 */
    uint64_t stuck_worker_timeout_ms; /* 0 = a worker is never taken for stuck */
};

struct controller *controller_new(const struct controller_options *options) returns_owned;
/* Starts the watches, which fill the queue. */
void controller_start(struct controller *controller);
/* Starts the workers, which empty it: once, from any thread; nothing happens when it is being
 * stopped already. */
void controller_lead(struct controller *controller);
/* Waits for the workers and the watches to end; `stopping` must have been requested.  True when
 * every worker was idle within drain_ms; the passes that were not are aborted by the caller's
 * `aborting` (requested here by `abort_passes`), and waited for as well. */
bool controller_stop(struct controller *controller, struct cancellation *abort_passes,
                     int64_t drain_ms);
void controller_free(struct controller *controller);

/* False while a worker gives no sign of life for longer than stuck_worker_timeout_ms; the log says
 * so once.  Thread-safe. */
bool controller_is_alive(struct controller *controller);

/* True once every watch has its first complete list.  Thread-safe. */
bool controller_has_synced(const struct controller *controller);

#endif
