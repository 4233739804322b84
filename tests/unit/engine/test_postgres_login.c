#include "base/memory.h"
#include "engine/engine.h"
#include "postgres_answers.h"
#include "support/fake_random.h"
#include "support/test.h"

#include <libpq-fe.h>

#include <netdb.h>
#include <string.h>

/* --- An exchange with a fixed nonce ---------------------------------------------------------- */

/* Computed with hashlib and hmac of Python: password "parrot", salt and iterations of RFC 7677. */
#define NONCE_BYTES  "abcdefghijklmnopqr"
#define NONCE        "YWJjZGVmZ2hpamtsbW5vcHFy"
#define SERVER_NONCE NONCE "%server"
#define PROOF        "uraHsLVlrNkvxAp+/k2+xd4vn69H1NSe8aw7EYxfWxU="
#define SIGNATURE    "mBG4v7AujwakoB3U4IarpksZPKLZ5PY87XBxz4giAPU="

/* The length of each counts itself, the code and the data. */
#define ASK_SCRAM_TEXT "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0"
#define CONTINUE_TEXT(nonce, iterations) \
    "R\0\0\0\x4b\0\0\0\x0br=" nonce ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=" iterations
#define FINAL_TEXT(signature) "R\0\0\0\x36\0\0\0\x0cv=" signature
#define OK_TEXT               "R\0\0\0\x08\0\0\0\0"
#define READY_TEXT            "Z\0\0\0\x05I"
#define STATUS_TEXT           "S\0\0\0\x0akey\0v\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x02N\0\0\0\x05\0"

#define ASK_SCRAM BYTES(ASK_SCRAM_TEXT)
#define CONTINUE  BYTES(CONTINUE_TEXT(SERVER_NONCE, "4096"))
#define FINISH    BYTES(FINAL_TEXT(SIGNATURE) OK_TEXT STATUS_TEXT READY_TEXT)

/* --- How the driver is asked ----------------------------------------------------------------- */

struct fixture {
    struct connection_string server;
    struct engine_connect_request request;
    struct fake_random random;
    const char *password;
};

struct proof {
    bool learned;
    enum engine_login login;
    char detail[ERROR_MESSAGE_SIZE];
    struct error err;
};

