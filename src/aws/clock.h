/*
 * What time it is for AWS: our clock, corrected by what a service said about its own.  A request
 * that is signed with a time which is five minutes off is refused, and credentials expire by AWS's
 * clock.  Thread-safe; shared by all clients of AWS.
 */
#ifndef AWS_CLOCK_H
#define AWS_CLOCK_H

#include "base/timesource.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct aws_clock {
    const struct timesource *timesource;
    atomic_int_least64_t offset_us; /* what AWS's clock is ahead of ours */
};

void aws_clock_init(struct aws_clock *clock, const struct timesource *timesource);
/* Microseconds since 1970 as AWS counts them. */
int64_t aws_clock_now_us(const struct aws_clock *clock);
/* A service's Date header (0 = none).  True when the clock was off by so much that it explains a
 * refusal; it is corrected then. */
bool aws_clock_correct(struct aws_clock *clock, int64_t date_us);

#endif
