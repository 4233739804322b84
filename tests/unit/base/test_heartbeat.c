#include "base/cancellation.h"
#include "base/heartbeat.h"
#include "support/fake_timesource.h"
#include "support/test.h"

#include <pthread.h>

/* Each test runs its work on a thread of its own, since a place is kept until the thread ends. */
struct desk {
    struct fake_timesource clock;
    struct heartbeats *board;
    void (*work)(struct desk *desk);
};

static void *run_work(void *context)
{
    struct desk *desk = context;

    desk->work(desk);
    return NULL;
}

static void run_on_own_thread(struct desk *desk, void (*work)(struct desk *desk))
{
    pthread_t thread;

    desk->work = work;
    assert_int_equal(pthread_create(&thread, NULL, run_work, desk), 0);
    pthread_join(thread, NULL);
}

static void desk_open(struct desk *desk, size_t threads)
{
    fake_timesource_init(&desk->clock, INT64_C(1136214245000042));
    desk->board = heartbeats_new(threads, &desk->clock.source);
}

static void desk_close(struct desk *desk)
{
    heartbeats_free(desk->board);
}

static void expect_silence(const struct desk *desk, int64_t expected_ms)
{
    assert_int_equal(heartbeats_longest_silence_ms(desk->board), expected_ms);
}

static void work_without_touch(struct desk *desk)
{
    heartbeats_join(desk->board);
    heartbeat_begin();
    fake_timesource_advance_ms(&desk->clock, 700);
    expect_silence(desk, 700);
    heartbeat_touch();
    expect_silence(desk, 0);
    fake_timesource_advance_ms(&desk->clock, 300);
    expect_silence(desk, 300);
    heartbeat_end();
    expect_silence(desk, 0);
    fake_timesource_advance_ms(&desk->clock, 90000);
    heartbeat_touch();
    fake_timesource_advance_ms(&desk->clock, 90000);
    expect_silence(desk, 0);
}

static void test_silence_counts_from_the_last_sign_and_only_at_work(void **state maybe_unused)
{
    struct desk desk;

    desk_open(&desk, 1);
    expect_silence(&desk, 0);
    run_on_own_thread(&desk, work_without_touch);
    desk_close(&desk);
}

static void begin_only(struct desk *desk)
{
    heartbeats_join(desk->board);
    heartbeat_begin();
}

static void test_the_most_silent_of_several_counts(void **state maybe_unused)
{
    struct desk desk;

    desk_open(&desk, 3);
    run_on_own_thread(&desk, begin_only);
    fake_timesource_advance_ms(&desk.clock, 5000);
    run_on_own_thread(&desk, begin_only);
    fake_timesource_advance_ms(&desk.clock, 100);

    expect_silence(&desk, 5100);
    desk_close(&desk);
}

static void touch_from_outside(struct desk *desk)
{
    heartbeat_begin();
    heartbeat_touch();
    heartbeat_end();
    expect_silence(desk, 100);
}

static void test_threads_without_a_place_change_nothing(void **state maybe_unused)
{
    struct desk desk;

    desk_open(&desk, 1);
    run_on_own_thread(&desk, begin_only);
    fake_timesource_advance_ms(&desk.clock, 100);

    run_on_own_thread(&desk, touch_from_outside);
    desk_close(&desk);
}

static void wait_a_moment(struct desk *desk)
{
    struct cancellation *cancellation = cancellation_new();

    heartbeats_join(desk->board);
    heartbeat_begin();
    fake_timesource_advance_ms(&desk->clock, 4000);
    assert_false(cancellation_wait(cancellation, 0));
    expect_silence(desk, 0);
    cancellation_free(cancellation);
}

static void test_a_wait_that_ends_is_a_sign_of_life(void **state maybe_unused)
{
    struct desk desk;

    desk_open(&desk, 1);
    run_on_own_thread(&desk, wait_a_moment);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence_counts_from_the_last_sign_and_only_at_work),
        cmocka_unit_test(test_the_most_silent_of_several_counts),
        cmocka_unit_test(test_threads_without_a_place_change_nothing),
        cmocka_unit_test(test_a_wait_that_ends_is_a_sign_of_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
