/*
 * Keeps a local picture of one collection, which a reflector follows, and tells a handler what
 * changed.
 *
 * What is kept of each object is the user's choice: `project` turns the JSON of one object into a
 * compact value of the user's; whole objects are never stored.
 */
#ifndef KUBE_INFORMER_H
#define KUBE_INFORMER_H

#include "base/compiler.h"
#include "kube/reflector.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

struct kube_informer;

enum kube_change {
    KUBE_ADDED,    /* new in the store: a live event, or found by a list */
    KUBE_MODIFIED, /* its resourceVersion changed */
    KUBE_DELETED,  /* gone; after a list its final state is unknown */
};

/* One object as the store keeps it: identity, and the user's projection of it. */
struct kube_entry {
    char *namespace_name; /* "" for cluster-scoped */
    char *name;
    char *uid;
    char *resource_version;
    void *projection; /* what project() returned; may be NULL */
};

struct kube_informer_options {
    struct kube_source source;

    /* Makes the projection of an object (informer thread, no lock held). */
    void *(*project)(void *context, const json_t *object);
    void (*free_projection)(void *projection);
    /* Tells of a change, after the store has it (informer thread, no lock held).  `before` is NULL
     * for KUBE_ADDED, `after` is NULL for KUBE_DELETED; both are valid during the call only.
     * from_list says that the change was found by a (re)list, not by a live event. */
    void (*on_change)(void *context, enum kube_change change, const struct kube_entry *before,
                      const struct kube_entry *after, bool from_list);
    void *context;
};

struct kube_informer *kube_informer_new(const struct kube_informer_options *options) returns_owned;
/* Starts the thread. */
void kube_informer_start(struct kube_informer *informer);
/* Joins the thread; the cancellation must have been requested. */
void kube_informer_stop(struct kube_informer *informer);
void kube_informer_free(struct kube_informer *informer);

/* True after the first complete list.  Thread-safe. */
bool kube_informer_has_synced(const struct kube_informer *informer);
/* How many objects the store holds.  Thread-safe. */
size_t kube_informer_count(struct kube_informer *informer);
/* Calls `visit` for each entry under the store's lock: it must be quick and must not call back. */
void kube_informer_for_each(struct kube_informer *informer,
                            void (*visit)(void *context, const struct kube_entry *entry),
                            void *context);

#endif
