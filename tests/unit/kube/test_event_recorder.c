#include "base/memory.h"
#include "client_fixture.h"
#include "kube/event_recorder.h"
#include "support/test.h"

#include <string.h>
#include <unistd.h>

#define EVENTS "https://api:6443/apis/events.k8s.io/v1/namespaces/team/events"
#define STATUS(code, reason, causes)                                                    \
    "{\"kind\":\"Status\",\"message\":\"no\",\"reason\":\"" reason "\",\"code\":" #code \
    ",\"details\":{\"causes\":[" causes "]}}"

struct recorder_fixture {
    struct client_fixture client;
    struct log *log;
    struct log_scope scope;
    int pipe[2];
    struct kube_event_recorder *recorder;
};

static int set_up(void **state)
{
    struct recorder_fixture *fixture = mem_alloc(sizeof *fixture);

    client_fixture_init(&fixture->client, SCRIPTED_IN_ORDER);
    assert_int_equal(pipe(fixture->pipe), 0);
    fixture->log = log_new(fixture->pipe[1], LOG_LEVEL_WARNING, LOG_FORMAT_JSON,
                           &fixture->client.clock.source);
    fixture->scope = (struct log_scope){.log = fixture->log};
    fixture->recorder = kube_event_recorder_new(&(struct kube_event_recorder_options){
        .client = fixture->client.client,
        .log = &fixture->scope,
        .metrics = fixture->client.metrics,
        .controller = "example.org/test",
        .instance = "pod-1",
        .retry_interval_ms = 1,
    });
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct recorder_fixture *fixture = *state;

    kube_event_recorder_free(fixture->recorder);
    log_free(fixture->log);
    close(fixture->pipe[0]);
    close(fixture->pipe[1]);
    client_fixture_release(&fixture->client);
    free(fixture);
    return 0;
}

static void expect(struct recorder_fixture *fixture, const struct scripted_exchange *exchange)
{
    scripted_transport_expect(fixture->client.transport, exchange);
}

static void record(struct recorder_fixture *fixture, const char *note)
{
    kube_event_recorder_record(fixture->recorder, &(struct kube_event){
                                                      .api_version = "test.io/v1",
                                                      .kind = "Thing",
                                                      .namespace_name = "team",
                                                      .name = "a",
                                                      .uid = "u1",
                                                      .resource_version = "7",
                                                      .is_warning = true,
                                                      .reason = "Conflict",
                                                      .action = "Reconcile",
                                                      .note = note,
                                                  });
}

static void finish(struct recorder_fixture *fixture)
{
    assert_true(kube_event_recorder_flush(fixture->recorder, 10 * 1000));
}

static void expect_outcome(struct recorder_fixture *fixture, const char *outcome, int count)
{
    auto_free char *line =
        mem_printf("database_user_operator_events_total{outcome=\"%s\"} %d\n", outcome, count);

    client_fixture_expect_metric(&fixture->client, line);
}

/* How many lines were logged at the level warning. */
static int count_lines(struct recorder_fixture *fixture)
{
    char text[8192];
    ssize_t length;
    int lines = 0;

    assert_int_equal(write(fixture->pipe[1], "", 1), 1);
    length = read(fixture->pipe[0], text, sizeof text);
    for (ssize_t i = 0; i < length; i++)
        lines += text[i] == '\n' ? 1 : 0;
    return lines;
}

static void test_an_event_is_posted_with_what_the_api_server_insists_on(void **state)
{
    struct recorder_fixture *fixture = *state;

    expect(fixture,
           &(struct scripted_exchange){
               .method = "POST",
               .url = EVENTS,
               .body_json =
                   "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\","
                   "\"metadata\":{\"name\":\"a.0000000000000000\",\"namespace\":\"team\"},"
                   "\"eventTime\":\"1970-01-01T00:00:00.000000Z\","
                   "\"reportingController\":\"example.org/test\",\"reportingInstance\":\"pod-1\","
                   "\"type\":\"Warning\",\"reason\":\"Conflict\",\"action\":\"Reconcile\","
                   "\"note\":\"it is taken\",\"regarding\":{\"apiVersion\":\"test.io/v1\","
                   "\"kind\":\"Thing\",\"namespace\":\"team\",\"name\":\"a\",\"uid\":\"u1\","
                   "\"resourceVersion\":\"7\"}}",
               .status = 201,
               .answer = "{}",
           });
    record(fixture, "it is taken");
    finish(fixture);
    expect_outcome(fixture, "sent", 1);
}

