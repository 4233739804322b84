/*
 * Leader election: a thread of its own takes a Lease, renews it, and gives it back last.
 *
 * The identity of a process in a pod is that of the pod: a restarted container takes its own Lease
 * back at once, for kubelet starts none while another one runs.
 */
#ifndef KUBE_LEADER_ELECTION_H
#define KUBE_LEADER_ELECTION_H

#include "base/cancellation.h"
#include "base/compiler.h"
#include "base/log.h"
#include "base/random.h"
#include "kube/client.h"
#include "kube/lease_candidate.h"

#include <stdbool.h>
#include <stdint.h>

struct leader_election;
struct metrics;

/* All borrowed for its life. */
struct leader_election_options {
    struct kube_client *client;
    const struct log_scope *log;
    struct metrics *metrics; /* NULL = none */
    const char *namespace_name;
    const char *name; /* of the Lease */
    const char *identity;
    struct lease_timing timing;
    /* Ends the waiting for the Lease; who has it keeps it until leader_election_finish(). */
    const struct cancellation *stopping;

    /* Called on the thread, without locks. */

    /* It may be relied on until then; for the first time before on_leading().  False when an end
     * that was told before is past: what had to end then has, and the Lease counts as lost. */
    bool (*on_renewed)(void *context, int64_t valid_until_ms);
    void (*on_leading)(void *context);
    /* The last call; the time that was told last is, or will soon be, over. */
    void (*on_lost)(void *context, const struct error *reason);
    void *context;
};

struct leader_election *
leader_election_new(const struct leader_election_options *options) returns_owned;
/* Starts the thread. */
void leader_election_start(struct leader_election *election);
/* Gives back what is held and joins the thread, within a few seconds; `stopping` must have been
 * requested, and nothing may rely on the Lease any more. */
void leader_election_finish(struct leader_election *election);
/* NULL is fine; one that was started must be finished. */
void leader_election_free(struct leader_election *election);

/* True once the Lease could be read or written: we know who leads.  Thread-safe. */
bool leader_election_is_informed(const struct leader_election *election);
/* False when the thread got stuck.  Thread-safe. */
bool leader_election_is_alive(const struct leader_election *election);

/* "<pod_name>_<pod_uid>"; where one is NULL, the host's name and a random UUID. */
char *leader_election_identity(const char *pod_name, const char *pod_uid,
                               const struct random_source *random) returns_owned;

#endif
