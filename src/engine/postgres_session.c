#include "engine/postgres_session.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/postgres_error.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    CONNECT_TIMEOUT_MS = 5000,
    STATEMENT_TIMEOUT_MS = 30000,
    LOCK_TIMEOUT_MS = 5000,
    /* The client gives up later than the server, so that the server's answer is known. */
    CLIENT_SLACK_MS = 2000,
};

/* Where libpq would look for files of its own accord; a path that can never exist stops it. */
#define NO_FILE       "/nonexistent/file"
#define SYSTEM_BUNDLE "/etc/ssl/certs/ca-certificates.crt"

/* --- Waiting --------------------------------------------------------------------------------- */

enum wait_result { WAIT_READY, WAIT_TIMEOUT, WAIT_CANCELLED };

static enum wait_result wait_for_socket(const struct engine_session *session, short events,
                                        int64_t deadline_ms)
{
    struct pollfd pfds[2] = {
        {.fd = PQsocket(session->connection), .events = events},
        {.fd = session->cancellation != NULL ? cancellation_fd(session->cancellation) : -1,
         .events = POLLIN},
    };
    int64_t left = deadline_ms - timesource_monotonic_ms(session->timesource);

    if (left <= 0)
        return WAIT_TIMEOUT;
    if (poll(pfds, 2, left > INT_MAX ? INT_MAX : (int)left) == 0)
        return WAIT_TIMEOUT;
    return pfds[1].revents != 0 ? WAIT_CANCELLED : WAIT_READY;
}

static bool fail_waiting(enum wait_result result, const struct engine_session *session,
                         const char *doing, struct error *err)
{
    if (result == WAIT_CANCELLED)
        return cancellation_error(err);
    return error_set(err, ERROR_UNAVAILABLE, "Timeout",
                     "%s failed: the PostgreSQL server %s did not answer in time", doing,
                     session->label);
}

/* --- Connecting ------------------------------------------------------------------------------ */

enum { PARAMETERS_LIMIT = 24 };

struct parameters {
    const char *keys[PARAMETERS_LIMIT];
    const char *values[PARAMETERS_LIMIT];
    size_t count;
};

static void add(struct parameters *parameters, const char *key, const char *value)
{
    parameters->keys[parameters->count] = key;
    parameters->values[parameters->count++] = value;
}

