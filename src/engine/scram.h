/*
 * SCRAM-SHA-256 keys and verifiers (RFC 5802, RFC 7677).  Verifiers have the form that PostgreSQL
 * stores, so that a server never sees a new password in clear.
 */
#ifndef ENGINE_SCRAM_H
#define ENGINE_SCRAM_H

#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCRAM_SALT_SIZE = 16, SCRAM_ITERATIONS = 4096 };

/* What both sides derive from a password; erased by scram_keys_release(). */
struct scram_keys {
    uint8_t client_key[SHA256_SIZE];
    uint8_t stored_key[SHA256_SIZE]; /* the digest of the client's */
    uint8_t server_key[SHA256_SIZE];
};

void scram_derive_keys(const struct secret *password, const uint8_t *salt, size_t salt_length,
                       uint32_t iterations, struct scram_keys *ret_keys);
void scram_keys_release(struct scram_keys *keys);
#define auto_scram_keys run_at_scope_end(scram_keys_release)

/* INVALID for an empty password, which no server takes, and for one with other than printable ASCII
 * characters, which clients would have to normalise (SASLprep). */
bool scram_check_password(const struct secret *password, struct error *err) must_check;

/* "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>" with a random salt, of a password
 * that passes the check. */
bool scram_make_verifier(const struct secret *password, const struct random_source *random,
                         struct secret *ret_verifier, struct error *err) must_check;
/* The same with everything given, for vectors. */
void scram_render_verifier(const struct secret *password, const uint8_t *salt, size_t salt_length,
                           uint32_t iterations, struct secret *ret_verifier);

#endif
