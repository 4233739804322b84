#include "support/fake_timesource.h"

static int64_t fake_realtime_us(const struct timesource *self)
{
    return atomic_load(&((const struct fake_timesource *)self)->now_realtime_us);
}

static int64_t fake_monotonic_ms(const struct timesource *self)
{
    return atomic_load(&((const struct fake_timesource *)self)->now_monotonic_ms);
}

void fake_timesource_init(struct fake_timesource *fake, int64_t realtime_us)
{
    fake->source = (struct timesource){
        .realtime_us = fake_realtime_us,
        .monotonic_ms = fake_monotonic_ms,
    };
    atomic_store(&fake->now_realtime_us, realtime_us);
    atomic_store(&fake->now_monotonic_ms, 5000000);
}

void fake_timesource_advance_ms(struct fake_timesource *fake, int64_t milliseconds)
{
    atomic_fetch_add(&fake->now_realtime_us, milliseconds * 1000);
    atomic_fetch_add(&fake->now_monotonic_ms, milliseconds);
}

void fake_timesource_set_realtime_us(struct fake_timesource *fake, int64_t realtime_us)
{
    atomic_store(&fake->now_realtime_us, realtime_us);
}