static void close_scope(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* libpq takes a CA only as a file: memory that looks like one. */
static int open_memory_file(const char *content)
{
    size_t left = strlen(content);
    int fd = memfd_create("ca", MFD_CLOEXEC);

    while (fd >= 0 && left > 0) {
        ssize_t written = write(fd, content, left);

        if (written <= 0) {
            close(fd);
            return -1;
        }
        content += written;
        left -= (size_t)written;
    }
    return fd;
}

static const char *const mode_names[] = {
    [ENGINE_TLS_DISABLE] = "disable",         [ENGINE_TLS_PREFER] = "prefer",
    [ENGINE_TLS_REQUIRE] = "require",         [ENGINE_TLS_VERIFY_CA] = "verify-ca",
    [ENGINE_TLS_VERIFY_FULL] = "verify-full",
};

/* A CA of the user's is always used; the other sources only where the mode asks for verification,
 * because libpq verifies under "require" too as soon as it finds a CA. */
static const char *choose_ca_file(const struct engine_connect_request *request,
                                  const char *memory_path)
{
    if (request->ca_pem != NULL)
        return memory_path;
    if (request->server->tls_mode < ENGINE_TLS_VERIFY_CA)
        return NO_FILE;
    return request->ca_file != NULL ? request->ca_file : SYSTEM_BUNDLE;
}

/* Proofs insist that the password is never sent in clear: by SCRAM alone where libpq can (16), by
 * channel binding over TLS before. */
static void add_authentication(const struct engine_connect_request *request,
                               const struct postgres_login *login, struct parameters *parameters)
{
    static const char *const names[] = {
        [ENGINE_CHANNEL_BINDING_DEFAULT] = "prefer",
        [ENGINE_CHANNEL_BINDING_DISABLE] = "disable",
        [ENGINE_CHANNEL_BINDING_PREFER] = "prefer",
        [ENGINE_CHANNEL_BINDING_REQUIRE] = "require",
    };
    enum engine_channel_binding wanted = request->server->channel_binding;
    bool can_require_method = PQlibVersion() >= 160000;

    if (login->is_proof && can_require_method)
        add(parameters, "require_auth", "scram-sha-256");
    else if (login->is_proof && wanted != ENGINE_CHANNEL_BINDING_DISABLE)
        wanted = ENGINE_CHANNEL_BINDING_REQUIRE;
    add(parameters, "channel_binding", names[wanted]);
}

/* What stays the same from host to host. */
struct attempt {
    const struct engine_connect_request *request;
    const struct postgres_login *login;
    const char *ca_path;
    char *ret_sqlstate; /* may be NULL */
};

static PGconn *begin_connection(const struct attempt *attempt, const struct engine_host *host)
{
    const struct engine_connect_request *request = attempt->request;
    const struct postgres_login *login = attempt->login;
    auto_free char *port = mem_printf("%u", (unsigned)host->port);
    struct parameters parameters = {0};

    add(&parameters, "host", host->host);
    add(&parameters, "port", port);
    add(&parameters, "user", login->username);
    add(&parameters, "password", secret_reveal(login->password));
    add(&parameters, "dbname", login->database);
    add(&parameters, "application_name", "database-user-operator");
    add(&parameters, "client_encoding", "UTF8");
    add(&parameters, "sslmode", mode_names[request->server->tls_mode]);
    add(&parameters, "sslrootcert", choose_ca_file(request, attempt->ca_path));
    add(&parameters, "sslcert", NO_FILE);
    add(&parameters, "sslkey", NO_FILE);
    add(&parameters, "passfile", NO_FILE);
    add(&parameters, "gssencmode", "disable");
    if (request->server->host_count > 1)
        add(&parameters, "target_session_attrs", "read-write");
    add_authentication(request, login, &parameters);
    return PQconnectStartParams(parameters.keys, parameters.values, 0);
}

static bool finish_connection(struct engine_session *session, int64_t deadline_ms,
                              struct error *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
        short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        enum wait_result result = wait_for_socket(session, events, deadline_ms);

        if (result != WAIT_READY) {
            fail_waiting(result, session, "connecting", err);
            return false;
        }
        state = PQconnectPoll(session->connection);
    }
    if (state == PGRES_POLLING_OK)
        return true;
    err->kind = ERROR_NONE; /* the connection's own text tells */
    return false;
}

/* Turns a failed connection into an error: the server's SQLSTATE, or why it did not speak. */
static bool explain_failure(const struct engine_session *session, const struct attempt *attempt,
                            struct error *err)
{
    const struct postgres_login *login = attempt->login;
    const char *text = PQerrorMessage(session->connection);
    char sqlstate[POSTGRES_SQLSTATE_SIZE];
    char doing[160];

    postgres_error_find_sqlstate(text, sqlstate);
    if (attempt->ret_sqlstate != NULL)
        memcpy(attempt->ret_sqlstate, sqlstate, sizeof sqlstate);
    if (login->ret_used_password != NULL)
        *login->ret_used_password = PQconnectionUsedPassword(session->connection);
    if (sqlstate[0] == '\0' && postgres_error_is_unsafe_authentication(text))
        return error_set(err, ERROR_DENIED, "UnsafeAuthentication",
                         "the PostgreSQL server %s does not ask for the password by SCRAM over a "
                         "connection that proves who it is, so it was not sent",
                         session->label);
    if (sqlstate[0] == '\0')
        return postgres_error_set_unreachable(err, text, session->label);
    if (!login->is_proof && strcmp(sqlstate, "3D000") == 0)
        return error_set(err, ERROR_INVALID, sqlstate,
                         "the PostgreSQL server %s has no database '%s' to connect to: name one "
                         "that it has in the connection string (SQLSTATE %s)",
                         session->label, login->database, sqlstate);
    snprintf(doing, sizeof doing, "logging in to the PostgreSQL server %s as '%.63s'",
             session->label, login->username);
    return postgres_error_set(err, sqlstate, doing);
}

/* Other warnings, such as that of a new collation library, are no failures. */
static void receive_notice(void *context, const PGresult *result)
{
    struct engine_session *session = context;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    if (sqlstate != NULL && (strcmp(sqlstate, "01006") == 0 || strcmp(sqlstate, "01007") == 0))
        memcpy(session->warning, sqlstate, sizeof session->warning);
}

