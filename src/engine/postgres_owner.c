#include "engine/postgres_owner.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/postgres_privileges.h"
#include "engine/postgres_quote.h"
#include "engine/postgres_rights.h"

#include <stdlib.h>
#include <string.h>

/* What is temporary is nobody's business. */
bool postgres_owner_read(struct engine_session *session, const struct engine_target *target,
                         struct postgres_owned *ret_owned, struct error *err)
{
    static const char sql[] =
        "SELECT d.datdba = u.oid, EXISTS (SELECT FROM pg_shdepend o"
        " WHERE o.dbid = d.oid AND o.refclassid = 'pg_authid'::regclass AND o.refobjid = u.oid"
        " AND o.deptype = 'o'"
        " AND o.classid NOT IN ('pg_default_acl'::regclass, 'pg_user_mapping'::regclass)"
        " AND coalesce((pg_identify_object(o.classid, o.objid, 0)).schema, '') !~ '^pg_temp')"
        " FROM pg_database d, pg_roles u WHERE d.datname = current_database() AND u.rolname = $1";
    const char *const parameters[] = {target->username};
    auto_result PGresult *result = NULL;

    if (!postgres_query(session, "reading what the user owns", sql, parameters, 1, &result, err))
        return false;
    if (PQntuples(result) != 1)
        return error_set(err, ERROR_CONFLICT, NULL, "the user '%s' vanished", target->username);
    ret_owned->database = PQgetvalue(result, 0, 0)[0] == 't';
    ret_owned->objects =
        PQgetvalue(result, 0, 1)[0] == 't' && !postgres_privileges_may_create(target->privileges);
    return true;
}

/* --- The keeper ------------------------------------------------------------------------------ */

struct keeper {
    char *name;
    char *database; /* OID and name, as in the mark: a restored server has other databases under
                     * the OIDs that the names of restored roles hold */
    bool exists;
    bool is_ours;
};

static void release_keeper(struct keeper *keeper)
{
    free(keeper->name);
    free(keeper->database);
}

#define auto_keeper run_at_scope_end(release_keeper)

static bool has_our_mark(const struct keeper *keeper, const char *comment)
{
    struct engine_marker marker = {0};
    bool is_ours;

    engine_marker_parse(comment, &marker);
    is_ours = marker.kind == ENGINE_MARKER_OURS && strcmp(marker.database, keeper->database) == 0;
    engine_marker_release(&marker);
    return is_ours;
}

/* Everything stays empty where there is no such database. */
static bool find_keeper(struct engine_session *session, const char *database,
                        struct keeper *ret_keeper, struct error *err)
{
    static const char sql[] =
        "SELECT d.oid::text, r.oid IS NOT NULL, r.rolcanlogin, shobj_description(r.oid,"
        " 'pg_authid') FROM pg_database d LEFT JOIN pg_roles r"
        " ON r.rolname = '" POSTGRES_KEEPER_PREFIX "' || d.oid WHERE d.datname = $1";
    const char *const parameters[] = {database};
    auto_result PGresult *result = NULL;

    if (!postgres_query(session, "looking for the keeper of the objects", sql, parameters, 1,
                        &result, err))
        return false;
    if (PQntuples(result) != 1)
        return true;
    ret_keeper->database = mem_printf("%s %s", PQgetvalue(result, 0, 0), database);
    ret_keeper->name = mem_printf(POSTGRES_KEEPER_PREFIX "%s", PQgetvalue(result, 0, 0));
    ret_keeper->exists = PQgetvalue(result, 0, 1)[0] == 't';
    ret_keeper->is_ours = ret_keeper->exists && PQgetvalue(result, 0, 2)[0] != 't' &&
                          has_our_mark(ret_keeper, PQgetvalue(result, 0, 3));
    return true;
}

