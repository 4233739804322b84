#include "base/memory.h"
#include "base/random.h"
#include "base/timesource.h"
#include "engine/engine.h"
#include "scripted_peer.h"
#include "support/test.h"

#include <libpq-fe.h>

#include <string.h>

/* --- What a server may say (protocol 3.0) ---------------------------------------------------- */

#define BYTES(text)                                 \
    {                                               \
        .bytes = (text), .length = sizeof(text) - 1 \
    }
#define HANG_UP       \
    {                 \
        .bytes = NULL \
    }
#define NO_TLS      BYTES("N")
#define ASK_CLEAR   BYTES("R\0\0\0\x08\0\0\0\x03")
#define LET_IN      BYTES("R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")
/* 4 for the length itself, 7 severity, 7 code, 9 message, 1 end */
#define FATAL(code) BYTES("E\0\0\0\x1cSFATAL\0C" code "\0Mparrot!\0\0")
#define RUSSIAN     "\xd0\x92\xd0\x90\xd0\x96\xd0\x9d\xd0\x9e"

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

/* --- Proofs ---------------------------------------------------------------------------------- */

struct proof {
    bool learned;
    enum engine_login login;
    char detail[ERROR_MESSAGE_SIZE];
    struct error err;
};

static void prove(const struct peer_answer *answers, size_t count, const char *parameters,
                  struct scripted_peer *peer, struct proof *ret_proof)
{
    auto_fixture struct fixture fixture = {0};
    auto_secret struct secret password = {0};
    struct engine_target target = {
        .database = "shop", .username = "shopper", .password = &password};
    auto_free char *url = NULL;

    *ret_proof = (struct proof){0};
    scripted_peer_start(peer, answers, count);
    url = mem_printf("postgresql://adm:canary@127.0.0.1:%u/?%s", (unsigned)peer->port, parameters);
    prepare(&fixture, url);
    secret_set_text(&password, "parrot");
    ret_proof->learned = engine_postgres.prove_login(
        NULL, &fixture.request, &target, &ret_proof->login, ret_proof->detail, &ret_proof->err);
    scripted_peer_stop(peer);
    if (was_sent(peer, "parrot", 6) || was_sent(peer, "canary", 6))
        fail_msg("a password was sent in clear");
    if (strstr(ret_proof->detail, "parrot") != NULL ||
        strstr(ret_proof->err.message, "parrot") != NULL)
        fail_msg("it quotes: %s%s", ret_proof->detail, ret_proof->err.message);
}

