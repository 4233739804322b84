/*
 * A queue of keys with one entry a key: adding a waiting key again does nothing, adding a key that
 * is being processed runs it once more afterwards; no two workers ever hold the same key.  Delays,
 * priorities and per-key backoff.  Rules: client-go's work queue and controller-runtime's priority
 * queue (one entry a key; ready beats waiting, the earlier time and the higher priority win).
 * A point of priority is worth three seconds of waiting, so that constant load starves nobody.
 *
 * Keys that need the same thing outside (a database server) form a group.  A key's group is learned
 * when its work enters it, and remembered from then on.  No more of a group's keys are handed out
 * than it has room for; the others stay ready, keep their turn, and occupy no worker meanwhile.
 * Thread-safe.
 */
#ifndef KUBE_WORKQUEUE_H
#define KUBE_WORKQUEUE_H

#include "base/backoff.h"
#include "base/random.h"
#include "base/timesource.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metrics;
struct kube_workqueue;

enum {                           /* any int is a priority; these are the ones that we use */
       KUBE_PRIORITY_LOW = -100, /* found by a list, drift */
       KUBE_PRIORITY_NORMAL = 0, /* new resources, retries */
       KUBE_PRIORITY_HIGH = 10,  /* what somebody changed or deleted just now */
};

/* What is known of what a group needs. */
enum kube_standing {
    KUBE_STANDING_UNKNOWN, /* nothing yet: one key at a time; some workers stay free of such */
    KUBE_STANDING_SUSPECT, /* it failed or was slow: likewise, by workers for suspects alone */
    KUBE_STANDING_TRUSTED, /* it answered at the last attempt: group_limit keys at a time */
    KUBE_STANDING_COUNT,
};

struct kube_workqueue_options {
    const char *name;              /* label of the metrics */
    struct backoff_policy backoff; /* zero = 5 ms doubling to 5 min, +-20 % */
    const struct timesource *timesource;
    const struct random_source *random;
    struct metrics *metrics; /* NULL = none */
    size_t group_limit;      /* how many keys of a group are handed out at once; 0 = no limit */
    /* How many keys are handed out at once, besides those of suspects, of which there are half as
     * many; 0 = any number of all. */
    size_t worker_count;
};

/* How many threads it takes for all of them. */
static inline size_t kube_workqueue_threads(size_t worker_count)
{
    return worker_count + (worker_count + 1) / 2;
}

struct kube_workqueue *
kube_workqueue_new(const struct kube_workqueue_options *options) returns_owned;
void kube_workqueue_free(struct kube_workqueue *queue);

/* Makes the key ready now. */
void kube_workqueue_add(struct kube_workqueue *queue, const char *key, int priority);
/* Makes it ready after a delay, unless it is ready or due earlier already. */
void kube_workqueue_add_after(struct kube_workqueue *queue, const char *key, int priority,
                              uint64_t delay_ms);
/* Makes it ready after its own backoff, which grows with each call until forgotten; returns the
 * delay chosen, at least `at_least_ms` (a server's Retry-After). */
uint64_t kube_workqueue_add_with_backoff(struct kube_workqueue *queue, const char *key,
                                         int priority, uint64_t at_least_ms);
/* Resets the key's backoff after success. */
void kube_workqueue_forget(struct kube_workqueue *queue, const char *key);

/* Waits for a ready key and marks it as being processed; NULL after shutdown.  The caller owns the
 * key and must call kube_workqueue_done() with it.  *ret_priority (may be NULL) gets the one under
 * which it was asked for. */
char *kube_workqueue_get(struct kube_workqueue *queue, int *ret_priority) must_check;
void kube_workqueue_done(struct kube_workqueue *queue, const char *key);

/* The work on the key, which is being processed, needs this group from here on until it is done.
 * False when the group has no room: then the work has to stop, and the key is handed out again, as
 * if nothing had happened, when there is. */
bool kube_workqueue_enter(struct kube_workqueue *queue, const char *key, const char *group)
    must_check;
/* Likewise, for work that found out only later that it has to make room for others. */
void kube_workqueue_put_back(struct kube_workqueue *queue, const char *key);
enum kube_standing kube_workqueue_standing(struct kube_workqueue *queue, const char *group);
void kube_workqueue_set_standing(struct kube_workqueue *queue, const char *group,
                                 enum kube_standing standing);
/* The key, which was asked for during its processing, does not wait for its time when its group is
 * woken before, or was since the work entered it. */
void kube_workqueue_await_group(struct kube_workqueue *queue, const char *key);
/* Makes ready, and forgets the failures of, the keys of a group that await it. */
void kube_workqueue_wake_group(struct kube_workqueue *queue, const char *group);

/* Refuses further adds and lets every waiting get return NULL; keys not begun are dropped. */
void kube_workqueue_shut_down(struct kube_workqueue *queue);
/* Keys that are ready or waiting. */
size_t kube_workqueue_length(struct kube_workqueue *queue);
/* Brings the gauges of running work up to date; to be called before the metrics are rendered. */
void kube_workqueue_update_metrics(struct kube_workqueue *queue);

#endif
