#include "base/memory.h"
#include "kube/workqueue.h"
#include "support/fake_random.h"
#include "support/fake_timesource.h"
#include "support/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { WORKERS = 8, LIMIT = 2 };

struct fixture {
    struct fake_timesource clock;
    struct fake_random random;
    struct kube_workqueue *queue;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    fake_timesource_init(&fixture->clock, 0);
    fake_random_init(&fixture->random, 1);
    fixture->queue = kube_workqueue_new(&(struct kube_workqueue_options){
        .name = "test",
        .timesource = &fixture->clock.source,
        .random = &fixture->random.source,
        .group_limit = LIMIT,
        .worker_count = WORKERS,
    });
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    kube_workqueue_free(fixture->queue);
    free(fixture);
    return 0;
}

static void expect_next(struct fixture *fixture, const char *expected)
{
    auto_free char *key = NULL;

    if (kube_workqueue_length(fixture->queue) == 0)
        fail_msg("the queue is empty, expected %s", expected);
    key = kube_workqueue_get(fixture->queue, NULL);
    assert_string_equal(key, expected);
}

/* Without blocking: what comes after everything else comes first. */
static void expect_nothing(struct fixture *fixture)
{
    kube_workqueue_add(fixture->queue, "nothing", -1000000);
    expect_next(fixture, "nothing");
    kube_workqueue_done(fixture->queue, "nothing");
}

static void expect_entry(struct fixture *fixture, const char *key, const char *group, bool entered)
{
    expect_next(fixture, key);
    assert_int_equal(kube_workqueue_enter(fixture->queue, key, group), entered);
}

static void add(struct fixture *fixture, const char *key)
{
    kube_workqueue_add(fixture->queue, key, KUBE_PRIORITY_NORMAL);
}

/* Puts a worker into the group, and waits for nobody. */
static void occupy(struct fixture *fixture, const char *key, const char *group,
                   enum kube_standing standing)
{
    add(fixture, key);
    expect_entry(fixture, key, group, true);
    kube_workqueue_set_standing(fixture->queue, group, standing);
}

/* Has the queue learn the key's group; the key is due a second later. */
static void teach(struct fixture *fixture, const char *key, const char *group)
{
    add(fixture, key);
    expect_entry(fixture, key, group, true);
    kube_workqueue_add_after(fixture->queue, key, KUBE_PRIORITY_NORMAL, 1000);
    kube_workqueue_done(fixture->queue, key);
}

static void test_key_without_room_waits_for_a_slot(void **state)
{
    struct fixture *fixture = *state;

    occupy(fixture, "a", "one", KUBE_STANDING_TRUSTED);
    occupy(fixture, "b", "one", KUBE_STANDING_TRUSTED);
    add(fixture, "c");
    expect_entry(fixture, "c", "one", false);
    kube_workqueue_done(fixture->queue, "c");

    assert_int_equal(kube_workqueue_length(fixture->queue), 1);
    expect_nothing(fixture);
    kube_workqueue_done(fixture->queue, "a");
    expect_entry(fixture, "c", "one", true);
    expect_nothing(fixture);
}

static void test_others_go_on_while_a_group_is_full(void **state)
{
    struct fixture *fixture = *state;

    occupy(fixture, "a", "one", KUBE_STANDING_TRUSTED);
    occupy(fixture, "b", "one", KUBE_STANDING_TRUSTED);
    add(fixture, "c");
    add(fixture, "d");
    expect_entry(fixture, "c", "one", false);
    kube_workqueue_done(fixture->queue, "c");

    expect_entry(fixture, "d", "two", true);
}

static void test_key_that_was_put_back_keeps_its_turn(void **state)
{
    struct fixture *fixture = *state;

    occupy(fixture, "a", "one", KUBE_STANDING_TRUSTED);
    occupy(fixture, "b", "one", KUBE_STANDING_TRUSTED);
    add(fixture, "first");
    add(fixture, "second");
    fake_timesource_advance_ms(&fixture->clock, 1000);
    expect_entry(fixture, "first", "one", false);
    expect_entry(fixture, "second", "one", false);
    kube_workqueue_done(fixture->queue, "second");
    kube_workqueue_done(fixture->queue, "first");
    kube_workqueue_done(fixture->queue, "a");
    add(fixture, "third");

    /* "second" was put back before "first", both before "third" was thought of */
    kube_workqueue_done(fixture->queue, "b");
    expect_next(fixture, "second");
    expect_next(fixture, "first");
    expect_next(fixture, "third");
}

