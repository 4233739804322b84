/* Who is let in, what is remembered of it and for how long, without and with a server around. */
#include "base/memory.h"
#include "kube/client_fixture.h"
#include "raw_client.h"
#include "server/scrape_guard.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct state {
    struct client_fixture kube;
    struct scrape_guard *guard;
    struct log_scope log;
    int log_fd;
};

static int set_up(void **context)
{
    struct state *state = mem_alloc(sizeof *state);
    struct scrape_guard_options options = {.log = &state->log};

    client_fixture_init(&state->kube, SCRIPTED_IN_ORDER);
    state->log_fd = memfd_create("log", 0);
    state->log.log =
        log_new(state->log_fd, LOG_LEVEL_DEBUG, LOG_FORMAT_JSON, &state->kube.clock.source);
    options.reviewer.client = state->kube.client;
    options.timesource = &state->kube.clock.source;
    state->guard = scrape_guard_new(&options);
    *context = state;
    return 0;
}

static int tear_down(void **context)
{
    struct state *state = *context;

    scrape_guard_free(state->guard);
    log_free(state->log.log);
    close(state->log_fd);
    client_fixture_release(&state->kube);
    free(state);
    return 0;
}

static void expect_reviews(struct state *state, bool authenticated, bool allowed)
{
    scripted_transport_expect(
        state->kube.transport,
        &(struct scripted_exchange){
            .url_prefix = "https://api:6443/apis/authentication.k8s.io/",
            .answer = authenticated
                          ? "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"u\"}}}"
                          : "{\"status\":{\"authenticated\":false}}"});
    if (authenticated)
        scripted_transport_expect(
            state->kube.transport,
            &(struct scripted_exchange){.url_prefix = "https://api:6443/apis/authorization.k8s.io/",
                                        .answer = allowed ? "{\"status\":{\"allowed\":true}}"
                                                          : "{\"status\":{\"allowed\":false}}"});
}

static void expect_failure(struct state *state)
{
    scripted_transport_expect(
        state->kube.transport,
        &(struct scripted_exchange){
            .failure = {.kind = ERROR_UNAVAILABLE, .code = "Timeout", .message = "no answer"}});
}

/* The status that a request with this header gets; 200 = it is let in. */
static int ask(struct state *state, const char *authorization)
{
    struct http_answer answer = {.status = 200};
    bool admitted = scrape_guard_admit(state->guard, "/metrics", authorization, &answer);
    bool is_refusal = answer.body.length > 0;

    assert_int_equal(admitted, answer.status == 200);
    assert_int_equal(is_refusal, !admitted);
    assert_int_equal(answer.asks_for_token, answer.status == 401);
    strbuf_release(&answer.body);
    return answer.status;
}

static void test_a_request_without_token_is_refused_without_asking(void **context)
{
    static const char *const headers[] = {
        NULL,           "", "Bearer", "Bearer ", "Bearer    ", "Basic dXNlcjpwYXNz", "token",
        " Bearer token"};

    for (size_t i = 0; i < array_length(headers); i++)
        assert_int_equal(ask(*context, headers[i]), 401);
}

static void test_each_outcome_has_its_status(void **context)
{
    struct state *state = *context;

    expect_reviews(state, true, true);
    assert_int_equal(ask(state, "Bearer prometheus"), 200);
    expect_reviews(state, true, false);
    assert_int_equal(ask(state, "bearer  stranger"), 403);
    expect_reviews(state, false, false);
    assert_int_equal(ask(state, "Bearer forged"), 401);
    expect_failure(state);
    assert_int_equal(ask(state, "Bearer unlucky"), 500);
}

static void test_a_decision_counts_for_a_short_time(void **context)
{
    struct state *state = *context;

    expect_reviews(state, true, true);
    expect_reviews(state, true, false);
    assert_int_equal(ask(state, "Bearer prometheus"), 200);
    assert_int_equal(ask(state, "Bearer stranger"), 403);
    fake_timesource_advance_ms(&state->kube.clock, SCRAPE_REFUSED_MS - 1);
    assert_int_equal(ask(state, "Bearer prometheus"), 200);
    assert_int_equal(ask(state, "Bearer stranger"), 403);

    fake_timesource_advance_ms(&state->kube.clock, 1);
    expect_reviews(state, true, true);
    assert_int_equal(ask(state, "Bearer stranger"), 200);
    fake_timesource_advance_ms(&state->kube.clock, SCRAPE_ADMITTED_MS - SCRAPE_REFUSED_MS);
    expect_reviews(state, false, false);
    assert_int_equal(ask(state, "Bearer prometheus"), 401);
}

