#include "base/timesource.h"

#include <stdio.h>
#include <time.h>

static int64_t system_realtime_us(const struct timesource *self maybe_unused)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_monotonic_ms(const struct timesource *self maybe_unused)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const struct timesource timesource_system = {
    .realtime_us = system_realtime_us,
    .monotonic_ms = system_monotonic_ms,
};

int64_t timesource_realtime_us(const struct timesource *source)
{
    return source->realtime_us(source);
}

int64_t timesource_monotonic_ms(const struct timesource *source)
{
    return source->monotonic_ms(source);
}

static struct tm split(int64_t realtime_us)
{
    time_t seconds = (time_t)(realtime_us / 1000000);
    struct tm parts = {0};

    gmtime_r(&seconds, &parts);
    return parts;
}

void timestamp_render_seconds(int64_t realtime_us, char ret_text[static TIMESTAMP_SIZE])
{
    struct tm parts = split(realtime_us);

    strftime(ret_text, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void timestamp_render_micro(int64_t realtime_us, char ret_text[static TIMESTAMP_SIZE])
{
    struct tm parts = split(realtime_us);
    size_t used = strftime(ret_text, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);

    snprintf(ret_text + used, TIMESTAMP_SIZE - used, ".%06dZ", (int)(realtime_us % 1000000));
}

void timestamp_render_basic(int64_t realtime_us, char ret_text[static TIMESTAMP_SIZE])
{
    struct tm parts = split(realtime_us);

    strftime(ret_text, TIMESTAMP_SIZE, "%Y%m%dT%H%M%SZ", &parts);
}
