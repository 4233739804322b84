/*
 * The exchange (PostgreSQL's manual, "Message Flow" and "SASL Authentication"), we on the left:
 *
 *   StartupMessage                      ->
 *                                       <-  R 10  AuthenticationSASL: the mechanisms
 *   p  SASLInitialResponse              ->
 *                                       <-  R 11  AuthenticationSASLContinue: salt, iterations
 *   p  SASLResponse: the proof          ->
 *                                       <-  R 12  AuthenticationSASLFinal: its signature
 *                                       <-  R  0  AuthenticationOk
 *                                       <-  S, K, N ...  until  Z  ReadyForQuery
 *   X  Terminate                        ->
 *
 * An E (ErrorResponse) may come in place of each of the server's; after AuthenticationOk it tells
 * of the role (28000), the database (3D000, 55000) or the right to connect (42501).
 */
#include "engine/postgres_scram_login.h"

#include "base/memory.h"
#include "engine/hosts.h"
#include "engine/postgres_error.h"
#include "engine/postgres_wire.h"
#include "engine/scram.h"
#include "engine/scram_client.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#define PROTOCOL_VERSION ((uint32_t)3 << 16)
#define MECHANISM        "SCRAM-SHA-256"

enum authentication {
    AUTHENTICATION_OK = 0,
    AUTHENTICATION_SASL = 10,
    AUTHENTICATION_SASL_CONTINUE = 11,
    AUTHENTICATION_SASL_FINAL = 12,
};

struct exchange {
    struct postgres_wire *wire;
    const struct engine_connect_request *request;
    const struct postgres_login *login;
    const char *label;
    struct scram_client client;
    struct postgres_refusal *refusal;
};

/* What came with an authentication request; borrowed from the wire. */
struct authentication_request {
    uint32_t code;
    const char *data;
    size_t length;
};

/* --- Failures -------------------------------------------------------------------------------- */

static bool fail_nonsense(const struct exchange *exchange, struct error *err)
{
    return postgres_error_set_unreachable(err, "", exchange->label);
}

static bool fail_unsafe(const struct exchange *exchange, const char *reason, struct error *err)
{
    return error_set(err, ERROR_DENIED, POSTGRES_CODE_UNSAFE, "the PostgreSQL server %s %s",
                     exchange->label, reason);
}

static bool fail_other_method(const struct exchange *exchange, uint32_t code, struct error *err)
{
    static const char *const methods[] = {
        [3] = "the password in clear",
        [5] = "the password as MD5",
        [AUTHENTICATION_SASL] = "SASL with other mechanisms",
    };
    bool is_known = code < array_length(methods) && methods[code] != NULL;

    return error_set(err, ERROR_DENIED, POSTGRES_CODE_UNSAFE,
                     "the PostgreSQL server %s asks for %s instead of " MECHANISM
                     ", so the password was not sent: let its pg_hba.conf ask for scram-sha-256, "
                     "and set the user's password there while password_encryption is scram-sha-256",
                     exchange->label, is_known ? methods[code] : "another kind of proof");
}

/* The fields of an ErrorResponse: a type and a text, each ended by NUL; C is the SQLSTATE. */
static const char *find_sqlstate(const struct postgres_message *message)
{
    const char *field = message->body;
    const char *end = message->body + message->length;

    while (field < end && *field != '\0') {
        if (*field == 'C')
            return field + 1;
        field += strlen(field) + 1;
    }
    return "";
}

static bool fail_response(const struct exchange *exchange, const struct postgres_message *message,
                          struct error *err)
{
    const char *sqlstate = find_sqlstate(message);

    if (!postgres_error_is_sqlstate(sqlstate))
        return fail_nonsense(exchange, err);
    memcpy(exchange->refusal->sqlstate, sqlstate, sizeof exchange->refusal->sqlstate);
    return postgres_error_set_login(err, exchange->refusal->sqlstate, exchange->label,
                                    exchange->login->username);
}

/* --- Messages -------------------------------------------------------------------------------- */

static void append_parameter(struct strbuf *body, const char *key, const char *value)
{
    strbuf_append(body, key, strlen(key) + 1);
    strbuf_append(body, value, strlen(value) + 1);
}

