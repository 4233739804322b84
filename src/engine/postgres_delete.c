#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/postgres_operations.h"
#include "engine/postgres_owner.h"
#include "engine/postgres_quote.h"

#include <string.h>

/* What stands in the way, as one text; NULL when nothing is found. */
static char *find_blockers(struct engine_session *session, const char *sql, const char *name)
{
    const char *const parameters[] = {name};
    auto_result PGresult *result = NULL;
    struct error ignored;

    if (!postgres_query(session, "looking for what is in the way", sql, parameters, 1, &result,
                        &ignored) ||
        PQntuples(result) != 1 || PQgetisnull(result, 0, 0))
        return NULL;
    return mem_strdup(PQgetvalue(result, 0, 0));
}

bool postgres_set_login(struct engine_session *session, const char *username, bool allowed,
                        struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    strbuf_append_text(&sql, "ALTER ROLE ");
    postgres_quote_identifier(&sql, username);
    strbuf_append_text(&sql, allowed ? " LOGIN" : " NOLOGIN");
    return postgres_execute_transaction(
        session, allowed ? "unlocking the role" : "locking the role out", strbuf_text(&sql), err);
}

/* --- The database ---------------------------------------------------------------------------- */

static bool drop(struct engine_session *session, const char *database, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    strbuf_append_text(&sql, "DROP DATABASE IF EXISTS ");
    postgres_quote_identifier(&sql, database);
    strbuf_append_text(&sql, " WITH (FORCE)");
    return postgres_execute(session, "dropping the database", strbuf_text(&sql), err);
}

/* A session of somebody whom the admin may not end, or a prepared transaction. */
static bool explain_blocked_drop(struct engine_session *session, const char *database,
                                 struct error *err)
{
    static const char sql[] =
        "SELECT string_agg(what, ', ') FROM (SELECT format('session %s of user %s', pid, usename) "
        "AS"
        " what FROM pg_stat_activity WHERE datname = $1 UNION ALL SELECT format('prepared"
        " transaction %s of user %s', gid, owner) FROM pg_prepared_xacts WHERE database = $1) AS b";
    auto_free char *blockers = NULL;

    if (!error_has_code(err, "42501") && !error_has_code(err, "55006"))
        return false;
    blockers = find_blockers(session, sql, database);
    if (blockers == NULL)
        return false;
    return error_set(err, ERROR_DENIED, "BlockedBySessions",
                     "database '%s' cannot be dropped while it is used: %s: end them, or make the "
                     "admin user '%s' a member of pg_signal_backend",
                     database, blockers, session->username);
}

/* What it kept went with the database. */
static bool drop_keeper(struct engine_session *session, const char *name, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    if (name == NULL)
        return true;
    strbuf_append_text(&sql, "DROP ROLE IF EXISTS ");
    postgres_quote_identifier(&sql, name);
    return postgres_execute(session, "dropping the keeper of the objects", strbuf_text(&sql), err);
}

bool postgres_drop_database(struct engine_session *session, const char *database, struct error *err)
{
    auto_free char *keeper = NULL;

    if (strcmp(PQdb(session->connection), database) == 0)
        return error_set(err, ERROR_INVALID, "AdminInsideDatabase",
                         "the admin connection string names database '%s' itself, which cannot be "
                         "dropped from inside: let it name another one, such as postgres",
                         database);
    if (!postgres_owner_find_keeper(session, database, &keeper, err))
        return false;
    if (!drop(session, database, err))
        return explain_blocked_drop(session, database, err);
    return drop_keeper(session, keeper, err);
}

/* --- The user -------------------------------------------------------------------------------- */

/* A dropped role's sessions would go on. */
static bool end_sessions(struct engine_session *session, const char *username, struct error *err)
{
    static const char sql[] =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1";
    const char *const parameters[] = {username};
    auto_result PGresult *result = NULL;

    return postgres_query(session, "ending the user's sessions", sql, parameters, 1, &result, err);
}

/* What a killed creation left under its temporary name. */
static bool drop_unfinished(struct engine_session *session, const char *uid, struct error *err)
{
    auto_free char *temporary = postgres_temporary_name(uid);
    enum postgres_leftover leftover;
    auto_free char *id = NULL;

    if (uid == NULL || uid[0] == '\0')
        return true;
    return postgres_find_leftover(session, temporary, &leftover, &id, err) &&
           (leftover == POSTGRES_LEFTOVER_NONE || drop(session, temporary, err));
}

/* What the role owns or was granted elsewhere is never dropped with it. */
static bool explain_dependencies(struct engine_session *session, const char *username,
                                 struct error *err)
{
    static const char sql[] =
        "SELECT string_agg(format('%s (%s)', place, objects), ', ') FROM (SELECT CASE WHEN dbid = 0"
        " THEN 'the server itself' ELSE format('database %s', datname) END AS place, count(*) AS"
        " objects FROM pg_shdepend LEFT JOIN pg_database d ON d.oid = dbid WHERE refclassid ="
        " 'pg_authid'::regclass AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1) GROUP"
        " BY 1) AS b";
    auto_free char *places = NULL;

    if (!error_has_code(err, "2BP01"))
        return false;
    places = find_blockers(session, sql, username);
    return error_set(err, ERROR_DENIED, "BlockedByDependencies",
                     "user '%s' cannot be dropped: it owns objects or has privileges in %s: run "
                     "REASSIGN OWNED BY and DROP OWNED BY there as their owner",
                     username, places != NULL ? places : "other databases");
}

bool postgres_drop_user(struct engine_session *session, const char *username, const char *uid,
                        struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    if (!end_sessions(session, username, err) || !drop_unfinished(session, uid, err))
        return false;
    strbuf_append_text(&sql, "DROP ROLE IF EXISTS ");
    postgres_quote_identifier(&sql, username);
    return postgres_execute(session, "dropping the role", strbuf_text(&sql), err) ||
           explain_dependencies(session, username, err);
}