static void prepare(struct fixture *fixture, const char *url)
{
    auto_secret struct secret text = {0};
    struct error err = {0};

    *fixture = (struct fixture){
        .request = {.timesource = &timesource_system, .connect_timeout_ms = 10000},
        .password = "parrot",
    };
    fake_random_init_script(&fixture->random, NONCE_BYTES, sizeof NONCE_BYTES - 1);
    fixture->request.server = &fixture->server;
    fixture->request.random = &fixture->random.source;
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

static bool was_sent(const struct scripted_peer *peer, const char *bytes, size_t length)
{
    return memmem(strbuf_text(&peer->received), peer->received.length, bytes, length) != NULL;
}

static void check_secrecy(const struct scripted_peer *peer, const struct proof *proof)
{
    if (was_sent(peer, "parrot", 6) || was_sent(peer, "canary", 6))
        fail_msg("a password was sent in clear");
    if (strstr(proof->detail, "parrot") != NULL || strstr(proof->err.message, "parrot") != NULL)
        fail_msg("it quotes: %s%s", proof->detail, proof->err.message);
}

static void prove(const struct fixture *fixture, struct proof *ret_proof)
{
    auto_secret struct secret password = {0};
    struct engine_target target = {
        .database = "shop", .username = "shopper", .password = &password};

    *ret_proof = (struct proof){0};
    secret_set_text(&password, fixture->password);
    ret_proof->learned = engine_postgres.prove_login(
        NULL, &fixture->request, &target, &ret_proof->login, ret_proof->detail, &ret_proof->err);
}

static void start_peer(struct scripted_peer *peer, const struct peer_answer *answers, size_t count,
                       const char *parameters, struct fixture *ret_fixture)
{
    auto_free char *url = NULL;

    scripted_peer_start(peer, answers, count);
    url = mem_printf("postgresql://adm:canary@127.0.0.1:%u/?%s", (unsigned)peer->port, parameters);
    prepare(ret_fixture, url);
}

static void prove_to(const struct peer_answer *answers, size_t count, const char *parameters,
                     struct scripted_peer *peer, struct proof *ret_proof)
{
    auto_fixture struct fixture fixture = {0};

    start_peer(peer, answers, count, parameters, &fixture);
    prove(&fixture, ret_proof);
    scripted_peer_stop(peer);
    check_secrecy(peer, ret_proof);
}

static const char *outcome_name(const struct proof *proof)
{
    static const char *const names[] = {
        [ENGINE_LOGIN_PROVEN] = "proven",       [ENGINE_LOGIN_WRONG_PASSWORD] = "wrong password",
        [ENGINE_LOGIN_NOT_ASKED] = "not asked", [ENGINE_LOGIN_REFUSED] = "refused",
        [ENGINE_LOGIN_UNSAFE] = "unsafe",
    };

    return proof->learned ? names[proof->login] : error_kind_name(proof->err.kind);
}

/* `part` is of the detail or of the error. */
static void check_outcome(const char *name, const struct proof *proof, const char *outcome,
                          const char *part)
{
    const char *text = proof->learned ? proof->detail : proof->err.message;

    if (strcmp(outcome_name(proof), outcome) != 0 || strstr(text, part) == NULL)
        fail_msg("%s: %s: %s", name, outcome_name(proof), text);
}

/* What is said to one after the other of our messages, and what is made of it. */
struct script {
    const char *name;
    struct peer_answer answers[4];
    size_t count;
    const char *outcome, *part;
};

static void check_scripts(const struct script *scripts, size_t count, const char *parameters)
{
    for (size_t i = 0; i < count; i++) {
        const struct script *script = &scripts[i];
        auto_peer struct scripted_peer peer = {0};
        struct proof proof;

        prove_to(script->answers, script->count, parameters, &peer, &proof);

        check_outcome(script->name, &proof, script->outcome, script->part);
    }
}

/* --- Without TLS ----------------------------------------------------------------------------- */

static const struct peer_answer good[] = {ASK_SCRAM, CONTINUE, FINISH};

static void test_password_is_proven_without_being_sent(void **state maybe_unused)
{
    static const char startup[] = "\0\0\0\x61\0\x03\0\0user\0shopper\0database\0shop\0"
                                  "application_name\0database-user-operator\0"
                                  "client_encoding\0UTF8\0";
    static const char first[] = "p\0\0\0\x36SCRAM-SHA-256\0\0\0\0\x20n,,n=,r=" NONCE;
    static const char final[] = "p\0\0\0\x5b"
                                "c=biws,r=" SERVER_NONCE ",p=" PROOF;
    static const char terminate[] = "X\0\0\0\x04";
    auto_peer struct scripted_peer peer = {0};
    auto_strbuf struct strbuf expected = {0};
    struct proof proof;

    prove_to(good, array_length(good), "sslmode=disable", &peer, &proof);

    check_outcome("good", &proof, "proven", "");
    strbuf_append(&expected, startup, sizeof startup);
    strbuf_append(&expected, first, sizeof first - 1);
    strbuf_append(&expected, final, sizeof final - 1);
    assert_true(peer.received.length >= expected.length);
    assert_memory_equal(strbuf_text(&peer.received), strbuf_text(&expected), expected.length);
    /* The peer may be stopped before it reads the last message. */
    if (peer.received.length > expected.length)
        assert_memory_equal(strbuf_text(&peer.received) + expected.length, terminate,
                            sizeof terminate - 1);
}

static void test_refused_login_is_judged_by_its_sqlstate(void **state maybe_unused)
{
    static const struct script scripts[] = {
        {"wrong password",
         {ASK_SCRAM, CONTINUE, FATAL("28P01")},
         3,
         "wrong password",
         "refuses the stored password of user 'shopper'"},
        {"wrong password at once",
         {FATAL("28P01")},
         1,
         "wrong password",
         "it is not reset by itself"},
        {"pg_hba.conf", {FATAL("28000")}, 1, "refused", "user 'shopper' cannot log in"},
        {"no database, said to anybody", {FATAL("3D000")}, 1, "refused", "does not exist"},
        {"no database, before the proof",
         {ASK_SCRAM, FATAL("3D000")},
         2,
         "refused",
         "does not exist"},
        {"no database, in place of the signature",
         {ASK_SCRAM, CONTINUE, FATAL("3D000")},
         3,
         "refused",
         "does not exist"},
        {"no database, after the proof",
         {ASK_SCRAM, CONTINUE, BYTES(FINAL_TEXT(SIGNATURE) OK_TEXT FATAL_TEXT("3D000"))},
         3,
         "proven",
         ""},
        {"no CONNECT",
         {ASK_SCRAM, CONTINUE, BYTES(FINAL_TEXT(SIGNATURE) OK_TEXT FATAL_TEXT("42501"))},
         3,
         "refused",
         "SQLSTATE 42501"},
        {"closed database",
         {ASK_SCRAM, CONTINUE, BYTES(FINAL_TEXT(SIGNATURE) OK_TEXT FATAL_TEXT("55000"))},
         3,
         "refused",
         "does not accept connections"},
        {"NOLOGIN",
         {ASK_SCRAM, CONTINUE,
          BYTES(FINAL_TEXT(SIGNATURE) OK_TEXT STATUS_TEXT FATAL_TEXT("28000"))},
         3,
         "refused",
         "SQLSTATE 28000"},
    };

    check_scripts(scripts, array_length(scripts), "sslmode=disable");
}

static void test_server_that_is_not_ready_proves_nothing(void **state maybe_unused)
{
    static const struct script scripts[] = {
        {"too many", {FATAL("53300")}, 1, "unavailable", "no connection left"},
        {"starting", {FATAL("57P03")}, 1, "unavailable", "starting up"},
        {"a pooler's", {FATAL("08P01")}, 1, "unavailable", "the connection failed"},
        {"too many, after the proof",
         {ASK_SCRAM, CONTINUE, BYTES(FINAL_TEXT(SIGNATURE) OK_TEXT FATAL_TEXT("53300"))},
         3,
         "unavailable",
         "no connection left"},
        {"hangs up", {HANG_UP}, 1, "unavailable", "closed the connection"},
        {"hangs up on our nonce", {ASK_SCRAM, HANG_UP}, 2, "unavailable", "closed the connection"},
        {"hangs up on the proof",
         {ASK_SCRAM, CONTINUE, HANG_UP},
         3,
         "unavailable",
         "closed the connection"},
        {"hangs up after the proof",
         {ASK_SCRAM,
          CONTINUE,
          {.bytes = FINAL_TEXT(SIGNATURE) OK_TEXT,
           .length = sizeof FINAL_TEXT(SIGNATURE) OK_TEXT - 1,
           .then = PEER_CLOSES}},
         3,
         "unavailable",
         "closed the connection"},
        {"resets", {{.then = PEER_RESETS}}, 1, "unavailable", "reset the connection"},
        {"resets later",
         {ASK_SCRAM, {.then = PEER_RESETS}},
         2,
         "unavailable",
         "reset the connection"},
        {"cut within the header",
         {{.bytes = "R\0\0", .length = 3, .then = PEER_CLOSES}},
         1,
         "unavailable",
         "closed the connection"},
        {"cut within the body",
         {{.bytes = ASK_SCRAM_TEXT, .length = 12, .then = PEER_CLOSES}},
         1,
         "unavailable",
         "closed the connection"},
    };

    check_scripts(scripts, array_length(scripts), "sslmode=disable");
}

static void test_server_that_asks_otherwise_does_not_get_the_password(void **state maybe_unused)
{
    static const struct script scripts[] = {
        {"in clear", {ASK_CLEAR}, 1, "unsafe", "asks for the password in clear instead of SCRAM"},
        {"MD5", {BYTES("R\0\0\0\x0c\0\0\0\x05salt")}, 1, "unsafe", "asks for the password as MD5"},
        {"GSSAPI", {BYTES("R\0\0\0\x08\0\0\0\x07")}, 1, "unsafe", "another kind of proof"},
        {"a method of tomorrow",
         {BYTES("R\0\0\0\x08\xff\xff\xff\xff")},
         1,
         "unsafe",
         "another kind of proof"},
        {"channel binding alone",
         {BYTES("R\0\0\0\x1c\0\0\0\x0aSCRAM-SHA-256-PLUS\0\0")},
         1,
         "unsafe",
         "other mechanisms"},
        {"no mechanism", {BYTES("R\0\0\0\x09\0\0\0\x0a\0")}, 1, "unsafe", "other mechanisms"},
        {"a list that does not end",
         {BYTES("R\0\0\0\x0d\0\0\0\x0aPLAIN")},
         1,
         "unsafe",
         "other mechanisms"},
        {"in clear after all", {ASK_SCRAM, ASK_CLEAR}, 2, "unsafe", "does not speak SCRAM"},
        {"in clear in the end",
         {ASK_SCRAM, CONTINUE, ASK_CLEAR},
         3,
         "unsafe",
         "without showing that it knows the password"},
    };

    check_scripts(scripts, array_length(scripts), "sslmode=disable");
}

static void test_server_that_does_not_prove_itself_proves_nothing(void **state maybe_unused)
{
    static const struct script scripts[] = {
        {"another nonce",
         {ASK_SCRAM, BYTES(CONTINUE_TEXT("ZWJjZGVmZ2hpamtsbW5vcHFy%server", "4096"))},
         2,
         "unsafe",
         "its nonce is not ours"},
        {"no iteration",
         {ASK_SCRAM, BYTES(CONTINUE_TEXT(SERVER_NONCE, "0000"))},
         2,
         "unsafe",
         "iterations"},
        {"another signature",
         {ASK_SCRAM, CONTINUE,
          BYTES(FINAL_TEXT("nBG4v7AujwakoB3U4IarpksZPKLZ5PY87XBxz4giAPU=") OK_TEXT READY_TEXT)},
         3,
         "unsafe",
         "the stored password of user 'shopper' is not proven: the PostgreSQL server 127.0.0.1:"},
        {"no signature",
         {ASK_SCRAM, CONTINUE, LET_IN},
         3,
         "unsafe",
         "without showing that it knows the password"},
        {"no proof wanted",
         {ASK_SCRAM, LET_IN},
         2,
         "unsafe",
         "the stored password of user 'shopper' is not proven"},
        {"lets everybody in", {LET_IN}, 1, "not asked", "in without a password"},
    };

    check_scripts(scripts, array_length(scripts), "sslmode=disable");
}

static void test_peer_that_is_no_postgresql_proves_nothing(void **state maybe_unused)
{
    static const struct script scripts[] = {
        {"HTTP", {BYTES("HTTP/1.1 400 Bad Request\r\n\r\n")}, 1, "unavailable", "as PostgreSQL"},
        {"oversized", {BYTES("R\0\x01\0\0")}, 1, "unavailable", "as PostgreSQL"},
        {"one byte too long", {BYTES("R\0\0\x75\x35")}, 1, "unavailable", "as PostgreSQL"},
        {"negative length", {BYTES("R\xff\xff\xff\xff")}, 1, "unavailable", "as PostgreSQL"},
        {"length without itself", {BYTES("R\0\0\0\x03")}, 1, "unavailable", "as PostgreSQL"},
        {"no code", {BYTES("R\0\0\0\x07\0\0\0")}, 1, "unavailable", "as PostgreSQL"},
        {"ready at once", {BYTES(READY_TEXT)}, 1, "unavailable", "as PostgreSQL"},
        {"empty error", {BYTES("E\0\0\0\x04")}, 1, "unavailable", "as PostgreSQL"},
        {"error without code",
         {BYTES("E\0\0\0\x0dSFATAL\0\0\0")},
         1,
         "unavailable",
         "as PostgreSQL"},
        {"error that ends in its code",
         {BYTES("E\0\0\0\x08"
                "C28P")},
         1,
         "unavailable",
         "as Post"},
        {"error whose code is none",
         {BYTES("E\0\0\0\x0b"
                "C28p01\0")},
         1,
         "unavailable",
         "as PostgreSQL"},
        {"ready before it said so",
         {ASK_SCRAM, CONTINUE, BYTES(FINAL_TEXT(SIGNATURE) READY_TEXT)},
         3,
         "unavailable",
         "as PostgreSQL"},
        {"asks for more after all",
         {ASK_SCRAM, CONTINUE, BYTES(FINAL_TEXT(SIGNATURE) "R\0\0\0\x08\0\0\0\x03")},
         3,
         "unavailable",
         "as PostgreSQL"},
        {"asks again in the session",
         {ASK_SCRAM, CONTINUE, BYTES(FINAL_TEXT(SIGNATURE) OK_TEXT OK_TEXT)},
         3,
         "unavailable",
         "as PostgreSQL"},
    };

    check_scripts(scripts, array_length(scripts), "sslmode=disable");
}

static void test_endless_notices_end(void **state maybe_unused)
{
    static const char start[] = FINAL_TEXT(SIGNATURE) OK_TEXT;
    auto_strbuf struct strbuf notices = {0};
    auto_peer struct scripted_peer peer = {0};
    struct peer_answer answers[] = {ASK_SCRAM, CONTINUE, {0}};
    struct proof proof;

    strbuf_append(&notices, start, sizeof start - 1);
    for (int i = 0; i < 1000; i++)
        strbuf_append(&notices, "N\0\0\0\x05\0", 6);
    strbuf_append(&notices, READY_TEXT, sizeof READY_TEXT - 1);
    answers[2].bytes = strbuf_text(&notices);
    answers[2].length = notices.length;
    prove_to(answers, array_length(answers), "sslmode=disable", &peer, &proof);

    check_outcome("notices", &proof, "unavailable", "as PostgreSQL");
}

static void test_silent_server_ends_in_a_time_out(void **state maybe_unused)
{
    for (size_t count = 0; count < array_length(good); count++) {
        auto_fixture struct fixture fixture = {0};
        auto_peer struct scripted_peer peer = {0};
        struct proof proof;

        start_peer(&peer, good, count, "sslmode=disable", &fixture);
        fixture.request.connect_timeout_ms = 100;
        prove(&fixture, &proof);
        scripted_peer_stop(&peer);

        check_secrecy(&peer, &proof);
        check_outcome("silent", &proof, "unavailable", "did not answer in time");
        assert_true(error_has_code(&proof.err, "Timeout"));
    }
}

static void test_cancellation_ends_the_waiting(void **state maybe_unused)
{
    auto_fixture struct fixture fixture = {0};
    auto_peer struct scripted_peer peer = {0};
    struct cancellation *cancellation = cancellation_new();
    struct proof proof;

    start_peer(&peer, good, 1, "sslmode=disable", &fixture);
    fixture.request.connect_timeout_ms = 60000;
    fixture.request.cancellation = cancellation;
    cancellation_request(cancellation);
    prove(&fixture, &proof);
    scripted_peer_stop(&peer);
    cancellation_free(cancellation);

    check_outcome("cancelled", &proof, "cancelled", "");
}

static void test_password_that_had_to_be_normalised_is_not_tried(void **state maybe_unused)
{
    static const char *const passwords[] = {"", "parrot\xc3\xa9", "parrot\n"};

    for (size_t i = 0; i < array_length(passwords); i++) {
        auto_fixture struct fixture fixture = {0};
        auto_peer struct scripted_peer peer = {0};
        struct proof proof;

        start_peer(&peer, good, array_length(good), "sslmode=disable", &fixture);
        fixture.password = passwords[i];
        prove(&fixture, &proof);
        scripted_peer_stop(&peer);

        check_outcome("not plain", &proof, "unsafe", "only over TLS");
        assert_int_equal(peer.connections, 0);
    }
}

/* --- Hosts and addresses --------------------------------------------------------------------- */

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **ret_addresses);
void __real_freeaddrinfo(struct addrinfo *addresses);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **ret_addresses);
void __wrap_freeaddrinfo(struct addrinfo *addresses);

