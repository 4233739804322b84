/*
 * The watches of a scope: for each of its namespaces, or once for all, one of the resources and one
 * of the Secrets.  Each goes on by itself, so that a namespace which does not exist, or where the
 * operator has no rights yet, does not hold up the others.
 */
#ifndef CONTROLLER_WATCHES_H
#define CONTROLLER_WATCHES_H

#include "controller/secret_watch.h"
#include "controller/watch_scope.h"
#include "kube/informer.h"

#include <stdbool.h>

struct watches;

/* The options are those of every watch; namespaces and selector are set inside. */
struct watches *watches_new(const struct watch_scope *scope,
                            const struct kube_informer_options *databases,
                            const struct secret_watch_options *secrets) returns_owned;
/* Starts the threads. */
void watches_start(struct watches *watches);
/* Joins them; the cancellation must have been requested. */
void watches_stop(struct watches *watches);
void watches_free(struct watches *watches);

/* True once each of them has its first complete list.  Thread-safe. */
bool watches_have_synced(const struct watches *watches);

#endif
