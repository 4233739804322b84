#include "base/memory.h"
#include "base/strbuf.h"
#include "support/fake_timesource.h"
#include "support/scripted_transport.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What http_transport_send() does; the tests of the double do not link the room http. */
static bool send_through(struct scripted_transport *transport, const struct http_request *request,
                         struct http_response *ret_response, struct error *err)
{
    struct http_transport *seam = scripted_transport_seam(transport);

    return seam->operations->send(seam, request, ret_response, err);
}

static bool collect(void *context, const char *bytes, size_t length, struct error *err maybe_unused)
{
    strbuf_append(context, bytes, length);
    strbuf_append_char(context, '|');
    return true;
}

static bool refuse(void *context maybe_unused, const char *bytes maybe_unused,
                   size_t length maybe_unused, struct error *err)
{
    return error_set(err, ERROR_GONE, "Expired", "not this");
}

static void test_the_expected_request_gets_the_canned_answer(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    struct http_response response = {0};
    struct error err = {0};

    scripted_transport_expect(transport, &(struct scripted_exchange){
                                             .method = "PUT",
                                             .url = "https://h/a",
                                             .headers = {{"X-One", "1"}, {"X-Absent", NULL}},
                                             .body_json = "{\"a\":1,\"b\":2}",
                                             .status = 409,
                                             .retry_after_ms = 3000,
                                             .request_id = "r-1",
                                             .error_type = "Busy",
                                             .answer = "no",
                                         });
    assert_true(send_through(transport,
                             &(struct http_request){
                                 .method = "PUT",
                                 .url = "https://h/a",
                                 .headers = {{"x-one", "1"}},
                                 .body = "{\"b\":2, \"a\":1}",
                                 .body_length = 14,
                             },
                             &response, &err));

    assert_int_equal(response.status, 409);
    assert_int_equal(response.retry_after_ms, 3000);
    assert_string_equal(response.request_id, "r-1");
    assert_string_equal(response.error_type, "Busy");
    assert_string_equal(response.content_type, "application/json");
    assert_string_equal(strbuf_text(&response.body), "no");
    strbuf_release(&response.body);
    scripted_transport_assert_done(transport);
    scripted_transport_free(transport);
}

static void test_requests_are_recorded_with_headers_body_and_trust(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    struct http_response response = {0};
    struct error err = {0};
    const struct http_request *seen;

    scripted_transport_expect(transport, &(struct scripted_exchange){.times = 2});
    for (int i = 0; i < 2; i++) {
        auto_free char *body = mem_printf("body %d", i);

        assert_true(send_through(transport,
                                 &(struct http_request){
                                     .method = "POST",
                                     .url = "https://h/a",
                                     .headers = {{"Authorization", "x"}},
                                     .body = body,
                                     .body_length = strlen(body),
                                     .tls = &(struct http_tls){.ca_file = "/ca"},
                                     .total_timeout_ms = 77,
                                 },
                                 &response, &err));
        strbuf_release(&response.body);
    }

    assert_int_equal(scripted_transport_request_count(transport), 2);
    seen = scripted_transport_request(transport, 1);
    assert_string_equal(seen->body, "body 1");
    assert_string_equal(scripted_request_header(seen, "authorization"), "x");
    assert_null(scripted_request_header(seen, "accept"));
    assert_string_equal(seen->tls->ca_file, "/ca");
    assert_int_equal(seen->total_timeout_ms, 77);
    scripted_transport_free(transport);
}

static void test_a_streamed_body_arrives_in_pieces_and_then_fails(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    auto_strbuf struct strbuf pieces = {0};
    struct http_response response = {0};
    struct error err = {0};

    scripted_transport_expect(
        transport, &(struct scripted_exchange){
                       .answer = "abcde",
                       .chunk_size = 2,
                       .failure = {.kind = ERROR_UNAVAILABLE, .code = "Reset", .message = "gone"},
                   });

    assert_false(send_through(transport,
                              &(struct http_request){
                                  .method = "GET",
                                  .url = "https://h/w",
                                  .on_chunk = collect,
                                  .chunk_context = &pieces,
                              },
                              &response, &err));
    assert_string_equal(strbuf_text(&pieces), "ab|cd|e|");
    assert_string_equal(err.code, "Reset");
    scripted_transport_free(transport);
}

