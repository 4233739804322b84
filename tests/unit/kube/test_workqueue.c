#include "base/memory.h"
#include "base/metrics.h"
#include "base/strbuf.h"
#include "kube/workqueue.h"
#include "support/fake_random.h"
#include "support/fake_timesource.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct fixture {
    struct fake_timesource clock;
    struct fake_random random;
    struct metrics *metrics;
    struct kube_workqueue *queue;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    fake_timesource_init(&fixture->clock, 0);
    fake_random_init(&fixture->random, 1);
    fixture->metrics = metrics_new();
    fixture->queue = kube_workqueue_new(&(struct kube_workqueue_options){
        .name = "test",
        .timesource = &fixture->clock.source,
        .random = &fixture->random.source,
        .metrics = fixture->metrics,
    });
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_free(fixture->queue);
    metrics_free(fixture->metrics);
    free(fixture);
    return 0;
}

/* Takes a key that must be ready, without blocking when it is not. */
static void expect_next(struct fixture *fixture, const char *expected)
{
    auto_free char *key = NULL;

    if (kube_workqueue_length(fixture->queue) == 0)
        fail_msg("the queue is empty, expected %s", expected);
    key = kube_workqueue_get(fixture->queue);
    assert_string_equal(key, expected);
}

static void expect_next_and_finish(struct fixture *fixture, const char *expected)
{
    expect_next(fixture, expected);
    kube_workqueue_done(fixture->queue, expected);
}

static void test_keys_come_in_the_order_of_their_adds(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add(fixture->queue, "a", KUBE_PRIORITY_NORMAL);
    kube_workqueue_add(fixture->queue, "b", KUBE_PRIORITY_NORMAL);
    kube_workqueue_add(fixture->queue, "c", KUBE_PRIORITY_NORMAL);

    expect_next_and_finish(fixture, "a");
    expect_next_and_finish(fixture, "b");
    expect_next_and_finish(fixture, "c");
}

static void test_waiting_key_is_not_added_twice(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add(fixture->queue, "a", KUBE_PRIORITY_NORMAL);
    kube_workqueue_add(fixture->queue, "a", KUBE_PRIORITY_NORMAL);
    kube_workqueue_add_after(fixture->queue, "a", KUBE_PRIORITY_NORMAL, 1000);

    assert_int_equal(kube_workqueue_length(fixture->queue), 1);
    expect_next_and_finish(fixture, "a");
    assert_int_equal(kube_workqueue_length(fixture->queue), 0);
}

static void test_add_while_processing_runs_key_once_more(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add(fixture->queue, "a", KUBE_PRIORITY_NORMAL);
    expect_next(fixture, "a");
    kube_workqueue_add(fixture->queue, "a", KUBE_PRIORITY_NORMAL);
    kube_workqueue_add(fixture->queue, "a", KUBE_PRIORITY_NORMAL);
    kube_workqueue_add(fixture->queue, "b", KUBE_PRIORITY_NORMAL);

    assert_int_equal(kube_workqueue_length(fixture->queue), 2);
    expect_next_and_finish(fixture, "b"); /* not "a": somebody has it */
    kube_workqueue_done(fixture->queue, "a");
    expect_next_and_finish(fixture, "a");
    assert_int_equal(kube_workqueue_length(fixture->queue), 0);
}

static void test_delayed_key_becomes_ready_when_its_time_comes(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add_after(fixture->queue, "late", KUBE_PRIORITY_NORMAL, 1000);
    kube_workqueue_add_after(fixture->queue, "soon", KUBE_PRIORITY_NORMAL, 500);
    kube_workqueue_add(fixture->queue, "now", KUBE_PRIORITY_NORMAL);

    expect_next_and_finish(fixture, "now");
    fake_timesource_advance_ms(&fixture->clock, 1000);
    expect_next_and_finish(fixture, "soon"); /* ordered by when they were due */
    expect_next_and_finish(fixture, "late");
}

static void test_ready_beats_waiting(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add_after(fixture->queue, "a", KUBE_PRIORITY_NORMAL, 1000);
    kube_workqueue_add(fixture->queue, "a", KUBE_PRIORITY_NORMAL);
    expect_next_and_finish(fixture, "a");
    fake_timesource_advance_ms(&fixture->clock, 5000);

    assert_int_equal(kube_workqueue_length(fixture->queue), 0);
}

