/*
 * Randomness as a seam; the system source is OpenSSL's generator.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* Implementations must be thread-safe and must fill or end the process. */
struct random_source {
    void (*fill)(const struct random_source *self, void *bytes, size_t length);
};

extern const struct random_source random_system;

void random_fill(const struct random_source *source, void *bytes, size_t length);
/* A whole number from 0 to limit - 1, unbiased enough for jitter; limit > 0. */
uint64_t random_below(const struct random_source *source, uint64_t limit);

enum { RANDOM_UUID_SIZE = 37 };

/* A version 4 UUID (RFC 9562) in lower case. */
void random_uuid(const struct random_source *source, char ret_text[static RANDOM_UUID_SIZE]);

#endif
