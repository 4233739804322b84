#include "base/cancellation.h"
#include "base/timesource.h"
#include "support/test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

enum { LONG_MS = 60000 }; /* a test that waits so long has failed */

static int set_up(void **state)
{
    *state = cancellation_new();
    return 0;
}

static int tear_down(void **state)
{
    cancellation_free(*state);
    return 0;
}

static void *request_after_a_moment(void *context)
{
    poll(NULL, 0, 20);
    cancellation_request(context);
    return NULL;
}

static void test_a_new_one_is_not_requested(void **state)
{
    struct pollfd pfd = {.fd = cancellation_fd(*state), .events = POLLIN};

    assert_false(cancellation_is_requested(*state));
    assert_false(cancellation_wait(*state, 0));
    assert_int_equal(poll(&pfd, 1, 0), 0);
}

static void test_a_wait_without_request_lasts_its_time(void **state)
{
    int64_t start = timesource_monotonic_ms(&timesource_system);

    assert_false(cancellation_wait(*state, 30));

    assert_true(timesource_monotonic_ms(&timesource_system) - start >= 30);
}

static void test_a_request_wakes_every_waiting_thread(void **state)
{
    int64_t start = timesource_monotonic_ms(&timesource_system);
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, request_after_a_moment, *state), 0);
    assert_true(cancellation_wait(*state, LONG_MS));
    pthread_join(thread, NULL);

    assert_true(timesource_monotonic_ms(&timesource_system) - start < LONG_MS);
}

static void test_a_request_wakes_poll_and_stays_readable(void **state)
{
    struct pollfd pfd = {.fd = cancellation_fd(*state), .events = POLLIN};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, request_after_a_moment, *state), 0);
    assert_int_equal(poll(&pfd, 1, LONG_MS), 1);
    pthread_join(thread, NULL);

    assert_int_equal(poll(&pfd, 1, 0), 1);
    assert_true(cancellation_is_requested(*state));
}

static void test_waits_of_every_length_end_at_once_after_a_request(void **state)
{
    static const int64_t timeouts_ms[] = {-1, 0, 1, LONG_MS, INT64_MAX, INT64_MIN};

    cancellation_request(*state);
    cancellation_request(*state);

    for (size_t i = 0; i < array_length(timeouts_ms); i++)
        assert_true(cancellation_wait(*state, timeouts_ms[i]));
}

/* ---- deadlines ---- */

static int64_t now_ms(void)
{
    return timesource_monotonic_ms(&timesource_system);
}

static void test_it_counts_as_requested_once_its_deadline_is_past(void **state)
{
    struct pollfd pfd = {.fd = cancellation_fd(*state), .events = POLLIN};
    int64_t deadline = now_ms() + 30;

    assert_true(cancellation_set_deadline(*state, deadline));
    assert_false(cancellation_is_requested(*state));
    assert_int_equal(poll(&pfd, 1, LONG_MS), 1);

    assert_true(now_ms() >= deadline);
    assert_true(cancellation_is_requested(*state));
    assert_true(cancellation_wait(*state, 0));
}

static void test_a_deadline_that_is_moved_in_time_does_not_count(void **state)
{
    struct pollfd pfd = {.fd = cancellation_fd(*state), .events = POLLIN};

    assert_true(cancellation_set_deadline(*state, now_ms() + 1000));
    assert_true(cancellation_set_deadline(*state, now_ms() + LONG_MS));

    assert_int_equal(poll(&pfd, 1, 1100), 0);
    assert_false(cancellation_is_requested(*state));
}

static void test_a_deadline_that_was_missed_cannot_be_moved(void **state)
{
    struct pollfd pfd = {.fd = cancellation_fd(*state), .events = POLLIN};

    assert_true(cancellation_set_deadline(*state, now_ms() + 20));
    poll(NULL, 0, 30);

    for (int i = 0; i < 2; i++)
        assert_false(cancellation_set_deadline(*state, now_ms() + LONG_MS));
    assert_true(cancellation_is_requested(*state));
    assert_int_equal(poll(&pfd, 1, 0), 1);
}

static void test_a_deadline_in_the_past_is_a_request(void **state)
{
    static const int64_t past[] = {INT64_MIN, -1, 0, 1};
    struct pollfd pfd = {.fd = cancellation_fd(*state), .events = POLLIN};

    for (size_t i = 0; i < array_length(past); i++)
        assert_false(cancellation_set_deadline(*state, past[i]));

    assert_true(cancellation_is_requested(*state));
    assert_int_equal(poll(&pfd, 1, 0), 1);
}

static void test_a_deadline_takes_no_request_back_and_is_not_missed_by_one(void **state)
{
    cancellation_request(*state);

    assert_true(cancellation_set_deadline(*state, now_ms() + LONG_MS));
    assert_true(cancellation_is_requested(*state));
    assert_true(cancellation_wait(*state, 0));
}

static struct cancellation *signalled; /* a handler has no other way to it */

static void handle_signal(int number maybe_unused)
{
    cancellation_request(signalled);
}

static void test_a_signal_handler_may_request_and_keeps_errno(void **state)
{
    struct sigaction before, action = {.sa_handler = handle_signal};

    signalled = *state;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    errno = ENOSYS;
    raise(SIGUSR1);

    assert_int_equal(errno, ENOSYS);
    assert_true(cancellation_wait(*state, 0));
    sigaction(SIGUSR1, &before, NULL);
}

static void test_the_error_says_that_we_are_stopping(void **state maybe_unused)
{
    struct error err = {0};

    assert_false(cancellation_error(&err));

    assert_int_equal(err.kind, ERROR_CANCELLED);
    assert_non_null(strstr(err.message, "shutting down"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_one_is_not_requested, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_wait_without_request_lasts_its_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_request_wakes_every_waiting_thread, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_request_wakes_poll_and_stays_readable, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_waits_of_every_length_end_at_once_after_a_request,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_signal_handler_may_request_and_keeps_errno, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_it_counts_as_requested_once_its_deadline_is_past,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_deadline_that_is_moved_in_time_does_not_count,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_deadline_that_was_missed_cannot_be_moved, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_deadline_in_the_past_is_a_request, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_deadline_takes_no_request_back_and_is_not_missed_by_one, set_up, tear_down),
        cmocka_unit_test(test_the_error_says_that_we_are_stopping),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
