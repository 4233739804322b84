#include "base/timesource.h"
#include "support/test.h"

#include <time.h>

static const int64_t example_us = INT64_C(1136214245) * 1000000 + 42; /* 2006-01-02 15:04:05 UTC */

static void test_timestamps_have_the_forms_of_our_peers(void **state maybe_unused)
{
    char text[TIMESTAMP_SIZE];

    timestamp_render_seconds(example_us, text);
    assert_string_equal(text, "2006-01-02T15:04:05Z");
    timestamp_render_micro(example_us, text);
    assert_string_equal(text, "2006-01-02T15:04:05.000042Z");
    timestamp_render_basic(example_us, text);
    assert_string_equal(text, "20060102T150405Z");
}

static void test_timestamps_hold_at_the_edges(void **state maybe_unused)
{
    static const struct {
        int64_t realtime_us;
        const char *expected;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {INT64_C(951782399999999), "2000-02-28T23:59:59.999999Z"},
        {INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
        {INT64_C(2147483648000000), "2038-01-19T03:14:08.000000Z"},
        {INT64_C(4102444799999999), "2099-12-31T23:59:59.999999Z"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        char text[TIMESTAMP_SIZE];

        timestamp_render_micro(cases[i].realtime_us, text);
        assert_string_equal(text, cases[i].expected);
    }
}

static void test_the_system_clock_is_the_time_of_day(void **state maybe_unused)
{
    int64_t difference = timesource_realtime_us(&timesource_system) / 1000000 - time(NULL);

    assert_in_range(difference + 2, 0, 4);
}

static void test_the_monotonic_clock_goes_on(void **state maybe_unused)
{
    int64_t start = timesource_monotonic_ms(&timesource_system);

    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);

    assert_true(timesource_monotonic_ms(&timesource_system) - start >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timestamps_have_the_forms_of_our_peers),
        cmocka_unit_test(test_timestamps_hold_at_the_edges),
        cmocka_unit_test(test_the_system_clock_is_the_time_of_day),
        cmocka_unit_test(test_the_monotonic_clock_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
