/*
 * Which stored passwords were proven by a login, and which were refused, since the operator
 * started.  Keeps logins rare (they cost both sides milliseconds) and failed ones rarer still:
 * servers lock accounts after a few.  Thread-safe.
 */
#ifndef CONTROLLER_PROOF_MEMORY_H
#define CONTROLLER_PROOF_MEMORY_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

struct proof_memory;

struct proof_memory *proof_memory_new(void) returns_owned;
void proof_memory_free(struct proof_memory *memory);

/* What is remembered of one resource. */
struct proof {
    bool passed;
    int64_t tried_at_ms; /* monotonic */
};

/* In seconds since 1970; 0 = not known of any. */
struct credential_times {
    int64_t proven_at_s; /* the last login that proved the password */
    int64_t stored_at_s; /* when the version was made that holds it */
};

/* Finds the last proof of a resource (by uid) for exactly this subject: the text that names secret
 * version, server, database and user.  False when there is none. */
bool proof_memory_find(struct proof_memory *memory, const char *uid, const char *subject,
                       struct proof *ret_proof) must_check;
void proof_memory_store(struct proof_memory *memory, const char *uid, const char *subject,
                        const struct proof *proof);
/* For the metrics: when a resource's password was proven, or its version was made; the member that
 * is 0 is left as it was. */
void proof_memory_note_times(struct proof_memory *memory, const char *uid,
                             const struct credential_times *times);
/* The oldest of each over all resources. */
void proof_memory_find_oldest(struct proof_memory *memory, struct credential_times *ret_oldest);
void proof_memory_forget(struct proof_memory *memory, const char *uid);

#endif