bool postgres_owner_find_keeper(struct engine_session *session, const char *database,
                                char **ret_name, struct error *err)
{
    auto_keeper struct keeper keeper = {0};

    if (!find_keeper(session, database, &keeper, err))
        return false;
    *ret_name = keeper.is_ours ? mem_strdup(keeper.name) : NULL;
    return true;
}

/* A role of this name that somebody else made is not to be given anything. */
static bool find_usable_keeper(struct engine_session *session, const char *database,
                               struct keeper *ret_keeper, struct error *err)
{
    if (!find_keeper(session, database, ret_keeper, err))
        return false;
    if (ret_keeper->name == NULL)
        return error_set(err, ERROR_CONFLICT, NULL, "the database '%s' vanished", database);
    if (ret_keeper->exists && !ret_keeper->is_ours)
        return error_set(err, ERROR_INVALID, "ForeignKeeper",
                         "a role '%s' exists and was not made by the operator: rename it",
                         ret_keeper->name);
    return true;
}

static bool ensure_keeper(struct engine_session *session, const struct keeper *keeper,
                          struct error *err)
{
    struct engine_marker marker = {.database = keeper->database};
    auto_free char *text = engine_marker_render(&marker);
    auto_strbuf struct strbuf sql = {0};

    if (keeper->exists)
        return true;
    strbuf_append_text(&sql, "CREATE ROLE ");
    postgres_quote_identifier(&sql, keeper->name);
    strbuf_append_text(&sql, " NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE; COMMENT ON ROLE ");
    postgres_quote_identifier(&sql, keeper->name);
    strbuf_append_text(&sql, " IS ");
    postgres_quote_literal(&sql, text);
    return postgres_execute(session, "making the keeper of the objects", strbuf_text(&sql), err);
}

/* Appends the statements that a query makes. */
static bool append_rows(struct engine_session *session, const char *doing, const char *query,
                        const char *const *parameters, int count, struct strbuf *sql,
                        struct error *err)
{
    auto_result PGresult *result = NULL;

    if (!postgres_query(session, doing, query, parameters, count, &result, err))
        return false;
    for (int row = 0; row < PQntuples(result); row++)
        strbuf_append_text(sql, PQgetvalue(result, row, 0));
    return true;
}

/* Whoever becomes the owner of something must be allowed to create in its schema, whichever of the
 * two moves first; a keeper also looks there for what its foreign keys and views refer to. */
static bool append_grants_on_schemas(struct engine_session *session, const char *role,
                                     struct strbuf *sql, struct error *err)
{
    static const char query[] =
        "SELECT format('GRANT USAGE, CREATE ON SCHEMA %I TO %I; ', nspname, $1::text)"
        " FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        " AND pg_has_role(nspowner, 'USAGE')";
    const char *const parameters[] = {role};

    return append_rows(session, "reading the schemas", query, parameters, 1, sql, err);
}

static void append_reassignment(struct strbuf *sql, const char *from, const char *to)
{
    strbuf_append_text(sql, "REASSIGN OWNED BY ");
    postgres_quote_identifier(sql, from);
    strbuf_append_text(sql, " TO ");
    postgres_quote_identifier(sql, to);
    strbuf_append_text(sql, "; ");
}

static void append_new_owner(struct strbuf *sql, const char *database, const char *owner)
{
    strbuf_append_text(sql, "ALTER DATABASE ");
    postgres_quote_identifier(sql, database);
    strbuf_append_text(sql, " OWNER TO ");
    if (owner != NULL)
        postgres_quote_identifier(sql, owner);
    else
        strbuf_append_text(sql, "CURRENT_USER");
    strbuf_append_text(sql, "; ");
}

/* --- A closed database ----------------------------------------------------------------------- */