#define TWO_ADDRESSES "two.example.com"

/* One name has two addresses: on ::1 nobody listens, on 127.0.0.1 the peer does. */
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **ret_addresses)
{
    struct addrinfo *first = NULL;
    int result;

    if (strcmp(host, TWO_ADDRESSES) != 0)
        return __real_getaddrinfo(host, port, hints, ret_addresses);
    result = __real_getaddrinfo("::1", port, hints, &first);
    if (result != 0)
        return result;
    result = __real_getaddrinfo("127.0.0.1", port, hints, &first->ai_next);
    *ret_addresses = first;
    return result;
}

void __wrap_freeaddrinfo(struct addrinfo *addresses)
{
    while (addresses != NULL) {
        struct addrinfo *next = addresses->ai_next;

        addresses->ai_next = NULL;
        __real_freeaddrinfo(addresses);
        addresses = next;
    }
}

static void test_every_address_of_a_host_is_tried(void **state maybe_unused)
{
    auto_fixture struct fixture fixture = {0};
    auto_peer struct scripted_peer peer = {0};
    auto_free char *url = NULL;
    struct proof proof;

    scripted_peer_start(&peer, good, array_length(good));
    url = mem_printf("postgresql://adm:canary@" TWO_ADDRESSES ":%u/?sslmode=disable",
                     (unsigned)peer.port);
    prepare(&fixture, url);
    prove(&fixture, &proof);
    scripted_peer_stop(&peer);

    check_outcome("two addresses", &proof, "proven", "");
    assert_int_equal(peer.connections, 1);
}

