#include "base/memory.h"
#include "base/random.h"
#include "base/timesource.h"
#include "engine/engine.h"
#include "postgres_answers.h"
#include "support/test.h"

#include <string.h>

#define RUSSIAN "\xd0\x92\xd0\x90\xd0\x96\xd0\x9d\xd0\x9e"

/* --- How the driver is asked ----------------------------------------------------------------- */

struct fixture {
    struct connection_string server;
    struct engine_connect_request request;
};

static void prepare(struct fixture *fixture, const char *url)
{
    auto_secret struct secret text = {0};
    struct error err = {0};

    *fixture = (struct fixture){
        .request = {.timesource = &timesource_system,
                    .random = &random_system,
                    .connect_timeout_ms = 10000},
    };
    fixture->request.server = &fixture->server;
    secret_set_text(&text, url);
    if (!connection_string_parse_postgres(&text, &fixture->server, &err))
        fail_msg("%s", err.message);
}

static void release(struct fixture *fixture)
{
    connection_string_release(&fixture->server);
}

#define auto_fixture run_at_scope_end(release)
#define auto_peer    run_at_scope_end(scripted_peer_release)

/* A connection that must fail. */
static struct error connect_in_vain(const struct engine_connect_request *request)
{
    struct engine_session *session = NULL;
    struct error err = {0};

    if (engine_postgres.connect(request, &session, &err))
        fail_msg("it connected");
    assert_null(session);
    if (strstr(err.message, "canary") != NULL || strstr(err.message, "parrot") != NULL)
        fail_msg("it quotes: %s", err.message);
    return err;
}

static struct error connect_to_peer(const struct peer_answer *answers, size_t count,
                                    const char *parameters, struct scripted_peer *peer)
{
    auto_fixture struct fixture fixture = {0};
    auto_free char *url = NULL;
    struct error err;

    scripted_peer_start(peer, answers, count);
    url = mem_printf("postgresql://adm:canary@127.0.0.1:%u/%s", (unsigned)peer->port, parameters);
    prepare(&fixture, url);
    err = connect_in_vain(&fixture.request);
    scripted_peer_stop(peer);
    return err;
}

static bool was_sent(const struct scripted_peer *peer, const char *bytes, size_t length)
{
    return memmem(strbuf_text(&peer->received), peer->received.length, bytes, length) != NULL;
}

static void check_error(const char *name, const struct error *err, enum error_kind kind,
                        const char *code, const char *part)
{
    if (err->kind != kind || !error_has_code(err, code) || strstr(err->message, part) == NULL)
        fail_msg("%s: %s, %s: %s", name, error_kind_name(err->kind), err->code, err->message);
}

/* --- Connecting ------------------------------------------------------------------------------ */