static bool send_startup(struct exchange *exchange, struct error *err)
{
    auto_strbuf struct strbuf body = {0};

    postgres_append_int32(&body, PROTOCOL_VERSION);
    append_parameter(&body, "user", exchange->login->username);
    append_parameter(&body, "database", exchange->login->database);
    append_parameter(&body, "application_name", POSTGRES_APPLICATION_NAME);
    append_parameter(&body, "client_encoding", "UTF8");
    strbuf_append_char(&body, '\0');
    return postgres_wire_send(exchange->wire, 0, &body, err);
}

static bool receive_authentication(struct exchange *exchange,
                                   struct authentication_request *ret_request, struct error *err)
{
    struct postgres_message message;

    if (!postgres_wire_receive(exchange->wire, &message, err))
        return false;
    if (message.type == 'E')
        return fail_response(exchange, &message, err);
    if (message.type != 'R' || message.length < sizeof(uint32_t))
        return fail_nonsense(exchange, err);
    *ret_request = (struct authentication_request){
        .code = postgres_read_int32(message.body),
        .data = message.body + sizeof(uint32_t),
        .length = message.length - sizeof(uint32_t),
    };
    return true;
}

/* --- The exchange, step by step -------------------------------------------------------------- */

/* The mechanisms are texts ended by NUL, and an empty one ends the list. */
static bool offers_mechanism(const struct authentication_request *request)
{
    const char *mechanism = request->data;
    const char *end = request->data + request->length;

    while (mechanism < end && *mechanism != '\0') {
        if (strcmp(mechanism, MECHANISM) == 0)
            return true;
        mechanism += strlen(mechanism) + 1;
    }
    return false;
}

static bool expect_scram(struct exchange *exchange, struct error *err)
{
    struct authentication_request request;

    if (!receive_authentication(exchange, &request, err))
        return false;
    if (request.code == AUTHENTICATION_OK)
        return postgres_error_set_not_asked(err, exchange->label);
    if (request.code != AUTHENTICATION_SASL || !offers_mechanism(&request))
        return fail_other_method(exchange, request.code, err);
    return true;
}

static bool send_first(struct exchange *exchange, struct error *err)
{
    auto_strbuf struct strbuf first = {0};
    auto_strbuf struct strbuf body = {0};

    scram_client_begin(&exchange->client, exchange->request->random, &first);
    strbuf_append(&body, MECHANISM, sizeof MECHANISM);
    postgres_append_int32(&body, (uint32_t)first.length);
    strbuf_append(&body, strbuf_text(&first), first.length);
    return postgres_wire_send(exchange->wire, 'p', &body, err);
}

static bool send_proof(struct exchange *exchange, struct error *err)
{
    auto_strbuf struct strbuf body = STRBUF_ERASING;
    struct authentication_request request;

    if (!receive_authentication(exchange, &request, err))
        return false;
    if (request.code != AUTHENTICATION_SASL_CONTINUE)
        return fail_unsafe(exchange, "does not speak SCRAM as it should", err);
    if (!scram_client_answer(&exchange->client, exchange->login->password, request.data,
                             request.length, &body, err))
        return fail_unsafe(exchange, err->message, err);
    return postgres_wire_send(exchange->wire, 'p', &body, err);
}

static bool expect_signature(struct exchange *exchange, struct error *err)
{
    struct authentication_request request;

    if (!receive_authentication(exchange, &request, err))
        return false;
    if (request.code != AUTHENTICATION_SASL_FINAL)
        return fail_unsafe(exchange, "lets the user in without showing that it knows the password",
                           err);
    if (!scram_client_finish(&exchange->client, request.data, request.length, err))
        return fail_unsafe(exchange, err->message, err);
    return true;
}

static bool expect_success(struct exchange *exchange, struct error *err)
{
    struct authentication_request request;

    if (!receive_authentication(exchange, &request, err))
        return false;
    return request.code == AUTHENTICATION_OK || fail_nonsense(exchange, err);
}