static void test_a_failure_is_not_remembered_and_told_once(void **context)
{
    struct state *state = *context;
    char text[2048] = "";

    expect_failure(state);
    expect_failure(state);
    expect_reviews(state, true, true);
    assert_int_equal(ask(state, "Bearer canary-token"), 500);
    assert_int_equal(ask(state, "Bearer canary-token"), 500);
    assert_int_equal(ask(state, "Bearer canary-token"), 200);

    assert_true(pread(state->log_fd, text, sizeof text - 1, 0) > 0);
    assert_non_null(strstr(text, "\"level\":\"warning\""));
    assert_null(strstr(text, "canary"));
    assert_ptr_equal(strchr(text, '\n'), strrchr(text, '\n'));
}

static void test_the_decisions_are_of_one_path(void **context)
{
    struct state *state = *context;
    struct http_answer answer = {.status = 200};

    expect_reviews(state, true, true);
    expect_reviews(state, true, false);
    assert_int_equal(ask(state, "Bearer t"), 200);

    assert_false(scrape_guard_admit(state->guard, "/other", "Bearer t", &answer));
    assert_int_equal(answer.status, 403);
    strbuf_release(&answer.body);
}

/* Whoever tries many tokens makes nobody else's decision be forgotten. */
static void test_many_wrong_tokens_do_not_push_out_the_right_one(void **context)
{
    struct state *state = *context;

    expect_reviews(state, true, true);
    assert_int_equal(ask(state, "Bearer prometheus"), 200);
    for (int i = 0; i < 3 * SCRAPE_DECISIONS_LIMIT; i++) {
        char header[32];

        snprintf(header, sizeof header, "Bearer guess%d", i);
        expect_reviews(state, false, false);
        assert_int_equal(ask(state, header), 401);
    }

    assert_int_equal(ask(state, "Bearer prometheus"), 200);
}

/* ---- with a server around ---- */

static void answer_page(void *context maybe_unused, const char *rest maybe_unused,
                        bool is_verbose maybe_unused, struct http_answer *answer)
{
    strbuf_append_text(&answer->body, "page");
}

static void test_a_guarded_server_shows_nothing_before_the_token(void **context)
{
    static const struct http_route routes[] = {{"/metrics", false, answer_page, NULL}};
    struct state *state = *context;
    const struct http_server_options options = {.address = "127.0.0.1:0",
                                                .routes = routes,
                                                .route_count = array_length(routes),
                                                .guard = scrape_guard_admit,
                                                .guard_context = state->guard};
    auto_strbuf struct strbuf without = {0}, unknown = {0}, with = {0};
    struct http_server *server = NULL;
    struct error err = {0};

    expect_reviews(state, true, true);
    if (!http_server_start(&options, &server, &err))
        fail_msg("%s", err.message);
    raw_client_get(http_server_port(server), "/metrics", &without);
    raw_client_get(http_server_port(server), "/unknown", &unknown);
    raw_client_exchange(http_server_port(server),
                        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                        "Authorization: Bearer prometheus\r\n\r\n",
                        &with);
    http_server_stop(server);

    raw_client_assert_answer(&without, "HTTP/1.1 401 Unauthorized",
                             "unauthorized: send a valid bearer token\n");
    assert_non_null(strstr(strbuf_text(&without), "\r\nWWW-Authenticate: Bearer\r\n"));
    raw_client_assert_answer(&unknown, "HTTP/1.1 401 Unauthorized",
                             "unauthorized: send a valid bearer token\n");
    raw_client_assert_answer(&with, "HTTP/1.1 200 OK", "page");
}

#define with_guard(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_guard(test_a_request_without_token_is_refused_without_asking),
        with_guard(test_each_outcome_has_its_status),
        with_guard(test_a_decision_counts_for_a_short_time),
        with_guard(test_a_failure_is_not_remembered_and_told_once),
        with_guard(test_the_decisions_are_of_one_path),
        with_guard(test_many_wrong_tokens_do_not_push_out_the_right_one),
        with_guard(test_a_guarded_server_shows_nothing_before_the_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