static void test_refusals_of_the_server_are_told_by_their_sqlstate(void **state maybe_unused)
{
    static const struct {
        const char *name;
        struct peer_answer answer;
        enum error_kind kind;
        const char *code, *part;
    } cases[] = {
        {"wrong password", FATAL("28P01"), ERROR_DENIED, "28P01", "as 'adm' failed: the server"},
        {"too many", FATAL("53300"), ERROR_UNAVAILABLE, "53300", "no connection left"},
        {"starting", FATAL("57P03"), ERROR_UNAVAILABLE, "57P03", "starting up"},
        {"no database", FATAL("3D000"), ERROR_INVALID, "3D000",
         "has no database 'shop' to connect to: name one that it has in the connection string"},
        {"in the language of the server", BYTES("E\0\0\0\x21S" RUSSIAN "\0C28P01\0Mparrot!\0\0"),
         ERROR_DENIED, "28P01", "refused the password"},
        {"no PostgreSQL", BYTES("HTTP/1.1 400 Bad Request\r\nparrot: parrot\r\n\r\n"),
         ERROR_UNAVAILABLE, "", "cannot connect to the PostgreSQL server 127.0.0.1:"},
        {"hangs up", HANG_UP, ERROR_UNAVAILABLE, "Reset", "closed the connection"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_peer struct scripted_peer peer = {0};
        struct error err = connect_to_peer(&cases[i].answer, 1, "shop?sslmode=disable", &peer);

        check_error(cases[i].name, &err, cases[i].kind, cases[i].code, cases[i].part);
    }
}

static void test_server_learns_the_user_the_database_and_who_we_are(void **state maybe_unused)
{
    static const struct peer_answer answer = FATAL("28P01");
    static const char user[] = "user\0adm\0database\0postgres\0";
    static const char application[] = "application_name\0database-user-operator\0";
    auto_peer struct scripted_peer peer = {0};

    connect_to_peer(&answer, 1, "?sslmode=disable", &peer);

    assert_true(was_sent(&peer, user, sizeof user - 1));
    assert_true(was_sent(&peer, application, sizeof application - 1));
    assert_false(was_sent(&peer, "canary", 6));
}

static void test_nothing_is_sent_to_a_server_without_tls(void **state maybe_unused)
{
    static const struct peer_answer answer = NO_TLS;
    auto_peer struct scripted_peer peer = {0};
    struct error err = connect_to_peer(&answer, 1, "", &peer);

    check_error("no TLS", &err, ERROR_INVALID, "Tls", "use sslmode=disable");
    assert_int_equal(peer.received.length, 8); /* the request for TLS */
}

static void test_silent_server_ends_in_a_time_out(void **state maybe_unused)
{
    auto_fixture struct fixture fixture = {0};
    auto_peer struct scripted_peer peer = {0};
    auto_free char *url = NULL;
    struct error err;

    scripted_peer_start(&peer, NULL, 0);
    url = mem_printf("postgresql://adm:canary@127.0.0.1:%u", (unsigned)peer.port);
    prepare(&fixture, url);
    fixture.request.connect_timeout_ms = 100;
    err = connect_in_vain(&fixture.request);
    scripted_peer_stop(&peer);

    check_error("silent", &err, ERROR_UNAVAILABLE, "Timeout", "did not answer in time");
}

static void test_cancellation_ends_the_waiting(void **state maybe_unused)
{
    auto_fixture struct fixture fixture = {0};
    auto_peer struct scripted_peer peer = {0};
    struct cancellation *cancellation = cancellation_new();
    auto_free char *url = NULL;
    struct error err;

    scripted_peer_start(&peer, NULL, 0);
    url = mem_printf("postgresql://adm:canary@127.0.0.1:%u", (unsigned)peer.port);
    prepare(&fixture, url);
    fixture.request.connect_timeout_ms = 60000;
    fixture.request.cancellation = cancellation;
    cancellation_request(cancellation);
    err = connect_in_vain(&fixture.request);
    scripted_peer_stop(&peer);
    cancellation_free(cancellation);

    assert_int_equal(err.kind, ERROR_CANCELLED);
}

static void test_nothing_is_sent_once_it_must_not_be(void **state maybe_unused)
{
    static const struct peer_answer answer = LET_IN;
    struct cancellation *cancellation = cancellation_new();
    struct engine_session *session = NULL;
    auto_fixture struct fixture fixture = {0};
    auto_peer struct scripted_peer peer = {0};
    auto_free char *url = NULL;
    struct error err = {0};

    scripted_peer_start(&peer, &answer, 1);
    url = mem_printf("postgresql://adm:canary@127.0.0.1:%u/?sslmode=disable", (unsigned)peer.port);
    prepare(&fixture, url);
    fixture.request.cancellation = cancellation;
    assert_true(engine_postgres.connect(&fixture.request, &session, &err));
    cancellation_request(cancellation);
    assert_false(engine_postgres.drop_database(session, "shop", &err));
    scripted_peer_stop(&peer);
    engine_postgres.disconnect(session);
    cancellation_free(cancellation);

    assert_int_equal(err.kind, ERROR_CANCELLED);
    assert_false(was_sent(&peer, "BEGIN", 5));
    assert_false(was_sent(&peer, "pg_catalog", 10));
}

/* --- Several hosts --------------------------------------------------------------------------- */

/* Connects to the first peer, then to the second, whose answer is the last word. */
static struct error connect_to_two(const struct peer_answer *first_answer, size_t count,
                                   struct scripted_peer *first, struct scripted_peer *second)
{
    static const struct peer_answer last_word = FATAL("28000");
    auto_fixture struct fixture fixture = {0};
    auto_free char *url = NULL;
    struct error err;

    scripted_peer_start(first, first_answer, count);
    scripted_peer_start(second, &last_word, 1);
    url = mem_printf("postgresql://adm:canary@127.0.0.1:%u,127.0.0.1:%u/?sslmode=disable",
                     (unsigned)first->port, (unsigned)second->port);
    prepare(&fixture, url);
    fixture.request.connect_timeout_ms = count > 0 ? 10000 : 1000;
    err = connect_in_vain(&fixture.request);
    scripted_peer_stop(first);
    scripted_peer_stop(second);
    return err;
}

static void test_next_host_is_asked_when_one_cannot_be_used_now(void **state maybe_unused)
{
    static const struct {
        const char *name;
        struct peer_answer answer;
        size_t count;
    } cases[] = {
        {"silent", HANG_UP, 0},
        {"hangs up", HANG_UP, 1},
        {"starting", FATAL("57P03"), 1},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_peer struct scripted_peer first = {0}, second = {0};
        struct error err = connect_to_two(&cases[i].answer, cases[i].count, &first, &second);
        auto_free char *second_label = mem_printf("127.0.0.1:%u ", (unsigned)second.port);

        check_error(cases[i].name, &err, ERROR_DENIED, "28000", second_label);
        if (first.connections != 1 || second.connections != 1)
            fail_msg("%s: %zu and %zu connections", cases[i].name, first.connections,
                     second.connections);
    }
}

static void test_no_other_host_is_asked_when_one_refuses_the_password(void **state maybe_unused)
{
    static const struct peer_answer refusal = FATAL("28P01");
    auto_peer struct scripted_peer first = {0}, second = {0};
    struct error err = connect_to_two(&refusal, 1, &first, &second);

    check_error("refused", &err, ERROR_DENIED, "28P01", "refused the password");
    assert_int_equal(second.connections, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_of_the_server_are_told_by_their_sqlstate),
        cmocka_unit_test(test_server_learns_the_user_the_database_and_who_we_are),
        cmocka_unit_test(test_nothing_is_sent_to_a_server_without_tls),
        cmocka_unit_test(test_silent_server_ends_in_a_time_out),
        cmocka_unit_test(test_cancellation_ends_the_waiting),
        cmocka_unit_test(test_nothing_is_sent_once_it_must_not_be),
        cmocka_unit_test(test_next_host_is_asked_when_one_cannot_be_used_now),
        cmocka_unit_test(test_no_other_host_is_asked_when_one_refuses_the_password),
    };

    return cmocka_run_group_tests_name("engine/postgres_connect", tests, NULL, NULL);
}