static void test_refused_login_is_judged_by_its_sqlstate(void **state maybe_unused)
{
    static const struct {
        struct peer_answer answers[2];
        enum engine_login login;
        const char *part;
    } cases[] = {
        {{NO_TLS, FATAL("28P01")},
         ENGINE_LOGIN_WRONG_PASSWORD,
         "refuses the stored password of user 'shopper'"},
        {{NO_TLS, FATAL("28000")}, ENGINE_LOGIN_REFUSED, "user 'shopper' cannot log in"},
        {{NO_TLS, FATAL("42501")}, ENGINE_LOGIN_REFUSED, "SQLSTATE 42501"},
        {{NO_TLS, FATAL("3D000")}, ENGINE_LOGIN_REFUSED, "the database does not exist"},
        {{NO_TLS, FATAL("55000")}, ENGINE_LOGIN_REFUSED, "does not accept connections"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_peer struct scripted_peer peer = {0};
        struct proof proof;

        prove(cases[i].answers, 2, "sslmode=prefer", &peer, &proof);

        if (!proof.learned || proof.login != cases[i].login ||
            strstr(proof.detail, cases[i].part) == NULL)
            fail_msg("'%s': %d, %d: %s%s", cases[i].part, proof.learned, (int)proof.login,
                     proof.detail, proof.err.message);
        if (!was_sent(&peer, "user\0shopper\0database\0shop", 26))
            fail_msg("'%s': not as the user", cases[i].part);
    }
}

static void test_server_that_is_not_ready_proves_nothing(void **state maybe_unused)
{
    static const struct peer_answer cases[][2] = {
        {NO_TLS, FATAL("53300")},
        {NO_TLS, FATAL("57P03")},
        {NO_TLS, FATAL("08P01")},
        {NO_TLS, HANG_UP},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_peer struct scripted_peer peer = {0};
        struct proof proof;

        prove(cases[i], 2, "sslmode=prefer", &peer, &proof);

        if (proof.learned || proof.err.kind != ERROR_UNAVAILABLE)
            fail_msg("case %zu: %d, %d: %s", i, proof.learned, (int)proof.login, proof.err.message);
    }
}

static void test_stored_password_is_never_sent_in_clear(void **state maybe_unused)
{
    static const struct peer_answer without_tls[] = {NO_TLS, ASK_CLEAR};
    static const struct peer_answer at_once[] = {ASK_CLEAR};
    auto_peer struct scripted_peer preferring = {0}, disabled = {0};
    struct proof proof;

    prove(without_tls, array_length(without_tls), "sslmode=prefer", &preferring, &proof);
    assert_true(proof.learned);
    assert_int_equal(proof.login, ENGINE_LOGIN_UNSAFE);
    assert_non_null(strstr(proof.detail, "the stored password of user 'shopper' was not tried"));

    prove(at_once, array_length(at_once), "sslmode=disable", &disabled, &proof);
    assert_true(proof.learned);
    assert_int_equal(proof.login, ENGINE_LOGIN_UNSAFE);
    assert_non_null(strstr(proof.detail, "the stored password of user 'shopper' was not tried"));
    if (PQlibVersion() < 160000) { /* it cannot insist, so the server is not even asked */
        assert_int_equal(disabled.connections, 0);
        assert_non_null(strstr(proof.detail, "only over TLS (sslmode=require)"));
    }
}

static void test_server_that_asks_for_no_password_proves_nothing(void **state maybe_unused)
{
    static const struct peer_answer with_binding[] = {NO_TLS, LET_IN};
    static const struct peer_answer without_binding[] = {LET_IN};
    auto_peer struct scripted_peer binding = {0}, trusting = {0};
    struct proof proof;

    prove(with_binding, array_length(with_binding), "sslmode=prefer", &binding, &proof);
    assert_true(proof.learned);
    assert_int_equal(proof.login, ENGINE_LOGIN_UNSAFE);

    /* libpq from 16 on refuses, an older one goes in and says that nobody asked. */
    prove(without_binding, array_length(without_binding), "sslmode=disable&channel_binding=disable",
          &trusting, &proof);
    assert_true(proof.learned);
    assert_true(proof.login == ENGINE_LOGIN_NOT_ASKED || proof.login == ENGINE_LOGIN_UNSAFE);
    assert_non_null(strstr(proof.detail, "'shopper'"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_of_the_server_are_told_by_their_sqlstate),
        cmocka_unit_test(test_server_learns_the_user_the_database_and_who_we_are),
        cmocka_unit_test(test_nothing_is_sent_to_a_server_without_tls),
        cmocka_unit_test(test_silent_server_ends_in_a_time_out),
        cmocka_unit_test(test_cancellation_ends_the_waiting),
        cmocka_unit_test(test_next_host_is_asked_when_one_cannot_be_used_now),
        cmocka_unit_test(test_no_other_host_is_asked_when_one_refuses_the_password),
        cmocka_unit_test(test_refused_login_is_judged_by_its_sqlstate),
        cmocka_unit_test(test_server_that_is_not_ready_proves_nothing),
        cmocka_unit_test(test_stored_password_is_never_sent_in_clear),
        cmocka_unit_test(test_server_that_asks_for_no_password_proves_nothing),
    };

    return cmocka_run_group_tests_name("engine/postgres_connect", tests, NULL, NULL);
}