static void test_earlier_time_wins(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add_after(fixture->queue, "a", KUBE_PRIORITY_NORMAL, 1000);
    kube_workqueue_add_after(fixture->queue, "a", KUBE_PRIORITY_NORMAL, 3000);
    kube_workqueue_add_after(fixture->queue, "b", KUBE_PRIORITY_NORMAL, 3000);
    kube_workqueue_add_after(fixture->queue, "b", KUBE_PRIORITY_NORMAL, 2000);
    fake_timesource_advance_ms(&fixture->clock, 2000);

    expect_next_and_finish(fixture, "a");
    expect_next_and_finish(fixture, "b");
    assert_int_equal(kube_workqueue_length(fixture->queue), 0);
}

static void test_delay_asked_for_while_processing_counts_from_then(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add(fixture->queue, "a", KUBE_PRIORITY_NORMAL);
    expect_next(fixture, "a");
    kube_workqueue_add_after(fixture->queue, "a", KUBE_PRIORITY_NORMAL, 1000);
    fake_timesource_advance_ms(&fixture->clock, 1500); /* the work took longer than that */
    kube_workqueue_add(fixture->queue, "b", KUBE_PRIORITY_NORMAL);
    kube_workqueue_done(fixture->queue, "a");

    expect_next_and_finish(fixture, "a");
    expect_next_and_finish(fixture, "b");
}

static void test_higher_priority_goes_first(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add(fixture->queue, "low", KUBE_PRIORITY_LOW);
    kube_workqueue_add(fixture->queue, "normal", KUBE_PRIORITY_NORMAL);
    kube_workqueue_add(fixture->queue, "high", KUBE_PRIORITY_HIGH);

    expect_next_and_finish(fixture, "high");
    expect_next_and_finish(fixture, "normal");
    expect_next_and_finish(fixture, "low");
}

static void test_higher_priority_wins_for_a_waiting_key(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add(fixture->queue, "raised", KUBE_PRIORITY_LOW);
    kube_workqueue_add(fixture->queue, "other", KUBE_PRIORITY_NORMAL);
    fake_timesource_advance_ms(&fixture->clock, 10);
    kube_workqueue_add(fixture->queue, "raised", KUBE_PRIORITY_NORMAL);
    kube_workqueue_add(fixture->queue, "other", KUBE_PRIORITY_LOW); /* does not lower it */
    kube_workqueue_add(fixture->queue, "new", KUBE_PRIORITY_NORMAL);

    expect_next_and_finish(fixture, "other");
    expect_next_and_finish(fixture, "raised"); /* at the end of its new class */
    expect_next_and_finish(fixture, "new");
}

static void test_low_priority_is_not_starved(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add(fixture->queue, "low", KUBE_PRIORITY_LOW);
    for (int second = 0; second < 300; second++) {
        kube_workqueue_add(fixture->queue, "live", KUBE_PRIORITY_NORMAL);
        expect_next_and_finish(fixture, "live");
        fake_timesource_advance_ms(&fixture->clock, 1000);
    }
    fake_timesource_advance_ms(&fixture->clock, 1000);
    kube_workqueue_add(fixture->queue, "live", KUBE_PRIORITY_NORMAL);

    expect_next_and_finish(fixture, "low");
}

static void test_raise_after_a_long_wait_does_not_set_back(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add(fixture->queue, "old", KUBE_PRIORITY_LOW);
    fake_timesource_advance_ms(&fixture->clock, 400 * 1000);
    kube_workqueue_add(fixture->queue, "live", KUBE_PRIORITY_NORMAL);
    kube_workqueue_add(fixture->queue, "old", KUBE_PRIORITY_NORMAL);

    expect_next_and_finish(fixture, "old");
}

static void test_backoff_doubles_up_to_its_limit_until_forgotten(void **state)
{
    struct fixture *fixture = *state;
    uint64_t expected = 5;

    for (int i = 0; i < 40; i++) {
        uint64_t delay = kube_workqueue_add_with_backoff(fixture->queue, "a", 0, 0);

        assert_in_range(delay, expected * 8 / 10, expected * 12 / 10);
        fake_timesource_advance_ms(&fixture->clock, (int64_t)delay);
        expect_next_and_finish(fixture, "a");
        expected = expected * 2 > 300000 ? 300000 : expected * 2;
    }
    kube_workqueue_forget(fixture->queue, "a");

    assert_in_range(kube_workqueue_add_with_backoff(fixture->queue, "a", 0, 0), 4, 6);
}

static void test_backoff_is_per_key_and_not_shorter_than_the_server_asks(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 5; i++)
        assert_true(kube_workqueue_add_with_backoff(fixture->queue, "a", 0, 0) >= 4);

    assert_in_range(kube_workqueue_add_with_backoff(fixture->queue, "b", 0, 0), 4, 6);
    assert_int_equal(kube_workqueue_add_with_backoff(fixture->queue, "b", 0, 7000), 7000);
}

