#include "engine/mysql_session.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/ca_file.h"
#include "engine/hosts.h"
#include "engine/mysql_error.h"
#include "engine/mysql_password.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    STATEMENT_TIMEOUT_MS = 30000,
    LOCK_TIMEOUT_MS = 5000,
    SLICE_SECONDS = 1,
};

/* The ways of logging in that do not show the password to a listener; what they show to the server
 * itself is for the caller to weigh. */
#define SAFE_PLUGINS \
    ENGINE_MYSQL_PLUGIN_NATIVE "," ENGINE_MYSQL_PLUGIN_CACHING_SHA2 ",client_ed25519"

/* --- Waiting --------------------------------------------------------------------------------- */

/*
 * The library's non-blocking calls are so without TLS only: through TLS they sit in read().  So its
 * ordinary calls are used, on sockets that do not block, and where one would wait it calls
 * wait_for_socket().  That function is given the socket and nothing else: what it waits for is the
 * one thing that is kept for each thread, from begin_waiting() to end_waiting().
 *
 * While it connects, the library insists on a blocking socket; then it comes back to
 * wait_for_socket() after SLICE_SECONDS at the latest, its "connect timeout".  That also limits how
 * often it asks a DNS that fails for the moment.
 */
struct wait {
    const struct engine_session *session;
    int64_t deadline_ms;
    enum engine_wait result;
};

/* The library hands its callback no context.  The model is that of programs: that of shared
 * libraries, which static libraries get too, would link the dynamic linker as a library. */
static _Thread_local struct wait *current_wait __attribute__((tls_model("initial-exec")));

static void begin_waiting(struct wait *wait)
{
    wait->result = ENGINE_WAIT_READY;
    current_wait = wait;
}

static enum engine_wait end_waiting(void)
{
    enum engine_wait result = current_wait->result;

    current_wait = NULL;
    return result;
}

/* MARIADB_OPT_IO_WAIT: more than 0 when the library may go on.  Outside of our calls (closing) and
 * after a failure nothing is waited for. */
static int wait_for_socket(my_socket fd, my_bool is_read, int timeout maybe_unused)
{
    struct wait *wait = current_wait;

    if (wait == NULL || wait->result != ENGINE_WAIT_READY)
        return 0;
    wait->result = engine_wait_for_socket(fd, is_read ? POLLIN : POLLOUT, wait->deadline_ms,
                                          wait->session->timesource, wait->session->cancellation);
    return wait->result == ENGINE_WAIT_READY ? 1 : 0;
}

/* --- Statements ------------------------------------------------------------------------------ */

static bool fail_statement(const struct engine_session *session, const char *doing,
                           unsigned *ret_number, struct error *err)
{
    unsigned number = mysql_errno(session->connection);

    if (ret_number != NULL)
        *ret_number = number;
    return engine_mysql_error_set(err, number, doing);
}

/* Sends the statement and reads all of the answer; false when the server or the connection failed.
 */
static bool query(struct engine_session *session, const struct strbuf *sql, MYSQL_RES **ret_result)
{
    if (mysql_real_query(session->connection, strbuf_text(sql), (unsigned long)sql->length) != 0)
        return false;
    *ret_result = mysql_store_result(session->connection);
    return *ret_result != NULL || mysql_errno(session->connection) == 0;
}

static bool run_until(struct engine_session *session, const char *doing, const struct strbuf *sql,
                      int64_t deadline_ms, MYSQL_RES **ret_result, unsigned *ret_number,
                      struct error *err)
{
    struct wait wait = {.session = session, .deadline_ms = deadline_ms};
    auto_mysql_result MYSQL_RES *result = NULL;
    enum engine_wait waited;
    bool succeeded;

    if (ret_number != NULL)
        *ret_number = 0;
    if (!engine_may_send(session->cancellation, err))
        return false;
    begin_waiting(&wait);
    succeeded = query(session, sql, &result);
    waited = end_waiting();
    if (!succeeded)
        return waited != ENGINE_WAIT_READY
                   ? engine_wait_failed(waited, doing, "server", session->label, err)
                   : fail_statement(session, doing, ret_number, err);
    if (ret_result == NULL)
        return true;
    if (result == NULL)
        return error_set(err, ERROR_INTERNAL, NULL, "%s failed: the server answered without rows",
                         doing);
    *ret_result = take(result);
    return true;
}

bool engine_mysql_run(struct engine_session *session, const char *doing, const struct strbuf *sql,
                      MYSQL_RES **ret_result, unsigned *ret_number, struct error *err)
{
    int64_t now_ms = timesource_monotonic_ms(session->timesource);

    return run_until(session, doing, sql, now_ms + session->statement_timeout_ms, ret_result,
                     ret_number, err);
}

bool engine_mysql_name_right(const struct engine_session *session, const char *right,
                             const char *object, struct error *err)
{
    struct error cause = *err;

    if (cause.kind != ERROR_DENIED)
        return false;
    return error_set(err, ERROR_DENIED, "MissingRight",
                     "%s: the admin user '%s' needs the right %s: run GRANT %s ON %s TO '%s'",
                     cause.message, session->username, right, right, object, session->username);
}

