#include "base/memory.h"
#include "informer_fixture.h"
#include "support/test.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int set_up(void **state)
{
    struct informer_fixture *fixture = mem_alloc(sizeof *fixture);

    informer_fixture_init(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    informer_fixture_release(*state);
    free(*state);
    return 0;
}

static void expect(struct informer_fixture *fixture, const char *query,
                   const struct scripted_exchange *exchange)
{
    informer_fixture_expect(fixture, query, exchange);
}

static void expect_list(struct informer_fixture *fixture, const char *answer)
{
    expect(fixture, LIST_QUERY, &(struct scripted_exchange){.answer = answer});
}

/* ---- scenarios: a list of "a" in version 1 and "b" in version 2 at 10, and what comes then ----
 */

struct step {
    const char *query;
    struct scripted_exchange exchange;
};

enum { STEPS_LIMIT = 8 };

static void expect_with_clock(struct informer_fixture *fixture, const struct step *step)
{
    struct scripted_exchange exchange = step->exchange;

    exchange.timesource = &fixture->client.clock;
    expect(fixture, step->query, &exchange);
}

struct scenario {
    const char *name;
    struct step steps[STEPS_LIMIT];
    const char *watched_from; /* by the quiet watch at the end */
    const char *changes;      /* after the first list */
    unsigned failures;
};

#define FIRST_THINGS THING("a", "1") "," THING("b", "2")

/* What was told after the first list, whose own order is arbitrary; NULL when that is not right. */
static const char *changes_after_first_list(const struct informer_fixture *fixture)
{
    static const char *const firsts[] = {"(+a@1) (+b@2) ", "(+b@2) (+a@1) "};
    const char *told = strbuf_text(&fixture->changes);

    for (size_t i = 0; i < array_length(firsts); i++)
        if (strncmp(told, firsts[i], strlen(firsts[i])) == 0)
            return told + strlen(firsts[i]);
    return NULL;
}

static void play(const struct scenario *scenario)
{
    struct informer_fixture fixture;
    const char *told;
    bool is_right;

    informer_fixture_init(&fixture);
    expect_list(&fixture, LIST_OF("10", FIRST_THINGS));
    for (size_t i = 0; i < STEPS_LIMIT && scenario->steps[i].query != NULL; i++)
        expect_with_clock(&fixture, &scenario->steps[i]);
    informer_fixture_expect_quiet_watch(&fixture, scenario->watched_from);
    informer_fixture_run(&fixture);

    told = changes_after_first_list(&fixture);
    is_right = told != NULL && strcmp(told, scenario->changes) == 0;
    if (!is_right)
        print_error("%s: told %s\n", scenario->name, strbuf_text(&fixture.changes));
    print_message("%s\n", scenario->name); /* what the next lines are about */
    informer_fixture_expect_metric(&fixture, "failures_total", scenario->failures);
    informer_fixture_release(&fixture);
    assert_true(is_right);
}

static void play_all(const struct scenario *scenarios, size_t count)
{
    for (size_t i = 0; i < count; i++)
        play(&scenarios[i]);
}

static void test_events_change_the_store_and_the_version(void **state maybe_unused)
{
    static const struct scenario scenarios[] = {
        {
            .name = "each kind of event",
            .steps = {{WATCH_QUERY("10"),
                       {.answer = EVENT("ADDED", THING("c", "11"))
                            EVENT("MODIFIED", THING("a", "12")) EVENT("DELETED", THING("b", "13")),
                        .chunk_size = 7}}},
            .watched_from = "13",
            .changes = "+c@11 ~a@1>12 -b@2 ",
        },
        {
            .name = "bookmark",
            .steps = {{WATCH_QUERY("10"), {.answer = BOOKMARK("15")}}},
            .watched_from = "15",
            .changes = "",
        },
        {
            .name = "bookmark that is not the last word",
            .steps = {{WATCH_QUERY("10"),
                       {.answer = BOOKMARK("15") EVENT("MODIFIED", THING("a", "16"))}}},
            .watched_from = "16",
            .changes = "~a@1>16 ",
        },
        {
            .name = "several watches",
            .steps = {{WATCH_QUERY("10"), {.answer = EVENT("MODIFIED", THING("a", "11"))}},
                      {WATCH_QUERY("11"), {.answer = EVENT("MODIFIED", THING("a", "12"))}},
                      {WATCH_QUERY("12"), {.answer = EVENT("DELETED", THING("a", "13"))}}},
            .watched_from = "13",
            .changes = "~a@1>11 ~a@11>12 -a@12 ",
        },
        {
            .name = "what is known already is told once",
            .steps = {{WATCH_QUERY("10"),
                       {.answer =
                            EVENT("MODIFIED", THING("a", "11")) EVENT("MODIFIED", THING("a", "11"))
                                EVENT("ADDED", THING("a", "11")) EVENT("DELETED", THING("a", "12"))
                                    EVENT("DELETED", THING("a", "12"))}}},
            .watched_from = "12",
            .changes = "~a@1>11 -a@11 ",
        },
        {
            .name = "addition of what is there, change and deletion of what is not",
            .steps = {{WATCH_QUERY("10"),
                       {.answer = EVENT("ADDED", THING("a", "11")) EVENT(
                            "MODIFIED", THING("c", "12")) EVENT("DELETED", THING("d", "13"))}}},
            .watched_from = "13",
            .changes = "~a@1>11 +c@12 ",
        },
        {
            .name = "another object under the name",
            .steps = {{WATCH_QUERY("10"), {.answer = EVENT("MODIFIED", OBJECT("a", "u2", "11"))}}},
            .watched_from = "11",
            .changes = "-a@1 +a@11 ",
        },
        {
            .name = "objects that cannot be read",
            .steps = {{WATCH_QUERY("10"),
                       {.answer = EVENT("MODIFIED", "{\"a\":\"\\u0000\"}") "no JSON\n" EVENT(
                            "FANCY", THING("a", "11")) EVENT("ADDED", THING("c", "12"))}}},
            .watched_from = "12",
            .changes = "+c@12 ",
        },
        {
            .name = "objects without an identity, whose version counts",
            .steps = {{WATCH_QUERY("10"),
                       {.answer = EVENT("MODIFIED",
                                        "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"11\"}"
                                        "}")
                            EVENT("DELETED", "{\"metadata\":{\"resourceVersion\":\"12\"}}")}}},
            .watched_from = "12",
            .changes = "",
        },
        {
            .name = "objects without a version",
            .steps = {{WATCH_QUERY("10"),
                       {.answer = EVENT("DELETED", "{\"metadata\":{\"namespace\":\"default\","
                                                   "\"name\":\"a\"}}") BOOKMARK("")}}},
            .watched_from = "10",
            .changes = "-a@1 ",
            .failures = 1,
        },
        {
            .name = "half an event",
            .steps = {{WATCH_QUERY("10"),
                       {.answer = EVENT("MODIFIED", THING("a", "11")) "{\"type\":\"DELETED\","
                                                                      "\"object\":" THING("a",
                                                                                          "12")}}},
            .watched_from = "11",
            .changes = "~a@1>11 ",
        },
    };

    play_all(scenarios, array_length(scenarios));
}

#define LOST(error_code)                                                               \
    {                                                                                  \
        .failure = {.kind = ERROR_UNAVAILABLE, .code = error_code, .message = "lost" } \
    }

static void test_most_failures_resume_the_watch(void **state maybe_unused)
{
    static const struct scenario scenarios[] = {
        {
            .name = "lost connections",
            .steps = {{WATCH_QUERY("10"), LOST("Refused")},
                      {WATCH_QUERY("10"), LOST("Reset")},
                      {WATCH_QUERY("10"), LOST("Timeout")},
                      {WATCH_QUERY("10"), LOST("Resolve")},
                      {WATCH_QUERY("10"), LOST("")}},
            .watched_from = "10",
            .changes = "",
            .failures = 5,
        },
        {
            .name = "connection lost after events",
            .steps = {{WATCH_QUERY("10"),
                       {.answer = EVENT("MODIFIED", THING("a", "11")) "{\"type\"",
                        .failure = {.kind = ERROR_UNAVAILABLE, .code = "Reset"}}}},
            .watched_from = "11",
            .changes = "~a@1>11 ",
            .failures = 1,
        },
        {
            .name = "silent connection",
            .steps = {{WATCH_QUERY("10"), {.answer = BOOKMARK("11"), .falls_silent = true}},
                      {WATCH_QUERY("11"), {.falls_silent = true}}},
            .watched_from = "11",
            .changes = "",
            .failures = 2,
        },
        {
            .name = "certificate",
            .steps = {{WATCH_QUERY("10"),
                       {.failure = {.kind = ERROR_INVALID, .code = "Tls", .message = "no"}}}},
            .watched_from = "10",
            .changes = "",
            .failures = 1,
        },
        {
            .name = "overload",
            .steps = {{WATCH_QUERY("10"), {.status = 429, .retry_after_ms = 2}},
                      {WATCH_QUERY("10"), {.answer = FAILURE_EVENT(429, "TooManyRequests")}},
                      {WATCH_QUERY("10"), {.status = 429}},
                      {WATCH_QUERY("10"), {.status = 503}},
                      {WATCH_QUERY("10"), {.status = 502}}},
            .watched_from = "10",
            .changes = "",
            .failures = 5,
        },
        {
            .name = "no right",
            .steps = {{WATCH_QUERY("10"), {.status = 403}},
                      {WATCH_QUERY("10"), {.status = 401, .times = 2}},
                      {WATCH_QUERY("10"), {.answer = FAILURE_EVENT(403, "Forbidden")}}},
            .watched_from = "10",
            .changes = "",
            .failures = 3,
        },
        {
            .name = "server faults, with progress between them",
            .steps = {{WATCH_QUERY("10"), {.status = 500}},
                      {WATCH_QUERY("10"),
                       {.answer = BOOKMARK("10") FAILURE_EVENT(500, "InternalError")}},
                      {WATCH_QUERY("10"),
                       {.answer = BOOKMARK("11") FAILURE_EVENT(500, "InternalError")}},
                      {WATCH_QUERY("11"), {.status = 500}}},
            .watched_from = "11",
            .changes = "",
            .failures = 4,
        },
        {
            .name = "server faults, with a good watch between them",
            .steps = {{WATCH_QUERY("10"), {.status = 500, .times = 2}},
                      {WATCH_QUERY("10"), {.duration_ms = 300000}},
                      {WATCH_QUERY("10"), {.status = 500, .times = 2}}},
            .watched_from = "10",
            .changes = "",
            .failures = 4,
        },
        {
            .name = "watch that ends at once, after one that did not",
            .steps = {{WATCH_QUERY("10"), {.answer = BOOKMARK("11")}},
                      {WATCH_QUERY("11"), {.answer = ""}}},
            .watched_from = "11",
            .changes = "",
            .failures = 1,
        },
    };

    play_all(scenarios, array_length(scenarios));
}

#define SAME_LIST LIST_OF("20", FIRST_THINGS)

static void test_some_failures_lead_to_a_new_list(void **state maybe_unused)
{
    static const struct scenario scenarios[] = {
        {
            .name = "expired version, as an event",
            .steps = {{WATCH_QUERY("10"), {.answer = FAILURE_EVENT(410, "Expired")}},
                      {LIST_QUERY, {.answer = SAME_LIST}}},
            .watched_from = "20",
            .changes = "",
        },
        {
            .name = "expired version, as an answer",
            .steps = {{WATCH_QUERY("10"), {.status = 410, .answer = STATUS(410, "Expired")}},
                      {LIST_QUERY, {.answer = SAME_LIST}}},
            .watched_from = "20",
            .changes = "",
        },
        {
            .name = "expired version again and again",
            .steps = {{WATCH_QUERY("10"), {.answer = FAILURE_EVENT(410, "Expired")}},
                      {LIST_QUERY, {.answer = SAME_LIST}},
                      {WATCH_QUERY("20"), {.answer = FAILURE_EVENT(410, "Expired")}},
                      {LIST_QUERY, {.answer = SAME_LIST}}},
            .watched_from = "20",
            .changes = "",
            .failures = 1,
        },
        {
            .name = "events before the expiry are not told again",
            .steps = {{WATCH_QUERY("10"),
                       {.answer = EVENT("MODIFIED", THING("a", "11")) FAILURE_EVENT(410, "Expired")
                            EVENT("DELETED", THING("a", "12"))}},
                      {LIST_QUERY,
                       {.answer = LIST_OF("20", THING("a", "11") "," THING("b", "2"))}}},
            .watched_from = "20",
            .changes = "~a@1>11 ",
        },
        {
            .name = "what the list finds",
            .steps = {{WATCH_QUERY("10"), {.answer = FAILURE_EVENT(410, "Expired")}},
                      {LIST_QUERY, {.answer = LIST_OF("20", THING("a", "14"))}}},
            .watched_from = "20",
            .changes = "(~a@1>14) (-b@2) ",
        },
        {
            .name = "another object under the name, found by the list",
            .steps = {{WATCH_QUERY("10"), {.answer = FAILURE_EVENT(410, "Expired")}},
                      {LIST_QUERY,
                       {.answer = LIST_OF("20", OBJECT("a", "u2", "14") "," THING("b", "2"))}}},
            .watched_from = "20",
            .changes = "(-a@1) (+a@14) ",
        },
        {
            .name = "version from the future",
            .steps = {{WATCH_QUERY("10"),
                       {.status = 504,
                        .answer = "{\"kind\":\"Status\",\"reason\":\"Timeout\",\"details\":{"
                                  "\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}]},"
                                  "\"code\":504}"}},
                      {LIST_QUERY, {.answer = LIST_OF("5", FIRST_THINGS)}}},
            .watched_from = "5",
            .changes = "",
            .failures = 1,
        },
        {
            .name = "third server fault without progress",
            .steps = {{WATCH_QUERY("10"), {.status = 500}},
                      {WATCH_QUERY("10"), {.answer = FAILURE_EVENT(500, "")}},
                      {WATCH_QUERY("10"), {.answer = FAILURE_EVENT(500, "InternalError")}},
                      {LIST_QUERY, {.answer = SAME_LIST}}},
            .watched_from = "20",
            .changes = "",
            .failures = 3,
        },
        {
            .name = "server faults of lists do not count for watches",
            .steps = {{WATCH_QUERY("10"), {.answer = FAILURE_EVENT(410, "Expired")}},
                      {LIST_QUERY, {.status = 500, .times = 2}},
                      {LIST_QUERY, {.answer = SAME_LIST}},
                      {WATCH_QUERY("20"), {.status = 500}}},
            .watched_from = "20",
            .changes = "",
            .failures = 3,
        },
        {
            .name = "resource type that went",
            .steps = {{WATCH_QUERY("10"), {.status = 404}},
                      {LIST_QUERY, {.status = 404}},
                      {LIST_QUERY, {.answer = SAME_LIST}}},
            .watched_from = "20",
            .changes = "",
            .failures = 2,
        },
        {
            .name = "version that the server cannot read, undescribed errors, redirects",
            .steps = {{WATCH_QUERY("10"), {.status = 400}},
                      {LIST_QUERY, {.answer = SAME_LIST}},
                      {WATCH_QUERY("20"), {.answer = EVENT("ERROR", "null")}},
                      {LIST_QUERY, {.answer = SAME_LIST}},
                      {WATCH_QUERY("20"), {.status = 302}},
                      {LIST_QUERY, {.answer = SAME_LIST}}},
            .watched_from = "20",
            .changes = "",
            .failures = 3,
        },
    };

    play_all(scenarios, array_length(scenarios));
}

/* Each begins with an expired version, so that the store holds something to lose. */
static void test_failed_list_changes_nothing(void **state maybe_unused)
{
    static const struct {
        const char *name;
        struct step steps[2]; /* of the list that fails */
        unsigned failures;
    } cases[] = {
        {"refused", {{LIST_QUERY, LOST("Refused")}}, 1},
        {"overload", {{LIST_QUERY, {.status = 429, .retry_after_ms = 2}}}, 1},
        {"no right", {{LIST_QUERY, {.status = 403}}}, 1},
        {"empty answer", {{LIST_QUERY, {.answer = ""}}}, 1},
        {"truncated", {{LIST_QUERY, {.answer = "{\"items\":[" THING("a", "9") ","}}}, 1},
        {"one object in the place of a list", {{LIST_QUERY, {.answer = THING("a", "9")}}}, 1},
        {"page of a proxy", {{LIST_QUERY, {.answer = "<html>"}}}, 1},
        {"expired second page",
         {{LIST_QUERY, {.answer = PAGE_OF("15", "t", THING("a", "9"))}},
          {PAGE_QUERY("t"), {.status = 410, .answer = STATUS(410, "Expired")}}},
         1},
        {"lost second page",
         {{LIST_QUERY, {.answer = PAGE_OF("15", "t", THING("a", "9"))}},
          {PAGE_QUERY("t"), {.answer = "{\"items\":[", .falls_silent = true}}},
         1},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        const struct scenario scenario = {
            .name = cases[i].name,
            .steps = {{WATCH_QUERY("10"), {.answer = FAILURE_EVENT(410, "Expired")}},
                      cases[i].steps[0],
                      cases[i].steps[1].query != NULL
                          ? cases[i].steps[1]
                          : (struct step){LIST_QUERY, {.answer = SAME_LIST}},
                      {cases[i].steps[1].query != NULL ? LIST_QUERY : NULL, {.answer = SAME_LIST}}},
            .watched_from = "20",
            .changes = "",
            .failures = cases[i].failures,
        };

        play(&scenario);
    }
}

/* ---- lists ---- */

static void test_list_tells_the_differences(void **state)
{
    static const char *const words[] = {"(+d@6) ", "(-c@3) ", "(~b@2>5) "};
    struct informer_fixture *fixture = *state;
    size_t length = 0;

    expect_list(fixture, LIST_OF("10", ""));
    expect(fixture, WATCH_QUERY("10"),
           &(struct scripted_exchange){
               .answer = EVENT("ADDED", THING("a", "1")) EVENT("ADDED", THING("b", "2"))
                   EVENT("ADDED", THING("c", "3")) FAILURE_EVENT(410, "Expired"),
           });
    expect(fixture, LIST_QUERY,
           &(struct scripted_exchange){
               .answer = PAGE_OF("20", "t", THING("d", "6")),
           });
    expect(fixture, PAGE_QUERY("t"),
           &(struct scripted_exchange){
               .answer = LIST_OF("20", THING("b", "5") "," THING("a", "1")),
           });
    informer_fixture_expect_quiet_watch(fixture, "20");
    informer_fixture_run(fixture);

    for (size_t i = 0; i < array_length(words); i++) {
        if (strstr(strbuf_text(&fixture->changes), words[i]) == NULL)
            fail_msg("%s is not among %s", words[i], strbuf_text(&fixture->changes));
        length += strlen(words[i]);
    }
    assert_int_equal(fixture->changes.length, strlen("+a@1 +b@2 +c@3 ") + length);
    assert_int_equal(kube_informer_count(fixture->informer), 3);
}

static void test_unreadable_object_of_a_list_is_skipped(void **state)
{
    struct informer_fixture *fixture = *state;

    expect_list(fixture,
                LIST_OF("10", "{\"a\":\"\\u0000\"}," THING("a", "1") ",{\"metadata\":{}}"));
    informer_fixture_expect_quiet_watch(fixture, "10");
    informer_fixture_run(fixture);

    informer_fixture_expect_changes(fixture, "(+a@1) ");
    informer_fixture_expect_metric(fixture, "unreadable_objects_total", 2);
}

static void test_informer_is_synced_when_the_last_page_has_come(void **state)
{
    struct informer_fixture *fixture = *state;
    struct cancellation *gate = cancellation_new();

    expect_list(fixture, PAGE_OF("10", "t", THING("a", "1")));
    expect(fixture, PAGE_QUERY("t"),
           &(struct scripted_exchange){.gate = gate, .answer = LIST_OF("10", THING("b", "2"))});
    informer_fixture_start(fixture);
    informer_fixture_wait(fixture);
    assert_false(kube_informer_has_synced(fixture->informer));
    assert_int_equal(kube_informer_count(fixture->informer), 0);

    informer_fixture_expect_quiet_watch(fixture, "10");
    cancellation_request(gate);
    informer_fixture_wait(fixture);
    assert_true(kube_informer_has_synced(fixture->informer));
    assert_int_equal(kube_informer_count(fixture->informer), 2);

    informer_fixture_stop(fixture);
    cancellation_free(gate);
}

static void test_empty_list_makes_an_informer_synced(void **state)
{
    struct informer_fixture *fixture = *state;

    expect_list(fixture, LIST_OF("10", ""));
    informer_fixture_expect_quiet_watch(fixture, "10");
    informer_fixture_run(fixture);

    assert_true(kube_informer_has_synced(fixture->informer));
    assert_int_equal(kube_informer_count(fixture->informer), 0);
}

static void test_failed_first_list_leaves_an_informer_unsynced(void **state)
{
    struct informer_fixture *fixture = *state;

    expect(fixture, LIST_QUERY, &(struct scripted_exchange){.status = 404});
    expect(fixture, LIST_QUERY, &(struct scripted_exchange){.hang = true});
    informer_fixture_run(fixture);

    assert_false(kube_informer_has_synced(fixture->informer));
    informer_fixture_expect_changes(fixture, "");
    informer_fixture_expect_metric(fixture, "lists_total", 0);
}

static void test_store_keeps_the_old_picture_until_a_new_list_is_complete(void **state)
{
    struct informer_fixture *fixture = *state;
    struct cancellation *gate = cancellation_new();

    expect_list(fixture, LIST_OF("10", FIRST_THINGS));
    expect(fixture, WATCH_QUERY("10"),
           &(struct scripted_exchange){.answer = FAILURE_EVENT(410, "Expired")});
    expect_list(fixture, PAGE_OF("20", "t", THING("c", "3")));
    expect(fixture, PAGE_QUERY("t"),
           &(struct scripted_exchange){.gate = gate, .answer = LIST_OF("20", "")});
    informer_fixture_start(fixture);
    informer_fixture_wait(fixture);
    assert_int_equal(kube_informer_count(fixture->informer), 2);
    assert_true(kube_informer_has_synced(fixture->informer));

    informer_fixture_expect_quiet_watch(fixture, "20");
    cancellation_request(gate);
    informer_fixture_wait(fixture);
    assert_int_equal(kube_informer_count(fixture->informer), 1);

    informer_fixture_stop(fixture);
    cancellation_free(gate);
}

/* ---- the handler ---- */

struct witness {
    struct informer_fixture *fixture;
    struct strbuf seen;
};

static void append_name(void *context, const struct kube_entry *entry)
{
    strbuf_append_format(context, "%s@%s", entry->name, entry->resource_version);
}

/* Looks into the store from inside the handler, which would never end if its lock were held. */
static void look_into_store(void *context, enum kube_change change maybe_unused,
                            const struct kube_entry *before, const struct kube_entry *after,
                            bool from_list maybe_unused)
{
    struct witness *witness = context;
    struct kube_informer *informer = witness->fixture->informer;

    strbuf_append_format(&witness->seen, "%s%s %zu[", before != NULL ? "before" : "",
                         after != NULL ? "after" : "", kube_informer_count(informer));
    kube_informer_for_each(informer, append_name, &witness->seen);
    strbuf_append_format(&witness->seen, "]%s ",
                         kube_informer_has_synced(informer) ? "" : " unsynced");
}

static void test_handler_finds_the_change_in_the_store(void **state)
{
    struct informer_fixture *fixture = *state;
    struct witness witness = {.fixture = fixture};

    fixture->options.on_change = look_into_store;
    fixture->options.context = &witness;
    fixture->options.project = NULL;
    fixture->options.free_projection = NULL;
    expect_list(fixture, LIST_OF("10", THING("a", "1")));
    expect(fixture, WATCH_QUERY("10"),
           &(struct scripted_exchange){.answer = EVENT("MODIFIED", THING("a", "11"))
                                           EVENT("MODIFIED", OBJECT("a", "u2", "12"))
                                               EVENT("DELETED", OBJECT("a", "u2", "13"))});
    informer_fixture_expect_quiet_watch(fixture, "13");
    informer_fixture_run(fixture);

    assert_string_equal(strbuf_text(&witness.seen),
                        "after 1[a@1] unsynced beforeafter 1[a@11] before 1[a@12] after 1[a@12] "
                        "before 0[] ");
    strbuf_release(&witness.seen);
}

static void test_metrics_count_what_happened(void **state)
{
    struct informer_fixture *fixture = *state;

    expect_list(fixture, LIST_OF("10", FIRST_THINGS));
    expect(fixture, WATCH_QUERY("10"),
           &(struct scripted_exchange){
               .answer = EVENT("ADDED", THING("c", "11")) "?\n" EVENT("DELETED", "{}")});
    expect(fixture, WATCH_QUERY("11"), &(struct scripted_exchange){.status = 403});
    informer_fixture_expect_quiet_watch(fixture, "11");
    informer_fixture_run(fixture);

    informer_fixture_expect_metric(fixture, "lists_total", 1);
    informer_fixture_expect_metric(fixture, "watches_total", 3);
    informer_fixture_expect_metric(fixture, "failures_total", 1);
    informer_fixture_expect_metric(fixture, "unreadable_objects_total", 2);
    informer_fixture_expect_metric(fixture, "objects", 3);
}

/* ---- waiting ---- */

static void test_watch_that_ends_at_once_with_nothing_new_is_a_failure(void **state maybe_unused)
{
    static const struct {
        const char *name;
        const char *stream;
        int64_t duration_ms;
        const char *watched_from;
        unsigned failures;
    } cases[] = {
        {"nothing", "", 0, "10", 1},
        {"nothing, and almost at once", "", 999, "10", 1},
        {"nothing, after a second", "", 1000, "10", 0},
        {"a bookmark", BOOKMARK("11"), 0, "11", 0},
        {"an event", EVENT("DELETED", THING("x", "11")), 0, "11", 0},
        {"the page of a proxy", "<html>\nLog in\n</html>\n", 0, "10", 1},
        {"what is known already", BOOKMARK("10"), 0, "10", 1},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct informer_fixture fixture;

        print_message("%s\n", cases[i].name);
        informer_fixture_init(&fixture);
        expect_list(&fixture, LIST_OF("10", ""));
        expect(&fixture, WATCH_QUERY("10"),
               &(struct scripted_exchange){.answer = cases[i].stream,
                                           .timesource = &fixture.client.clock,
                                           .duration_ms = cases[i].duration_ms});
        informer_fixture_expect_quiet_watch(&fixture, cases[i].watched_from);
        informer_fixture_run(&fixture);

        informer_fixture_expect_metric(&fixture, "failures_total", cases[i].failures);
        informer_fixture_release(&fixture);
    }
}

static void test_silence_is_noticed_once_a_bookmark_has_been_seen(void **state)
{
    struct informer_fixture *fixture = *state;
    struct scripted_transport *transport = fixture->client.transport;

    expect_list(fixture, LIST_OF("10", ""));
    expect(fixture, WATCH_QUERY("10"), &(struct scripted_exchange){.answer = BOOKMARK("11")});
    informer_fixture_expect_quiet_watch(fixture, "11");
    informer_fixture_run(fixture);

    assert_int_equal(scripted_transport_request(transport, 1)->idle_timeout_ms, 0);
    assert_int_equal(scripted_transport_request(transport, 2)->idle_timeout_ms, 150000);
}

/* Collects, from what is logged until it was announced `count` times, how long the informer wants
 * to wait. */
static void read_delays(int fd, size_t count, struct strbuf *ret_delays)
{
    static const char announcement[] = "trying again in ";
    auto_strbuf struct strbuf log = {0};
    size_t done = 0;

    while (count > 0) {
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        char chunk[256];
        const char *found;
        ssize_t got;

        while (count > 0 && (found = strstr(strbuf_text(&log) + done, announcement)) != NULL &&
               strchr(found, '\n') != NULL) {
            found += strlen(announcement);
            strbuf_append(ret_delays, found, strcspn(found, "\""));
            strbuf_append_text(ret_delays, ", ");
            done = (size_t)(found - strbuf_text(&log));
            count--;
        }
        if (count == 0 || poll(&pfd, 1, 20000) <= 0 || (got = read(fd, chunk, sizeof chunk)) <= 0)
            return;
        strbuf_append(&log, chunk, (size_t)got);
    }
}

struct waiting_case {
    const char *name;
    struct backoff_policy backoff;
    struct step steps[5];
    const char *delays;
};

static void check_delays(const struct waiting_case *waiting)
{
    struct informer_fixture fixture;
    auto_strbuf struct strbuf delays = {0};
    size_t count = 0;
    int64_t start;
    int ends[2];

    informer_fixture_init(&fixture);
    assert_int_equal(pipe(ends), 0);
    fixture.log.log =
        log_new(ends[1], LOG_LEVEL_DEBUG, LOG_FORMAT_JSON, &fixture.client.clock.source);
    fixture.options.source.backoff = waiting->backoff;
    expect_list(&fixture, LIST_OF("10", ""));
    for (size_t i = 0; i < array_length(waiting->steps) && waiting->steps[i].query != NULL; i++)
        expect_with_clock(&fixture, &waiting->steps[i]);
    for (const char *comma = waiting->delays; (comma = strchr(comma, ',')) != NULL; comma++)
        count++;
    informer_fixture_start(&fixture);
    read_delays(ends[0], count, &delays);
    start = timesource_monotonic_ms(&timesource_system);
    informer_fixture_stop(&fixture); /* it waits, and must not go on waiting */

    if (strcmp(strbuf_text(&delays), waiting->delays) != 0)
        fail_msg("%s: %s", waiting->name, strbuf_text(&delays));
    assert_in_range(timesource_monotonic_ms(&timesource_system) - start, 0, 10000);
    log_free(fixture.log.log);
    close(ends[0]);
    close(ends[1]);
    informer_fixture_release(&fixture);
}

#define SHORT_BACKOFF                     \
    {                                     \
        .first_ms = 60, .limit_ms = 60000 \
    }
#define CALM_MS (2 * 60 * 1000)

static void test_failures_are_waited_for(void **state maybe_unused)
{
    static const struct waiting_case cases[] = {
        {"default", {0}, {{WATCH_QUERY("10"), {.status = 503}}}, "0.8 s, "},
        {"as long as the server wants",
         {0},
         {{WATCH_QUERY("10"), {.status = 429, .retry_after_ms = 70000}}},
         "70.0 s, "},
        {"not as short as the server wants",
         {0},
         {{WATCH_QUERY("10"), {.status = 429, .retry_after_ms = 100}}},
         "0.8 s, "},
        {"as long as an event wants",
         {0},
         {{WATCH_QUERY("10"),
           {.answer = EVENT("ERROR", "{\"kind\":\"Status\",\"code\":429,\"details\":{"
                                     "\"retryAfterSeconds\":71}}")}}},
         "71.0 s, "},
        {"expired version of a server that wants rest",
         {0},
         {{WATCH_QUERY("10"), {.status = 410, .retry_after_ms = 72000}}},
         "72.0 s, "},
        {"longer and longer",
         SHORT_BACKOFF,
         {{WATCH_QUERY("10"), {.status = 503, .times = 3}}},
         "0.1 s, 0.1 s, 0.2 s, "},
        {"success does not make it short",
         SHORT_BACKOFF,
         {{WATCH_QUERY("10"), {.status = 503, .times = 2}},
          {WATCH_QUERY("10"), {.answer = BOOKMARK("11"), .duration_ms = CALM_MS - 1}},
          {WATCH_QUERY("11"), {.status = 503}}},
         "0.1 s, 0.1 s, 0.2 s, "},
        {"but calm does",
         SHORT_BACKOFF,
         {{WATCH_QUERY("10"), {.status = 503, .times = 2}},
          {WATCH_QUERY("10"), {.answer = BOOKMARK("11"), .duration_ms = CALM_MS}},
          {WATCH_QUERY("11"), {.status = 503}}},
         "0.1 s, 0.1 s, 0.1 s, "},
        {"also when the version expired meanwhile",
         SHORT_BACKOFF,
         {{WATCH_QUERY("10"), {.status = 503, .times = 2}},
          {WATCH_QUERY("10"), {.answer = FAILURE_EVENT(410, "Expired"), .duration_ms = CALM_MS}},
          {LIST_QUERY, {.answer = LIST_OF("20", "")}},
          {WATCH_QUERY("20"), {.status = 503}}},
         "0.1 s, 0.1 s, 0.1 s, "},
        {"expired version among failures",
         SHORT_BACKOFF,
         {{WATCH_QUERY("10"), {.status = 503, .times = 2}}, {WATCH_QUERY("10"), {.status = 410}}},
         "0.1 s, 0.1 s, 0.2 s, "},
    };

    for (size_t i = 0; i < array_length(cases); i++)
        check_delays(&cases[i]);
}

static void test_nothing_is_sent_while_the_informer_waits(void **state)
{
    struct informer_fixture *fixture = *state;

    expect_list(fixture, LIST_OF("10", ""));
    expect(fixture, WATCH_QUERY("10"),
           &(struct scripted_exchange){.status = 429, .retry_after_ms = 70000});
    informer_fixture_start(fixture);
    informer_fixture_wait(fixture);

    assert_false(scripted_transport_wait_for_requests(fixture->client.transport,
                                                      fixture->request_count + 1, 50));
}

/* ---- the end ---- */

static void test_cancellation_ends_every_request(void **state maybe_unused)
{
    static const struct {
        const char *name;
        struct step steps[4];
    } cases[] = {
        {"first page", {{LIST_QUERY, {.hang = true}}}},
        {"second page",
         {{LIST_QUERY, {.answer = PAGE_OF("10", "t", THING("a", "1"))}},
          {PAGE_QUERY("t"), {.answer = "{\"items\":[" THING("b", "2"), .hang = true}}}},
        {"watch",
         {{LIST_QUERY, {.answer = LIST_OF("10", FIRST_THINGS)}},
          {WATCH_QUERY("10"), {.answer = "{\"type\":\"ADDED\"", .hang = true}}}},
        {"second list",
         {{LIST_QUERY, {.answer = LIST_OF("10", FIRST_THINGS)}},
          {WATCH_QUERY("10"), {.status = 410}},
          {LIST_QUERY, {.answer = "{\"items\":[" THING("b", "2"), .hang = true}}}},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct informer_fixture fixture;

        print_message("%s\n", cases[i].name);
        informer_fixture_init(&fixture);
        for (size_t j = 0; j < array_length(cases[i].steps) && cases[i].steps[j].query != NULL; j++)
            expect(&fixture, cases[i].steps[j].query, &cases[i].steps[j].exchange);
        informer_fixture_run(&fixture); /* a request after the cancellation fails the release */

        informer_fixture_expect_metric(&fixture, "failures_total", 0);
        informer_fixture_release(&fixture);
    }
}

static void test_informer_that_never_started_can_be_stopped_and_freed(void **state)
{
    struct informer_fixture *fixture = *state;

    fixture->informer = kube_informer_new(&fixture->options);
    kube_informer_stop(fixture->informer);

    assert_false(kube_informer_has_synced(fixture->informer));
    assert_int_equal(kube_informer_count(fixture->informer), 0);
    kube_informer_free(NULL);
}

/* ---- threads ---- */

struct reader {
    struct kube_informer *informer;
    atomic_bool is_enough;
    atomic_size_t rounds;
};

static void count_bytes(void *context, const struct kube_entry *entry)
{
    size_t *bytes = context;

    *bytes += strlen(entry->name) + strlen(entry->uid) + strlen(entry->resource_version);
}

static void *read_on_thread(void *context)
{
    struct reader *reader = context;

    while (!atomic_load(&reader->is_enough)) {
        size_t bytes = kube_informer_has_synced(reader->informer);

        kube_informer_for_each(reader->informer, count_bytes, &bytes);
        atomic_fetch_add(&reader->rounds, bytes + kube_informer_count(reader->informer) > 0);
    }
    return NULL;
}

static void test_everybody_may_read_while_things_change(void **state)
{
    struct informer_fixture *fixture = *state;
    auto_strbuf struct strbuf stream = {0};
    struct reader reader = {0};
    pthread_t thread;

    for (int i = 11; i < 511; i++)
        strbuf_append_format(&stream,
                             "{\"type\":\"%s\",\"object\":{\"metadata\":{\"name\":\"n%d\",\"uid\":"
                             "\"u\",\"resourceVersion\":\"%d\"}}}\n",
                             i % 3 != 0 ? "MODIFIED" : "DELETED", i % 7, i);
    strbuf_append_text(&stream, FAILURE_EVENT(410, "Expired"));
    expect_list(fixture, LIST_OF("10", FIRST_THINGS));
    expect(fixture, WATCH_QUERY("10"),
           &(struct scripted_exchange){.answer = strbuf_text(&stream), .chunk_size = 50});
    expect_list(fixture, LIST_OF("600", FIRST_THINGS));
    informer_fixture_expect_quiet_watch(fixture, "600");
    reader.informer = fixture->informer = kube_informer_new(&fixture->options);
    assert_int_equal(pthread_create(&thread, NULL, read_on_thread, &reader), 0);
    kube_informer_start(fixture->informer);
    informer_fixture_wait(fixture);
    atomic_store(&reader.is_enough, true);
    pthread_join(thread, NULL);
    informer_fixture_stop(fixture);

    assert_int_equal(kube_informer_count(fixture->informer), 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_change_the_store_and_the_version),
        cmocka_unit_test(test_most_failures_resume_the_watch),
        cmocka_unit_test(test_some_failures_lead_to_a_new_list),
        cmocka_unit_test(test_failed_list_changes_nothing),
        TEST(test_list_tells_the_differences),
        TEST(test_unreadable_object_of_a_list_is_skipped),
        TEST(test_informer_is_synced_when_the_last_page_has_come),
        TEST(test_empty_list_makes_an_informer_synced),
        TEST(test_failed_first_list_leaves_an_informer_unsynced),
        TEST(test_store_keeps_the_old_picture_until_a_new_list_is_complete),
        TEST(test_handler_finds_the_change_in_the_store),
        TEST(test_metrics_count_what_happened),
        cmocka_unit_test(test_watch_that_ends_at_once_with_nothing_new_is_a_failure),
        TEST(test_silence_is_noticed_once_a_bookmark_has_been_seen),
        cmocka_unit_test(test_failures_are_waited_for),
        TEST(test_nothing_is_sent_while_the_informer_waits),
        cmocka_unit_test(test_cancellation_ends_every_request),
        TEST(test_informer_that_never_started_can_be_stopped_and_freed),
        TEST(test_everybody_may_read_while_things_change),
    };

    return cmocka_run_group_tests_name("kube/informer", tests, NULL, NULL);
}
