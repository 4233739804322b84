/*
 * Watches the metadata of Kubernetes Secrets, of one namespace or of all, and wakes the resources
 * whose admin Secret is another one than they have read.  It keeps nothing itself: what is about a
 * Secret that no resource names is dropped while it is decoded.
 */
#ifndef CONTROLLER_SECRET_WATCH_H
#define CONTROLLER_SECRET_WATCH_H

#include "controller/secret_index.h"
#include "kube/reflector.h"

#include <stdbool.h>

struct secret_watch;

struct secret_watch_options {
    /* client, namespace_name, log, metrics and cancellation; the rest is set inside. */
    struct kube_source source;
    struct secret_index *index;
    secret_index_wake_fn wake;
    void *context;
};

struct secret_watch *secret_watch_new(const struct secret_watch_options *options) returns_owned;
/* Starts the thread. */
void secret_watch_start(struct secret_watch *watch);
/* Joins it; the cancellation must have been requested. */
void secret_watch_stop(struct secret_watch *watch);
void secret_watch_free(struct secret_watch *watch);

/* True after the first complete list.  Thread-safe. */
bool secret_watch_has_synced(const struct secret_watch *watch);

#endif
