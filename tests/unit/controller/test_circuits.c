#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/circuits.h"
#include "support/fake_random.h"
#include "support/fake_timesource.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define NOON_US (1764072000LL * 1000000) /* 2025-11-25T12:00:00Z */

struct fixture {
    struct fake_timesource clock;
    struct fake_random random;
    struct circuits *circuits;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    fake_timesource_init(&fixture->clock, NOON_US);
    fake_random_init(&fixture->random, 1);
    fixture->circuits = circuits_new(&(struct circuits_options){
        .timesource = &fixture->clock.source,
        .random = &fixture->random.source,
        .backoff = {.first_ms = 1000, .limit_ms = 8000},
        .failures_limit = 3,
    });
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    circuits_free(fixture->circuits);
    free(fixture);
    return 0;
}

static const struct circuit_way a = {.server = "a:5432", .way = "admin"},
                                other_way = {.server = "a:5432", .way = "other"},
                                b = {.server = "b:5432", .way = "admin"};

static enum circuit_answer ask(struct fixture *fixture, const struct circuit_way *way)
{
    struct error err;

    return circuits_ask(fixture->circuits, way, false, &err);
}

static enum circuit_answer ask_urgently(struct fixture *fixture, const struct circuit_way *way)
{
    struct error err;

    return circuits_ask(fixture->circuits, way, true, &err);
}

static uint64_t report_failure(struct fixture *fixture, const struct circuit_way *way,
                               enum circuit_answer was_told, const char *message)
{
    struct error failure = {0};

    error_set(&failure, ERROR_UNAVAILABLE, NULL, "%s", message);
    return circuits_report_failure(fixture->circuits, way, was_told, &failure);
}

/* How long it is open. */
static uint64_t open_up(struct fixture *fixture, const struct circuit_way *way)
{
    assert_int_equal(report_failure(fixture, way, CIRCUIT_ADMITS, "no"), 0);
    assert_int_equal(report_failure(fixture, way, CIRCUIT_ADMITS, "no"), 0);
    return report_failure(fixture, way, CIRCUIT_ADMITS, "no");
}

static void test_opens_at_the_third_failure_in_a_row(void **state)
{
    struct fixture *fixture = *state;

    report_failure(fixture, &a, CIRCUIT_ADMITS, "no");
    report_failure(fixture, &a, CIRCUIT_ADMITS, "no");
    assert_false(circuits_report_answer(fixture->circuits, &a));
    assert_int_equal(open_up(fixture, &a), 1000);

    assert_int_equal(ask(fixture, &a), CIRCUIT_REFUSES);
    assert_int_equal(ask(fixture, &b), CIRCUIT_ADMITS);
}

static void test_refusal_says_since_when_and_why(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    report_failure(fixture, &a, CIRCUIT_ADMITS, "the first");
    fake_timesource_advance_ms(&fixture->clock, 5000);
    report_failure(fixture, &a, CIRCUIT_ADMITS, "the second");
    report_failure(fixture, &a, CIRCUIT_ADMITS, "nobody listens there");

    assert_int_equal(circuits_ask(fixture->circuits, &a, false, &err), CIRCUIT_REFUSES);
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_string_equal(err.code, CIRCUIT_OPEN_CODE);
    assert_string_equal(err.message, "the server a:5432 has been unreachable since "
                                     "2025-11-25T12:00:00Z: nobody listens there");
}

static void test_exactly_one_probes(void **state)
{
    struct fixture *fixture = *state;

    open_up(fixture, &a);
    fake_timesource_advance_ms(&fixture->clock, 999);
    assert_int_equal(ask(fixture, &a), CIRCUIT_REFUSES);
    fake_timesource_advance_ms(&fixture->clock, 1);

    assert_int_equal(ask(fixture, &a), CIRCUIT_PROBES);
    assert_int_equal(ask(fixture, &a), CIRCUIT_REFUSES);
    assert_int_equal(ask_urgently(fixture, &a), CIRCUIT_REFUSES);
}