static void test_a_refusing_chunk_callback_decides_the_error(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    struct http_response response = {0};
    struct error err = {0};

    scripted_transport_expect(transport, &(struct scripted_exchange){.answer = "abc"});

    assert_false(send_through(
        transport,
        &(struct http_request){.method = "GET", .url = "https://h/w", .on_chunk = refuse},
        &response, &err));
    assert_int_equal(err.kind, ERROR_GONE);
    scripted_transport_free(transport);
}

static void test_the_body_of_an_error_answer_is_collected_not_streamed(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    struct http_response response = {0};
    struct error err = {0};

    scripted_transport_expect(transport,
                              &(struct scripted_exchange){.status = 410, .answer = "too old"});

    assert_true(send_through(
        transport,
        &(struct http_request){.method = "GET", .url = "https://h/w", .on_chunk = refuse},
        &response, &err));
    assert_string_equal(strbuf_text(&response.body), "too old");
    strbuf_release(&response.body);
    scripted_transport_free(transport);
}

static void test_an_answer_over_the_limit_of_the_request_is_an_error(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    struct http_response response = {0};
    struct error err = {0};

    scripted_transport_expect(transport, &(struct scripted_exchange){.answer = "12345"});

    assert_false(send_through(transport,
                              &(struct http_request){
                                  .method = "GET",
                                  .url = "https://h/",
                                  .response_limit_bytes = 4,
                              },
                              &response, &err));
    assert_string_equal(err.code, "TooLarge");
    scripted_transport_free(transport);
}

static void test_a_slow_answer_moves_the_fake_clock(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    struct fake_timesource clock;
    struct http_response response = {0};
    struct error err = {0};

    fake_timesource_init(&clock, 1000);
    scripted_transport_expect(
        transport, &(struct scripted_exchange){.timesource = &clock, .duration_ms = 250});
    assert_true(send_through(
        transport, &(struct http_request){.method = "GET", .url = "https://h/"}, &response, &err));

    assert_int_equal(timesource_realtime_us(&clock.source), 251000);
    strbuf_release(&response.body);
    scripted_transport_free(transport);
}

static bool set_idle_limit(void *context, const char *bytes maybe_unused,
                           size_t length maybe_unused, struct error *err maybe_unused)
{
    struct http_request *request = context;

    request->idle_timeout_ms = 400;
    return true;
}

static void test_a_silent_answer_ends_at_the_time_limit(void **state maybe_unused)
{
    static const struct {
        const char *name;
        uint32_t total_ms, idle_ms;
        const char *answer; /* sets another idle limit */
        int64_t elapsed_ms;
    } cases[] = {
        {"limit of the whole transfer", 500, 0, "", 500},
        {"its default", 0, 0, "", 30000},
        {"idle limit", 500, 300, "", 300},
        {"idle limit beyond the other", 500, 900, "", 500},
        {"idle limit set by the body", 500, 300, "x", 400},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
        struct http_request request = {
            .method = "GET",
            .url = "https://h/",
            .total_timeout_ms = cases[i].total_ms,
            .idle_timeout_ms = cases[i].idle_ms,
            .on_chunk = set_idle_limit,
            .chunk_context = &request,
        };
        struct fake_timesource clock;
        struct http_response response = {0};
        struct error err = {0};
        int64_t start;

        fake_timesource_init(&clock, 0);
        start = timesource_monotonic_ms(&clock.source);
        scripted_transport_expect(transport, &(struct scripted_exchange){.answer = cases[i].answer,
                                                                         .falls_silent = true,
                                                                         .timesource = &clock});
        assert_false(send_through(transport, &request, &response, &err));

        assert_string_equal(err.code, "Timeout");
        if (timesource_monotonic_ms(&clock.source) - start != cases[i].elapsed_ms)
            fail_msg("%s: %s", cases[i].name, err.message);
        scripted_transport_free(transport);
    }
}

