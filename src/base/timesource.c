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

/* --- Parsing --------------------------------------------------------------------------------- */

/* Exactly `digits` digits at *position, which moves behind them and the character `after` (NUL =
 * nothing follows). */
static bool take_number(const char **position, int digits, char after, int *ret_number)
{
    int number = 0;

    for (int i = 0; i < digits; i++, (*position)++) {
        if (**position < '0' || **position > '9')
            return false;
        number = number * 10 + (**position - '0');
    }
    if (after != '\0' && *(*position)++ != after)
        return false;
    *ret_number = number;
    return true;
}

static bool take_fraction(const char **position, int64_t *ret_us)
{
    int64_t unit = 100000;
    int digits = 0;

    *ret_us = 0;
    if (**position != '.')
        return true;
    for ((*position)++; **position >= '0' && **position <= '9'; (*position)++, digits++) {
        *ret_us += (**position - '0') * unit;
        unit /= 10;
    }
    return digits > 0 && digits <= 9;
}

static bool take_zone(const char **position, int64_t *ret_offset_s)
{
    int hours, minutes, sign = **position == '-' ? -1 : 1;

    *ret_offset_s = 0;
    if (**position == 'Z' || **position == 'z') {
        (*position)++;
        return true;
    }
    if (**position != '+' && **position != '-')
        return false;
    (*position)++;
    if (!take_number(position, 2, ':', &hours) || !take_number(position, 2, '\0', &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *ret_offset_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool timestamp_parse(const char *text, int64_t *ret_realtime_us)
{
    struct tm parts = {0}, normal;
    int64_t fraction_us, offset_s, seconds;

    if (!take_number(&text, 4, '-', &parts.tm_year) || !take_number(&text, 2, '-', &parts.tm_mon) ||
        !take_number(&text, 2, '\0', &parts.tm_mday) || (*text != 'T' && *text != 't'))
        return false;
    text++;
    if (!take_number(&text, 2, ':', &parts.tm_hour) || !take_number(&text, 2, ':', &parts.tm_min) ||
        !take_number(&text, 2, '\0', &parts.tm_sec) || !take_fraction(&text, &fraction_us) ||
        !take_zone(&text, &offset_s) || *text != '\0')
        return false;
    if (parts.tm_year < 1970 || parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60)
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    normal = parts;
    seconds = timegm(&normal);
    /* timegm() takes February 30 for March 2. */
    if (parts.tm_sec < 60 && (normal.tm_mday != parts.tm_mday || normal.tm_mon != parts.tm_mon))
        return false;
    seconds -= offset_s;
    if (seconds < 0)
        return false;
    *ret_realtime_us = seconds * 1000000 + fraction_us;
    return true;
}