static void test_key_that_was_put_back_is_there_once(void **state)
{
    struct fixture *fixture = *state;

    occupy(fixture, "a", "one", KUBE_STANDING_UNKNOWN);
    add(fixture, "b");
    expect_next(fixture, "b");
    add(fixture, "b");
    assert_false(kube_workqueue_enter(fixture->queue, "b", "one"));
    kube_workqueue_done(fixture->queue, "b");
    add(fixture, "b");

    assert_int_equal(kube_workqueue_length(fixture->queue), 1);
    kube_workqueue_done(fixture->queue, "a");
    expect_entry(fixture, "b", "one", true);
    kube_workqueue_done(fixture->queue, "b");
    assert_int_equal(kube_workqueue_length(fixture->queue), 0);
}

static void test_known_group_holds_back_before_any_work(void **state)
{
    struct fixture *fixture = *state;

    teach(fixture, "a", "one");
    occupy(fixture, "busy", "one", KUBE_STANDING_UNKNOWN);
    fake_timesource_advance_ms(&fixture->clock, 1000);

    expect_nothing(fixture);
    kube_workqueue_done(fixture->queue, "busy");
    expect_next(fixture, "a");
}

static void test_key_with_a_known_group_has_its_slot_already(void **state)
{
    struct fixture *fixture = *state;

    teach(fixture, "a", "one");
    fake_timesource_advance_ms(&fixture->clock, 1000);
    expect_next(fixture, "a");
    add(fixture, "b");

    assert_true(kube_workqueue_enter(fixture->queue, "a", "one"));
    expect_entry(fixture, "b", "one", false);
}

static void test_urgent_key_goes_before_the_backlog_of_its_group(void **state)
{
    struct fixture *fixture = *state;

    occupy(fixture, "a", "one", KUBE_STANDING_UNKNOWN);
    for (int i = 0; i < 5; i++) {
        char key[16];

        snprintf(key, sizeof key, "drift-%d", i);
        kube_workqueue_add(fixture->queue, key, KUBE_PRIORITY_LOW);
        expect_entry(fixture, key, "one", false);
        kube_workqueue_done(fixture->queue, key);
    }
    kube_workqueue_add(fixture->queue, "deletion", KUBE_PRIORITY_HIGH);
    expect_entry(fixture, "deletion", "one", false);
    kube_workqueue_done(fixture->queue, "deletion");
    kube_workqueue_done(fixture->queue, "a");

    expect_next(fixture, "deletion");
}

static void test_priority_is_told_and_kept_by_what_was_put_back(void **state)
{
    struct fixture *fixture = *state;
    int priority = 0;

    occupy(fixture, "a", "one", KUBE_STANDING_UNKNOWN);
    kube_workqueue_add(fixture->queue, "b", KUBE_PRIORITY_HIGH);
    expect_entry(fixture, "b", "one", false);
    kube_workqueue_done(fixture->queue, "b");
    kube_workqueue_done(fixture->queue, "a");

    free(kube_workqueue_get(fixture->queue, &priority));
    assert_int_equal(priority, KUBE_PRIORITY_HIGH);
    kube_workqueue_done(fixture->queue, "b");
}

static void test_work_may_make_room_after_it_has_entered(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, "a");
    add(fixture, "b");
    expect_entry(fixture, "a", "one", true);
    assert_int_equal(kube_workqueue_standing(fixture->queue, "one"), KUBE_STANDING_UNKNOWN);
    kube_workqueue_set_standing(fixture->queue, "one", KUBE_STANDING_SUSPECT);
    assert_int_equal(kube_workqueue_standing(fixture->queue, "one"), KUBE_STANDING_SUSPECT);
    kube_workqueue_put_back(fixture->queue, "a");
    kube_workqueue_done(fixture->queue, "a");

    expect_next(fixture, "b");
    expect_next(fixture, "a");
    expect_nothing(fixture);
}

