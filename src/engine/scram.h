/*
 * SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677) in the form that PostgreSQL stores, so that a server
 * never sees a new password in clear.
 */
#ifndef ENGINE_SCRAM_H
#define ENGINE_SCRAM_H

#include "base/error.h"
#include "base/random.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stdint.h>

enum { SCRAM_SALT_SIZE = 16, SCRAM_ITERATIONS = 4096 };

/* "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>" with a random salt.  INVALID for an
 * empty password, which no server takes, and for one with other than printable ASCII characters,
 * which clients would have to normalise (SASLprep). */
bool scram_make_verifier(const struct secret *password, const struct random_source *random,
                         struct secret *ret_verifier, struct error *err) must_check;
/* The same with everything given, for vectors. */
void scram_render_verifier(const struct secret *password, const uint8_t *salt, size_t salt_length,
                           uint32_t iterations, struct secret *ret_verifier);

#endif
