/*
 * One connection to MySQL or MariaDB over Connector/C: every wait has a deadline and ends on
 * cancellation, TLS is exactly what the connection string asks for, and no text of the server
 * reaches an error.
 *
 * Inside the MySQL driver only.
 */
#ifndef ENGINE_MYSQL_SESSION_H
#define ENGINE_MYSQL_SESSION_H

#include "engine/engine.h"

#include <mariadb/mysql.h>
#include <stdbool.h>

struct strbuf;

struct engine_session {
    MYSQL *connection;
    const struct timesource *timesource;
    const struct random_source *random;
    const struct cancellation *cancellation;
    uint32_t statement_timeout_ms;
    size_t host_index; /* in the connection string */
    char *label;       /* "host:port", for messages */
    char *username;    /* whom we are logged in as */
    bool is_mariadb;
    bool uses_tls;
};

/* Who logs in where. */
struct engine_mysql_login {
    const char *username;
    const struct secret *password;
    const char *plugin; /* the only way in which the password may be shown; NULL = the safe ones */
};

/* Connects within the request's time, without a default database.  On failure *ret_number (may be
 * NULL) gets the server's or the client's error number. */
bool engine_mysql_open(const struct engine_connect_request *request,
                       const struct engine_mysql_login *login, struct engine_session **ret_session,
                       unsigned *ret_number, struct error *err) must_check;
void engine_mysql_close(struct engine_session *session);

/* Runs one statement; `doing` names it in messages.  ret_result NULL: it has no rows; otherwise the
 * caller frees it.  On failure *ret_number (may be NULL) gets the error number. */
bool engine_mysql_run(struct engine_session *session, const char *doing, const struct strbuf *sql,
                      MYSQL_RES **ret_result, unsigned *ret_number, struct error *err) must_check;

/* Where a statement was denied to the admin, names the right that it needs: "CREATE USER" on "*.*".
 * Returns false. */
bool engine_mysql_name_right(const struct engine_session *session, const char *right,
                             const char *object, struct error *err);

/* The only two ways by which a name or a text enters a statement.  The literal follows the sql_mode
 * of the session. */
void engine_mysql_append_identifier(struct strbuf *sql, const char *name);
void engine_mysql_append_literal(struct engine_session *session, struct strbuf *sql,
                                 const char *text);
/* "'name'@'%'": the account that is ours. */
void engine_mysql_append_account(struct engine_session *session, struct strbuf *sql,
                                 const char *name);

/* A field of a row by the name of its column (any case); NULL for SQL's NULL and for a column that
 * this server does not have. */
const char *engine_mysql_field(MYSQL_RES *result, MYSQL_ROW row, const char *name);
/* Likewise, "" in place of NULL: what calls itself a server may answer anything. */
const char *engine_mysql_text(MYSQL_RES *result, MYSQL_ROW row, const char *name);

static inline void free_result_scope(MYSQL_RES **result)
{
    if (*result != NULL)
        mysql_free_result(*result);
}

#define auto_mysql_result run_at_scope_end(free_result_scope)

#endif
