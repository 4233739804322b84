/*
 * A clock that moves only when the test says so.  Thread-safe.
 */
#ifndef TESTS_SUPPORT_FAKE_TIMESOURCE_H
#define TESTS_SUPPORT_FAKE_TIMESOURCE_H

#include "base/timesource.h"

#include <stdatomic.h>
#include <stdint.h>

struct fake_timesource {
    struct timesource source; /* what the code under test takes: &fake.source */
    atomic_int_least64_t now_realtime_us;
    atomic_int_least64_t now_monotonic_ms;
};

/* The monotonic clock starts at an arbitrary value that is not zero. */
void fake_timesource_init(struct fake_timesource *fake, int64_t realtime_us);
/* Both clocks go ahead. */
void fake_timesource_advance_ms(struct fake_timesource *fake, int64_t milliseconds);
/* The wall clock alone is set, as an administrator or NTP does. */
void fake_timesource_set_realtime_us(struct fake_timesource *fake, int64_t realtime_us);

#endif
