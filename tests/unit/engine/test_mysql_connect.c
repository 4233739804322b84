#include "base/memory.h"
#include "base/random.h"
#include "base/timesource.h"
#include "engine/engine.h"
#include "scripted_peer.h"
#include "support/test.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* --- What a server may say ------------------------------------------------------------------- */

#define BYTES(text)                                 \
    {                                               \
        .bytes = (text), .length = sizeof(text) - 1 \
    }
/* Version 8.0.0, thread 1, eight bytes of the scramble, capabilities (SSL is bit 11), character
 * set, status, capabilities (plugin names), length of the scramble, the rest of it, the plugin. */
#define GREETING(ssl, plugin, length)                                                             \
    BYTES(length "\0\0\0\x0a"                                                                     \
                 "8.0.0\0\x01\0\0\0AAAAAAAA\0\xdf" ssl "\x21\x02\0\x0f\0\x15\0\0\0\0\0\0\0\0\0\0" \
                 "BBBBBBBBBBBB\0" plugin "\0")
#define WITH_TLS    GREETING("\xff", "mysql_native_password", "\x49")
#define WITHOUT_TLS GREETING("\xf7", "mysql_native_password", "\x49")

static const struct peer_answer with_tls = WITH_TLS, without_tls = WITHOUT_TLS;

/* --- How the driver is asked ----------------------------------------------------------------- */

struct fixture {
    struct connection_string server;
    struct engine_connect_request request;
};

static void prepare(struct fixture *fixture, uint16_t port, const char *parameters)
{
    auto_secret struct secret text = {0};
    auto_free char *url =
        mem_printf("mysql://adm:canary@127.0.0.1:%u/?%s", (unsigned)port, parameters);
    struct error err = {0};

    *fixture = (struct fixture){
        .request = {.timesource = &timesource_system,
                    .random = &random_system,
                    .connect_timeout_ms = 10000},
    };
    fixture->request.server = &fixture->server;
    secret_set_text(&text, url);
    if (!connection_string_parse_mysql(&text, &fixture->server, &err))
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

    if (engine_mysql.connect(request, &session, &err))
        fail_msg("it connected");
    assert_null(session);
    if (strstr(err.message, "canary") != NULL || strstr(err.message, "parrot") != NULL)
        fail_msg("it quotes: %s", err.message);
    return err;
}

static struct error connect_to_peer(const struct peer_answer *greeting,
                                    const struct peer_answer *answers, size_t count,
                                    const char *parameters, struct scripted_peer *peer)
{
    auto_fixture struct fixture fixture = {0};
    struct error err;

    scripted_peer_start_with_greeting(peer, greeting, answers, count);
    prepare(&fixture, peer->port, parameters);
    err = connect_in_vain(&fixture.request);
    scripted_peer_stop(peer);
    return err;
}

static void check_error(const char *name, const struct error *err, enum error_kind kind,
                        const char *code, const char *part)
{
    if (err->kind != kind || !error_has_code(err, code) || strstr(err->message, part) == NULL)
        fail_msg("%s: %s, %s: %s", name, error_kind_name(err->kind), err->code, err->message);
}

/* --- Refusals -------------------------------------------------------------------------------- */

#define REFUSAL(number) BYTES("\x10\0\0\x02\xff" number "#28000parrot!")