static struct engine_session *make_session(const struct engine_connect_request *request,
                                           const struct postgres_login *login)
{
    struct engine_session *session = mem_alloc(sizeof *session);

    session->timesource = request->timesource;
    session->random = request->random;
    session->cancellation = request->cancellation;
    session->statement_timeout_ms =
        request->statement_timeout_ms > 0 ? request->statement_timeout_ms : STATEMENT_TIMEOUT_MS;
    session->lock_timeout_ms =
        request->lock_timeout_ms > 0 ? request->lock_timeout_ms : LOCK_TIMEOUT_MS;
    session->username = mem_strdup(login->username);
    return session;
}

static int64_t connect_deadline_ms(const struct engine_connect_request *request)
{
    int64_t limit =
        request->connect_timeout_ms > 0 ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS;

    if (request->server->connect_timeout_seconds > 0)
        limit = (int64_t)request->server->connect_timeout_seconds * 1000;
    return timesource_monotonic_ms(request->timesource) + limit;
}

/* Forgets the host before. */
static void set_host(struct engine_session *session, const struct engine_host *host)
{
    PQfinish(session->connection);
    free(session->label);
    session->connection = NULL;
    session->label = mem_printf("%s:%u", host->host, (unsigned)host->port);
}

static bool connect_to_host(const struct attempt *attempt, const struct engine_host *host,
                            int64_t deadline_ms, struct engine_session *session, struct error *err)
{
    set_host(session, host);
    if (attempt->ret_sqlstate != NULL)
        attempt->ret_sqlstate[0] = '\0';
    session->connection = begin_connection(attempt, host);
    if (session->connection == NULL)
        return error_set(err, ERROR_UNAVAILABLE, NULL, "libpq is out of memory");
    /* The SQLSTATE alone tells all, in any language, and quotes nothing. */
    PQsetErrorVerbosity(session->connection, PQERRORS_SQLSTATE);
    PQsetNoticeReceiver(session->connection, receive_notice, session);
    if (PQstatus(session->connection) == CONNECTION_BAD)
        return explain_failure(session, attempt, err);
    if (!finish_connection(session, deadline_ms, err))
        return err->kind == ERROR_NONE ? explain_failure(session, attempt, err) : false;
    PQsetnonblocking(session->connection, 1);
    session->server_version = PQserverVersion(session->connection);
    return true;
}

/* One host after the other, each with its share of the time that is left: given all of them, libpq
 * would wait until the end for the first one that is silent.  As with libpq, only a host that
 * cannot be used now is a reason to ask the next one. */
static bool connect_to_any_host(const struct attempt *attempt, struct engine_session *session,
                                struct error *err)
{
    const struct connection_string *server = attempt->request->server;
    int64_t deadline_ms = connect_deadline_ms(attempt->request);

    for (size_t i = 0; i < server->host_count; i++) {
        int64_t now_ms = timesource_monotonic_ms(session->timesource);
        int64_t share_ms = (deadline_ms - now_ms) / (int64_t)(server->host_count - i);

        session->host_index = i;
        if (connect_to_host(attempt, &server->hosts[i], now_ms + share_ms, session, err))
            return true;
        if (err->kind != ERROR_UNAVAILABLE)
            break;
    }
    return false;
}

static bool open_session(const struct engine_connect_request *request,
                         const struct postgres_login *login, struct engine_session *session,
                         char *ret_sqlstate, struct error *err)
{
    run_at_scope_end(close_scope) int ca_fd = -1;
    char ca_path[64] = NO_FILE;
    struct attempt attempt = {
        .request = request,
        .login = login,
        .ca_path = ca_path,
        .ret_sqlstate = ret_sqlstate,
    };

    if (request->ca_pem != NULL) {
        ca_fd = open_memory_file(request->ca_pem);
        if (ca_fd < 0)
            return error_set(err, ERROR_UNAVAILABLE, NULL, "no memory file for the CA");
        snprintf(ca_path, sizeof ca_path, "/proc/self/fd/%d", ca_fd);
    }
    return connect_to_any_host(&attempt, session, err);
}