bool postgres_owner_open(struct engine_session *session, const struct engine_target *target,
                         bool *ret_opened, struct error *err)
{
    static const char query[] =
        "SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS true CONNECTION LIMIT -1', datname)"
        " FROM pg_database d JOIN pg_roles u ON u.oid = d.datdba WHERE datname = $1"
        " AND rolname = $2 AND (NOT datallowconn OR datconnlimit >= 0)";
    static const char doing[] = "opening the database that its owner closed";
    const char *const parameters[] = {target->database, target->username};
    auto_strbuf struct strbuf sql = {0};

    if (!append_rows(session, doing, query, parameters, 2, &sql, err))
        return false;
    *ret_opened = sql.length > 0;
    return !*ret_opened || postgres_execute_transaction(session, doing, strbuf_text(&sql), err);
}

/* --- From ALL to a list ---------------------------------------------------------------------- */

/* REASSIGN OWNED moves what the user owns outside of the database too: it goes back. */
static bool append_return_of_others(struct engine_session *session,
                                    const struct engine_target *target, struct strbuf *sql,
                                    struct error *err)
{
    static const char query[] =
        "SELECT format('ALTER %s %I OWNER TO %I; ', o.kind, o.name, u.rolname) FROM pg_roles u"
        " JOIN (SELECT 'DATABASE' AS kind, datname AS name, datdba AS owner FROM pg_database"
        " WHERE datname <> current_database() UNION ALL SELECT 'TABLESPACE', spcname, spcowner"
        " FROM pg_tablespace) o ON o.owner = u.oid WHERE u.rolname = $1";
    const char *const parameters[] = {target->username};

    return append_rows(session, "reading what else the user owns", query, parameters, 1, sql, err);
}

/* Code that the user wrote runs as the keeper, which needs no more than to find what it refers to.
 */
static bool append_end_of_creation(struct engine_session *session,
                                   const struct engine_target *target, const char *keeper,
                                   struct strbuf *sql, struct error *err)
{
    static const char query[] =
        "SELECT format('REVOKE CREATE ON SCHEMA %I FROM %I; ', nspname, $2::text)"
        " FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        " AND pg_has_role(nspowner, 'USAGE') AND pg_get_userbyid(nspowner) NOT IN ($1, $2)";
    const char *const parameters[] = {target->username, keeper};

    return append_rows(session, "reading the schemas", query, parameters, 2, sql, err);
}

bool postgres_owner_take(struct engine_session *session, const struct engine_target *target,
                         const struct postgres_owned *owned, struct error *err)
{
    auto_keeper struct keeper keeper = {0};
    auto_strbuf struct strbuf sql = {0};
    struct postgres_rights rights;

    if (!postgres_rights_read(session, &rights, err) ||
        !postgres_rights_require(session, &rights, rights.may_create_roles, "CREATEROLE", err) ||
        !find_usable_keeper(session, target->database, &keeper, err) ||
        !ensure_keeper(session, &keeper, err) ||
        !postgres_rights_join(session, target->username, err) ||
        !postgres_rights_join(session, keeper.name, err) ||
        !append_grants_on_schemas(session, keeper.name, &sql, err))
        return false;
    append_reassignment(&sql, target->username, keeper.name);
    if (!append_end_of_creation(session, target, keeper.name, &sql, err))
        return false;
    if (owned->database)
        append_new_owner(&sql, target->database, NULL);
    return append_return_of_others(session, target, &sql, err) &&
           postgres_execute(session, "taking over the database", strbuf_text(&sql), err);
}

/* --- From a list to ALL ---------------------------------------------------------------------- */

/* What the admin owns here, without members of extensions, and without sequences that follow their
 * table.  Never REASSIGN OWNED: that would move the admin's other databases. */
