/*
 * A queue of keys with one entry a key: adding a waiting key again does nothing, adding a key that
 * is being processed runs it once more afterwards; no two workers ever hold the same key.  Delays,
 * priorities and per-key backoff.  Rules: client-go's work queue and controller-runtime's priority
 * queue (one entry a key; ready beats waiting, the earlier time and the higher priority win).
 * A point of priority is worth three seconds of waiting, so that constant load starves nobody.
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
       KUBE_PRIORITY_NORMAL = 0, /* live events */
       KUBE_PRIORITY_HIGH = 10,  /* deletions, changed Secrets */
};

struct kube_workqueue_options {
    const char *name;              /* label of the metrics */
    struct backoff_policy backoff; /* zero = 5 ms doubling to 5 min, +-20 % */
    const struct timesource *timesource;
    const struct random_source *random;
    struct metrics *metrics; /* NULL = none */
};

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
 * key and must call kube_workqueue_done() with it. */
char *kube_workqueue_get(struct kube_workqueue *queue) must_check;
void kube_workqueue_done(struct kube_workqueue *queue, const char *key);

/* Refuses further adds and lets every waiting get return NULL; keys not begun are dropped. */
void kube_workqueue_shut_down(struct kube_workqueue *queue);
/* Keys that are ready or waiting. */
size_t kube_workqueue_length(struct kube_workqueue *queue);
/* Brings the gauges of running work up to date; to be called before the metrics are rendered. */
void kube_workqueue_update_metrics(struct kube_workqueue *queue);

#endif