static void test_refusals_of_the_server_are_told_by_their_number(void **state maybe_unused)
{
    static const struct {
        const char *name;
        struct peer_answer answer;
        enum error_kind kind;
        const char *code, *part;
    } cases[] = {
        {"wrong password", REFUSAL("\x15\x04"), ERROR_DENIED, "1045", "correct them in the Secret"},
        {"too many", REFUSAL("\x10\x04"), ERROR_UNAVAILABLE, "1040", "no connection left"},
        {"locked", REFUSAL("\x2e\x0c"), ERROR_DENIED, "3118", "is locked"},
        {"hangs up", {.bytes = NULL}, ERROR_UNAVAILABLE, "2013", "was lost"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_peer struct scripted_peer peer = {0};
        struct error err = connect_to_peer(&without_tls, &cases[i].answer, 1, "tls=false", &peer);

        check_error(cases[i].name, &err, cases[i].kind, cases[i].code, cases[i].part);
    }
}

static void test_server_that_speaks_another_protocol_is_unavailable(void **state maybe_unused)
{
    static const struct peer_answer web = BYTES("HTTP/1.1 400 Bad Request\r\n\r\nparrot");
    static const struct peer_answer full = BYTES("\x13\0\0\0\xff\x10\x04Too many parrot!");
    auto_peer struct scripted_peer first = {0}, second = {0};
    struct error err = connect_to_peer(&web, NULL, 0, "timeout=1s", &first);
    struct error other = connect_to_peer(&full, NULL, 0, "timeout=5s", &second);

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    check_error("instead of a greeting", &other, ERROR_UNAVAILABLE, "1040", "no connection left");
}

/* --- What the password is shown to ----------------------------------------------------------- */

static bool was_sent(const struct scripted_peer *peer, const char *text)
{
    return memmem(strbuf_text(&peer->received), peer->received.length, text, strlen(text)) != NULL;
}

static void test_password_is_never_sent_in_clear_to_whoever_asks_for_it(void **state maybe_unused)
{
    static const struct {
        const char *name;
        struct peer_answer answer;
    } cases[] = {
        {"clear", BYTES("\x16\0\0\x02\xfe"
                        "mysql_clear_password\0")},
        {"dialog", BYTES("\x08\0\0\x02\xfe"
                         "dialog\0")},
        {"sha256", BYTES("\x26\0\0\x02\xfe"
                         "sha256_password\0CCCCCCCCCCCCCCCCCCCC\0")},
        {"old", BYTES("\x01\0\0\x02\xfe")},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_peer struct scripted_peer peer = {0};
        struct error err = connect_to_peer(&without_tls, &cases[i].answer, 1, "tls=false", &peer);

        check_error(cases[i].name, &err, ERROR_DENIED, "5010", "the password was not sent");
        if (was_sent(&peer, "canary"))
            fail_msg("%s: it was sent", cases[i].name);
    }
}

static void
test_nothing_is_told_to_a_server_without_tls_that_cannot_prove_who_it_is(void **state maybe_unused)
{
    auto_peer struct scripted_peer peer = {0};
    struct error err = connect_to_peer(&without_tls, NULL, 0, "tls=true", &peer);

    check_error("tls=true", &err, ERROR_INVALID, "Tls", "it has no TLS");
    assert_int_equal(peer.received.length, 0);
}

/* --- Waiting --------------------------------------------------------------------------------- */

/* Where the server falls silent: before its greeting, in the TLS handshake (in which the library
 * would wait for ever), after the login was sent. */
static const struct silence {
    const char *name;
    const struct peer_answer *greeting;
    const char *parameters;
} silences[] = {
    {"before the greeting", NULL, "timeout=1s"},
    {"in the TLS handshake", &with_tls, "tls=skip-verify&timeout=1s"},
    {"in the verified TLS handshake", &with_tls, "tls=true&timeout=1s"},
    {"in the login", &without_tls, "tls=false&timeout=1s"},
};

static void test_silence_ends_at_the_time_limit(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(silences); i++) {
        auto_peer struct scripted_peer peer = {0};
        int64_t start_ms = timesource_monotonic_ms(&timesource_system), took_ms;
        struct error err =
            connect_to_peer(silences[i].greeting, NULL, 0, silences[i].parameters, &peer);

        took_ms = timesource_monotonic_ms(&timesource_system) - start_ms;
        check_error(silences[i].name, &err, ERROR_UNAVAILABLE, "Timeout", "did not answer in time");
        if (took_ms < 900 || took_ms > 4000)
            fail_msg("%s: took %lld ms", silences[i].name, (long long)took_ms);
    }
}

