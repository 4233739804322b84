#include "engine/postgres_session.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/ca_file.h"
#include "engine/hosts.h"
#include "engine/postgres_error.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATEMENT_TIMEOUT_MS = 30000,
    LOCK_TIMEOUT_MS = 5000,
    /* The client gives up later than the server, so that the server's answer is known. */
    CLIENT_SLACK_MS = 2000,
    /* We never think so long between two statements.  The server ends the transaction of a process
     * that was stopped amid it: it neither keeps its locks nor commits once it goes on. */
    IDLE_IN_TRANSACTION_MS = 5000,
};

/* Where libpq would look for files of its own accord; a path that can never exist stops it. */
#define NO_FILE "/nonexistent/file"

/* --- Waiting --------------------------------------------------------------------------------- */

static bool wait_until(const struct engine_session *session, short events, const char *doing,
                       int64_t deadline_ms, struct error *err)
{
    enum engine_wait result =
        engine_wait_for_socket(PQsocket(session->connection), events, deadline_ms,
                               session->timesource, session->cancellation);

    return result == ENGINE_WAIT_READY ||
           engine_wait_failed(result, doing, "PostgreSQL server", session->label, err);
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

static const char *const mode_names[] = {
    [ENGINE_TLS_DISABLE] = "disable",         [ENGINE_TLS_PREFER] = "prefer",
    [ENGINE_TLS_REQUIRE] = "require",         [ENGINE_TLS_VERIFY_CA] = "verify-ca",
    [ENGINE_TLS_VERIFY_FULL] = "verify-full",
};

/* A CA of the user's is always used; the other sources only where the mode asks for verification,
 * because libpq verifies under "require" too as soon as it finds a CA. */
static const char *choose_ca_path(const struct engine_connect_request *request,
                                  const struct engine_ca_file *ca_file)
{
    bool is_wanted = request->ca_pem != NULL || request->server->tls_mode >= ENGINE_TLS_VERIFY_CA;

    return is_wanted ? ca_file->path : NO_FILE;
}

/* A proof over libpq is one over TLS; whoever may do without goes another way. */
static const char *choose_tls_mode(const struct engine_connect_request *request,
                                   const struct postgres_login *login)
{
    enum engine_tls_mode mode = request->server->tls_mode;

    return mode_names[login->is_proof && mode < ENGINE_TLS_REQUIRE ? ENGINE_TLS_REQUIRE : mode];
}

/* Proofs insist on SCRAM: by name where libpq can (16), by channel binding before. */
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

    if (login->is_proof && postgres_can_require_scram())
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
    struct postgres_refusal *ret_refusal; /* may be NULL */
    struct engine_session *session;
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
    add(&parameters, "application_name", POSTGRES_APPLICATION_NAME);
    add(&parameters, "client_encoding", "UTF8");
    add(&parameters, "sslmode", choose_tls_mode(request, login));
    add(&parameters, "sslrootcert", attempt->ca_path);
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

        if (!wait_until(session, events, "connecting", deadline_ms, err))
            return false;
        state = PQconnectPoll(session->connection);
    }
    if (state == PGRES_POLLING_OK)
        return true;
    err->kind = ERROR_NONE; /* the connection's own text tells */
    return false;
}

static void note_refusal(const struct attempt *attempt, const char *sqlstate)
{
    struct postgres_refusal *refusal = attempt->ret_refusal;

    if (refusal == NULL)
        return;
    memcpy(refusal->sqlstate, sqlstate, sizeof refusal->sqlstate);
    refusal->after_password = PQconnectionUsedPassword(attempt->session->connection) != 0;
}

