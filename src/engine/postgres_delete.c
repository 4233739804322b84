#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/postgres_operations.h"
#include "engine/postgres_owner.h"
#include "engine/postgres_quote.h"

#include <string.h>

/* The first three rows of the column `what` as one text; NULL for none.  A message has more to say
 * than that. */
#define FIRST_OF(rows)                                                                  \
    "SELECT string_agg(what, '; ' ORDER BY number) FILTER (WHERE number <= 3)"          \
    " || CASE WHEN count(*) > 3 THEN format('; and %s more', count(*) - 3) ELSE '' END" \
    " FROM (SELECT what, row_number() OVER (ORDER BY what) AS number FROM (" rows ") AS f) AS n"

/* One text; NULL when there is none, or it cannot be read. */
static char *find_text(struct engine_session *session, const char *sql, const char *name)
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

/* Sessions that the admin may not end, and what no session has to stand for.  Whoever consumes a
 * replication slot is named once. */
#define SESSIONS                                                                                 \
    "SELECT CASE WHEN r.oid IS NULL THEN format('session %s (%s), which ends by itself', pid,"   \
    " backend_type) WHEN r.rolsuper THEN format('session %s of %I: end it as a superuser', pid," \
    " r.rolname) ELSE format('session %s of %I: end it, or grant pg_signal_backend to %I', pid," \
    " r.rolname, current_user) END AS what"                                                      \
    " FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid"                        \
    " WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"                    \
    " AND coalesce(r.rolsuper OR NOT (pg_has_role(r.oid, 'USAGE')"                               \
    " OR pg_has_role('pg_signal_backend', 'USAGE')), true)"

static const char users_of_database_sql[] = FIRST_OF(
    SESSIONS
    " AND a.datname = $1 AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE active_pid = a.pid)"
    " UNION ALL SELECT format('prepared transaction %L of %I: run ROLLBACK PREPARED there', gid,"
    " owner) FROM pg_prepared_xacts WHERE database = $1"
    " UNION ALL SELECT format('replication slot %I: stop its consumer (process %s)', slot_name,"
    " active_pid) FROM pg_replication_slots WHERE database = $1 AND active"
    " UNION ALL SELECT format('subscription %I: run DROP SUBSCRIPTION there', subname)"
    " FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = $1");

static bool explain_use(struct engine_session *session, const char *database, struct error *err)
{
    auto_free char *blockers = find_text(session, users_of_database_sql, database);

    if (blockers == NULL)
        return false;
    return error_set(err, ERROR_DENIED, ENGINE_BLOCKED_BY_SESSIONS,
                     "database '%s' cannot be dropped while it is used: %s", database, blockers);
}

/* Where the admin may not act for the owner, its sessions have nothing to do with it. */
static bool explain_denial(struct engine_session *session, const char *database, struct error *err)
{
    static const char sql[] = "SELECT o.rolname FROM pg_database d JOIN pg_roles o"
                              " ON o.oid = d.datdba WHERE d.datname = $1"
                              " AND NOT pg_has_role(o.oid, 'USAGE')";
    auto_free char *owner = find_text(session, sql, database);

    if (owner == NULL)
        return explain_use(session, database, err);
    return error_set(err, ERROR_DENIED, ENGINE_BLOCKED_BY_OWNER,
                     "database '%s' cannot be dropped: it belongs to '%s', for whom the admin user "
                     "'%s' may not act: run ALTER DATABASE \"%s\" OWNER TO \"%s\" as a superuser",
                     database, owner, session->username, database, session->username);
}

static bool explain_blocked_drop(struct engine_session *session, const char *database,
                                 struct error *err)
{
    if (error_has_code(err, "42809"))
        return error_set(err, ERROR_DENIED, ENGINE_BLOCKED_BY_TEMPLATE,
                         "database '%s' cannot be dropped: it is a template: run ALTER DATABASE "
                         "\"%s\" IS_TEMPLATE false",
                         database, database);
    if (error_has_code(err, "42501"))
        return explain_denial(session, database, err);
    return error_has_code(err, "55006") && explain_use(session, database, err);
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
        return error_set(err, ERROR_INVALID, ENGINE_ADMIN_INSIDE_DATABASE,
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

static const char users_sessions_sql[] =
    FIRST_OF("SELECT format('session %s in database %I', pid, datname) AS what"
             " FROM pg_stat_activity WHERE usename = $1");

/* A dropped role's sessions would go on. */
bool postgres_end_sessions(struct engine_session *session, const char *username, struct error *err)
{
    static const char sql[] =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1";
    const char *const parameters[] = {username};
    auto_result PGresult *result = NULL;
    auto_free char *sessions = NULL;

    if (postgres_query(session, "ending the user's sessions", sql, parameters, 1, &result, err))
        return true;
    if (error_has_code(err, "42501"))
        sessions = find_text(session, users_sessions_sql, username);
    if (sessions == NULL)
        return false;
    return error_set(err, ERROR_DENIED, ENGINE_BLOCKED_BY_SESSIONS,
                     "the sessions of user '%s' cannot be ended by the admin user '%s': %s: end "
                     "them, or run GRANT pg_signal_backend TO \"%s\" as a superuser",
                     username, session->username, sessions, session->username);
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

#define WAY_OF_DEPENDING \
    "CASE deptype WHEN 'o' THEN 'owns' WHEN 'a' THEN 'has privileges on' ELSE 'is named by' END"

/* Only of what all databases share the name is known here. */
static const char dependencies_sql[] = FIRST_OF(
    "SELECT format('%s %s', " WAY_OF_DEPENDING ", pg_describe_object(classid, objid, objsubid))"
    " AS what FROM pg_shdepend, pg_roles r WHERE dbid = 0 AND refclassid = 'pg_authid'::regclass"
    " AND refobjid = r.oid AND r.rolname = $1 UNION ALL SELECT format('%s objects in database"
    " %I (%s)', " WAY_OF_DEPENDING
    ", datname, count(*)) FROM pg_shdepend, pg_roles r, pg_database d"
    " WHERE d.oid = dbid AND refclassid = 'pg_authid'::regclass AND refobjid = r.oid"
    " AND r.rolname = $1 GROUP BY deptype, datname");

/* What the role owns or was granted elsewhere is never dropped with it. */
static bool explain_dependencies(struct engine_session *session, const char *username,
                                 struct error *err)
{
    auto_free char *dependencies = NULL;

    if (!error_has_code(err, "2BP01"))
        return false;
    dependencies = find_text(session, dependencies_sql, username);
    return error_set(err, ERROR_DENIED, ENGINE_BLOCKED_BY_DEPENDENCIES,
                     "user '%s' cannot be dropped: it %s: run REASSIGN OWNED BY \"%s\" to another "
                     "role and then DROP OWNED BY \"%s\" there as a superuser",
                     username, dependencies != NULL ? dependencies : "has dependent objects",
                     username, username);
}

bool postgres_drop_user(struct engine_session *session, const struct engine_target *target,
                        const char *uid, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    if (!drop_unfinished(session, uid, err))
        return false;
    strbuf_append_text(&sql, "DROP ROLE IF EXISTS ");
    postgres_quote_identifier(&sql, target->username);
    return postgres_execute(session, "dropping the role", strbuf_text(&sql), err) ||
           explain_dependencies(session, target->username, err);
}
