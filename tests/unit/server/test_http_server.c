/* The server on real sockets of this machine: what it answers, whom it listens to, how it stops. */
#include "base/memory.h"
#include "base/timesource.h"
#include "raw_client.h"
#include "server/http_server.h"
#include "support/child_process.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OK        "HTTP/1.1 200 OK"
#define NOT_FOUND "HTTP/1.1 404 Not Found"

/* Far less than the server grants an idle connection, far more than a loaded machine needs. */
enum { STOP_LIMIT_MS = 10 * 1000 };

struct fixture {
    struct http_server *server;
    uint16_t port;
    atomic_int calls;
};

/* ---- the routes ---- */

static void answer_with_what_it_got(void *context, const char *rest, bool is_verbose,
                                    struct http_answer *answer)
{
    struct fixture *fixture = context;

    atomic_fetch_add(&fixture->calls, 1);
    strbuf_append_format(&answer->body, "rest='%s' verbose=%d", rest, is_verbose);
}

static void answer_in_its_own_way(void *context maybe_unused, const char *rest maybe_unused,
                                  bool is_verbose maybe_unused, struct http_answer *answer)
{
    answer->status = 500;
    answer->content_type = "application/x-own";
    strbuf_append(&answer->body, "a\0b", 3);
}

static void answer_nothing(void *context maybe_unused, const char *rest maybe_unused,
                           bool is_verbose maybe_unused, struct http_answer *answer maybe_unused)
{
}

enum { LARGE_BYTES = 4 * 1024 * 1024 };

static void answer_much(void *context maybe_unused, const char *rest maybe_unused,
                        bool is_verbose maybe_unused, struct http_answer *answer)
{
    for (size_t i = 0; i < LARGE_BYTES / 16; i++)
        strbuf_append_text(&answer->body, "0123456789abcdef");
}

static bool start(const char *address, struct fixture *fixture, struct http_server **ret_server,
                  struct error *err)
{
    const struct http_route routes[] = {
        {"/parent", true, answer_with_what_it_got, fixture},
        {"/leaf", false, answer_with_what_it_got, fixture},
        {"/own", false, answer_in_its_own_way, NULL},
        {"/empty", false, answer_nothing, NULL},
        {"/large", false, answer_much, NULL},
    };

    return http_server_start(&(struct http_server_options){.address = address,
                                                           .routes = routes,
                                                           .route_count = array_length(routes)},
                             ret_server, err);
}