static void test_forget_of_a_key_that_is_not_there_is_fine(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_forget(fixture->queue, "nobody");
    kube_workqueue_add(fixture->queue, "a", 0);
    kube_workqueue_forget(fixture->queue, "a"); /* forgets failures, not the work */

    expect_next_and_finish(fixture, "a");
}

static void test_shut_down_ends_the_wait_and_drops_the_rest(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_add(fixture->queue, "held", 0);
    expect_next(fixture, "held");
    kube_workqueue_add(fixture->queue, "held", 0);
    kube_workqueue_add(fixture->queue, "ready", 0);
    kube_workqueue_add_after(fixture->queue, "waiting", 0, 10);
    kube_workqueue_shut_down(fixture->queue);
    kube_workqueue_add(fixture->queue, "new", 0);
    kube_workqueue_add_after(fixture->queue, "new", 0, 10);
    kube_workqueue_add_with_backoff(fixture->queue, "new", 0, 10);

    assert_int_equal(kube_workqueue_length(fixture->queue), 0);
    assert_null(kube_workqueue_get(fixture->queue));
    kube_workqueue_done(fixture->queue, "held");
    assert_null(kube_workqueue_get(fixture->queue));
}

static void test_order_holds_for_many_keys(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 5000 };
    int64_t last_due = -1;

    for (int i = 0; i < COUNT; i++) {
        char key[32];

        snprintf(key, sizeof key, "%d", i);
        kube_workqueue_add_after(fixture->queue, key, 0, (uint64_t)(i * 7919 % COUNT));
    }
    fake_timesource_advance_ms(&fixture->clock, COUNT);
    for (int i = 0; i < COUNT; i++) {
        auto_free char *key = kube_workqueue_get(fixture->queue);
        int64_t due = strtol(key, NULL, 10) * 7919 % COUNT;

        assert_true(due > last_due);
        last_due = due;
        kube_workqueue_done(fixture->queue, key);
    }

    assert_int_equal(kube_workqueue_length(fixture->queue), 0);
}

static void expect_metric(struct fixture *fixture, const char *line)
{
    auto_strbuf struct strbuf page = {0};

    metrics_render(fixture->metrics, &page);
    if (strstr(strbuf_text(&page), line) == NULL)
        fail_msg("no line '%s' in:\n%s", line, strbuf_text(&page));
}

static void test_metrics_have_the_names_of_controller_runtime(void **state)
{
    struct fixture *fixture = *state;

    expect_metric(fixture, "workqueue_depth{name=\"test\",controller=\"test\",priority=\"0\"} 0\n");
    kube_workqueue_add(fixture->queue, "a", 0);
    kube_workqueue_add(fixture->queue, "b", KUBE_PRIORITY_LOW);
    kube_workqueue_add_after(fixture->queue, "c", 0, 60000);
    expect_metric(fixture, "workqueue_depth{name=\"test\",controller=\"test\",priority=\"0\"} 1\n");
    expect_metric(fixture,
                  "workqueue_depth{name=\"test\",controller=\"test\",priority=\"-100\"} 1\n");
    expect_metric(fixture, "workqueue_adds_total{name=\"test\",controller=\"test\"} 3\n");

    fake_timesource_advance_ms(&fixture->clock, 2000);
    expect_next(fixture, "a");
    fake_timesource_advance_ms(&fixture->clock, 3000);
    kube_workqueue_update_metrics(fixture->queue);
    expect_metric(fixture, "workqueue_depth{name=\"test\",controller=\"test\",priority=\"0\"} 0\n");
    expect_metric(fixture,
                  "workqueue_queue_duration_seconds_sum{name=\"test\",controller=\"test\"} 2\n");
    expect_metric(fixture,
                  "workqueue_unfinished_work_seconds{name=\"test\",controller=\"test\"} 3\n");
    expect_metric(
        fixture,
        "workqueue_longest_running_processor_seconds{name=\"test\",controller=\"test\"} 3\n");

    kube_workqueue_add_with_backoff(fixture->queue, "a", 0, 0);
    kube_workqueue_done(fixture->queue, "a");
    kube_workqueue_update_metrics(fixture->queue);
    expect_metric(fixture, "workqueue_retries_total{name=\"test\",controller=\"test\"} 1\n");
    expect_metric(fixture,
                  "workqueue_work_duration_seconds_sum{name=\"test\",controller=\"test\"} 3\n");
    expect_metric(fixture,
                  "workqueue_unfinished_work_seconds{name=\"test\",controller=\"test\"} 0\n");
}

/* ---- threads ---- */

enum { KEYS = 17, WORKERS = 4, ADDERS = 4, ADDS = 3000 };

struct crowd {
    struct kube_workqueue *queue;
    atomic_int holders[KEYS]; /* workers that have the key now */
    atomic_int wanted[KEYS];  /* version that the adders want seen */
    atomic_int seen[KEYS];    /* version that a worker saw */
    atomic_bool was_held_twice;
};