static void test_changed_group_gives_the_former_slot_back(void **state)
{
    struct fixture *fixture = *state;

    teach(fixture, "a", "one");
    fake_timesource_advance_ms(&fixture->clock, 1000);
    expect_next(fixture, "a");
    add(fixture, "b");
    expect_entry(fixture, "b", "one", false);
    kube_workqueue_done(fixture->queue, "b");
    expect_nothing(fixture);

    assert_true(kube_workqueue_enter(fixture->queue, "a", "two"));
    expect_next(fixture, "b");
}

static void test_unknown_group_is_tried_by_one_trusted_by_two(void **state)
{
    struct fixture *fixture = *state;

    occupy(fixture, "a", "one", KUBE_STANDING_UNKNOWN);
    add(fixture, "b");
    expect_entry(fixture, "b", "one", false);
    kube_workqueue_done(fixture->queue, "b");
    expect_nothing(fixture);

    kube_workqueue_set_standing(fixture->queue, "one", KUBE_STANDING_TRUSTED);
    expect_next(fixture, "b");
}

/* So many groups of this standing with a worker in each; how many got in. */
static int occupy_many(struct fixture *fixture, int count, enum kube_standing standing,
                       const char *prefix)
{
    int entered = 0;

    for (int i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof name, "%s-%d", prefix, i);
        teach(fixture, name, name);
        kube_workqueue_set_standing(fixture->queue, name, standing);
    }
    fake_timesource_advance_ms(&fixture->clock, 1000);
    kube_workqueue_add(fixture->queue, "nothing", -1000000);
    for (;;) {
        auto_free char *key = kube_workqueue_get(fixture->queue, NULL);

        if (strcmp(key, "nothing") == 0)
            break;
        entered++;
    }
    kube_workqueue_done(fixture->queue, "nothing");
    return entered;
}

static void test_suspects_have_workers_of_their_own(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(occupy_many(fixture, WORKERS + 1, KUBE_STANDING_SUSPECT, "suspect"),
                     WORKERS / 2);
    assert_int_equal(occupy_many(fixture, WORKERS - 1, KUBE_STANDING_TRUSTED, "good"), WORKERS - 1);
}

static void test_suspects_are_tried_while_the_others_are_at_work(void **state)
{
    struct fixture *fixture = *state;

    teach(fixture, "suspect", "suspect");
    kube_workqueue_set_standing(fixture->queue, "suspect", KUBE_STANDING_SUSPECT);
    for (int i = 0; i < WORKERS; i++) {
        char key[16];

        snprintf(key, sizeof key, "%d", i);
        add(fixture, key);
        expect_next(fixture, key);
    }
    fake_timesource_advance_ms(&fixture->clock, 1000);
    kube_workqueue_add(fixture->queue, "another", KUBE_PRIORITY_HIGH);

    expect_next(fixture, "suspect");
    kube_workqueue_done(fixture->queue, "0");
    expect_next(fixture, "another");
}

static void test_unknown_groups_leave_workers_free(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(occupy_many(fixture, WORKERS + 1, KUBE_STANDING_UNKNOWN, "new"),
                     WORKERS * 3 / 4);
}

static void test_suspect_that_is_trusted_again_makes_room_for_another(void **state)
{
    struct fixture *fixture = *state;

    occupy_many(fixture, WORKERS + 1, KUBE_STANDING_SUSPECT, "suspect");
    kube_workqueue_set_standing(fixture->queue, "suspect-0", KUBE_STANDING_TRUSTED);

    expect_next(fixture, "suspect-4");
    expect_nothing(fixture);
}

static void test_one_worker_serves_every_standing(void **state)
{
    struct fixture *fixture = *state;
    struct kube_workqueue *queue = kube_workqueue_new(&(struct kube_workqueue_options){
        .name = "single",
        .timesource = &fixture->clock.source,
        .random = &fixture->random.source,
        .group_limit = LIMIT,
        .worker_count = 1,
    });

    for (enum kube_standing standing = 0; standing < KUBE_STANDING_COUNT; standing++) {
        kube_workqueue_add(queue, "a", KUBE_PRIORITY_NORMAL);
        free(kube_workqueue_get(queue, NULL));
        assert_true(kube_workqueue_enter(queue, "a", "one"));
        kube_workqueue_set_standing(queue, "one", standing);
        kube_workqueue_add_after(queue, "a", KUBE_PRIORITY_NORMAL, 1000);
        kube_workqueue_done(queue, "a");
        fake_timesource_advance_ms(&fixture->clock, 1000);
        free(kube_workqueue_get(queue, NULL));
        kube_workqueue_done(queue, "a");
    }
    kube_workqueue_free(queue);
}

