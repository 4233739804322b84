/*
 * One reconcile of one resource, from the live object to its status:
 * observe -> plan -> apply -> conditions -> one status write.
 */
#ifndef CONTROLLER_RECONCILE_H
#define CONTROLLER_RECONCILE_H

#include "aws/region.h"
#include "aws/secrets_manager.h"
#include "base/cancellation.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timesource.h"
#include "controller/reconcile_metrics.h"
#include "kube/client.h"

#include <stdint.h>

struct cluster_identity;
struct kube_event_recorder;
struct proof_memory;
struct secret_index;
struct tenant_rules;
struct watch_scope;

/* What every pass shares; borrowed, thread-safe, constant after start. */
struct reconciler {
    struct kube_client *kube;
    const struct watch_scope *scope;
    struct secret_index *admin_secrets; /* is told which version a pass has read */
    struct secrets_manager *secrets;
    const struct timesource *timesource;
    const struct random_source *random;
    const struct cancellation *cancellation;
    struct log *log;
    struct cluster_identity *cluster;
    const char *former_clusters; /* ids separated by ','; NULL = none */
    bool require_adoption_tag;   /* secrets without a mark have to be handed over in AWS */
    struct proof_memory *proofs;
    struct kube_event_recorder *events;
    struct reconcile_metrics metrics;
    struct aws_region_source *default_region;
    const struct tenant_rules *rules;
    const char *database_ca_file; /* NULL = the system's bundle */
    uint64_t sync_period_ms;      /* 0 = no drift passes */
};

enum reconcile_result {
    RECONCILE_DONE,    /* nothing left to do; look again after requeue_after_ms (0 = never) */
    RECONCILE_AGAIN,   /* somebody was first: look again at once */
    RECONCILE_FAILED,  /* retry with backoff, not before requeue_after_ms */
    RECONCILE_STOPPED, /* shutting down */
};

struct reconcile_outcome {
    enum reconcile_result result;
    enum error_kind kind; /* when failed */
    uint64_t requeue_after_ms;
};

/* Reconciles namespace_name/name.  Reports by itself (log, status); the outcome says when to come
 * back.  Thread-safe for different keys. */
void reconcile_database(const struct reconciler *reconciler, const char *namespace_name,
                        const char *name, struct reconcile_outcome *ret_outcome);

#endif
