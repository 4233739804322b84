/*
 * Randomness that is the same in each run.  Thread-safe, but what each of several threads gets
 * depends on who asks first.
 */
#ifndef TESTS_SUPPORT_FAKE_RANDOM_H
#define TESTS_SUPPORT_FAKE_RANDOM_H

#include "base/random.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct fake_random {
    struct random_source source; /* what the code under test takes: &fake.source */
    const unsigned char *script; /* NULL = from the seed */
    size_t script_length;
    uint64_t seed;
    atomic_size_t position; /* of the next byte in the stream */
};

/* A stream that looks random and depends on the seed alone. */
void fake_random_init(struct fake_random *fake, uint64_t seed);
/* These bytes over and over; borrowed.  One zero byte makes random_below() always give 0. */
void fake_random_init_script(struct fake_random *fake, const void *bytes, size_t length);

#endif
