/*
 * One cancellation object that every wait of the process observes, so that shutdown needs no
 * thread cancellation and no sleeping loops.  Thread-safe.
 *
 * It may have a deadline, after which it counts as requested without anybody's doing: whoever does
 * something only for as long as it was promised to be alone holds on to such a one, and asks it
 * right before each write.  A process that was stopped, or a machine that was suspended, finds it
 * requested when it goes on.
 */
#ifndef BASE_CANCELLATION_H
#define BASE_CANCELLATION_H

#include "base/compiler.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct cancellation;

struct cancellation *cancellation_new(void) returns_owned;
/* NULL is fine.  Nobody may wait on it any more. */
void cancellation_free(struct cancellation *cancellation);

/* Irrevocable; async-signal-safe. */
void cancellation_request(struct cancellation *cancellation);
/* Sets or moves the deadline, in milliseconds of timesource_system's monotonic clock.  False, from
 * then on, when this one is past or one before was missed. */
bool cancellation_set_deadline(struct cancellation *cancellation, int64_t deadline_ms) must_check;
bool cancellation_is_requested(const struct cancellation *cancellation);
/* Blocks up to timeout_ms (< 0 = for ever); true when cancelled. */
bool cancellation_wait(const struct cancellation *cancellation, int64_t timeout_ms);
/* A descriptor that becomes and stays readable on cancellation, for poll(); never read it. */
int cancellation_fd(const struct cancellation *cancellation);
/* Sets the error that a cancelled operation reports; returns false. */
bool cancellation_error(struct error *err);

#endif
