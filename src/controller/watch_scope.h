/*
 * Which resources are this operator's: those of some namespaces, or of all; those that a label
 * selector selects, or all.  What lies outside is somebody else's and is neither reconciled nor
 * cleaned up.  Immutable after parsing, so thread-safe.
 */
#ifndef CONTROLLER_WATCH_SCOPE_H
#define CONTROLLER_WATCH_SCOPE_H

#include "base/error.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>

struct watch_scope;

/* `namespaces` is separated by ',', NULL or "" = all; `selector` NULL or "" = none.  INVALID names
 * the option. */
bool watch_scope_parse(const char *namespaces, const char *selector, struct watch_scope **ret_scope,
                       struct error *err) must_check;
void watch_scope_free(struct watch_scope *scope);

/* How many watches it takes: one a namespace, or one for all. */
size_t watch_scope_count(const struct watch_scope *scope);
/* The namespace of the watch with this number; NULL = all. */
const char *watch_scope_namespace(const struct watch_scope *scope, size_t index);
/* The label selector's text; NULL = none. */
const char *watch_scope_selector(const struct watch_scope *scope);

/* Whether an object that was read by name is one of those that the selector selects. */
bool watch_scope_selects(const struct watch_scope *scope, const json_t *object);

#endif