static const char admins_objects_sql[] =
    "WITH me AS (SELECT oid FROM pg_roles WHERE rolname = current_user),"
    " owned(classid, objid) AS ("
    " SELECT 'pg_namespace'::regclass, n.oid FROM pg_namespace n, me WHERE nspowner = me.oid"
    "  AND nspname !~ '^pg_'"
    " UNION ALL SELECT 'pg_class'::regclass, c.oid FROM pg_class c, me WHERE relowner = me.oid"
    "  AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'"
    " UNION ALL SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p, me WHERE proowner = me.oid"
    " UNION ALL SELECT 'pg_type'::regclass, t.oid FROM me, pg_type t"
    "  LEFT JOIN pg_class c ON c.oid = t.typrelid WHERE typowner = me.oid"
    "  AND (typtype IN ('d', 'e', 'r') OR c.relkind = 'c')"
    " UNION ALL SELECT 'pg_operator'::regclass, o.oid FROM pg_operator o, me"
    "  WHERE oprowner = me.oid"
    " UNION ALL SELECT 'pg_collation'::regclass, c.oid FROM pg_collation c, me"
    "  WHERE collowner = me.oid"
    " UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext s, me"
    "  WHERE stxowner = me.oid"
    " UNION ALL SELECT 'pg_ts_dict'::regclass, d.oid FROM pg_ts_dict d, me"
    "  WHERE dictowner = me.oid"
    " UNION ALL SELECT 'pg_ts_config'::regclass, c.oid FROM pg_ts_config c, me"
    "  WHERE cfgowner = me.oid"
    " UNION ALL SELECT 'pg_conversion'::regclass, c.oid FROM pg_conversion c, me"
    "  WHERE conowner = me.oid"
    " UNION ALL SELECT 'pg_publication'::regclass, p.oid FROM pg_publication p, me"
    "  WHERE pubowner = me.oid"
    " UNION ALL SELECT 'pg_foreign_server'::regclass, s.oid FROM pg_foreign_server s, me"
    "  WHERE srvowner = me.oid AND has_foreign_data_wrapper_privilege($1, srvfdw, 'USAGE')"
    " UNION ALL SELECT 'pg_largeobject'::regclass, l.oid FROM pg_largeobject_metadata l, me"
    "  WHERE lomowner = me.oid)"
    " SELECT 'ALTER ' || CASE i.type WHEN 'statistics object' THEN 'statistics' ELSE i.type END"
    " || ' ' || i.identity || ' OWNER TO ' || quote_ident($1) || '; '"
    " FROM owned o, pg_identify_object(o.classid, o.objid, 0) i"
    " WHERE o.objid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d"
    "  WHERE d.classid = o.classid AND d.objid = o.objid AND (d.deptype = 'e'"
    "  OR (i.type = 'sequence' AND d.deptype IN ('a', 'i')"
    "  AND d.refclassid = 'pg_class'::regclass)))"
    " ORDER BY o.objid";

static bool append_admins_objects(struct engine_session *session,
                                  const struct engine_target *target, struct strbuf *sql,
                                  struct error *err)
{
    const char *const parameters[] = {target->username};

    return append_rows(session, "reading what the admin owns in the database", admins_objects_sql,
                       parameters, 1, sql, err);
}

/* It has nothing any more but default privileges. */
static void append_keeper_removal(struct strbuf *sql, const struct keeper *keeper)
{
    strbuf_append_text(sql, "DROP OWNED BY ");
    postgres_quote_identifier(sql, keeper->name);
    strbuf_append_text(sql, "; DROP ROLE ");
    postgres_quote_identifier(sql, keeper->name);
    strbuf_append_text(sql, "; ");
}

bool postgres_owner_give(struct engine_session *session, const struct engine_target *target,
                         struct error *err)
{
    auto_keeper struct keeper keeper = {0};
    auto_strbuf struct strbuf sql = {0};

    if (!find_usable_keeper(session, target->database, &keeper, err) ||
        !postgres_rights_join(session, target->username, err) ||
        (keeper.exists && !postgres_rights_join(session, keeper.name, err)))
        return false;
    append_new_owner(&sql, target->database, target->username);
    if (!append_grants_on_schemas(session, target->username, &sql, err))
        return false;
    if (keeper.exists) {
        append_reassignment(&sql, keeper.name, target->username);
        append_keeper_removal(&sql, &keeper);
    }
    return append_admins_objects(session, target, &sql, err) &&
           postgres_execute(session, "giving the database to the user", strbuf_text(&sql), err);
}
