/*
 * Reading a whole collection: LIST page by page, and WATCH of what changes afterwards.  Both block;
 * both hand out one object at a time and keep none.  What to do about their errors (resume, list
 * again, wait) is the informer's business.
 *
 * Rules: notes of the API concepts of Kubernetes, "Resource versions" and "Efficient detection of
 * changes".  Inside the kube room only.
 */
#ifndef KUBE_COLLECTION_H
#define KUBE_COLLECTION_H

#include "base/error.h"
#include "kube/client.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

/* What to read; borrowed. */
struct kube_collection {
    const struct kube_resource *resource;
    const char *namespace_name; /* NULL = all */
    const char *label_selector; /* NULL = none */
    const char *field_selector; /* NULL = none */
    bool metadata_only;         /* PartialObjectMetadata: the objects' data never comes here */
    const struct cancellation *cancellation;
};

/* Gets one object of a page (borrowed); NULL when it is no JSON object, with its size. */
typedef void (*kube_list_fn)(void *context, const json_t *object, size_t length);

/* Lists everything at one version, without resourceVersion, so that it is never older than what was
 * seen before.  Appends the list's version to ret_version.  GONE when the version of the first page
 * expired before the last one came: everything that was handed out is to be forgotten. */
bool kube_collection_list(struct kube_client *client, const struct kube_collection *collection,
                          kube_list_fn on_object, void *context, struct strbuf *ret_version,
                          struct error *err) must_check;

/* What a watch tells, in the words of the protocol. */
enum kube_event {
    KUBE_EVENT_ADDED,
    KUBE_EVENT_MODIFIED,
    KUBE_EVENT_DELETED,
    KUBE_EVENT_BOOKMARK, /* carries nothing but a version */
    KUBE_EVENT_UNREADABLE,
};

/* Gets one event; `object` is borrowed, NULL for an unreadable one. */
typedef void (*kube_event_fn)(void *context, enum kube_event event, const json_t *object,
                              size_t length);

struct kube_watch {
    const char *resource_version; /* what was seen last */
    uint32_t timeout_seconds;     /* the server ends the watch after that */
    /* A server that sends bookmarks about once a minute is never silent for long. */
    bool expects_bookmarks;
    kube_event_fn on_event;
    void *context;
};

/* Watches until the server ends the stream (true: resume from the last version) or something goes
 * wrong: GONE (list again), the errors of kube/client.h, UNAVAILABLE with the code "Timeout" for a
 * connection that fell silent. */
bool kube_collection_watch(struct kube_client *client, const struct kube_collection *collection,
                           const struct kube_watch *watch, struct error *err) must_check;

#endif