static void test_failed_probes_open_it_for_longer_up_to_the_limit(void **state)
{
    static const uint64_t expected[] = {2000, 4000, 8000, 8000};
    struct fixture *fixture = *state;

    open_up(fixture, &a);
    for (size_t i = 0; i < array_length(expected); i++) {
        fake_timesource_advance_ms(&fixture->clock, 8000);
        assert_int_equal(ask(fixture, &a), CIRCUIT_PROBES);
        assert_int_equal(report_failure(fixture, &a, CIRCUIT_PROBES, "no"), expected[i]);
        assert_int_equal(ask(fixture, &a), CIRCUIT_REFUSES);
    }
}

static void test_answered_probe_closes_it_and_says_that_others_wait(void **state)
{
    struct fixture *fixture = *state;

    open_up(fixture, &a);
    fake_timesource_advance_ms(&fixture->clock, 1000);
    assert_int_equal(ask(fixture, &a), CIRCUIT_PROBES);

    assert_true(circuits_report_answer(fixture->circuits, &a));
    assert_false(circuits_report_answer(fixture->circuits, &a));
    assert_int_equal(ask(fixture, &a), CIRCUIT_ADMITS);
    assert_int_equal(open_up(fixture, &a), 1000); /* from the begin */
}

static void test_who_acts_probes_at_once(void **state)
{
    struct fixture *fixture = *state;

    open_up(fixture, &a);

    assert_int_equal(ask_urgently(fixture, &a), CIRCUIT_PROBES);
    assert_int_equal(ask_urgently(fixture, &a), CIRCUIT_REFUSES);
    assert_int_equal(report_failure(fixture, &a, CIRCUIT_PROBES, "no"), 2000);
    assert_int_equal(ask_urgently(fixture, &a), CIRCUIT_PROBES);
}

static void test_probe_that_was_not_made_leaves_the_next_one(void **state)
{
    struct fixture *fixture = *state;

    open_up(fixture, &a);
    fake_timesource_advance_ms(&fixture->clock, 1000);
    assert_int_equal(ask(fixture, &a), CIRCUIT_PROBES);
    circuits_report_nothing(fixture->circuits, &a, CIRCUIT_ADMITS); /* of somebody else */
    assert_int_equal(ask(fixture, &a), CIRCUIT_REFUSES);
    circuits_report_nothing(fixture->circuits, &a, CIRCUIT_PROBES);

    assert_int_equal(ask(fixture, &a), CIRCUIT_PROBES);
}

static void test_late_failure_of_an_earlier_attempt_changes_nothing(void **state)
{
    struct fixture *fixture = *state;

    open_up(fixture, &a);
    fake_timesource_advance_ms(&fixture->clock, 1000);
    assert_int_equal(ask(fixture, &a), CIRCUIT_PROBES);
    report_failure(fixture, &a, CIRCUIT_ADMITS, "late");

    assert_int_equal(ask(fixture, &a), CIRCUIT_REFUSES); /* the probe is still under way */
    assert_int_equal(report_failure(fixture, &a, CIRCUIT_PROBES, "no"), 2000);
}

static void test_probe_that_fails_after_somebody_was_answered_is_a_first_failure(void **state)
{
    struct fixture *fixture = *state;

    open_up(fixture, &a);
    assert_int_equal(ask_urgently(fixture, &a), CIRCUIT_PROBES);
    assert_true(circuits_report_answer(fixture->circuits, &a));

    assert_int_equal(report_failure(fixture, &a, CIRCUIT_PROBES, "no"), 0);
    assert_int_equal(ask(fixture, &a), CIRCUIT_ADMITS);
}

static void test_ways_into_a_server_do_not_close_each_other(void **state)
{
    struct fixture *fixture = *state;

    open_up(fixture, &other_way);
    assert_int_equal(ask(fixture, &a), CIRCUIT_ADMITS);

    /* where one is open, another one opens at its first failure */
    assert_int_equal(report_failure(fixture, &a, CIRCUIT_ADMITS, "no"), 1000);
    assert_int_equal(ask(fixture, &a), CIRCUIT_REFUSES);
    fake_timesource_advance_ms(&fixture->clock, 1000);
    assert_int_equal(ask(fixture, &a), CIRCUIT_PROBES);
    assert_true(circuits_report_answer(fixture->circuits, &a));
    assert_int_equal(ask(fixture, &other_way), CIRCUIT_PROBES);
}

