/*
 * Which resources take their admin connection from which Kubernetes Secret, and which version of it
 * each of them has read, so that a change of a Secret wakes exactly those that do not know it yet.
 * Nothing of a Secret is kept but a digest of its version, and nothing of one that no resource
 * names.  Keys are "namespace/name".  Thread-safe.
 */
#ifndef CONTROLLER_SECRET_INDEX_H
#define CONTROLLER_SECRET_INDEX_H

#include "base/compiler.h"

#include <jansson.h>

#include <stdint.h>

struct secret_index;

/* Which version of a Secret; of two objects or two versions of one the values differ. */
typedef uint64_t secret_version;

enum {
    SECRET_NEVER_READ = 0, /* the resource's first pass is still to come, and will read it */
    SECRET_ABSENT = 1,
};

/* The version of a Secret, or of its metadata alone. */
secret_version secret_version_of(const json_t *object);

struct secret_index *secret_index_new(void) returns_owned;
void secret_index_free(struct secret_index *index);

/* Adding twice or removing what is not there does nothing. */
void secret_index_add(struct secret_index *index, const char *secret_key, const char *database_key);
void secret_index_remove(struct secret_index *index, const char *secret_key,
                         const char *database_key);
/* A pass of the resource has read this version; nothing for a pair that was not added. */
void secret_index_note_read(struct secret_index *index, const char *secret_key,
                            const char *database_key, secret_version version);

/* Gets each resource that has to be woken, without a lock held. */
typedef void (*secret_index_wake_fn)(void *context, const char *database_key);

/* The Secret has this version now: wakes the resources that have read another one.  `round` is the
 * number of the list or watch that says so, for secret_index_finish_round(). */
void secret_index_see(struct secret_index *index, const char *secret_key, secret_version version,
                      uint32_t round, secret_index_wake_fn wake, void *context);
/* A list of a namespace (NULL = of all) is complete: what was not seen in its round is absent. */
void secret_index_finish_round(struct secret_index *index, const char *namespace_name,
                               uint32_t round, secret_index_wake_fn wake, void *context);

#endif