static void *add_keys(void *argument)
{
    struct crowd *crowd = argument;

    for (int i = 0; i < ADDS; i++) {
        int index = i * 31 % KEYS;
        char key[16];

        snprintf(key, sizeof key, "%d", index);
        atomic_fetch_add(&crowd->wanted[index], 1);
        if (i % 5 == 0)
            kube_workqueue_add_after(crowd->queue, key, i % 3, 1);
        else
            kube_workqueue_add(crowd->queue, key, i % 3);
    }
    return NULL;
}

static void *work(void *argument)
{
    struct crowd *crowd = argument;
    char *key;

    while ((key = kube_workqueue_get(crowd->queue)) != NULL) {
        long index = strtol(key, NULL, 10);

        if (atomic_fetch_add(&crowd->holders[index], 1) != 0)
            atomic_store(&crowd->was_held_twice, true);
        atomic_store(&crowd->seen[index], atomic_load(&crowd->wanted[index]));
        atomic_fetch_sub(&crowd->holders[index], 1);
        kube_workqueue_done(crowd->queue, key);
        free(key);
    }
    return NULL;
}

static bool everything_was_seen(struct crowd *crowd)
{
    for (int i = 0; i < KEYS; i++)
        if (atomic_load(&crowd->seen[i]) != atomic_load(&crowd->wanted[i]))
            return false;
    return true;
}

static void test_no_key_is_held_twice_and_no_add_is_lost(void **state)
{
    struct crowd crowd = {0};
    pthread_t workers[WORKERS], adders[ADDERS];
    int64_t deadline = timesource_monotonic_ms(&timesource_system) + 20000;

    (void)state;
    crowd.queue = kube_workqueue_new(&(struct kube_workqueue_options){
        .name = "crowd",
        .timesource = &timesource_system,
        .random = &random_system,
    });
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, work, &crowd), 0);
    for (int i = 0; i < ADDERS; i++)
        assert_int_equal(pthread_create(&adders[i], NULL, add_keys, &crowd), 0);
    for (int i = 0; i < ADDERS; i++)
        pthread_join(adders[i], NULL);
    while (!everything_was_seen(&crowd) && timesource_monotonic_ms(&timesource_system) < deadline)
        sched_yield();
    kube_workqueue_shut_down(crowd.queue);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);

    assert_true(everything_was_seen(&crowd));
    assert_false(atomic_load(&crowd.was_held_twice));
    assert_int_equal(kube_workqueue_length(crowd.queue), 0);
    kube_workqueue_free(crowd.queue);
}

static void test_delayed_key_wakes_a_worker_in_real_time(void **state)
{
    int64_t start = timesource_monotonic_ms(&timesource_system);
    auto_free char *key = NULL;
    struct kube_workqueue *queue = kube_workqueue_new(&(struct kube_workqueue_options){
        .name = "real",
        .timesource = &timesource_system,
        .random = &random_system,
    });

    (void)state;
    kube_workqueue_add_after(queue, "a", 0, 60);
    key = kube_workqueue_get(queue);

    assert_in_range(timesource_monotonic_ms(&timesource_system) - start, 60, 5000);
    kube_workqueue_done(queue, key);
    kube_workqueue_free(queue);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_keys_come_in_the_order_of_their_adds),
        TEST(test_waiting_key_is_not_added_twice),
        TEST(test_add_while_processing_runs_key_once_more),
        TEST(test_delayed_key_becomes_ready_when_its_time_comes),
        TEST(test_ready_beats_waiting),
        TEST(test_earlier_time_wins),
        TEST(test_delay_asked_for_while_processing_counts_from_then),
        TEST(test_higher_priority_goes_first),
        TEST(test_higher_priority_wins_for_a_waiting_key),
        TEST(test_low_priority_is_not_starved),
        TEST(test_raise_after_a_long_wait_does_not_set_back),
        TEST(test_backoff_doubles_up_to_its_limit_until_forgotten),
        TEST(test_backoff_is_per_key_and_not_shorter_than_the_server_asks),
        TEST(test_forget_of_a_key_that_is_not_there_is_fine),
        TEST(test_shut_down_ends_the_wait_and_drops_the_rest),
        TEST(test_order_holds_for_many_keys),
        TEST(test_metrics_have_the_names_of_controller_runtime),
        cmocka_unit_test(test_no_key_is_held_twice_and_no_add_is_lost),
        cmocka_unit_test(test_delayed_key_wakes_a_worker_in_real_time),
    };

    return cmocka_run_group_tests_name("kube/workqueue", tests, NULL, NULL);
}