static void test_jitter_is_a_fifth_by_default(void **state)
{
    struct fixture *fixture = *state;
    struct circuits *circuits = circuits_new(&(struct circuits_options){
        .timesource = &fixture->clock.source,
        .random = &fixture->random.source,
    });
    struct error failure = {.kind = ERROR_UNAVAILABLE, .message = "no"};
    uint64_t first = 0, differing = 0;

    for (int i = 0; i < 10; i++) {
        char server[16];
        struct circuit_way way = {.server = server, .way = ""};
        uint64_t open_ms = 0;

        snprintf(server, sizeof server, "%d", i);
        for (int n = 0; n < 3; n++)
            open_ms = circuits_report_failure(circuits, &way, CIRCUIT_ADMITS, &failure);
        assert_in_range(open_ms, 800, 1200);
        if (i == 0)
            first = open_ms;
        else if (open_ms != first)
            differing++;
    }
    assert_true(differing > 5);
    circuits_free(circuits);
}

static void append_state(void *context, const char *server, enum circuit_state state)
{
    strbuf_append_format(context, "%s=%d ", server, (int)state);
}

static void expect_states(struct fixture *fixture, const char *expected)
{
    auto_strbuf struct strbuf text = {0};

    circuits_visit(fixture->circuits, append_state, &text);
    assert_string_equal(strbuf_text(&text), expected);
}

static void test_state_of_a_server_is_the_worst_of_its_ways(void **state)
{
    struct fixture *fixture = *state;

    expect_states(fixture, "");
    assert_int_equal(ask(fixture, &a), CIRCUIT_ADMITS);
    expect_states(fixture, "a:5432=0 ");
    open_up(fixture, &a);
    assert_false(circuits_report_answer(fixture->circuits, &other_way));
    expect_states(fixture, "a:5432=2 ");
    assert_int_equal(ask_urgently(fixture, &a), CIRCUIT_PROBES);
    expect_states(fixture, "a:5432=1 ");
    circuits_report_answer(fixture->circuits, &a);
    expect_states(fixture, "a:5432=0 ");
}

static void test_server_that_nobody_asks_for_is_forgotten(void **state)
{
    struct fixture *fixture = *state;

    open_up(fixture, &a);
    fake_timesource_advance_ms(&fixture->clock, 3 * 60 * 60 * 1000);
    assert_int_equal(ask(fixture, &b), CIRCUIT_ADMITS);

    expect_states(fixture, "b:5432=0 ");
}

static void test_ways_that_somebody_invents_are_limited(void **state)
{
    struct fixture *fixture = *state;
    size_t refused = 0;

    for (int i = 0; i < 200; i++) {
        char text[16];
        struct circuit_way way = {.server = "a:5432", .way = text};

        snprintf(text, sizeof text, "%d", i);
        for (int n = 0; n < 3; n++)
            report_failure(fixture, &way, CIRCUIT_ADMITS, "no");
    }
    for (int i = 0; i < 200; i++) {
        char text[16];
        struct circuit_way way = {.server = "a:5432", .way = text};

        snprintf(text, sizeof text, "%d", i);
        refused += ask(fixture, &way) == CIRCUIT_REFUSES;
    }

    assert_int_equal(refused, 64);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_opens_at_the_third_failure_in_a_row),
        TEST(test_refusal_says_since_when_and_why),
        TEST(test_exactly_one_probes),
        TEST(test_failed_probes_open_it_for_longer_up_to_the_limit),
        TEST(test_answered_probe_closes_it_and_says_that_others_wait),
        TEST(test_who_acts_probes_at_once),
        TEST(test_probe_that_was_not_made_leaves_the_next_one),
        TEST(test_late_failure_of_an_earlier_attempt_changes_nothing),
        TEST(test_probe_that_fails_after_somebody_was_answered_is_a_first_failure),
        TEST(test_ways_into_a_server_do_not_close_each_other),
        TEST(test_jitter_is_a_fifth_by_default),
        TEST(test_state_of_a_server_is_the_worst_of_its_ways),
        TEST(test_server_that_nobody_asks_for_is_forgotten),
        TEST(test_ways_that_somebody_invents_are_limited),
    };

    return cmocka_run_group_tests_name("controller/circuits", tests, NULL, NULL);
}