bool postgres_connect(const struct engine_connect_request *request,
                      const struct postgres_login *login, struct engine_session **ret_session,
                      char *ret_sqlstate, struct error *err)
{
    struct engine_session *session = make_session(request, login);

    if (ret_sqlstate != NULL)
        ret_sqlstate[0] = '\0';
    if (!open_session(request, login, session, ret_sqlstate, err)) {
        postgres_disconnect(session);
        return false;
    }
    *ret_session = session;
    return true;
}

void postgres_disconnect(struct engine_session *session)
{
    if (session == NULL)
        return;
    PQfinish(session->connection);
    free(session->label);
    free(session->username);
    free(session);
}

/* --- Statements ------------------------------------------------------------------------------ */

/* Sends what is buffered and waits until a result can be taken without blocking. */
static bool wait_for_result(struct engine_session *session, const char *doing, int64_t deadline_ms,
                            struct error *err)
{
    int unsent = PQflush(session->connection);

    while (unsent != 0 || PQisBusy(session->connection)) {
        short events = unsent != 0 ? POLLIN | POLLOUT : POLLIN;
        enum wait_result result = wait_for_socket(session, events, deadline_ms);

        if (result != WAIT_READY)
            return fail_waiting(result, session, doing, err);
        if (unsent < 0 || !PQconsumeInput(session->connection))
            return postgres_error_set(err, "", doing);
        if (unsent != 0)
            unsent = PQflush(session->connection);
    }
    return true;
}

static bool is_success(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static bool take_failure(const PGresult *result, const char *doing, struct error *err)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return postgres_error_set(err, sqlstate != NULL ? sqlstate : "", doing);
}

/* Takes every result of what was sent; the last successful one is the caller's. */
static bool take_results(struct engine_session *session, const char *doing, PGresult **ret_result,
                         struct error *err)
{
    int64_t deadline_ms = timesource_monotonic_ms(session->timesource) +
                          session->statement_timeout_ms + CLIENT_SLACK_MS;
    PGresult *last = NULL, *next;
    bool succeeded = true;

    for (;;) {
        if (!wait_for_result(session, doing, deadline_ms, err)) {
            PQclear(last);
            return false;
        }
        next = PQgetResult(session->connection);
        if (next == NULL)
            break;
        if (succeeded && !is_success(next))
            succeeded = take_failure(next, doing, err);
        PQclear(last);
        last = next;
    }
    if (succeeded && last == NULL)
        succeeded = postgres_error_set(err, "", doing);
    if (succeeded && ret_result != NULL)
        *ret_result = last;
    else
        PQclear(last);
    return succeeded;
}

bool postgres_query(struct engine_session *session, const char *doing, const char *sql,
                    const char *const *parameters, int parameter_count, PGresult **ret_result,
                    struct error *err)
{
    if (!PQsendQueryParams(session->connection, sql, parameter_count, NULL, parameters, NULL, NULL,
                           0))
        return postgres_error_set(err, "", doing);
    return take_results(session, doing, ret_result, err);
}

bool postgres_execute(struct engine_session *session, const char *doing, const char *sql,
                      struct error *err)
{
    if (!PQsendQuery(session->connection, sql))
        return postgres_error_set(err, "", doing);
    return take_results(session, doing, NULL, err);
}

/* The first failure is what counts.  A connection on which a statement still runs is given up by
 * its owner; one that cannot roll back says so at its next statement. */
static bool roll_back(struct engine_session *session)
{
    struct error ignored;
    bool rolled_back maybe_unused = false;

    if (PQtransactionStatus(session->connection) != PQTRANS_ACTIVE)
        rolled_back = postgres_execute(session, "rolling back", "ROLLBACK", &ignored);
    return false;
}

bool postgres_execute_transaction(struct engine_session *session, const char *doing,
                                  const char *statements, struct error *err)
{
    auto_strbuf struct strbuf sql = STRBUF_ERASING;

    strbuf_append_format(
        &sql, "BEGIN; SET LOCAL lock_timeout = %u; SET LOCAL statement_timeout = %u; ",
        (unsigned)session->lock_timeout_ms, (unsigned)session->statement_timeout_ms);
    strbuf_append_text(&sql, statements);
    session->warning[0] = '\0';
    if (!postgres_execute(session, doing, strbuf_text(&sql), err))
        return roll_back(session);
    if (session->warning[0] != '\0') {
        postgres_error_set(err, session->warning, doing);
        return roll_back(session);
    }
    return postgres_execute(session, doing, "COMMIT", err);
}
