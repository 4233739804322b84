/*
 * Follows one collection by LIST (paged, no resourceVersion) and WATCH (bookmarks, resume, relist
 * on 410), on a thread of its own, and hands over one object at a time.  It keeps none of them.
 */
#ifndef KUBE_REFLECTOR_H
#define KUBE_REFLECTOR_H

#include "base/backoff.h"
#include "base/cancellation.h"
#include "base/compiler.h"
#include "base/log.h"
#include "kube/client.h"

#include <jansson.h>

#include <stdbool.h>

struct metrics;
struct kube_reflector;

/* What is followed, and how; borrowed, as everything in it. */
struct kube_source {
    struct kube_client *client;
    const struct kube_resource *resource;
    const char *namespace_name; /* NULL = all */
    const char *label_selector; /* NULL = none */
    const char *field_selector; /* NULL = none */
    bool metadata_only;         /* PartialObjectMetadata: for referenced Secrets */
    /* After failures; zero = 0.8 s doubling to 30 s, and up to as much again. */
    struct backoff_policy backoff;
    const struct log_scope *log;
    struct metrics *metrics; /* NULL = none */
    const struct cancellation *cancellation;
};

/* Called on the reflector's thread, without a lock.  Objects are borrowed; false says that one
 * cannot be used, which is logged and counted. */
struct kube_reflector_handler {
    /* A list begins; what an earlier one handed over without completing is void. */
    void (*list_begins)(void *context);
    bool (*listed)(void *context, const json_t *object);
    /* What was not handed over since list_begins() does not exist. */
    void (*list_complete)(void *context);
    /* An object is new, or another than before. */
    bool (*changed)(void *context, const json_t *object);
    /* It is gone, or outside of the selectors now. */
    bool (*deleted)(void *context, const json_t *object);
};

struct kube_reflector *kube_reflector_new(const struct kube_source *source,
                                          const struct kube_reflector_handler *handler,
                                          void *context) returns_owned;
/* Starts the thread. */
void kube_reflector_start(struct kube_reflector *reflector);
/* Joins the thread; the cancellation must have been requested. */
void kube_reflector_stop(struct kube_reflector *reflector);
void kube_reflector_free(struct kube_reflector *reflector);

/* True after the first complete list.  Thread-safe. */
bool kube_reflector_has_synced(const struct kube_reflector *reflector);

#endif