/* --- Connecting ------------------------------------------------------------------------------ */

/* What stays the same from host to host. */
struct attempt {
    const struct engine_connect_request *request;
    const struct engine_mysql_login *login;
    const char *ca_file;
    unsigned *ret_number; /* may be NULL */
    struct engine_session *session;
};

/* Verification is always said explicitly: the library's defaults differ from version to version.
 * "Enforced" TLS is only asked for: the library goes on in clear where the server has none. */
static void set_tls(MYSQL *connection, const struct attempt *attempt)
{
    enum engine_tls_mode mode = attempt->request->server->tls_mode;
    my_bool enforce = mode != ENGINE_TLS_DISABLE;
    my_bool verify = mode >= ENGINE_TLS_VERIFY_CA;

    mysql_optionsv(connection, MYSQL_OPT_SSL_ENFORCE, &enforce);
    mysql_optionsv(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    if (verify)
        mysql_optionsv(connection, MYSQL_OPT_SSL_CA, attempt->ca_file);
}

static MYSQL *make_connection(const struct attempt *attempt)
{
    const char *plugins = attempt->login->plugin != NULL ? attempt->login->plugin : SAFE_PLUGINS;
    MYSQL *connection = mysql_init(NULL);
    unsigned protocol = MYSQL_PROTOCOL_TCP, no = 0;
    unsigned slice_seconds = SLICE_SECONDS;

    if (connection == NULL)
        return NULL;
    mysql_optionsv(connection, MARIADB_OPT_IO_WAIT, wait_for_socket);
    mysql_optionsv(connection, MYSQL_OPT_CONNECT_TIMEOUT, &slice_seconds);
    mysql_optionsv(connection, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_optionsv(connection, MYSQL_OPT_LOCAL_INFILE, &no);
    mysql_optionsv(connection, MARIADB_OPT_RESTRICTED_AUTH, plugins);
    if (attempt->login->plugin != NULL) /* else it begins with the server's, which is refused */
        mysql_optionsv(connection, MYSQL_DEFAULT_AUTH, attempt->login->plugin);
    mysql_optionsv(connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(connection, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name",
                   "database-user-operator");
    set_tls(connection, attempt);
    return connection;
}

static bool fail_connecting(const struct engine_session *session, const struct attempt *attempt,
                            struct error *err)
{
    unsigned number = mysql_errno(session->connection);

    if (attempt->ret_number != NULL)
        *attempt->ret_number = number;
    /* MariaDB before 11 says the same where require_secure_transport is the cause. */
    if (number == MYSQL_ER_ACCESS_DENIED &&
        attempt->request->server->tls_mode == ENGINE_TLS_DISABLE)
        return error_set(err, ERROR_DENIED, "1045",
                         "cannot connect to the server %s: the server refused user name or "
                         "password, or takes only TLS connections: correct them in the Secret, or "
                         "use tls=true or tls=skip-verify (error 1045)",
                         session->label);
    return engine_mysql_error_set_unreachable(err, number, mysql_error(session->connection),
                                              session->label);
}

static bool stop_blocking(const struct engine_session *session, struct error *err)
{
    int fd = mysql_get_socket(session->connection);
    int flags = fcntl(fd, F_GETFL);

    return (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0) ||
           error_set(err, ERROR_INTERNAL, NULL, "cannot use the connection to the server %s: %s",
                     session->label, strerror(errno));
}

static bool run_connect(struct engine_session *session, const struct attempt *attempt,
                        const struct engine_host *host, int64_t deadline_ms, struct error *err)
{
    const struct engine_mysql_login *login = attempt->login;
    struct wait wait = {.session = session, .deadline_ms = deadline_ms};
    enum engine_wait result;
    MYSQL *connected;

    begin_waiting(&wait);
    connected = mysql_real_connect(session->connection, host->host, login->username,
                                   secret_reveal(login->password), NULL, host->port, NULL, 0);
    result = end_waiting();
    if (connected == NULL)
        return result != ENGINE_WAIT_READY
                   ? engine_wait_failed(result, "connecting", "server", session->label, err)
                   : fail_connecting(session, attempt, err);
    return stop_blocking(session, err);
}

/* Some versions of the library go on in clear where the server has no TLS: looked at, not
 * believed. */
static bool check_tls(struct engine_session *session, enum engine_tls_mode mode, struct error *err)
{
    session->uses_tls = mysql_get_ssl_cipher(session->connection) != NULL;
    if (session->uses_tls || mode <= ENGINE_TLS_PREFER)
        return true;
    return error_set(err, ERROR_INVALID, "Tls",
                     "cannot connect to the server %s: it has no TLS: switch it on there, or use "
                     "tls=false",
                     session->label);
}

/* One known character set and sql_mode, so that quoting means what it says and no GRANT makes a
 * user; no wait for a lock that lasts a day. */
static bool set_up(struct engine_session *session, uint32_t lock_timeout_ms, int64_t deadline_ms,
                   struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    session->is_mariadb = mariadb_connection(session->connection) != 0;
    strbuf_append_format(&sql,
                         "SET NAMES utf8mb4, SESSION sql_mode = '%s', SESSION lock_wait_timeout ="
                         " %u",
                         session->is_mariadb ? "STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER"
                                             : "STRICT_TRANS_TABLES",
                         (unsigned)((lock_timeout_ms + 999) / 1000));
    return run_until(session, "setting up the session", &sql, deadline_ms, NULL, NULL, err);
}

static void set_host(struct engine_session *session, const struct engine_host *host)
{
    if (session->connection != NULL)
        mysql_close(session->connection);
    free(session->label);
    session->connection = NULL;
    session->label = engine_host_label(host);
}

static bool connect_to_host(void *context, const struct engine_host *host, int64_t deadline_ms,
                            struct error *err)
{
    const struct attempt *attempt = context;
    const struct engine_connect_request *request = attempt->request;
    struct engine_session *session = attempt->session;
    uint32_t lock_timeout_ms =
        request->lock_timeout_ms > 0 ? request->lock_timeout_ms : LOCK_TIMEOUT_MS;

    set_host(session, host);
    session->host_index = (size_t)(host - request->server->hosts);
    session->connection = make_connection(attempt);
    if (session->connection == NULL)
        return error_set(err, ERROR_UNAVAILABLE, NULL, "Connector/C is out of memory");
    return run_connect(session, attempt, host, deadline_ms, err) &&
           check_tls(session, request->server->tls_mode, err) &&
           set_up(session, lock_timeout_ms, deadline_ms, err);
}

static bool open_session(struct engine_session *session,
                         const struct engine_connect_request *request,
                         const struct engine_mysql_login *login, unsigned *ret_number,
                         struct error *err)
{
    auto_ca_file struct engine_ca_file ca_file;
    struct attempt attempt = {
        .request = request,
        .login = login,
        .ret_number = ret_number,
        .session = session,
    };

    if (!engine_ca_file_open(request, &ca_file, err))
        return false;
    attempt.ca_file = ca_file.path;
    return engine_try_hosts(request, connect_to_host, &attempt, err);
}

bool engine_mysql_open(const struct engine_connect_request *request,
                       const struct engine_mysql_login *login, struct engine_session **ret_session,
                       unsigned *ret_number, struct error *err)
{
    struct engine_session *session = mem_alloc(sizeof *session);

    session->timesource = request->timesource;
    session->random = request->random;
    session->cancellation = request->cancellation;
    session->statement_timeout_ms =
        request->statement_timeout_ms > 0 ? request->statement_timeout_ms : STATEMENT_TIMEOUT_MS;
    session->username = mem_strdup(login->username);
    if (ret_number != NULL)
        *ret_number = 0;
    if (!open_session(session, request, login, ret_number, err)) {
        engine_mysql_close(session);
        return false;
    }
    *ret_session = session;
    return true;
}

void engine_mysql_close(struct engine_session *session)
{
    if (session == NULL)
        return;
    if (session->connection != NULL)
        mysql_close(session->connection);
    free(session->label);
    free(session->username);
    free(session);
}

/* --- Quoting --------------------------------------------------------------------------------- */

/* Backticks mean an identifier under every sql_mode. */
void engine_mysql_append_identifier(struct strbuf *sql, const char *name)
{
    strbuf_append_char(sql, '`');
    for (; *name != '\0'; name++) {
        if (*name == '`')
            strbuf_append_char(sql, '`');
        strbuf_append_char(sql, *name);
    }
    strbuf_append_char(sql, '`');
}

void engine_mysql_append_literal(struct engine_session *session, struct strbuf *sql,
                                 const char *text)
{
    size_t length = strlen(text);
    char *quoted = mem_alloc(2 * length + 1);

    mysql_real_escape_string(session->connection, quoted, text, (unsigned long)length);
    strbuf_append_char(sql, '\'');
    strbuf_append_text(sql, quoted);
    strbuf_append_char(sql, '\'');
    mem_free_erased(quoted);
}

void engine_mysql_append_account(struct engine_session *session, struct strbuf *sql,
                                 const char *name)
{
    engine_mysql_append_literal(session, sql, name);
    strbuf_append_text(sql, "@'%'");
}

/* --- Rows ------------------------------------------------------------------------------------ */

const char *engine_mysql_field(MYSQL_RES *result, MYSQL_ROW row, const char *name)
{
    const MYSQL_FIELD *fields = mysql_fetch_fields(result);
    unsigned count = mysql_num_fields(result);

    for (unsigned i = 0; i < count; i++) {
        if (strcasecmp(fields[i].name, name) == 0)
            return row[i];
    }
    return NULL;
}

const char *engine_mysql_text(MYSQL_RES *result, MYSQL_ROW row, const char *name)
{
    const char *value = engine_mysql_field(result, row, name);

    return value != NULL ? value : "";
}