/* Turns a failed connection into an error: the server's SQLSTATE, or why it did not speak. */
static bool explain_failure(const struct attempt *attempt, struct error *err)
{
    const struct postgres_login *login = attempt->login;
    const struct engine_session *session = attempt->session;
    const char *text = PQerrorMessage(session->connection);
    char sqlstate[POSTGRES_SQLSTATE_SIZE];

    postgres_error_find_sqlstate(text, sqlstate);
    note_refusal(attempt, sqlstate);
    if (sqlstate[0] == '\0' && postgres_error_is_login_without_password(text))
        return postgres_error_set_not_asked(err, session->label);
    if (sqlstate[0] == '\0' && postgres_error_is_unsafe_authentication(text))
        return error_set(err, ERROR_DENIED, POSTGRES_CODE_UNSAFE,
                         "the PostgreSQL server %s does not ask for the password by SCRAM over a "
                         "connection that proves who it is, so it was not sent: let its "
                         "pg_hba.conf ask for scram-sha-256 (where a proxy ends TLS: use "
                         "channel_binding=disable with sslmode=verify-full)",
                         session->label);
    if (sqlstate[0] == '\0')
        return postgres_error_set_unreachable(err, text, session->label);
    if (!login->is_proof && strcmp(sqlstate, "3D000") == 0)
        return error_set(err, ERROR_INVALID, sqlstate,
                         "the PostgreSQL server %s has no database '%s' to connect to: name one "
                         "that it has in the connection string (SQLSTATE %s)",
                         session->label, login->database, sqlstate);
    return postgres_error_set_login(err, sqlstate, session->label, login->username);
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

    session->request = *request;
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

/* Forgets the host before. */
static void set_host(struct engine_session *session, const struct engine_host *host)
{
    PQfinish(session->connection);
    free(session->label);
    session->connection = NULL;
    session->label = engine_host_label(host);
}

static bool connect_to_host(void *context, const struct engine_host *host, int64_t deadline_ms,
                            struct error *err)
{
    const struct attempt *attempt = context;
    struct engine_session *session = attempt->session;

    set_host(session, host);
    session->host_index = (size_t)(host - attempt->request->server->hosts);
    if (attempt->ret_refusal != NULL)
        *attempt->ret_refusal = (struct postgres_refusal){0};
    session->connection = begin_connection(attempt, host);
    if (session->connection == NULL)
        return error_set(err, ERROR_UNAVAILABLE, NULL, "libpq is out of memory");
    /* The SQLSTATE alone tells all, in any language, and quotes nothing. */
    PQsetErrorVerbosity(session->connection, PQERRORS_SQLSTATE);
    PQsetNoticeReceiver(session->connection, receive_notice, session);
    if (PQstatus(session->connection) == CONNECTION_BAD)
        return explain_failure(attempt, err);
    if (!finish_connection(session, deadline_ms, err))
        return err->kind == ERROR_NONE ? explain_failure(attempt, err) : false;
    PQsetnonblocking(session->connection, 1);
    session->server_version = PQserverVersion(session->connection);
    return true;
}

static bool open_session(const struct engine_connect_request *request,
                         const struct postgres_login *login, struct engine_session *session,
                         struct postgres_refusal *ret_refusal, struct error *err)
{
    auto_ca_file struct engine_ca_file ca_file;
    struct attempt attempt = {
        .request = request,
        .login = login,
        .ret_refusal = ret_refusal,
        .session = session,
    };

    if (!engine_ca_file_open(request, &ca_file, err))
        return false;
    attempt.ca_path = choose_ca_path(request, &ca_file);
    return engine_try_hosts(request, connect_to_host, &attempt, err);
}

bool postgres_connect(const struct engine_connect_request *request,
                      const struct postgres_login *login, struct engine_session **ret_session,
                      struct postgres_refusal *ret_refusal, struct error *err)
{
    struct engine_session *session = make_session(request, login);

    if (!open_session(request, login, session, ret_refusal, err)) {
        postgres_disconnect(session);
        return false;
    }
    *ret_session = session;
    return true;
}

bool postgres_connect_to_database(const struct engine_session *session, const char *database,
                                  struct engine_session **ret_session, struct error *err)
{
    struct postgres_login login = {
        .username = session->request.server->username,
        .password = &session->request.server->password,
        .database = database,
    };

    return postgres_connect(&session->request, &login, ret_session, NULL, err);
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

        if (!wait_until(session, events, doing, deadline_ms, err))
            return false;
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

static bool run_query(struct engine_session *session, const char *doing, const char *sql,
                      const char *const *parameters, int parameter_count, PGresult **ret_result,
                      struct error *err)
{
    if (!engine_may_send(session->cancellation, err))
        return false;
    if (!PQsendQueryParams(session->connection, sql, parameter_count, NULL, parameters, NULL, NULL,
                           0))
        return postgres_error_set(err, "", doing);
    return take_results(session, doing, ret_result, err);
}

bool postgres_execute(struct engine_session *session, const char *doing, const char *sql,
                      struct error *err)
{
    if (!engine_may_send(session->cancellation, err))
        return false;
    if (!PQsendQuery(session->connection, sql))
        return postgres_error_set(err, "", doing);
    return take_results(session, doing, NULL, err);
}

/* The first failure is what counts.  A connection on which a statement still runs is given up by
 * its owner; one that cannot roll back says so at its next statement. */
bool postgres_roll_back(struct engine_session *session)
{
    struct error ignored;
    bool rolled_back maybe_unused = false;

    if (PQtransactionStatus(session->connection) != PQTRANS_ACTIVE)
        rolled_back = postgres_execute(session, "rolling back", "ROLLBACK", &ignored);
    return false;
}

enum { VERSION_WITH_TRANSACTION_TIMEOUT = 170000 };

/* Whoever owns a database sets parameters for all sessions in it: ours uses its own. */
static void append_begin(const struct engine_session *session, const char *mode, struct strbuf *sql)
{
    strbuf_append_format(
        sql,
        "BEGIN ISOLATION LEVEL READ COMMITTED%s; SET LOCAL statement_timeout = %u; "
        "SET LOCAL idle_in_transaction_session_timeout = %u; SET LOCAL role = none; "
        "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL lock_timeout = %u; "
        "SET LOCAL client_min_messages = notice; SET LOCAL synchronous_commit = on; ",
        mode, (unsigned)session->statement_timeout_ms, (unsigned)IDLE_IN_TRANSACTION_MS,
        (unsigned)session->lock_timeout_ms);
    if (session->server_version >= VERSION_WITH_TRANSACTION_TIMEOUT)
        strbuf_append_text(sql, "SET LOCAL transaction_timeout = 0; ");
}

static bool begin(struct engine_session *session, const char *doing, const char *mode,
                  struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    append_begin(session, mode, &sql);
    session->warning[0] = '\0';
    return postgres_execute(session, doing, strbuf_text(&sql), err) || postgres_roll_back(session);
}

/* A standby cannot begin one that writes. */
#define ANY_MODE   ""
#define READ_WRITE " READ WRITE"

bool postgres_begin(struct engine_session *session, const char *doing, struct error *err)
{
    return begin(session, doing, READ_WRITE, err);
}

bool postgres_begin_reading(struct engine_session *session, const char *doing, struct error *err)
{
    return begin(session, doing, ANY_MODE, err);
}

bool postgres_commit(struct engine_session *session, const char *doing, struct error *err)
{
    if (session->warning[0] != '\0') {
        postgres_error_set(err, session->warning, doing);
        return postgres_roll_back(session);
    }
    return postgres_execute(session, doing, "COMMIT", err);
}

bool postgres_execute_transaction(struct engine_session *session, const char *doing,
                                  const char *statements, struct error *err)
{
    auto_strbuf struct strbuf sql = STRBUF_ERASING;

    append_begin(session, READ_WRITE, &sql);
    strbuf_append_text(&sql, statements);
    session->warning[0] = '\0';
    if (!postgres_execute(session, doing, strbuf_text(&sql), err))
        return postgres_roll_back(session);
    return postgres_commit(session, doing, err);
}

bool postgres_query(struct engine_session *session, const char *doing, const char *sql,
                    const char *const *parameters, int parameter_count, PGresult **ret_result,
                    struct error *err)
{
    if (PQtransactionStatus(session->connection) != PQTRANS_IDLE)
        return run_query(session, doing, sql, parameters, parameter_count, ret_result, err);
    if (!postgres_begin_reading(session, doing, err))
        return false;
    if (!run_query(session, doing, sql, parameters, parameter_count, ret_result, err))
        return postgres_roll_back(session);
    if (postgres_commit(session, doing, err))
        return true;
    PQclear(*ret_result);
    *ret_result = NULL;
    return false;
}
