#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/postgres_operations.h"
#include "engine/postgres_owner.h"

#include <stdlib.h>
#include <string.h>

/* Everything about one target in one round trip; names are parameters, never part of the text. */
static const char observe_sql[] =
    "SELECT current_setting('server_version') AS version,"
    " pg_is_in_recovery() AS in_recovery,"
    " current_setting('default_transaction_read_only') = 'on' AS read_only,"
    " (SELECT system_identifier::text FROM pg_control_system()) AS identity,"
    " d.oid::text AS database_id, d.datallowconn, d.datconnlimit = -2 AS half_dropped,"
    " d.datistemplate, o.rolname AS owner, o.rolsuper AND o.rolname <> current_user AS "
    "foreign_super,"
    " o.rolname = current_user AS owned_by_admin, o.oid = u.oid AS owned_by_target,"
    " EXISTS (SELECT FROM pg_roles WHERE rolname = '" POSTGRES_KEEPER_PREFIX "' || d.oid)"
    " AS has_keeper,"
    " shobj_description(d.oid, 'pg_database') AS database_comment,"
    " u.oid::text AS user_id, u.rolcanlogin, coalesce(u.rolvaliduntil <= now(), false) AS expired,"
    " CASE WHEN u.rolsuper THEN 'SUPERUSER' WHEN u.rolcreaterole THEN 'CREATEROLE'"
    " WHEN u.rolcreatedb THEN 'CREATEDB' WHEN u.rolreplication THEN 'REPLICATION'"
    " WHEN u.rolbypassrls THEN 'BYPASSRLS' END AS privileged_as,"
    " u.rolname = current_user AS is_admin,"
    " a.rolsuper OR pg_has_role(a.oid, u.oid, 'MEMBER WITH ADMIN OPTION') OR"
    " (a.rolcreaterole AND current_setting('server_version_num')::int < 160000) AS administered,"
    " shobj_description(u.oid, 'pg_authid') AS user_comment"
    " FROM pg_roles a"
    " LEFT JOIN pg_database d ON d.datname = $1"
    " LEFT JOIN pg_roles o ON o.oid = d.datdba"
    " LEFT JOIN pg_roles u ON u.rolname = $2"
    " WHERE a.rolname = current_user";

/* A field of the only row by its name; NULL for SQL's NULL. */
static const char *field(const PGresult *result, const char *name)
{
    int column = PQfnumber(result, name);

    return PQgetisnull(result, 0, column) ? NULL : PQgetvalue(result, 0, column);
}

static bool flag(const PGresult *result, const char *name)
{
    const char *value = field(result, name);

    return value != NULL && value[0] == 't';
}

static char *copy(const PGresult *result, const char *name)
{
    const char *value = field(result, name);

    return mem_strdup(value != NULL ? value : "");
}

static void take_database(const PGresult *result, struct engine_database_facts *database)
{
    database->present = field(result, "database_id") != NULL;
    database->owner = copy(result, "owner");
    database->id = copy(result, "database_id");
    if (!database->present)
        return;
    database->half_dropped = flag(result, "half_dropped");
    database->owned_by_target = flag(result, "owned_by_target");
    database->is_reserved =
        flag(result, "datistemplate") || flag(result, "foreign_super") ||
        (!flag(result, "datallowconn") && !database->half_dropped && !database->owned_by_target);
    database->owned_by_admin = flag(result, "owned_by_admin");
    database->has_keeper = flag(result, "has_keeper");
    engine_marker_parse(field(result, "database_comment"), &database->marker);
}

static void take_user(const PGresult *result, struct engine_user_facts *user)
{
    user->present = field(result, "user_id") != NULL;
    user->id = copy(result, "user_id");
    if (!user->present)
        return;
    user->can_log_in = flag(result, "rolcanlogin");
    user->expired = flag(result, "expired");
    user->is_administered = flag(result, "administered");
    user->privileged_as = mem_strdup_or_null(field(result, "privileged_as"));
    user->is_admin_itself = flag(result, "is_admin");
    engine_marker_parse(field(result, "user_comment"), &user->marker);
}

bool postgres_observe(struct engine_session *session, const struct engine_target *target,
                      struct engine_facts *ret_facts, struct error *err)
{
    const char *const parameters[] = {target->database, target->username};
    auto_result PGresult *result = NULL;

    if (!postgres_query(session, "reading the server's catalog", observe_sql, parameters, 2,
                        &result, err))
        return false;
    if (PQntuples(result) != 1)
        return error_set(err, ERROR_INTERNAL, NULL, "the server's catalog does not know '%s'",
                         session->username);
    *ret_facts = (struct engine_facts){
        .server_identity = copy(result, "identity"),
        .server_version = mem_printf("PostgreSQL %s", field(result, "version")),
        .host_index = session->host_index,
        .marks_users = true,
        .read_only = flag(result, "in_recovery") || flag(result, "read_only"),
    };
    take_database(result, &ret_facts->database);
    take_user(result, &ret_facts->user);
    return true;
}

/* Whoever has a right or an object in the database, or a right on it. */
bool postgres_observe_residents(struct engine_session *session, const struct engine_target *target,
                                struct engine_facts *facts, struct error *err)
{
    static const char sql[] =
        "SELECT rolname, shobj_description(r.oid, 'pg_authid') FROM pg_roles r"
        " JOIN pg_database d ON d.datname = $1 WHERE rolname <> $2"
        " AND shobj_description(r.oid, 'pg_authid') LIKE '{%' AND EXISTS (SELECT FROM pg_shdepend"
        " WHERE refclassid = 'pg_authid'::regclass AND refobjid = r.oid AND (dbid = d.oid"
        " OR (classid = 'pg_database'::regclass AND objid = d.oid))) ORDER BY 1";
    const char *const parameters[] = {target->database, target->username};
    auto_result PGresult *result = NULL;
    auto_strbuf struct strbuf text = {0};

    if (!postgres_query(session, "reading whose users have rights", sql, parameters, 2, &result,
                        err))
        return false;
    for (int row = 0; row < PQntuples(result); row++)
        engine_marker_append_resident(&text, PQgetvalue(result, row, 0), PQgetvalue(result, row, 1),
                                      &facts->database.marker);
    free(facts->database.residents);
    facts->database.residents = text.length > 0 ? strbuf_detach(&text) : NULL;
    return true;
}
