#include "aws/clock.h"

#include <stdlib.h>

/* A clock that is off by less cannot be the reason why a signature was refused. */
#define SKEW_NOTICED_US (INT64_C(4) * 60 * 1000000)

void aws_clock_init(struct aws_clock *clock, const struct timesource *timesource)
{
    clock->timesource = timesource;
    atomic_init(&clock->offset_us, 0);
}

int64_t aws_clock_now_us(const struct aws_clock *clock)
{
    return timesource_realtime_us(clock->timesource) + atomic_load(&clock->offset_us);
}

bool aws_clock_correct(struct aws_clock *clock, int64_t date_us)
{
    if (date_us == 0 || llabs(date_us - aws_clock_now_us(clock)) < SKEW_NOTICED_US)
        return false;
    atomic_store(&clock->offset_us, date_us - timesource_realtime_us(clock->timesource));
    return true;
}