/* What comes between AuthenticationOk and the first statement. */
static bool expect_session(struct exchange *exchange, struct error *err)
{
    struct postgres_message message;

    for (;;) {
        if (!postgres_wire_receive(exchange->wire, &message, err))
            return false;
        switch (message.type) {
        case 'S': /* ParameterStatus */
        case 'K': /* BackendKeyData */
        case 'N': /* NoticeResponse */
            continue;
        case 'Z': /* ReadyForQuery */
            return true;
        case 'E':
            return fail_response(exchange, &message, err);
        default:
            return fail_nonsense(exchange, err);
        }
    }
}

/* The server closes a connection that is just closed too, but says so in its log. */
static void send_terminate(struct exchange *exchange)
{
    struct strbuf nothing = {0};
    struct error ignored;
    bool sent maybe_unused = postgres_wire_send(exchange->wire, 'X', &nothing, &ignored);
}

static bool log_in(struct exchange *exchange, struct error *err)
{
    if (!send_startup(exchange, err) || !expect_scram(exchange, err) ||
        !send_first(exchange, err) || !send_proof(exchange, err) ||
        !expect_signature(exchange, err) || !expect_success(exchange, err))
        return false;
    exchange->refusal->after_password = true;
    if (!expect_session(exchange, err))
        return false;
    send_terminate(exchange);
    return true;
}

/* --- Hosts and their addresses --------------------------------------------------------------- */

struct attempt {
    const struct engine_connect_request *request;
    const struct postgres_login *login;
    struct postgres_refusal *refusal;
};

static bool log_in_at_address(const struct attempt *attempt, const struct addrinfo *address,
                              const char *label, int64_t deadline_ms, struct error *err)
{
    auto_wire struct postgres_wire *wire = NULL;
    struct exchange exchange = {
        .request = attempt->request,
        .login = attempt->login,
        .label = label,
        .refusal = attempt->refusal,
    };
    bool done;

    *attempt->refusal = (struct postgres_refusal){0};
    if (!postgres_wire_open(attempt->request, address, label, deadline_ms, &wire, err))
        return false;
    exchange.wire = wire;
    done = log_in(&exchange, err);
    scram_client_release(&exchange.client);
    return done;
}

/* As with hosts: each address has its share of the time, and only one that cannot be used now is a
 * reason to try the next. */
static bool log_in_at_any_address(const struct attempt *attempt, const struct addrinfo *addresses,
                                  const char *label, int64_t deadline_ms, struct error *err)
{
    size_t left = 0;

    for (const struct addrinfo *address = addresses; address != NULL; address = address->ai_next)
        left++;
    for (const struct addrinfo *address = addresses; address != NULL; address = address->ai_next) {
        int64_t share_ms =
            engine_share_deadline_ms(attempt->request->timesource, deadline_ms, left--);

        if (log_in_at_address(attempt, address, label, share_ms, err))
            return true;
        if (err->kind != ERROR_UNAVAILABLE)
            break;
    }
    return false;
}

/* Resolving a name blocks for as long as the resolver likes, as it does in libpq. */
static bool log_in_at_host(void *context, const struct engine_host *host, int64_t deadline_ms,
                           struct error *err)
{
    static const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV,
    };
    const struct attempt *attempt = context;
    auto_free char *label = engine_host_label(host);
    auto_free char *port = mem_printf("%u", (unsigned)host->port);
    struct addrinfo *addresses = NULL;
    bool done;

    *attempt->refusal = (struct postgres_refusal){0};
    if (getaddrinfo(host->host, port, &hints, &addresses) != 0 || addresses == NULL)
        return postgres_error_set_unreachable(err, "could not translate host name", label);
    done = log_in_at_any_address(attempt, addresses, label, deadline_ms, err);
    freeaddrinfo(addresses);
    return done;
}

bool postgres_scram_login(const struct engine_connect_request *request,
                          const struct postgres_login *login, struct postgres_refusal *ret_refusal,
                          struct error *err)
{
    struct attempt attempt = {.request = request, .login = login, .refusal = ret_refusal};

    *ret_refusal = (struct postgres_refusal){0};
    if (!scram_check_password(login->password, err))
        return error_set(err, ERROR_DENIED, POSTGRES_CODE_UNSAFE,
                         "it is empty or holds other than printable ASCII characters, which can "
                         "be tried only over TLS: use sslmode=require");
    return engine_try_hosts(request, log_in_at_host, &attempt, err);
}