static void test_the_same_again_becomes_a_series(void **state)
{
    struct recorder_fixture *fixture = *state;

    expect(fixture, &(struct scripted_exchange){.method = "POST", .url = EVENTS, .answer = "{}"});
    expect(fixture,
           &(struct scripted_exchange){
               .method = "PATCH",
               .url = EVENTS "/a.0000000000000000",
               .body_json = "[{\"op\":\"test\",\"path\":\"/reason\",\"value\":\"Conflict\"},"
                            "{\"op\":\"add\",\"path\":\"/series\",\"value\":{\"count\":2,"
                            "\"lastObservedTime\":\"1970-01-01T00:00:00.000000Z\"}}]",
               .answer = "{}",
           });
    record(fixture, "it is taken");
    record(fixture, "it is taken");
    finish(fixture);
}

static void test_a_series_whose_event_has_expired_begins_again(void **state)
{
    struct recorder_fixture *fixture = *state;

    expect(fixture, &(struct scripted_exchange){.method = "POST", .url = EVENTS, .answer = "{}"});
    expect(fixture, &(struct scripted_exchange){.method = "PATCH",
                                                .url = EVENTS "/a.0000000000000000",
                                                .status = 404,
                                                .answer = STATUS(404, "NotFound", "")});
    expect(fixture, &(struct scripted_exchange){.method = "POST", .url = EVENTS, .answer = "{}"});
    expect(fixture, &(struct scripted_exchange){
                        .method = "PATCH", .url = EVENTS "/a.0000000000000001", .answer = "{}"});
    for (int i = 0; i < 3; i++)
        record(fixture, "it is taken");
    finish(fixture);
}

static void test_an_answer_that_was_lost_makes_no_second_event(void **state)
{
    struct recorder_fixture *fixture = *state;

    expect(fixture,
           &(struct scripted_exchange){.method = "POST",
                                       .url = EVENTS,
                                       .failure = {.kind = ERROR_UNAVAILABLE, .message = "reset"}});
    expect(fixture, &(struct scripted_exchange){.method = "POST",
                                                .url = EVENTS,
                                                .status = 409,
                                                .answer = STATUS(409, "AlreadyExists", "")});
    record(fixture, "it is taken");
    assert_true(scripted_transport_wait_for_requests(fixture->client.transport, 2, 10 * 1000));
    finish(fixture);
    expect_outcome(fixture, "sent", 1);
}

static void test_a_server_that_stays_away_is_tried_twelve_times_and_told_once(void **state)
{
    struct recorder_fixture *fixture = *state;

    expect(fixture, &(struct scripted_exchange){
                        .method = "POST",
                        .url = EVENTS,
                        .times = 24,
                        .failure = {.kind = ERROR_UNAVAILABLE, .message = "refused"}});
    record(fixture, "one");
    record(fixture, "two");
    assert_true(scripted_transport_wait_for_requests(fixture->client.transport, 24, 10 * 1000));
    finish(fixture);
    expect_outcome(fixture, "failed", 2);
    assert_int_equal(count_lines(fixture), 1);
}

static void test_a_refusal_is_not_tried_again(void **state)
{
    struct recorder_fixture *fixture = *state;

    expect(fixture, &(struct scripted_exchange){.method = "POST",
                                                .url = EVENTS,
                                                .status = 403,
                                                .answer = STATUS(403, "Forbidden", "")});
    record(fixture, "it is taken");
    finish(fixture);
    expect_outcome(fixture, "failed", 1);
    assert_int_equal(count_lines(fixture), 1);
}