static void extend_answer(void *context, const struct http_request *request,
                          struct http_response *response)
{
    assert_string_equal(request->url, context);
    strbuf_append_text(&response->body, "!");
    response->status = 201;
}

static void test_an_answer_may_be_edited_by_the_test(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    struct http_response response = {0};
    struct error err = {0};
    char url[] = "https://h/";

    scripted_transport_expect(
        transport,
        &(struct scripted_exchange){.answer = "hey", .edit = extend_answer, .edit_context = url});
    assert_true(send_through(transport, &(struct http_request){.method = "GET", .url = url},
                             &response, &err));

    assert_int_equal(response.status, 201);
    assert_string_equal(strbuf_text(&response.body), "hey!");
    strbuf_release(&response.body);
    scripted_transport_free(transport);
}

static void test_any_order_matches_by_content(void **state maybe_unused)
{
    static const char *const paths[] = {"https://h/b", "https://h/a"};
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_ANY_ORDER);
    struct error err = {0};

    scripted_transport_expect(
        transport, &(struct scripted_exchange){.url = "https://h/a", .answer = "https://h/a"});
    scripted_transport_expect(
        transport, &(struct scripted_exchange){.url_prefix = "https://h/b", .answer = paths[0]});

    for (size_t i = 0; i < array_length(paths); i++) {
        struct http_response response = {0};

        assert_true(send_through(
            transport, &(struct http_request){.method = "GET", .url = paths[i]}, &response, &err));
        assert_string_equal(strbuf_text(&response.body), paths[i]);
        strbuf_release(&response.body);
    }
    scripted_transport_free(transport);
}

struct sender {
    struct scripted_transport *transport;
    struct cancellation *cancellation;
    bool succeeded;
    atomic_bool finished;
    struct error err;
};

static void *send_on_thread(void *context)
{
    struct sender *sender = context;
    struct http_response response = {0};

    sender->succeeded = send_through(sender->transport,
                                     &(struct http_request){
                                         .method = "GET",
                                         .url = "https://h/watch",
                                         .cancellation = sender->cancellation,
                                     },
                                     &response, &sender->err);
    strbuf_release(&response.body);
    atomic_store(&sender->finished, true);
    return NULL;
}

static void test_a_hanging_answer_ends_by_cancellation(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    struct sender sender = {.transport = transport, .cancellation = cancellation_new()};
    pthread_t thread;

    scripted_transport_expect(transport, &(struct scripted_exchange){.hang = true});
    assert_int_equal(pthread_create(&thread, NULL, send_on_thread, &sender), 0);
    assert_true(scripted_transport_wait_for_requests(transport, 1, 10000));
    cancellation_request(sender.cancellation);
    pthread_join(thread, NULL);

    assert_false(sender.succeeded);
    assert_int_equal(sender.err.kind, ERROR_CANCELLED);
    cancellation_free(sender.cancellation);
    scripted_transport_free(transport);
}

static void test_a_gated_answer_waits_for_the_gate(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    struct sender sender = {.transport = transport, .cancellation = cancellation_new()};
    struct cancellation *gate = cancellation_new();
    pthread_t thread;

    scripted_transport_expect(transport, &(struct scripted_exchange){.gate = gate});
    assert_int_equal(pthread_create(&thread, NULL, send_on_thread, &sender), 0);
    assert_true(scripted_transport_wait_for_requests(transport, 1, 10000));
    assert_false(cancellation_wait(gate, 30));
    assert_false(atomic_load(&sender.finished));
    cancellation_request(gate);
    pthread_join(thread, NULL);

    assert_true(sender.succeeded);
    cancellation_free(sender.cancellation);
    cancellation_free(gate);
    scripted_transport_free(transport);
}

static void test_a_cancelled_request_never_reaches_the_script(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    struct sender sender = {.transport = transport, .cancellation = cancellation_new()};

    cancellation_request(sender.cancellation);
    send_on_thread(&sender);

    assert_false(sender.succeeded);
    assert_int_equal(sender.err.kind, ERROR_CANCELLED);
    assert_int_equal(scripted_transport_request_count(transport), 0);
    cancellation_free(sender.cancellation);
    scripted_transport_free(transport);
}