static void test_host_that_nobody_knows_is_named(void **state maybe_unused)
{
    auto_fixture struct fixture fixture = {0};
    struct proof proof;

    prepare(&fixture, "postgresql://adm:canary@127.0.0.1.:5432/?sslmode=disable");
    prove(&fixture, &proof);

    check_outcome("unknown", &proof, "unavailable", "127.0.0.1.:5432: its host name cannot be");
}

/* Proves to the first peer, then to the second. */
static void prove_to_two(const struct peer_answer *first_answers, size_t count,
                         struct scripted_peer *first, struct scripted_peer *second,
                         struct proof *ret_proof)
{
    auto_fixture struct fixture fixture = {0};
    auto_free char *url = NULL;

    scripted_peer_start(first, first_answers, count);
    scripted_peer_start(second, good, array_length(good));
    url = mem_printf("postgresql://adm:canary@127.0.0.1:%u,127.0.0.1:%u/?sslmode=disable",
                     (unsigned)first->port, (unsigned)second->port);
    prepare(&fixture, url);
    fixture.request.connect_timeout_ms = count > 0 ? 10000 : 1000;
    prove(&fixture, ret_proof);
    scripted_peer_stop(first);
    scripted_peer_stop(second);
    check_secrecy(first, ret_proof);
    check_secrecy(second, ret_proof);
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
        struct proof proof;