static void test_a_namespace_that_is_going_takes_no_events_and_that_is_no_news(void **state)
{
    struct recorder_fixture *fixture = *state;

    expect(fixture,
           &(struct scripted_exchange){
               .method = "POST",
               .url = EVENTS,
               .status = 403,
               .answer = STATUS(403, "Forbidden", "{\"reason\":\"NamespaceTerminating\"}")});
    record(fixture, "deleted");
    finish(fixture);
    assert_int_equal(count_lines(fixture), 0);
}

static void test_who_tells_too_much_is_cut_off(void **state)
{
    struct recorder_fixture *fixture = *state;

    expect(fixture, &(struct scripted_exchange){
                        .method = "POST", .url = EVENTS, .times = 25, .answer = "{}"});
    for (int i = 0; i < 30; i++) {
        auto_free char *note = mem_printf("%d", i);

        record(fixture, note);
    }
    finish(fixture);
    expect_outcome(fixture, "sent", 25);
    expect_outcome(fixture, "suppressed", 5);
}

static void test_a_full_queue_drops_and_recording_never_waits(void **state)
{
    struct recorder_fixture *fixture = *state;
    struct cancellation *gate = cancellation_new();

    expect(fixture, &(struct scripted_exchange){
                        .method = "POST", .url = EVENTS, .gate = gate, .answer = "{}"});
    expect(fixture, &(struct scripted_exchange){
                        .method = "PATCH", .url_prefix = EVENTS, .times = 24, .answer = "{}"});
    record(fixture, "same");
    assert_true(scripted_transport_wait_for_requests(fixture->client.transport, 1, 10 * 1000));
    for (int i = 0; i < 1003; i++)
        record(fixture, "same");
    cancellation_request(gate);
    finish(fixture);
    expect_outcome(fixture, "dropped", 3);
    cancellation_free(gate);
}

static void test_what_hangs_is_left_when_the_time_is_up(void **state)
{
    struct recorder_fixture *fixture = *state;
    struct cancellation *gate = cancellation_new();

    expect(fixture, &(struct scripted_exchange){
                        .method = "POST", .url = EVENTS, .gate = gate, .answer = "{}"});
    record(fixture, "one");
    record(fixture, "two");
    assert_true(scripted_transport_wait_for_requests(fixture->client.transport, 1, 10 * 1000));
    assert_false(kube_event_recorder_flush(fixture->recorder, 1));
    cancellation_request(gate);
    kube_event_recorder_free(take(fixture->recorder));
    cancellation_free(gate);
}

static void test_long_notes_and_names_are_cut_between_characters(void **state)
{
    struct recorder_fixture *fixture = *state;
    auto_strbuf struct strbuf note = {0};
    const char *body;

    for (int i = 0; i < 342; i++)
        strbuf_append_text(&note, "\xE2\x82\xAC");
    expect(fixture, &(struct scripted_exchange){.method = "POST", .url = EVENTS, .answer = "{}"});
    record(fixture, strbuf_text(&note));
    finish(fixture);
    body = scripted_transport_request(fixture->client.transport, 0)->body;
    body = strstr(body, "\"note\":\"");
    assert_non_null(body);
    assert_int_equal(strcspn(body + strlen("\"note\":\""), "\""), 341 * 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_event_is_posted_with_what_the_api_server_insists_on),
        TEST(test_the_same_again_becomes_a_series),
        TEST(test_a_series_whose_event_has_expired_begins_again),
        TEST(test_an_answer_that_was_lost_makes_no_second_event),
        TEST(test_a_server_that_stays_away_is_tried_twelve_times_and_told_once),
        TEST(test_a_refusal_is_not_tried_again),
        TEST(test_a_namespace_that_is_going_takes_no_events_and_that_is_no_news),
        TEST(test_who_tells_too_much_is_cut_off),
        TEST(test_a_full_queue_drops_and_recording_never_waits),
        TEST(test_what_hangs_is_left_when_the_time_is_up),
        TEST(test_long_notes_and_names_are_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
