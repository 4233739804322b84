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

static void test_times_of_rfc_3339_are_read(void **state maybe_unused)
{
    static const struct {
        const char *text;
        int64_t expected_us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2006-01-02T15:04:05Z", INT64_C(1136214245000000)},
        {"2006-01-02t15:04:05.000042z", INT64_C(1136214245000042)},
        {"2006-01-02T15:04:05.123456789Z", INT64_C(1136214245123456)},
        {"2006-01-02T17:04:05+02:00", INT64_C(1136214245000000)},
        {"2006-01-02T09:34:05-05:30", INT64_C(1136214245000000)},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000000)},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799000000)},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        int64_t parsed_us = -1;

        if (!timestamp_parse(cases[i].text, &parsed_us) || parsed_us != cases[i].expected_us)
            fail_msg("%s: %lld", cases[i].text, (long long)parsed_us);
    }
}

static void test_what_is_no_time_of_rfc_3339_is_refused(void **state maybe_unused)
{
    static const char *const cases[] = {
        "",
        "2006",
        "2006-01-02",
        "2006-01-02T15:04:05",
        "2006-01-02 15:04:05Z",
        "2006-01-02T15:04:05Z ",
        "2006-1-02T15:04:05Z",
        "2006-01-02T15:04:05.Z",
        "2006-01-02T15:04:05.1234567890Z",
        "2006-01-02T15:04:05+2:00",
        "2006-01-02T15:04:05+24:00",
        "2006-00-02T15:04:05Z",
        "2006-13-02T15:04:05Z",
        "2006-02-30T15:04:05Z",
        "2006-01-00T15:04:05Z",
        "2006-01-02T24:04:05Z",
        "2006-01-02T15:60:05Z",
        "2006-01-02T15:04:61Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "+006-01-02T15:04:05Z",
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        int64_t parsed_us = -1;

        if (timestamp_parse(cases[i], &parsed_us) || parsed_us != -1)
            fail_msg("'%s' was taken for a time", cases[i]);
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
        cmocka_unit_test(test_times_of_rfc_3339_are_read),
        cmocka_unit_test(test_what_is_no_time_of_rfc_3339_is_refused),
        cmocka_unit_test(test_the_system_clock_is_the_time_of_day),
        cmocka_unit_test(test_the_monotonic_clock_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