static void *cancel_soon(void *cancellation)
{
    usleep(100 * 1000);
    cancellation_request(cancellation);
    return NULL;
}

static void check_cancellation(const struct silence *silence)
{
    auto_fixture struct fixture fixture = {0};
    auto_peer struct scripted_peer peer = {0};
    struct cancellation *cancellation = cancellation_new();
    int64_t start_ms = timesource_monotonic_ms(&timesource_system);
    pthread_t thread;
    struct error err;

    scripted_peer_start_with_greeting(&peer, silence->greeting, NULL, 0);
    prepare(&fixture, peer.port, silence->parameters);
    fixture.server.connect_timeout_seconds = 60;
    fixture.request.cancellation = cancellation;
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, cancellation), 0);
    err = connect_in_vain(&fixture.request);
    pthread_join(thread, NULL);
    scripted_peer_stop(&peer);
    cancellation_free(cancellation);

    if (err.kind != ERROR_CANCELLED ||
        timesource_monotonic_ms(&timesource_system) - start_ms > 4000)
        fail_msg("%s: %s: %s", silence->name, error_kind_name(err.kind), err.message);
}

static void test_waiting_ends_on_cancellation(void **state maybe_unused)
{
    for (size_t i = 0; i < array_length(silences); i++)
        check_cancellation(&silences[i]);
}

#define OK_AFTER(number) BYTES("\x07\0\0" number "\0\0\0\x02\0\0\0")

static void test_nothing_is_sent_once_it_must_not_be(void **state maybe_unused)
{
    static const struct peer_answer answers[] = {OK_AFTER("\x02"), OK_AFTER("\x01")};
    struct cancellation *cancellation = cancellation_new();
    struct engine_session *session = NULL;
    auto_fixture struct fixture fixture = {0};
    auto_peer struct scripted_peer peer = {0};
    struct error err = {0};

    scripted_peer_start_with_greeting(&peer, &without_tls, answers, array_length(answers));
    prepare(&fixture, peer.port, "tls=false");
    fixture.request.cancellation = cancellation;
    assert_true(engine_mysql.connect(&fixture.request, &session, &err));
    cancellation_request(cancellation);
    assert_false(engine_mysql.set_login(session, "orders", false, &err));
    engine_mysql.disconnect(session);
    scripted_peer_stop(&peer);
    cancellation_free(cancellation);

    assert_int_equal(err.kind, ERROR_CANCELLED);
    assert_true(was_sent(&peer, "SET NAMES"));
    assert_false(was_sent(&peer, "orders"));
}

static void
test_server_that_refuses_and_a_port_without_one_are_unavailable(void **state maybe_unused)
{
    auto_fixture struct fixture fixture = {0};
    auto_peer struct scripted_peer peer = {0};
    struct error err;

    scripted_peer_start(&peer, NULL, 0);
    scripted_peer_stop(&peer); /* nobody has its port now */
    prepare(&fixture, peer.port, "timeout=5s");
    err = connect_in_vain(&fixture.request);

    check_error("nobody", &err, ERROR_UNAVAILABLE, "2002", "nobody listens there");
}

static int initialize(void **state maybe_unused)
{
    engine_library_init();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_of_the_server_are_told_by_their_number),
        cmocka_unit_test(test_server_that_speaks_another_protocol_is_unavailable),
        cmocka_unit_test(test_password_is_never_sent_in_clear_to_whoever_asks_for_it),
        cmocka_unit_test(test_nothing_is_told_to_a_server_without_tls_that_cannot_prove_who_it_is),
        cmocka_unit_test(test_silence_ends_at_the_time_limit),
        cmocka_unit_test(test_waiting_ends_on_cancellation),
        cmocka_unit_test(test_nothing_is_sent_once_it_must_not_be),
        cmocka_unit_test(test_server_that_refuses_and_a_port_without_one_are_unavailable),
    };

    return cmocka_run_group_tests_name("engine/mysql_connect", tests, initialize, NULL);
}
