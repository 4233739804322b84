/*
 * Which resources take their admin connection from which Kubernetes Secret, so that a change of a
 * Secret wakes exactly those.  Keys are "namespace/name".  Thread-safe.
 */
#ifndef CONTROLLER_SECRET_INDEX_H
#define CONTROLLER_SECRET_INDEX_H

#include "base/compiler.h"

struct secret_index;

struct secret_index *secret_index_new(void) returns_owned;
void secret_index_free(struct secret_index *index);

/* Adding twice or removing what is not there does nothing. */
void secret_index_add(struct secret_index *index, const char *secret_key, const char *database_key);
void secret_index_remove(struct secret_index *index, const char *secret_key,
                         const char *database_key);

/* Calls `visit` for each resource of the Secret, without holding a lock. */
void secret_index_visit(struct secret_index *index, const char *secret_key,
                        void (*visit)(void *context, const char *database_key), void *context);

#endif
