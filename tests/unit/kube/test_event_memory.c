#include "base/memory.h"
#include "kube/event_memory.h"
#include "kube/event_recorder.h"
#include "support/test.h"

#include <stdbool.h>

enum { MINUTE_MS = 60 * 1000 };

static int set_up(void **state)
{
    *state = event_memory_new();
    return 0;
}

static int tear_down(void **state)
{
    event_memory_free(*state);
    return 0;
}

static struct event_series *count(void **state, const char *uid, const char *note, int64_t now_ms)
{
    struct kube_event event = {.uid = uid, .reason = "Conflict", .action = "Act", .note = note};

    return event_memory_count(*state, &event, now_ms);
}

static void test_the_same_again_continues_the_series(void **state)
{
    struct event_series *series = count(state, "u1", "a", 0);

    assert_int_equal(series->count, 1);
    series->name = mem_strdup("first");
    series = count(state, "u1", "a", 5 * MINUTE_MS);
    assert_int_equal(series->count, 2);
    assert_string_equal(series->name, "first");
}

static void test_a_series_ends_after_six_quiet_minutes(void **state)
{
    count(state, "u1", "a", 0);
    assert_int_equal(count(state, "u1", "a", 6 * MINUTE_MS)->count, 1);
}

static void test_another_note_or_object_is_another_event(void **state)
{
    count(state, "u1", "a", 0);
    assert_int_equal(count(state, "u1", "b", 0)->count, 1);
    assert_int_equal(count(state, "u2", "a", 0)->count, 1);
    assert_int_equal(count(state, "u1", "a", 0)->count, 2);
}

static void test_a_warning_is_another_event_than_a_note_of_the_same_text(void **state)
{
    struct kube_event event = {.uid = "u1", .reason = "R", .action = "A", .note = "n"};

    assert_int_equal(event_memory_count(*state, &event, 0)->count, 1);
    event.is_warning = true;
    assert_int_equal(event_memory_count(*state, &event, 0)->count, 1);
}

static void test_the_oldest_series_of_an_object_makes_room(void **state)
{
    static const char *const notes[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8"};

    for (int i = 0; i < 9; i++)
        count(state, "u1", notes[i], i);
    assert_int_equal(count(state, "u1", "8", 10)->count, 2);
    assert_int_equal(count(state, "u1", "1", 10)->count, 2);
    assert_int_equal(count(state, "u1", "0", 10)->count, 1);
}

static void test_an_object_has_25_events_and_one_more_every_five_minutes(void **state)
{
    for (int i = 0; i < 25; i++)
        assert_non_null(count(state, "u1", "a", 0));
    assert_null(count(state, "u1", "a", 5 * MINUTE_MS - 1));
    assert_non_null(count(state, "u2", "a", 0));
    assert_non_null(count(state, "u1", "a", 5 * MINUTE_MS));
    assert_null(count(state, "u1", "a", 5 * MINUTE_MS));
}

static void test_a_long_silence_earns_25_again_and_no_more(void **state)
{
    int64_t later = (int64_t)365 * 24 * 60 * MINUTE_MS;

    for (int i = 0; i < 26; i++)
        count(state, "u1", "a", 0);
    for (int i = 0; i < 25; i++)
        assert_non_null(count(state, "u1", "a", later));
    assert_null(count(state, "u1", "a", later));
}

static void test_the_object_that_was_quiet_longest_is_forgotten(void **state)
{
    auto_free char *oldest = mem_strdup("uid-0");

    for (int i = 0; i < 4097; i++) {
        auto_free char *uid = mem_printf("uid-%d", i);

        count(state, uid, "a", i);
    }
    assert_int_equal(count(state, "uid-4096", "a", 5000)->count, 2);
    assert_int_equal(count(state, "uid-1", "a", 5000)->count, 2);
    assert_int_equal(count(state, oldest, "a", 5000)->count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_same_again_continues_the_series, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_series_ends_after_six_quiet_minutes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_another_note_or_object_is_another_event, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_warning_is_another_event_than_a_note_of_the_same_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_oldest_series_of_an_object_makes_room, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_an_object_has_25_events_and_one_more_every_five_minutes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_long_silence_earns_25_again_and_no_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_object_that_was_quiet_longest_is_forgotten, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