        prove_to_two(&cases[i].answer, cases[i].count, &first, &second, &proof);

        check_outcome(cases[i].name, &proof, "proven", "");
        assert_int_equal(first.connections, 1);
        assert_int_equal(second.connections, 1);
    }
}

static void test_no_other_host_is_asked_when_one_has_spoken(void **state maybe_unused)
{
    static const struct {
        struct peer_answer answer;
        const char *outcome;
    } cases[] = {
        {FATAL("28P01"), "wrong password"},
        {ASK_CLEAR, "unsafe"},
        {LET_IN, "not asked"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_peer struct scripted_peer first = {0}, second = {0};
        struct proof proof;

        prove_to_two(&cases[i].answer, 1, &first, &second, &proof);

        check_outcome("spoken", &proof, cases[i].outcome, "'shopper'");
        assert_int_equal(second.connections, 0);
    }
}

/* --- Which way ------------------------------------------------------------------------------- */

static void test_preferring_goes_on_without_tls_where_there_is_none(void **state maybe_unused)
{
    static const struct script scripts[] = {
        {"good", {NO_TLS, ASK_SCRAM, CONTINUE, FINISH}, 4, "proven", ""},
        {"asks in clear", {NO_TLS, ASK_CLEAR}, 2, "unsafe", "in clear instead of SCRAM"},
        {"lets everybody in", {NO_TLS, LET_IN}, 2, "not asked", "in without a password"},
        {"refuses", {NO_TLS, FATAL("28P01")}, 2, "wrong password", "'shopper'"},
        {"starting", {NO_TLS, FATAL("57P03")}, 2, "unavailable", "starting up"},
    };

    for (size_t i = 0; i < array_length(scripts); i++) {
        auto_fixture struct fixture fixture = {0};
        auto_peer struct scripted_peer peer = {0};
        auto_free char *url = NULL;
        struct proof proof;

        scripted_peer_start_running_on(&peer, scripts[i].answers, scripts[i].count);
        url =
            mem_printf("postgresql://adm:canary@127.0.0.1:%u/?sslmode=prefer", (unsigned)peer.port);
        prepare(&fixture, url);
        prove(&fixture, &proof);
        scripted_peer_stop(&peer);

        check_secrecy(&peer, &proof);
        check_outcome(scripts[i].name, &proof, scripts[i].outcome, scripts[i].part);
        if (peer.connections != 2) /* the first was asked for TLS alone */
            fail_msg("%s: %zu connections", scripts[i].name, peer.connections);
    }
}

static void test_way_follows_what_the_connection_string_demands(void **state maybe_unused)
{
    static const char *const no_tls = "it has no TLS";
    static const struct {
        const char *parameters, *ca_pem, *ca_file;
        size_t connections;
        const char *outcome, *part;
        bool only_old_libpq;
    } cases[] = {
        {"sslmode=require", NULL, NULL, 1, "invalid", no_tls, false},
        {"sslmode=prefer&channel_binding=require", NULL, NULL, 1, "invalid", no_tls, false},
        {"sslmode=disable&channel_binding=require", NULL, NULL, 0, "unsafe", "needs TLS", false},
        /* Older ones cannot insist on SCRAM then. */
        {"sslmode=require&channel_binding=disable", NULL, NULL, 0, "unsafe",
         "use sslmode=verify-full with the CA in the key ca.crt", true},
        {"sslmode=require&channel_binding=disable", "pem", NULL, 0, "unsafe",
         "use sslmode=verify-full with the CA in the key ca.crt", true},
        {"sslmode=verify-ca&channel_binding=disable", NULL, NULL, 0, "unsafe",
         "use sslmode=verify-full with the CA in the key ca.crt", true},
        {"sslmode=verify-ca&channel_binding=disable", "pem", NULL, 1, "invalid", no_tls, false},
        {"sslmode=verify-ca&channel_binding=disable", NULL, "/ca", 1, "invalid", no_tls, false},
        {"sslmode=verify-full&channel_binding=disable", "pem", NULL, 1, "invalid", no_tls, false},
    };
    static const struct peer_answer without_tls[] = {NO_TLS};

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_fixture struct fixture fixture = {0};
        auto_peer struct scripted_peer peer = {0};
        struct proof proof;

        if (cases[i].only_old_libpq && PQlibVersion() >= 160000)
            continue;
        start_peer(&peer, without_tls, 1, cases[i].parameters, &fixture);
        fixture.request.ca_pem = cases[i].ca_pem;
        fixture.request.ca_file = cases[i].ca_file;
        prove(&fixture, &proof);
        scripted_peer_stop(&peer);

        check_secrecy(&peer, &proof);
        check_outcome(cases[i].parameters, &proof, cases[i].outcome, cases[i].part);
        if (peer.connections != cases[i].connections)
            fail_msg("%s: %zu connections", cases[i].parameters, peer.connections);
    }
}

