/*
 * The Lease of coordination.k8s.io/v1 as leader election uses it: who holds it, and how long after
 * its last renewal others may take it.  What else is in the object stays as it is.
 */
#ifndef KUBE_LEASE_H
#define KUBE_LEASE_H

#include "base/cancellation.h"
#include "base/error.h"
#include "kube/client.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

/* ---- what a Lease says; whatever is missing or of another type counts as not said ---- */

/* "" = nobody. */
const char *lease_holder(const json_t *lease);
/* How long it lasts without a renewal, or `otherwise_ms`. */
int64_t lease_duration_ms(const json_t *lease, int64_t otherwise_ms);
/* "" = none. */
const char *lease_acquire_time(const json_t *lease);
/* Whether the holder said anything since: times are compared for being the same, never with a
 * clock of ours. */
bool lease_is_unchanged(const json_t *before, const json_t *after);

/* ---- what is written ---- */

struct lease_claim {
    const char *holder; /* "" = released */
    int64_t duration_ms;
    int64_t realtime_us;
    bool is_taking; /* else the holder goes on, or gives it back */
};

/* A Lease with this claim: a new one, or, with `lease`, a copy of that.  A taking sets acquireTime,
 * so that two processes of one name can tell theirs, and counts when the holder changes. */
json_t *lease_make(const char *namespace_name, const char *name, const json_t *lease,
                   const struct lease_claim *claim) returns_owned;

/* ---- calls ---- */

struct lease_call {
    struct kube_client *client;
    const char *namespace_name;
    const char *name;
    uint32_t timeout_ms;
    const struct cancellation *cancellation;
};

/* Reads it; the caller owns *ret_lease, which has a resourceVersion. */
bool lease_read(const struct lease_call *call, json_t **ret_lease, struct error *err) must_check;
/* Creates one without resourceVersion, replaces one that has it; CONFLICT when another one was
 * faster.  An answer that is lost may stand for a Lease that was written. */
bool lease_write(const struct lease_call *call, const json_t *lease, json_t **ret_lease,
                 struct error *err) must_check;

#endif
