/* The pages of the probes, asked for as kubelet and people with curl do. */
#include "base/memory.h"
#include "raw_client.h"
#include "server/health.h"
#include "server/http_server.h"
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define OK        "HTTP/1.1 200 OK"
#define FAILED    "HTTP/1.1 500 Internal Server Error"
#define NOT_FOUND "HTTP/1.1 404 Not Found"

struct fixture {
    struct health liveness, readiness;
    struct http_server *server;
    uint16_t port;
    atomic_bool is_synced, is_running;
    atomic_int calls;
};

static bool always(void *context)
{
    struct fixture *fixture = context;

    atomic_fetch_add(&fixture->calls, 1);
    return true;
}

static bool is_set(void *context)
{
    const atomic_bool *flag = context;

    return atomic_load(flag);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);
    const struct http_route routes[] = {
        {"/healthz", true, health_answer, &fixture->liveness},
        {"/readyz", true, health_answer, &fixture->readiness},
    };
    const struct http_server_options options = {
        .address = "127.0.0.1:0", .routes = routes, .route_count = array_length(routes)};
    struct error err = {0};

    health_add(&fixture->liveness, &(struct health_check){"ping", always, fixture});
    health_add(&fixture->readiness,
               &(struct health_check){"informers", is_set, &fixture->is_synced});
    health_add(&fixture->readiness,
               &(struct health_check){"running", is_set, &fixture->is_running});
    atomic_store(&fixture->is_synced, true);
    atomic_store(&fixture->is_running, true);
    if (!http_server_start(&options, &fixture->server, &err))
        fail_msg("%s", err.message);
    fixture->port = http_server_port(fixture->server);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    http_server_stop(fixture->server);
    free(fixture);
    return 0;
}

static void expect_answer(struct fixture *fixture, const char *target, const char *status_line,
                          const char *body)
{
    auto_strbuf struct strbuf answer = {0};

    raw_client_get(fixture->port, target, &answer);
    raw_client_assert_answer(&answer, status_line, body);
}

static void test_page_says_ok_while_every_check_holds(void **state)
{
    expect_answer(*state, "/healthz", OK, "ok");
    expect_answer(*state, "/healthz/", OK, "ok");
    expect_answer(*state, "/readyz", OK, "ok");
}

static void test_page_lists_the_checks_on_demand(void **state)
{
    expect_answer(*state, "/healthz?verbose", OK, "[+]ping ok\nok");
    expect_answer(*state, "/readyz?verbose", OK, "[+]informers ok\n[+]running ok\nok");
    expect_answer(*state, "/readyz/?verbose=true", OK, "[+]informers ok\n[+]running ok\nok");
}

static void test_one_failed_check_fails_the_page_and_is_named(void **state)
{
    struct fixture *fixture = *state;

    atomic_store(&fixture->is_synced, false);
    expect_answer(fixture, "/readyz", FAILED, "[-]informers failed\n[+]running ok\nfailed");
    expect_answer(fixture, "/readyz?verbose", FAILED, "[-]informers failed\n[+]running ok\nfailed");

    atomic_store(&fixture->is_synced, true);
    atomic_store(&fixture->is_running, false);
    expect_answer(fixture, "/readyz", FAILED, "[+]informers ok\n[-]running failed\nfailed");

    atomic_store(&fixture->is_synced, false);
    expect_answer(fixture, "/readyz", FAILED, "[-]informers failed\n[-]running failed\nfailed");

    atomic_store(&fixture->is_synced, true);
    atomic_store(&fixture->is_running, true);
    expect_answer(fixture, "/readyz", OK, "ok");
}

static void test_pages_do_not_share_their_checks(void **state)
{
    struct fixture *fixture = *state;

    atomic_store(&fixture->is_running, false);

    expect_answer(fixture, "/healthz", OK, "ok");
    expect_answer(fixture, "/healthz/running", NOT_FOUND, "no such check\n");
}

static void test_one_check_is_asked_for_by_its_name(void **state)
{
    struct fixture *fixture = *state;

    expect_answer(fixture, "/readyz/informers", OK, "ok");
    expect_answer(fixture, "/readyz/running", OK, "ok");

    atomic_store(&fixture->is_running, false);
    expect_answer(fixture, "/readyz/informers", OK, "ok");
    expect_answer(fixture, "/readyz/running", FAILED, "failed");
    expect_answer(fixture, "/readyz/running?verbose", FAILED, "failed");
}

static void test_name_of_no_check_is_not_found(void **state)
{
    static const char *const targets[] = {
        "/readyz/run",       "/readyz/running2", "/readyz/RUNNING", "/readyz/running/",
        "/readyz/running/x", "/readyz//running", "/readyz/ping",
    };

    for (size_t i = 0; i < array_length(targets); i++)
        expect_answer(*state, targets[i], NOT_FOUND, "no such check\n");
}

/* Checks cannot be left out of a page: what is not Ready for one asker is so for nobody. */
static void test_other_queries_change_nothing(void **state)
{
    struct fixture *fixture = *state;

    expect_answer(fixture, "/readyz?exclude=informers", OK, "ok");

    atomic_store(&fixture->is_synced, false);
    expect_answer(fixture, "/readyz?exclude=informers", FAILED,
                  "[-]informers failed\n[+]running ok\nfailed");
}

static void test_head_has_the_status_of_get(void **state)
{
    static const char request[] =
        "HEAD /readyz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    struct fixture *fixture = *state;
    auto_strbuf struct strbuf good = {0}, bad = {0};

    raw_client_exchange(fixture->port, request, &good);
    atomic_store(&fixture->is_synced, false);
    raw_client_exchange(fixture->port, request, &bad);

    raw_client_assert_answer(&good, OK, "");
    raw_client_assert_answer(&bad, FAILED, "");
}

static void test_check_is_asked_once_for_each_request(void **state)
{
    struct fixture *fixture = *state;

    expect_answer(fixture, "/healthz", OK, "ok");
    expect_answer(fixture, "/healthz/ping", OK, "ok");
    expect_answer(fixture, "/readyz", OK, "ok");

    assert_int_equal(atomic_load(&fixture->calls), 2);
}

static void test_page_without_checks_says_ok(void **state maybe_unused)
{
    struct http_answer answer = {.status = 200};
    struct health health = {0};

    health_answer(&health, "", true, &answer);

    assert_int_equal(answer.status, 200);
    assert_string_equal(strbuf_text(&answer.body), "ok");
    strbuf_release(&answer.body);
}

static void test_every_place_for_a_check_can_be_used(void **state)
{
    static const char *const names[HEALTH_CHECKS_LIMIT] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct http_answer answer = {.status = 200};
    struct health health = {0};

    for (size_t i = 0; i < HEALTH_CHECKS_LIMIT; i++)
        health_add(&health, &(struct health_check){names[i], always, *state});
    health_answer(&health, "", true, &answer);

    assert_string_equal(strbuf_text(&answer.body),
                        "[+]a ok\n[+]b ok\n[+]c ok\n[+]d ok\n[+]e ok\n[+]f ok\n[+]g ok\n"
                        "[+]h ok\nok");
    strbuf_release(&answer.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_page_says_ok_while_every_check_holds, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_page_lists_the_checks_on_demand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_failed_check_fails_the_page_and_is_named, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_pages_do_not_share_their_checks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_check_is_asked_for_by_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_name_of_no_check_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_queries_change_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_head_has_the_status_of_get, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check_is_asked_once_for_each_request, set_up,
                                        tear_down),
        cmocka_unit_test(test_page_without_checks_says_ok),
        cmocka_unit_test_setup_teardown(test_every_place_for_a_check_can_be_used, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
