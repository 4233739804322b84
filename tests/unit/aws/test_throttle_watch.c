#include "aws/throttle_watch.h"
#include "support/test.h"

static int make(void **state)
{
    *state = throttle_watch_new();
    return 0;
}

static int drop(void **state)
{
    throttle_watch_free(*state);
    return 0;
}

static void test_a_storm_begins_once_and_ends_once(void **state)
{
    struct throttle_watch *watch = *state;
    uint64_t requests = 0;
    int64_t duration_ms = 0;

    assert_true(throttle_watch_note(watch, 1000));
    assert_false(throttle_watch_note(watch, 2500));
    assert_false(throttle_watch_succeed(watch, 3000, &requests, &duration_ms));
    assert_false(throttle_watch_note(watch, 4000));
    assert_false(
        throttle_watch_succeed(watch, 4000 + THROTTLE_QUIET_MS - 1, &requests, &duration_ms));
    assert_int_equal(requests, 0);

    assert_true(throttle_watch_succeed(watch, 4000 + THROTTLE_QUIET_MS, &requests, &duration_ms));

    assert_int_equal(requests, 3);
    assert_int_equal(duration_ms, 3000);
    assert_false(throttle_watch_succeed(watch, 90000, &requests, &duration_ms));
    assert_true(throttle_watch_note(watch, 91000));
}

static void test_without_throttling_there_is_nothing_to_tell(void **state)
{
    uint64_t requests;
    int64_t duration_ms;

    assert_false(throttle_watch_succeed(*state, 1000000, &requests, &duration_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_storm_begins_once_and_ends_once, make, drop),
        cmocka_unit_test_setup_teardown(test_without_throttling_there_is_nothing_to_tell, make,
                                        drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
