/*
 * Tells people what happened to an object, as events of events.k8s.io/v1: `kubectl describe` and
 * `kubectl get events` show them.
 *
 * Best effort, from a thread of its own: recording never waits, for nobody's pass may depend on it.
 * What is recorded again within six minutes becomes a series of the first event, and one object has
 * no more than 25 events at once and one more every five minutes (notes/kube-mechanics.md 4).
 */
#ifndef KUBE_EVENT_RECORDER_H
#define KUBE_EVENT_RECORDER_H

#include "base/compiler.h"
#include "base/log.h"
#include "kube/client.h"

#include <stdbool.h>
#include <stdint.h>

struct kube_event_recorder;
struct metrics;

/* All borrowed for the recorder's life. */
struct kube_event_recorder_options {
    struct kube_client *client;
    const struct log_scope *log;
    struct metrics *metrics;    /* NULL = none */
    const char *controller;     /* reportingController: a qualified name */
    const char *instance;       /* reportingInstance: which process, at most 128 bytes count */
    unsigned retry_interval_ms; /* between attempts when the API server is away; 0 = 10 s */
};

/* Borrowed strings. */
struct kube_event {
    /* The object that it is about. */
    const char *api_version;
    const char *kind;
    const char *namespace_name;
    const char *name;
    const char *uid;
    const char *resource_version;

    bool is_warning;
    const char *reason; /* CamelCase, at most 128 bytes */
    const char *action; /* what was being done, likewise */
    const char *note;   /* for people; cut after 1024 bytes */
};

/* Starts the thread. */
struct kube_event_recorder *
kube_event_recorder_new(const struct kube_event_recorder_options *options) returns_owned;
/* Ends the thread once everything recorded was sent, or after flush_ms.  A request that hangs ends
 * with the client's cancellation: the caller requests it when this returns false, and then calls
 * kube_event_recorder_free(). */
bool kube_event_recorder_flush(struct kube_event_recorder *recorder, int64_t flush_ms);
/* Waits for the thread; what was not sent is lost. */
void kube_event_recorder_free(struct kube_event_recorder *recorder);

/* Copies the event and returns at once; when 1000 are waiting it is dropped (a metric counts
 * them).  Thread-safe. */
void kube_event_recorder_record(struct kube_event_recorder *recorder,
                                const struct kube_event *event);

#endif
