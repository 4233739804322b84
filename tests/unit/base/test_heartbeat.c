#include "base/cancellation.h"
#include "base/heartbeat.h"
#include "support/fake_timesource.h"
#include "support/test.h"

#include <pthread.h>

enum { SEEN_LIMIT = 8 };

/* Each test runs its work on a thread of its own, since a place is kept until the thread ends. What
 * the work sees is compared on the test's own thread, the only one that may fail. */
struct desk {
    struct fake_timesource clock;
    struct heartbeats *board;
    void (*work)(struct desk *desk);
    int64_t seen_ms[SEEN_LIMIT];
    size_t seen_count;
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

static void note_silence(struct desk *desk)
{
    desk->seen_ms[desk->seen_count++] = heartbeats_longest_silence_ms(desk->board);
}

static void expect_silence(const struct desk *desk, int64_t expected_ms)
{
    assert_int_equal(heartbeats_longest_silence_ms(desk->board), expected_ms);
}

static void expect_seen(const struct desk *desk, const int64_t *expected_ms, size_t count)
{
    assert_int_equal(desk->seen_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(desk->seen_ms[i], expected_ms[i]);
}

static void work_and_rest(struct desk *desk)
{
    heartbeats_join(desk->board);
    heartbeat_begin();
    fake_timesource_advance_ms(&desk->clock, 700);
    note_silence(desk);
    heartbeat_touch();
    note_silence(desk);
    fake_timesource_advance_ms(&desk->clock, 300);
    note_silence(desk);
    heartbeat_end();
    note_silence(desk);
    fake_timesource_advance_ms(&desk->clock, 90000);
    heartbeat_touch();
    fake_timesource_advance_ms(&desk->clock, 90000);
    note_silence(desk);
}

static void test_silence_counts_from_the_last_sign_and_only_at_work(void **state maybe_unused)
{
    static const int64_t expected_ms[] = {700, 0, 300, 0, 0};
    struct desk desk = {0};

    desk_open(&desk, 1);
    expect_silence(&desk, 0);
    run_on_own_thread(&desk, work_and_rest);

    expect_seen(&desk, expected_ms, array_length(expected_ms));
    desk_close(&desk);
}

static void begin_only(struct desk *desk)
{
    heartbeats_join(desk->board);
    heartbeat_begin();
}

static void test_the_most_silent_of_several_counts(void **state maybe_unused)
{
    struct desk desk = {0};

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
    note_silence(desk);
}

static void test_threads_without_a_place_change_nothing(void **state maybe_unused)
{
    struct desk desk = {0};

    desk_open(&desk, 1);
    run_on_own_thread(&desk, begin_only);
    fake_timesource_advance_ms(&desk.clock, 100);

    run_on_own_thread(&desk, touch_from_outside);

    assert_int_equal(desk.seen_ms[0], 100);
    desk_close(&desk);
}

static void wait_a_moment(struct desk *desk)
{
    struct cancellation *cancellation = cancellation_new();

    heartbeats_join(desk->board);
    heartbeat_begin();
    fake_timesource_advance_ms(&desk->clock, 4000);
    note_silence(desk);
    if (!cancellation_wait(cancellation, 0))
        note_silence(desk);
    cancellation_free(cancellation);
}

static void test_a_wait_that_ends_is_a_sign_of_life(void **state maybe_unused)
{
    static const int64_t expected_ms[] = {4000, 0};
    struct desk desk = {0};

    desk_open(&desk, 1);
    run_on_own_thread(&desk, wait_a_moment);

    expect_seen(&desk, expected_ms, array_length(expected_ms));
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