static void must_start(const char *address, struct fixture *fixture)
{
    struct error err = {0};

    if (!start(address, fixture, &fixture->server, &err))
        fail_msg("%s", err.message);
    fixture->port = http_server_port(fixture->server);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    must_start("127.0.0.1:0", fixture);
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

static void expect_works(struct fixture *fixture)
{
    expect_answer(fixture, "/leaf", OK, "rest='' verbose=0");
}

static int64_t now_ms(void)
{
    return timesource_monotonic_ms(&timesource_system);
}

/* ---- answers ---- */

static void test_route_gets_what_follows_its_path(void **state)
{
    expect_answer(*state, "/leaf", OK, "rest='' verbose=0");
    expect_answer(*state, "/parent", OK, "rest='' verbose=0");
    expect_answer(*state, "/parent/", OK, "rest='' verbose=0");
    expect_answer(*state, "/parent/child", OK, "rest='child' verbose=0");
    expect_answer(*state, "/parent/child/grand", OK, "rest='child/grand' verbose=0");
    expect_answer(*state, "/parent/a%20b", OK, "rest='a b' verbose=0");
}

static void test_unknown_path_is_not_found(void **state)
{
    static const char *const targets[] = {
        "/",        "/lea",           "/leafy", "/LEAF",     "/leaf/",  "/leaf/more", "//leaf",
        "/parents", "/parent2/child", "/other", "/?verbose", "/leaf/?", "*",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(targets); i++) {
        auto_strbuf struct strbuf answer = {0};

        raw_client_get(fixture->port, targets[i], &answer);
        if (strncmp(strbuf_text(&answer), NOT_FOUND "\r\n", strlen(NOT_FOUND "\r\n")) != 0)
            fail_msg("%s: %s", targets[i], strbuf_text(&answer));
        assert_string_equal(raw_client_body(&answer), "not found\n");
    }
    assert_int_equal(atomic_load(&fixture->calls), 0);
}

static void test_query_asks_for_details_with_or_without_a_value(void **state)
{
    expect_answer(*state, "/leaf?verbose", OK, "rest='' verbose=1");
    expect_answer(*state, "/leaf?verbose=", OK, "rest='' verbose=1");
    expect_answer(*state, "/leaf?verbose=1", OK, "rest='' verbose=1");
    expect_answer(*state, "/leaf?a=b&verbose", OK, "rest='' verbose=1");
    expect_answer(*state, "/parent/child?verbose", OK, "rest='child' verbose=1");
    expect_answer(*state, "/leaf?verbos", OK, "rest='' verbose=0");
    expect_answer(*state, "/leaf?verbosely", OK, "rest='' verbose=0");
    expect_answer(*state, "/leaf?a=verbose", OK, "rest='' verbose=0");
}

static void test_answer_is_plain_text_that_nobody_keeps_unless_the_handler_says_so(void **state)
{
    struct fixture *fixture = *state;
    auto_strbuf struct strbuf plain = {0}, own = {0};

    raw_client_get(fixture->port, "/leaf", &plain);
    raw_client_get(fixture->port, "/own", &own);

    assert_non_null(strstr(strbuf_text(&plain), "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
    assert_non_null(strstr(strbuf_text(&plain), "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strstr(strbuf_text(&own), "HTTP/1.1 500 Internal Server Error\r\n"));
    assert_non_null(strstr(strbuf_text(&own), "\r\nContent-Type: application/x-own\r\n"));
    assert_null(strstr(strbuf_text(&own), "text/plain"));
    assert_non_null(strstr(strbuf_text(&own), "\r\nContent-Length: 3\r\n"));
    assert_memory_equal(raw_client_body(&own), "a\0b", 4);
}

static void test_empty_and_large_answers_arrive_whole(void **state)
{
    struct fixture *fixture = *state;
    auto_strbuf struct strbuf answer = {0};
    const char *body;

    expect_answer(fixture, "/empty", OK, "");
    raw_client_get(fixture->port, "/large", &answer);
    body = raw_client_body(&answer);

    assert_int_equal(strlen(body), LARGE_BYTES);
    for (size_t i = 0; i < LARGE_BYTES; i += 16)
        assert_memory_equal(body + i, "0123456789abcdef", 16);
}

static void test_head_gets_the_head_of_get(void **state)
{
    static const struct {
        const char *path, *status_line, *length;
    } cases[] = {
        {"/leaf", OK, "\r\nContent-Length: 17\r\n"},
        {"/nowhere", NOT_FOUND, "\r\nContent-Length: 10\r\n"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_free char *request = mem_printf(
            "HEAD %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", cases[i].path);
        auto_strbuf struct strbuf answer = {0};

        raw_client_exchange(fixture->port, request, &answer);

        raw_client_assert_answer(&answer, cases[i].status_line, "");
        assert_non_null(strstr(strbuf_text(&answer), cases[i].length));
    }
}

static void test_other_methods_are_refused_and_told_which_work(void **state)
{
    static const char *const requests[] = {
        "POST /leaf HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
        ("POST /leaf HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
         "3\r\nabc\r\n0\r\n\r\n"),
        "PUT /leaf HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "DELETE /leaf HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "OPTIONS /leaf HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "TRACE /leaf HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "get /leaf HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "POST /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(requests); i++) {
        auto_strbuf struct strbuf answer = {0};

        raw_client_exchange(fixture->port, requests[i], &answer);

        raw_client_assert_answer(&answer, "HTTP/1.1 405 Method Not Allowed",
                                 "method not allowed\n");
        assert_non_null(strstr(strbuf_text(&answer), "\r\nAllow: GET, HEAD\r\n"));
    }
    assert_int_equal(atomic_load(&fixture->calls), 0);
}

static void test_only_a_refused_method_is_told_which_work(void **state)
{
    struct fixture *fixture = *state;
    auto_strbuf struct strbuf answer = {0};

    raw_client_get(fixture->port, "/nowhere", &answer);

    assert_null(strstr(strbuf_text(&answer), "Allow:"));
}

static void test_body_of_a_get_is_thrown_away(void **state)
{
    struct fixture *fixture = *state;
    auto_strbuf struct strbuf answer = {0};

    raw_client_exchange(fixture->port,
                        "GET /leaf HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                        "Content-Length: 5\r\n\r\nhello",
                        &answer);

    raw_client_assert_answer(&answer, OK, "rest='' verbose=0");
    assert_int_equal(atomic_load(&fixture->calls), 1);
}

static void test_connection_carries_one_request_after_the_other(void **state)
{
    struct fixture *fixture = *state;
    int connection = raw_client_connect(fixture->port);

    for (int i = 0; i < 3; i++) {
        auto_strbuf struct strbuf answer = {0};

        raw_client_send(connection, "GET /parent/x HTTP/1.1\r\nHost: test\r\n\r\n");
        raw_client_read_until(connection, "verbose=0", &answer);

        raw_client_assert_answer(&answer, OK, "rest='x' verbose=0");
    }
    close(connection);
}

static void test_old_client_gets_its_connection_closed(void **state)
{
    struct fixture *fixture = *state;
    auto_strbuf struct strbuf answer = {0};

    raw_client_exchange(fixture->port, "GET /leaf HTTP/1.0\r\n\r\n", &answer);

    assert_non_null(strstr(strbuf_text(&answer), " 200 OK\r\n"));
    assert_string_equal(raw_client_body(&answer), "rest='' verbose=0");
}

/* ---- clients that misbehave ---- */

static const char *status_of(const struct strbuf *answer)
{
    const char *text = strbuf_text(answer);

    return strncmp(text, "HTTP/1.", 7) == 0 && answer->length > 12 ? text + 9 : "";
}

static void test_request_that_is_too_large_is_refused(void **state)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        {"GET /", " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"},
        {"GET /leaf?", " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"},
        {"GET /leaf HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Long: ", "\r\n\r\n"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_strbuf struct strbuf request = {0}, answer = {0};

        strbuf_append_text(&request, cases[i].before);
        for (int j = 0; j < 32 * 1024; j++)
            strbuf_append_char(&request, 'x');
        strbuf_append_text(&request, cases[i].after);
        raw_client_exchange(fixture->port, strbuf_text(&request), &answer);

        if (strncmp(status_of(&answer), "414 ", 4) != 0 &&
            strncmp(status_of(&answer), "431 ", 4) != 0)
            fail_msg("case %zu: '%s'", i, strbuf_text(&answer));
    }
    assert_int_equal(atomic_load(&fixture->calls), 0);
    expect_works(fixture);
}

/* Newer versions of the library answer where older ones only hang up. */
static void test_what_is_not_http_reaches_no_handler(void **state)
{
    static const char *const requests[] = {
        "\x16\x03\x01\x02\x01 client hello of TLS\r\n\r\n",
        "hello\r\n\r\n",
        "GET /leaf HTTP/9.9\r\n\r\n",
        "GET /leaf HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(requests); i++) {
        auto_strbuf struct strbuf answer = {0};
        const char *status;

        raw_client_exchange(fixture->port, requests[i], &answer);

        status = status_of(&answer);
        if (answer.length > 0 && status[0] != '4' && status[0] != '5')
            fail_msg("case %zu: '%s'", i, strbuf_text(&answer));
    }
    assert_int_equal(atomic_load(&fixture->calls), 0);
    expect_works(fixture);
}

static void test_slow_client_does_not_hold_up_others(void **state)
{
    struct fixture *fixture = *state;
    int silent = raw_client_connect(fixture->port);
    int slow = raw_client_connect(fixture->port);
    int deaf = raw_client_connect(fixture->port);
    auto_strbuf struct strbuf answer = {0};

    raw_client_send(slow, "GET /le");
    raw_client_send(deaf, "GET /large HTTP/1.1\r\nHost: test\r\n\r\n"); /* and reads nothing */
    for (int i = 0; i < 10; i++)
        expect_works(fixture);

    raw_client_send(slow, "af HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    raw_client_read_to_end(slow, &answer);
    raw_client_assert_answer(&answer, OK, "rest='' verbose=0");
    close(silent);
    close(slow);
    close(deaf);
}

static void test_request_may_come_byte_by_byte(void **state)
{
    static const char request[] =
        "GET /parent/x?verbose HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    struct fixture *fixture = *state;
    int connection = raw_client_connect(fixture->port);
    auto_strbuf struct strbuf answer = {0};

    for (size_t i = 0; request[i] != '\0'; i++)
        raw_client_send(connection, (char[]){request[i], '\0'});
    raw_client_read_to_end(connection, &answer);

    raw_client_assert_answer(&answer, OK, "rest='x' verbose=1");
    close(connection);
}

static void test_client_that_leaves_in_the_middle_does_no_harm(void **state)
{
    static const char *const requests[] = {
        "",
        "GET /le",
        "POST /leaf HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
        "GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    const struct linger reset = {.l_onoff = 1};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < 2 * array_length(requests); i++) {
        int connection = raw_client_connect(fixture->port);

        raw_client_send(connection, requests[i / 2]);
        if (i % 2 == 1)
            setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(connection);
        expect_works(fixture);
    }
}

static void test_full_server_serves_the_next_client_once_one_has_left(void **state)
{
    enum { MORE_THAN_THE_LIMIT = 80 };
    struct fixture *fixture = *state;
    int connections[MORE_THAN_THE_LIMIT];

    for (size_t i = 0; i < MORE_THAN_THE_LIMIT; i++)
        connections[i] = raw_client_connect(fixture->port);
    for (size_t i = 0; i < MORE_THAN_THE_LIMIT; i++)
        close(connections[i]);

    expect_works(fixture);
}

struct crowd {
    uint16_t port;
    atomic_int failures;
};

/* Without cmocka: it is not the test's thread. */
static void *ask_often(void *context)
{
    static const char request[] = "GET /parent/x HTTP/1.0\r\n\r\n";
    struct crowd *crowd = context;
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(crowd->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };

    for (int i = 0; i < 25; i++) {
        int connection = socket(AF_INET, SOCK_STREAM, 0);
        char answer[1024];
        size_t length = 0;
        ssize_t got;

        if (connect(connection, (const struct sockaddr *)&address, sizeof address) == 0 &&
            send(connection, request, sizeof request - 1, MSG_NOSIGNAL) > 0) {
            while ((got = recv(connection, answer + length, sizeof answer - 1 - length, 0)) > 0)
                length += (size_t)got;
        }
        answer[length] = '\0';
        if (strstr(answer, "\r\n\r\nrest='x' verbose=0") == NULL)
            atomic_fetch_add(&crowd->failures, 1);
        close(connection);
    }
    return NULL;
}

static void test_many_clients_at_once_all_get_their_answer(void **state)
{
    struct fixture *fixture = *state;
    struct crowd crowd = {.port = fixture->port};
    pthread_t threads[8];

    for (size_t i = 0; i < array_length(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &crowd), 0);
    for (size_t i = 0; i < array_length(threads); i++)
        pthread_join(threads[i], NULL);

    assert_int_equal(atomic_load(&crowd.failures), 0);
    assert_int_equal(atomic_load(&fixture->calls), 25 * array_length(threads));
}

/* ---- stopping ---- */

static void test_stop_cuts_off_whoever_is_connected(void **state)
{
    struct fixture *fixture = *state;
    int silent = raw_client_connect(fixture->port);
    int slow = raw_client_connect(fixture->port);
    int idle = raw_client_connect(fixture->port);
    auto_strbuf struct strbuf answer = {0}, rest = {0};
    int64_t begin;

    raw_client_send(slow, "GET /le");
    raw_client_send(idle, "GET /leaf HTTP/1.1\r\nHost: test\r\n\r\n");
    raw_client_read_until(idle, "verbose=0", &answer);
    begin = now_ms();
    http_server_stop(fixture->server);
    fixture->server = NULL;

    assert_true(now_ms() - begin < STOP_LIMIT_MS);
    raw_client_read_to_end(silent, &rest);
    raw_client_read_to_end(slow, &rest);
    raw_client_read_to_end(idle, &rest);
    assert_string_equal(strbuf_text(&rest), "");
    close(silent);
    close(slow);
    close(idle);
}

static void test_address_can_be_used_again_at_once_after_stop(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *address = mem_printf("127.0.0.1:%u", (unsigned)fixture->port);
    int connection = raw_client_connect(fixture->port);
    uint16_t port = fixture->port;

    /* The server closes first, so that its side of the connection lingers in TIME_WAIT. */
    raw_client_send(connection, "GET /le");
    expect_works(fixture);
    http_server_stop(fixture->server);
    must_start(address, fixture);

    assert_int_equal(fixture->port, port);
    expect_works(fixture);
    close(connection);
}

static void test_stopping_nothing_does_nothing(void **state maybe_unused)
{
    http_server_stop(NULL);
}

/* ---- addresses ---- */

static void expect_works_v6(uint16_t port)
{
    auto_strbuf struct strbuf answer = {0};
    int connection = raw_client_connect_v6(port);

    raw_client_send(connection, "GET /leaf HTTP/1.0\r\n\r\n");
    raw_client_read_to_end(connection, &answer);
    close(connection);

    assert_string_equal(raw_client_body(&answer), "rest='' verbose=0");
}

static bool has_ipv6_loopback(void)
{
    const struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}

static bool is_refused(const struct sockaddr *address, socklen_t size)
{
    int fd = socket(address->sa_family, SOCK_STREAM, 0);
    bool refused = connect(fd, address, size) != 0 && errno == ECONNREFUSED;

    close(fd);
    return refused;
}

static void test_address_with_a_host_is_that_address_alone(void **state maybe_unused)
{
    struct fixture fixture = {0};
    struct sockaddr_in elsewhere = {.sin_family = AF_INET};

    must_start("127.0.0.1:0", &fixture);
    elsewhere.sin_port = htons(fixture.port);
    elsewhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);

    assert_int_not_equal(fixture.port, 0);
    expect_works(&fixture);
    assert_true(is_refused((const struct sockaddr *)&elsewhere, sizeof elsewhere));
    http_server_stop(fixture.server);
}

static void test_address_without_a_host_is_every_address(void **state maybe_unused)
{
    struct fixture fixture = {0};

    must_start(":0", &fixture);

    assert_int_not_equal(fixture.port, 0);
    expect_works(&fixture);
    if (has_ipv6_loopback())
        expect_works_v6(fixture.port);
    http_server_stop(fixture.server);
}

static void test_address_in_brackets_is_of_version_six(void **state maybe_unused)
{
    struct sockaddr_in version_four = {.sin_family = AF_INET};
    struct fixture fixture = {0};

    if (!has_ipv6_loopback())
        skip();
    must_start("[::1]:0", &fixture);
    version_four.sin_port = htons(fixture.port);
    version_four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    expect_works_v6(fixture.port);
    assert_true(is_refused((const struct sockaddr *)&version_four, sizeof version_four));
    http_server_stop(fixture.server);
}

static void test_asked_for_port_is_the_one_that_is_taken(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *address = mem_printf("127.0.0.1:%u", (unsigned)fixture->port);
    auto_free char *with_zeros = mem_printf("127.0.0.1:000%u", (unsigned)fixture->port);
    uint16_t port = fixture->port;

    http_server_stop(fixture->server);
    must_start(address, fixture);
    assert_int_equal(fixture->port, port);

    http_server_stop(fixture->server);
    must_start(with_zeros, fixture);
    assert_int_equal(fixture->port, port);
}

static void test_what_is_no_address_is_refused_with_the_forms_that_are(void **state maybe_unused)
{
    static const char *const addresses[] = {
        "",      "0",          "8080",  "127.0.0.1", "localhost",
        ":",     ":http",      ":-1",   ":+80",      ": 80",
        ":80 ",  ":65536",     ":080x", ":0x50",     ":18446744073709551616",
        "[::1]", "127.0.0.1:",
    };
    struct fixture fixture = {0};

    for (size_t i = 0; i < array_length(addresses); i++) {
        struct error err = {0};
        auto_free char *message =
            mem_printf("'%s' is not an address to listen on: write host:port, :port, or 0 for none",
                       addresses[i]);

        if (start(addresses[i], &fixture, &fixture.server, &err))
            fail_msg("'%s' was accepted", addresses[i]);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.message, message);
        assert_null(fixture.server);
    }
}

static void test_host_that_is_no_ip_address_is_refused(void **state maybe_unused)
{
    static const char *const addresses[] = {
        "localhost:80", "*:80",      "256.0.0.1:80",   "127.1:80",
        "::1:80",       "[]:80",     "[127.0.0.1]:80", "[::1:80",
        "::1]:80",      "[::1]x:80", " 127.0.0.1:80",  "http://127.0.0.1:80",
    };
    struct fixture fixture = {0};

    for (size_t i = 0; i < array_length(addresses); i++) {
        struct error err = {0};
        auto_free char *message = mem_printf(
            "'%s' is not an address to listen on: the host must be an IP address", addresses[i]);

        if (start(addresses[i], &fixture, &fixture.server, &err))
            fail_msg("'%s' was accepted", addresses[i]);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.message, message);
    }
}

static void expect_taken(const char *address)
{
    auto_free char *message = mem_printf(
        "cannot listen on '%s' (Address already in use): choose another address", address);
    struct fixture fixture = {0};
    struct error err = {0};

    if (start(address, &fixture, &fixture.server, &err)) {
        http_server_stop(fixture.server);
        fail_msg("'%s' was given out twice", address);
    }
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_string_equal(err.message, message);
}

static void test_address_that_is_in_use_is_refused(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *loopback = mem_printf("127.0.0.1:%u", (unsigned)fixture->port);
    auto_free char *everywhere = mem_printf(":%u", (unsigned)fixture->port);

    expect_taken(loopback);
    expect_taken(everywhere);
    expect_works(fixture);
}

/* Half of ":port" would look like all of it. */
static void test_port_that_is_in_use_for_version_six_alone_is_refused(void **state maybe_unused)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
    socklen_t size = sizeof address;
    auto_free char *everywhere = NULL;
    int fd;

    if (!has_ipv6_loopback())
        skip();
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    everywhere = mem_printf(":%u", (unsigned)ntohs(address.sin6_port));

    expect_taken(everywhere);
    close(fd);
}

static void test_address_of_another_machine_is_refused(void **state maybe_unused)
{
    struct fixture fixture = {0};
    struct error err = {0};

    assert_false(start("192.0.2.1:0", &fixture, &fixture.server, &err));

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_string_equal(err.message, "cannot listen on '192.0.2.1:0' (Cannot assign requested "
                                     "address): choose another address");
}

/* From here on socket(AF_INET6) fails as on a kernel without it. */
static bool take_ipv6_away(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = array_length(filter), .filter = filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
           socket(AF_INET6, SOCK_STREAM, 0) < 0;
}

enum { SERVED, NOT_SERVED, CANNOT_TELL };

static int listen_without_ipv6(void *context maybe_unused)
{
    struct fixture fixture = {0};
    struct crowd crowd = {0};
    struct error err = {0};

    if (!take_ipv6_away())
        return CANNOT_TELL;
    if (!start(":0", &fixture, &fixture.server, &err)) {
        fprintf(stderr, "%s", err.message);
        return NOT_SERVED;
    }
    crowd.port = http_server_port(fixture.server);
    ask_often(&crowd);
    http_server_stop(fixture.server);
    return atomic_load(&crowd.failures) == 0 ? SERVED : NOT_SERVED;
}

static void test_machine_without_version_six_serves_version_four(void **state maybe_unused)
{
    auto_strbuf struct strbuf output = {0};
    int status = child_process_run(listen_without_ipv6, NULL, &output);

    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_TELL)
        skip();
    if (!WIFEXITED(status) || WEXITSTATUS(status) != SERVED)
        fail_msg("status %d: %s", status, strbuf_text(&output));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_route_gets_what_follows_its_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_path_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_query_asks_for_details_with_or_without_a_value, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_answer_is_plain_text_that_nobody_keeps_unless_the_handler_says_so, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_empty_and_large_answers_arrive_whole, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_head_gets_the_head_of_get, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_methods_are_refused_and_told_which_work, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_only_a_refused_method_is_told_which_work, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_body_of_a_get_is_thrown_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_connection_carries_one_request_after_the_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_old_client_gets_its_connection_closed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_request_that_is_too_large_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_http_reaches_no_handler, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_slow_client_does_not_hold_up_others, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_request_may_come_byte_by_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_client_that_leaves_in_the_middle_does_no_harm, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_full_server_serves_the_next_client_once_one_has_left,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_clients_at_once_all_get_their_answer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_stop_cuts_off_whoever_is_connected, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_address_can_be_used_again_at_once_after_stop, set_up,
                                        tear_down),
        cmocka_unit_test(test_stopping_nothing_does_nothing),
        cmocka_unit_test(test_address_with_a_host_is_that_address_alone),
        cmocka_unit_test(test_address_without_a_host_is_every_address),
        cmocka_unit_test(test_address_in_brackets_is_of_version_six),
        cmocka_unit_test_setup_teardown(test_asked_for_port_is_the_one_that_is_taken, set_up,
                                        tear_down),
        cmocka_unit_test(test_what_is_no_address_is_refused_with_the_forms_that_are),
        cmocka_unit_test(test_host_that_is_no_ip_address_is_refused),
        cmocka_unit_test_setup_teardown(test_address_that_is_in_use_is_refused, set_up, tear_down),
        cmocka_unit_test(test_port_that_is_in_use_for_version_six_alone_is_refused),
        cmocka_unit_test(test_address_of_another_machine_is_refused),
        cmocka_unit_test(test_machine_without_version_six_serves_version_four),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
