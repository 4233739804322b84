/*
 * One candidate for a Lease: what it has seen of it, and one attempt at a time to take, to renew or
 * to give it back.  No thread and no waiting: that is kube/leader_election.h.
 *
 * Times of other machines are never compared with a clock of ours.  A Lease that somebody holds may
 * be taken when we have seen no change of it for as long as its holder said; we may rely on ours
 * from the sending of the last renewal that succeeded until the renew deadline, which is shorter.
 * Both are measured with the clock that goes on while the machine is suspended.
 */
#ifndef KUBE_LEASE_CANDIDATE_H
#define KUBE_LEASE_CANDIDATE_H

#include "base/cancellation.h"
#include "base/error.h"
#include "base/timesource.h"
#include "kube/client.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct lease_timing {
    uint64_t lease_duration_ms; /* whole seconds; after it others may take the Lease */
    uint64_t renew_deadline_ms; /* after it we do not rely on it any more */
    uint64_t retry_period_ms;   /* between two attempts */
};

/* INVALID unless lease duration > renew deadline > 1.2 * retry period > 0. */
bool lease_timing_check(const struct lease_timing *timing, struct error *err) must_check;

enum lease_state {
    LEASE_FOLLOWS, /* somebody else has it, or it could not be had */
    LEASE_LEADS,
    LEASE_LOST, /* it was ours: for ever, whoever goes on begins anew */
};

/* The first members are the caller's, borrowed; the rest is {0} at first. */
struct lease_candidate {
    struct kube_client *client;
    const char *namespace_name;
    const char *name;
    const char *identity;
    struct lease_timing timing;

    enum lease_state state;
    int64_t valid_until_ms; /* while it leads */
    json_t *lease;          /* as last seen; NULL = never seen one */
    int64_t observed_ms;    /* when its last change was seen */
    bool is_current;        /* nobody changed it since, as far as we know */
    bool may_hold;          /* a claim of ours was sent and not given back */
    bool was_overtaken;     /* the last attempt failed since the Lease is another one by now */
    char taken_at[TIMESTAMP_SIZE]; /* the acquireTime of our last taking */
};

void lease_candidate_release(struct lease_candidate *candidate);

/* One attempt; blocks for two requests at most, each of half the renew deadline at most.  Returns
 * the new state.  When the attempt failed *err says why, else its kind is NONE. */
enum lease_state lease_candidate_try(struct lease_candidate *candidate,
                                     const struct cancellation *cancellation, struct error *err);
/* How long to wait after an attempt that began at begun_ms. */
int64_t lease_candidate_delay_ms(const struct lease_candidate *candidate, int64_t begun_ms);

/* Gives back what may be ours, so that nobody has to wait for its end. */
bool lease_candidate_resign(struct lease_candidate *candidate, uint32_t timeout_ms,
                            struct error *err) must_check;

/* Who holds it as far as was seen; "" = nobody, or nothing was seen. */
const char *lease_candidate_holder(const struct lease_candidate *candidate);

#endif
