/*
 * Digests and keyed digests; the only user of libcrypto besides random.c.  Pure and thread-safe.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

enum { SHA1_SIZE = 20, SHA256_SIZE = 32 };

void digest_sha1(const void *bytes, size_t length, uint8_t ret_digest[static SHA1_SIZE]);
void digest_sha256(const void *bytes, size_t length, uint8_t ret_digest[static SHA256_SIZE]);
/* HMAC (RFC 2104) with SHA-256. */
void digest_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
                        uint8_t ret_digest[static SHA256_SIZE]);
/* PBKDF2 (RFC 8018) with HMAC-SHA-256 and a result of 32 bytes: "Hi" of SCRAM (RFC 5802). */
void digest_pbkdf2_sha256(const void *password, size_t password_length, const void *salt,
                          size_t salt_length, uint32_t iterations,
                          uint8_t ret_key[static SHA256_SIZE]);

#endif
