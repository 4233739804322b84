/*
 * Time as a seam: everything that waits, expires or stamps takes a `struct timesource`, so that
 * tests decide what time it is.  Also the text forms of time that our peers use.
 */
#ifndef BASE_TIMESOURCE_H
#define BASE_TIMESOURCE_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

/* Implementations must be thread-safe. */
struct timesource {
    /* Microseconds since 1970-01-01 UTC. */
    int64_t (*realtime_us)(const struct timesource *self);
    /* Milliseconds of a clock that never jumps and counts suspend (CLOCK_BOOTTIME). */
    int64_t (*monotonic_ms)(const struct timesource *self);
};

extern const struct timesource timesource_system;

int64_t timesource_realtime_us(const struct timesource *source);
int64_t timesource_monotonic_ms(const struct timesource *source);

enum { TIMESTAMP_SIZE = 32 };

/* RFC 3339 with seconds, as metav1.Time: 2006-01-02T15:04:05Z. */
void timestamp_render_seconds(int64_t realtime_us, char ret_text[static TIMESTAMP_SIZE]);
/* RFC 3339 with exactly six fractional digits, as metav1.MicroTime. */
void timestamp_render_micro(int64_t realtime_us, char ret_text[static TIMESTAMP_SIZE]);
/* The basic form of ISO 8601 that SigV4 uses: 20060102T150405Z. */
void timestamp_render_basic(int64_t realtime_us, char ret_text[static TIMESTAMP_SIZE]);
/* Any RFC 3339 time from 1970 to 9999 with a zone (Z or an offset) and at most nine fractional
 * digits; false for everything else, days that do not exist included. */
bool timestamp_parse(const char *text, int64_t *ret_realtime_us) must_check;

#endif