/* Fails once in its group and awaits it. */
static void fail_and_await(struct fixture *fixture, const char *key, const char *group)
{
    occupy(fixture, key, group, KUBE_STANDING_SUSPECT);
    kube_workqueue_add_with_backoff(fixture->queue, key, KUBE_PRIORITY_NORMAL, 60000);
    kube_workqueue_await_group(fixture->queue, key);
    kube_workqueue_done(fixture->queue, key);
}

static void test_wake_makes_ready_who_awaits_the_group(void **state)
{
    struct fixture *fixture = *state;

    fail_and_await(fixture, "a", "one");
    fail_and_await(fixture, "b", "two");
    occupy(fixture, "c", "one", KUBE_STANDING_SUSPECT);
    kube_workqueue_add_after(fixture->queue, "c", KUBE_PRIORITY_LOW, 60000); /* awaits nothing */
    kube_workqueue_done(fixture->queue, "c");
    expect_nothing(fixture);

    kube_workqueue_wake_group(fixture->queue, "one");
    expect_next(fixture, "a");
    kube_workqueue_done(fixture->queue, "a");
    expect_nothing(fixture);
}

static void test_wake_forgets_failures(void **state)
{
    struct fixture *fixture = *state;
    uint64_t delay_ms = 0;

    for (int i = 0; i < 8; i++)
        delay_ms = kube_workqueue_add_with_backoff(fixture->queue, "a", KUBE_PRIORITY_NORMAL, 0);
    assert_true(delay_ms > 100);
    fake_timesource_advance_ms(&fixture->clock, 1000);
    expect_entry(fixture, "a", "one", true);
    kube_workqueue_add_with_backoff(fixture->queue, "a", KUBE_PRIORITY_NORMAL, 0);
    kube_workqueue_await_group(fixture->queue, "a");
    kube_workqueue_done(fixture->queue, "a");

    kube_workqueue_wake_group(fixture->queue, "one");
    expect_next(fixture, "a");
    delay_ms = kube_workqueue_add_with_backoff(fixture->queue, "a", KUBE_PRIORITY_NORMAL, 0);
    assert_true(delay_ms < 10);
    kube_workqueue_done(fixture->queue, "a");
}

static void test_wake_during_the_work_is_not_lost(void **state)
{
    struct fixture *fixture = *state;

    occupy(fixture, "a", "one", KUBE_STANDING_SUSPECT);
    kube_workqueue_wake_group(fixture->queue, "one");
    kube_workqueue_add_with_backoff(fixture->queue, "a", KUBE_PRIORITY_NORMAL, 60000);
    kube_workqueue_await_group(fixture->queue, "a");
    kube_workqueue_done(fixture->queue, "a");
    expect_next(fixture, "a");

    /* nor is that between the end of the work and its being done */
    kube_workqueue_add_with_backoff(fixture->queue, "a", KUBE_PRIORITY_NORMAL, 60000);
    kube_workqueue_await_group(fixture->queue, "a");
    kube_workqueue_wake_group(fixture->queue, "one");
    kube_workqueue_done(fixture->queue, "a");
    expect_next(fixture, "a");

    /* and one that came before the work is no news */
    kube_workqueue_add_with_backoff(fixture->queue, "a", KUBE_PRIORITY_NORMAL, 60000);
    kube_workqueue_await_group(fixture->queue, "a");
    kube_workqueue_done(fixture->queue, "a");
    expect_nothing(fixture);
}

static void test_shut_down_drops_what_waits_for_room(void **state)
{
    struct fixture *fixture = *state;

    occupy(fixture, "a", "one", KUBE_STANDING_UNKNOWN);
    add(fixture, "b");
    expect_entry(fixture, "b", "one", false);
    kube_workqueue_done(fixture->queue, "b");
    add(fixture, "c");
    expect_next(fixture, "c");
    kube_workqueue_shut_down(fixture->queue);
    assert_false(kube_workqueue_enter(fixture->queue, "c", "one"));
    kube_workqueue_done(fixture->queue, "c");
    kube_workqueue_done(fixture->queue, "a");

    assert_int_equal(kube_workqueue_length(fixture->queue), 0);
    assert_null(kube_workqueue_get(fixture->queue, NULL));
}

