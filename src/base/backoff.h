/*
 * Exponential backoff with jitter, as a pure function of how often something failed.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include "base/random.h"

#include <stdint.h>

struct backoff_policy {
    uint64_t first_ms;       /* delay after the first failure */
    uint64_t limit_ms;       /* no delay is longer (before jitter) */
    unsigned jitter_percent; /* the result lies within +- this share of the delay; at most 100 */
};

/* The delay before the next attempt after `failures` (>= 1) failures in a row: first * 2^(n-1),
 * capped, then jittered. */
uint64_t backoff_delay_ms(const struct backoff_policy *policy, unsigned failures,
                          const struct random_source *random);

#endif
