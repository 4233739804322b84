/*
 * One connection to PostgreSQL over libpq's non-blocking calls: every wait has a deadline and ends
 * on cancellation, no setting outlives a transaction (a pooler may sit between), and no text of the
 * server reaches an error, since it may quote a statement that holds a secret.
 *
 * Inside the PostgreSQL driver only.
 */
#ifndef ENGINE_POSTGRES_SESSION_H
#define ENGINE_POSTGRES_SESSION_H

#include "engine/engine.h"

#include <libpq-fe.h>

#include <stdbool.h>

enum { POSTGRES_SQLSTATE_SIZE = 6 };

/* What the server's views and logs call us. */
#define POSTGRES_APPLICATION_NAME "database-user-operator"

/* True when this libpq can refuse every authentication but SCRAM (from 16 on). */
static inline bool postgres_can_require_scram(void)
{
    return PQlibVersion() >= 160000;
}

struct engine_session {
    PGconn *connection;
    struct engine_connect_request request; /* for another session like this one */
    const struct timesource *timesource;
    const struct random_source *random;
    const struct cancellation *cancellation;
    uint32_t statement_timeout_ms;
    uint32_t lock_timeout_ms;
    size_t host_index;                    /* in the connection string */
    char *label;                          /* "host:port", for messages */
    char *username;                       /* whom we are logged in as */
    int server_version;                   /* e.g. 150018 */
    char warning[POSTGRES_SQLSTATE_SIZE]; /* 01006, 01007: not (un)granted; "" = none */
};

/* Who logs in where. */
struct postgres_login {
    const char *username;
    const struct secret *password;
    const char *database;
    bool is_proof; /* of a stored password: what the server says is an outcome */
};

/* How the server ended a login. */
struct postgres_refusal {
    char sqlstate[POSTGRES_SQLSTATE_SIZE]; /* "" when the server did not speak */
    bool after_password;                   /* it had asked for the password before */
};

/* Connects within the request's time.  A proof takes TLS, whatever the request prefers.  On failure
 * *ret_refusal (may be NULL) is filled too. */
bool postgres_connect(const struct engine_connect_request *request,
                      const struct postgres_login *login, struct engine_session **ret_session,
                      struct postgres_refusal *ret_refusal, struct error *err) must_check;
/* A second session of the admin, in another database of the same server. */
bool postgres_connect_to_database(const struct engine_session *session, const char *database,
                                  struct engine_session **ret_session, struct error *err)
    must_check;
void postgres_disconnect(struct engine_session *session);

static inline void postgres_disconnect_scope(struct engine_session **session)
{
    postgres_disconnect(*session);
}

#define auto_session run_at_scope_end(postgres_disconnect_scope)

/* Runs one statement with text parameters; `doing` names it in messages ("reading the catalog").
 * Outside a transaction it gets one of its own, for its search path: functions of somebody else
 * that the path finds would run as the admin.  The caller clears *ret_result with PQclear(); it has
 * rows. */
bool postgres_query(struct engine_session *session, const char *doing, const char *sql,
                    const char *const *parameters, int parameter_count, PGresult **ret_result,
                    struct error *err) must_check;
/* Runs one statement outside a transaction. */
bool postgres_execute(struct engine_session *session, const char *doing, const char *sql,
                      struct error *err) must_check;
/* Runs statements, separated by ';', in one transaction with our time limits.  A warning that
 * something was not granted or not revoked is a failure, and nothing is committed. */
bool postgres_execute_transaction(struct engine_session *session, const char *doing,
                                  const char *statements, struct error *err) must_check;

/* The same in steps, where what is read in the transaction decides what is done in it.  A begin or
 * commit that failed has rolled back; after another failure the caller does. */
bool postgres_begin(struct engine_session *session, const char *doing, struct error *err)
    must_check;
/* Begins one that may run on a standby, and may not write where the database forbids it. */
bool postgres_begin_reading(struct engine_session *session, const char *doing, struct error *err)
    must_check;
bool postgres_commit(struct engine_session *session, const char *doing, struct error *err)
    must_check;
/* Gives up the transaction; returns false. */
bool postgres_roll_back(struct engine_session *session);

static inline void postgres_clear_scope(PGresult **result)
{
    PQclear(*result);
}

#define auto_result run_at_scope_end(postgres_clear_scope)

#endif