static void test_waiting_for_requests_that_never_come_ends(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);

    assert_false(scripted_transport_wait_for_requests(transport, 1, 20));
    scripted_transport_free(transport);
}

/* ---- that the double really fails a test ---- */

static void play_surprise(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);
    struct http_response response = {0};
    struct error err = {0};

    scripted_transport_expect(transport,
                              &(struct scripted_exchange){.method = "GET", .url = "https://h/a"});
    if (send_through(transport, &(struct http_request){.method = "PUT", .url = "https://h/a"},
                     &response, &err))
        strbuf_release(&response.body);
    if (err.kind == ERROR_INTERNAL && strcmp(err.code, "Unexpected") == 0)
        scripted_transport_free(transport);
}

static void play_one_too_many(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_ANY_ORDER);
    struct http_response response = {0};
    struct error err = {0};

    if (!send_through(transport, &(struct http_request){.method = "GET", .url = "https://h/a"},
                      &response, &err))
        scripted_transport_free(transport);
}

static void play_leftover(void **state maybe_unused)
{
    struct scripted_transport *transport = scripted_transport_new(SCRIPTED_IN_ORDER);

    scripted_transport_expect(transport, &(struct scripted_exchange){.url = "https://h/left"});
    scripted_transport_free(transport);
}

/* Runs a test that must fail in a child of its own, and checks what it says. */
static void assert_fails_saying(CMUnitTestFunction function, const char *text)
{
    const struct CMUnitTest tests[] = {{.name = "inner", .test_func = function}};
    auto_strbuf struct strbuf output = {0};
    char chunk[512];
    int ends[2], status;
    ssize_t got;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        setenv("CMOCKA_MESSAGE_OUTPUT", "STDOUT", 1);
        status = cmocka_run_group_tests(tests, NULL, NULL);
        fflush(NULL);
        _exit(status);
    }
    close(ends[1]);
    while ((got = read(ends[0], chunk, sizeof chunk)) > 0)
        strbuf_append(&output, chunk, (size_t)got);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_non_null(strstr(strbuf_text(&output), text));
}

static void test_a_surprise_fails_the_test(void **state maybe_unused)
{
    assert_fails_saying(play_surprise, "unexpected request PUT https://h/a; method should be GET");
}

static void test_a_request_after_the_script_fails_the_test(void **state maybe_unused)
{
    assert_fails_saying(play_one_too_many, "no more requests were expected");
}

static void test_a_leftover_fails_the_test(void **state maybe_unused)
{
    assert_fails_saying(play_leftover, "expected request never came: any https://h/left (1 times)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_expected_request_gets_the_canned_answer),
        cmocka_unit_test(test_requests_are_recorded_with_headers_body_and_trust),
        cmocka_unit_test(test_a_streamed_body_arrives_in_pieces_and_then_fails),
        cmocka_unit_test(test_a_refusing_chunk_callback_decides_the_error),
        cmocka_unit_test(test_the_body_of_an_error_answer_is_collected_not_streamed),
        cmocka_unit_test(test_an_answer_over_the_limit_of_the_request_is_an_error),
        cmocka_unit_test(test_a_slow_answer_moves_the_fake_clock),
        cmocka_unit_test(test_a_silent_answer_ends_at_the_time_limit),
        cmocka_unit_test(test_an_answer_may_be_edited_by_the_test),
        cmocka_unit_test(test_any_order_matches_by_content),
        cmocka_unit_test(test_a_hanging_answer_ends_by_cancellation),
        cmocka_unit_test(test_a_gated_answer_waits_for_the_gate),
        cmocka_unit_test(test_a_cancelled_request_never_reaches_the_script),
        cmocka_unit_test(test_waiting_for_requests_that_never_come_ends),
        cmocka_unit_test(test_a_surprise_fails_the_test),
        cmocka_unit_test(test_a_request_after_the_script_fails_the_test),
        cmocka_unit_test(test_a_leftover_fails_the_test),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