static void test_preferring_without_channel_binding_insists_on_scram(void **state maybe_unused)
{
    static const struct script scripts[] = {
        {"asks in clear", {ASK_CLEAR}, 1, "unsafe", "in clear instead of SCRAM"},
        {"good", {ASK_SCRAM, CONTINUE, FINISH}, 3, "proven", ""},
    };

    if (PQlibVersion() < 160000) /* a later one speaks of TLS first */
        check_scripts(scripts, array_length(scripts), "sslmode=prefer&channel_binding=disable");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_password_is_proven_without_being_sent),
        cmocka_unit_test(test_refused_login_is_judged_by_its_sqlstate),
        cmocka_unit_test(test_server_that_is_not_ready_proves_nothing),
        cmocka_unit_test(test_server_that_asks_otherwise_does_not_get_the_password),
        cmocka_unit_test(test_server_that_does_not_prove_itself_proves_nothing),
        cmocka_unit_test(test_peer_that_is_no_postgresql_proves_nothing),
        cmocka_unit_test(test_endless_notices_end),
        cmocka_unit_test(test_silent_server_ends_in_a_time_out),
        cmocka_unit_test(test_cancellation_ends_the_waiting),
        cmocka_unit_test(test_password_that_had_to_be_normalised_is_not_tried),
        cmocka_unit_test(test_every_address_of_a_host_is_tried),
        cmocka_unit_test(test_host_that_nobody_knows_is_named),
        cmocka_unit_test(test_next_host_is_asked_when_one_cannot_be_used_now),
        cmocka_unit_test(test_no_other_host_is_asked_when_one_has_spoken),
        cmocka_unit_test(test_preferring_goes_on_without_tls_where_there_is_none),
        cmocka_unit_test(test_way_follows_what_the_connection_string_demands),
        cmocka_unit_test(test_preferring_without_channel_binding_insists_on_scram),
    };

    return cmocka_run_group_tests_name("engine/postgres_login", tests, NULL, NULL);
}