/* --- Many threads ---------------------------------------------------------------------------- */

enum { GROUPS = 5, KEYS = 100, ROUNDS = 20 };

struct crowd {
    struct kube_workqueue *queue;
    atomic_int inside[GROUPS], worked[KEYS];
    atomic_bool was_too_full;
};

static void *work(void *argument)
{
    struct crowd *crowd = argument;
    char *key;

    while ((key = kube_workqueue_get(crowd->queue, NULL)) != NULL) {
        long index = strtol(key, NULL, 10);
        char group[] = {(char)('A' + index % GROUPS), '\0'};
        atomic_int *inside = &crowd->inside[index % GROUPS];

        if (kube_workqueue_enter(crowd->queue, key, group)) {
            if (atomic_fetch_add(inside, 1) >= LIMIT)
                atomic_store(&crowd->was_too_full, true);
            kube_workqueue_set_standing(crowd->queue, group,
                                        (enum kube_standing)(index % KUBE_STANDING_COUNT));
            sched_yield();
            if (atomic_fetch_add(&crowd->worked[index], 1) + 1 < ROUNDS)
                kube_workqueue_add(crowd->queue, key, (int)(index % 3));
            atomic_fetch_sub(inside, 1);
        }
        kube_workqueue_done(crowd->queue, key);
        free(key);
    }
    return NULL;
}

static bool is_finished(struct crowd *crowd)
{
    for (int i = 0; i < KEYS; i++)
        if (atomic_load(&crowd->worked[i]) < ROUNDS)
            return false;
    return true;
}

static void test_no_group_is_ever_too_full_and_no_key_is_forgotten(void **state)
{
    struct crowd crowd = {0};
    pthread_t workers[WORKERS];
    int64_t deadline = timesource_monotonic_ms(&timesource_system) + 30000;

    (void)state;
    crowd.queue = kube_workqueue_new(&(struct kube_workqueue_options){
        .name = "crowd",
        .timesource = &timesource_system,
        .random = &random_system,
        .group_limit = LIMIT,
        .worker_count = WORKERS,
    });
    for (int i = 0; i < KEYS; i++) {
        char key[16];

        snprintf(key, sizeof key, "%d", i);
        kube_workqueue_add(crowd.queue, key, i % 3);
    }
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, work, &crowd), 0);
    while (!is_finished(&crowd) && timesource_monotonic_ms(&timesource_system) < deadline)
        sched_yield();
    kube_workqueue_shut_down(crowd.queue);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);

    assert_true(is_finished(&crowd));
    assert_false(atomic_load(&crowd.was_too_full));
    kube_workqueue_free(crowd.queue);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_key_without_room_waits_for_a_slot),
        TEST(test_others_go_on_while_a_group_is_full),
        TEST(test_key_that_was_put_back_keeps_its_turn),
        TEST(test_key_that_was_put_back_is_there_once),
        TEST(test_known_group_holds_back_before_any_work),
        TEST(test_key_with_a_known_group_has_its_slot_already),
        TEST(test_urgent_key_goes_before_the_backlog_of_its_group),
        TEST(test_priority_is_told_and_kept_by_what_was_put_back),
        TEST(test_work_may_make_room_after_it_has_entered),
        TEST(test_changed_group_gives_the_former_slot_back),
        TEST(test_unknown_group_is_tried_by_one_trusted_by_two),
        TEST(test_suspects_have_workers_of_their_own),
        TEST(test_suspects_are_tried_while_the_others_are_at_work),
        TEST(test_unknown_groups_leave_workers_free),
        TEST(test_suspect_that_is_trusted_again_makes_room_for_another),
        TEST(test_one_worker_serves_every_standing),
        TEST(test_wake_makes_ready_who_awaits_the_group),
        TEST(test_wake_forgets_failures),
        TEST(test_wake_during_the_work_is_not_lost),
        TEST(test_shut_down_drops_what_waits_for_room),
        cmocka_unit_test(test_no_group_is_ever_too_full_and_no_key_is_forgotten),
    };

    return cmocka_run_group_tests_name("kube/workqueue_groups", tests, NULL, NULL);
}
