#include "engine/postgres_difference.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/postgres_privileges.h"

#include <string.h>

/*
 * $1 is the user; $2 to $5 are the rights that it shall have on the database, schemas, tables and
 * sequences.  One row for each object (or set of future objects) and effect: "missing", "excess",
 * or "unmanaged" where the admin may not act for the owner or for whoever granted.
 *
 * - Only what is granted to the user itself counts, not what comes from PUBLIC or its roles.
 * - What it owns is its own.
 * - A grant by the owner of a table reaches its columns; REVOKE takes those away with it.
 * - Default privileges are asked of everybody who may make objects here and whom the admin may act
 *   for.  Those of one schema are never made by us, so they can only be too much.
 * - "ungranted" is what an owner could let the admin grant; nobody expects that of superusers.
 * - Names leave the server quoted, since tables are called as their owners like.
 */
#define DIFFERENCE                                                                                \
    "WITH me AS (SELECT oid, quote_ident(rolname) AS name FROM pg_roles WHERE rolname = $1),"     \
    " application AS (SELECT * FROM pg_namespace"                                                 \
    "  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),"                             \
    " relation AS (SELECT c.oid, c.relkind, c.relowner, c.relacl,"                                \
    "  format('%I.%I', n.nspname, c.relname) AS name"                                             \
    "  FROM pg_class c JOIN application n ON n.oid = c.relnamespace"                              \
    "  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')),"                                       \
    " columns AS (SELECT a.attrelid, array_agg(x.privilege_type) AS held"                         \
    "  FROM me, pg_attribute a JOIN pg_class c ON c.oid = a.attrelid, aclexplode(a.attacl) x"     \
    "  WHERE a.attacl IS NOT NULL AND NOT a.attisdropped"                                         \
    "  AND x.grantee = me.oid AND x.grantor = c.relowner GROUP BY 1),"                            \
    " creator AS (SELECT r.oid, r.rolname FROM me, pg_roles r"                                    \
    "  WHERE r.oid <> me.oid AND r.rolname !~ '^pg_' AND pg_has_role(r.oid, 'USAGE')"             \
    "  AND (r.rolname = current_user OR r.oid IN ("                                               \
    "   SELECT datdba FROM pg_database WHERE datname = current_database()"                        \
    "   UNION SELECT nspowner FROM application UNION SELECT relowner FROM relation"               \
    "   UNION SELECT x.grantee FROM application, aclexplode(nspacl) x"                            \
    "   WHERE x.privilege_type = 'CREATE'))),"                                                    \
    " kind(type, kind, want) AS (VALUES ('n'::\"char\", 'SCHEMAS', $3::text[]),"                  \
    "  ('r', 'TABLES', $4::text[]), ('S', 'SEQUENCES', $5::text[])),"                             \
    " object AS (SELECT '' AS head, 'DATABASE' AS kind, quote_ident(datname) AS name,"            \
    "  'database ' || quote_ident(datname) AS label, datdba AS own,"                              \
    "  coalesce(datacl, acldefault('d', datdba)) AS acl,"                                         \
    "  $2::text[] AS want, NULL::text[] AS of_columns"                                            \
    "  FROM pg_database WHERE datname = current_database()"                                       \
    " UNION ALL SELECT '', 'SCHEMA', quote_ident(nspname), 'schema ' || quote_ident(nspname),"    \
    "  nspowner, nspacl, $3, NULL FROM application"                                               \
    " UNION ALL SELECT '', CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, name,"         \
    "  CASE relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || name, relowner, relacl,"       \
    "  CASE relkind WHEN 'S' THEN $5 ELSE $4 END, held"                                           \
    "  FROM relation LEFT JOIN columns ON attrelid = oid"                                         \
    " UNION ALL SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I ', c.rolname), k.kind, '',"   \
    "  format('future %s of %I', lower(k.kind), c.rolname), c.oid, d.defaclacl, k.want, NULL"     \
    "  FROM creator c CROSS JOIN kind k LEFT JOIN pg_default_acl d ON d.defaclrole = c.oid"       \
    "  AND d.defaclnamespace = 0 AND d.defaclobjtype = k.type"                                    \
    " UNION ALL SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I ', r.rolname) ||"             \
    "  coalesce('IN SCHEMA ' || quote_ident(n.nspname) || ' ', ''), k.kind, '',"                  \
    "  format('future %s of %I', lower(k.kind), r.rolname) ||"                                    \
    "  coalesce(' in schema ' || quote_ident(n.nspname), ''), r.oid, d.defaclacl,"                \
    "  ARRAY(SELECT unnest(k.want) INTERSECT SELECT x.privilege_type"                             \
    "   FROM me, aclexplode(d.defaclacl) x WHERE x.grantee = me.oid), NULL"                       \
    "  FROM pg_default_acl d JOIN kind k ON k.type = d.defaclobjtype"                             \
    "  JOIN pg_roles r ON r.oid = d.defaclrole LEFT JOIN pg_namespace n"                          \
    "  ON n.oid = d.defaclnamespace"                                                              \
    "  WHERE d.defaclnamespace <> 0 OR d.defaclrole NOT IN (SELECT oid FROM creator)),"           \
    " state AS (SELECT o.*, pg_has_role(o.own, 'USAGE') AS manageable,"                           \
    "  ARRAY(SELECT x.privilege_type FROM aclexplode(o.acl) x WHERE x.grantee = me.oid) AS held," \
    "  ARRAY(SELECT x.privilege_type FROM aclexplode(o.acl) x"                                    \
    "   WHERE x.grantee = me.oid AND x.grantor = o.own) || o.of_columns AS by_owner,"             \
    "  ARRAY(SELECT x.privilege_type FROM aclexplode(o.acl) x WHERE x.grantee = 0) AS by_public"  \
    "  FROM me, object o WHERE o.own <> me.oid),"                                                 \
    " way AS (SELECT *, ARRAY(SELECT unnest(want) EXCEPT SELECT unnest(held) ORDER BY 1) AS "     \
    "lacks,"                                                                                      \
    "  ARRAY(SELECT unnest(by_owner) EXCEPT SELECT unnest(want) ORDER BY 1) AS exceeds,"          \
    "  ARRAY(SELECT unnest(held) EXCEPT SELECT unnest(want || by_owner) ORDER BY 1) AS foreign_," \
    "  ARRAY(SELECT unnest(want) EXCEPT SELECT unnest(held || by_public) ORDER BY 1) AS in_vain"  \
    "  FROM state),"                                                                              \
    " difference AS ("                                                                            \
    " SELECT 'missing' AS effect, head, kind, name, label, lacks AS words FROM way"               \
    "  WHERE manageable AND lacks <> '{}'"                                                        \
    " UNION ALL SELECT 'excess', head, kind, name, label, exceeds FROM way"                       \
    "  WHERE manageable AND exceeds <> '{}'"                                                      \
    " UNION ALL SELECT CASE WHEN r.rolsuper THEN 'unmanaged' ELSE 'ungranted' END, head, kind,"   \
    "  name, label || format(' of %I', r.rolname), in_vain FROM way JOIN pg_roles r ON r.oid ="   \
    "  own WHERE NOT manageable AND in_vain <> '{}'"                                              \
    " UNION ALL SELECT 'unmanaged', head, kind, name, label, foreign_ FROM way"                   \
    "  WHERE foreign_ <> '{}'"                                                                    \
    " UNION ALL SELECT 'unmanaged', head, kind, name, label, exceeds FROM way"                    \
    "  WHERE NOT manageable AND exceeds <> '{}') "

/* Of each effect at most as many rows as people read. */
static const char describe_sql[] = DIFFERENCE
    "SELECT effect, sentence FROM (SELECT effect, array_to_string(words, ', ') || ' on ' ||"
    " min(label) || CASE WHEN count(*) > 1 THEN format(' and %s more', count(*) - 1) ELSE '' END"
    " AS sentence, row_number() OVER (PARTITION BY effect ORDER BY words, min(label)) AS number"
    " FROM difference GROUP BY effect, kind, words) AS s WHERE number <= 12 ORDER BY effect, "
    "number";

/* Objects that differ alike share a statement. */
static const char statements_sql[] =
    DIFFERENCE "SELECT head || CASE effect WHEN 'missing' THEN 'GRANT ' ELSE 'REVOKE ' END ||"
               " array_to_string(words, ', ') || ' ON ' || kind || ' ' ||"
               " string_agg(difference.name, ', ' ORDER BY difference.name) ||"
               " CASE effect WHEN 'missing' THEN ' TO ' || me.name"
               " ELSE ' FROM ' || me.name || ' CASCADE' END"
               " FROM difference, me WHERE effect = 'missing' OR (effect = 'excess' AND $6)"
               " GROUP BY effect, head, kind, words, me.name ORDER BY effect DESC, 1";

static bool query(struct engine_session *session, const struct engine_target *target,
                  const char *sql, const char *more, PGresult **ret_result, struct error *err)
{
    struct strbuf arrays[POSTGRES_OBJECT_COUNT] = {0};
    const char *parameters[POSTGRES_OBJECT_COUNT + 2] = {target->username};
    bool succeeded;

    for (size_t i = 0; i < POSTGRES_OBJECT_COUNT; i++) {
        postgres_privileges_append_array(&arrays[i], target->privileges, (enum postgres_object)i);
        parameters[i + 1] = strbuf_text(&arrays[i]);
    }
    parameters[POSTGRES_OBJECT_COUNT + 1] = more;
    succeeded = postgres_query(session, "reading the user's privileges", sql, parameters,
                               POSTGRES_OBJECT_COUNT + (more != NULL ? 2 : 1), ret_result, err);
    for (size_t i = 0; i < POSTGRES_OBJECT_COUNT; i++)
        strbuf_release(&arrays[i]);
    return succeeded;
}

/* --- For people ------------------------------------------------------------------------------ */

/* A message has more to say than this. */
enum { DESCRIPTION_LIMIT = 300 };

static char *describe(const PGresult *result, const char *effect)
{
    auto_strbuf struct strbuf text = {0};

    for (int row = 0; row < PQntuples(result); row++) {
        const char *part = PQgetvalue(result, row, 1);

        if (strcmp(PQgetvalue(result, row, 0), effect) != 0)
            continue;
        if (text.length > 0 && text.length + strlen(part) > DESCRIPTION_LIMIT) {
            strbuf_append_text(&text, "; and more");
            break;
        }
        strbuf_append_format(&text, "%s%s", text.length > 0 ? "; " : "", part);
    }
    return text.length > 0 ? strbuf_detach(&text) : NULL;
}

bool postgres_difference_describe(struct engine_session *session,
                                  const struct engine_target *target,
                                  struct engine_privilege_facts *ret_privileges, struct error *err)
{
    auto_result PGresult *result = NULL;

    if (!query(session, target, describe_sql, NULL, &result, err))
        return false;
    *ret_privileges = (struct engine_privilege_facts){
        .missing = describe(result, "missing"),
        .excess = describe(result, "excess"),
        .unmanaged = describe(result, "unmanaged"),
        .ungranted = describe(result, "ungranted"),
    };
    return true;
}

/* --- For the server -------------------------------------------------------------------------- */

bool postgres_difference_append_statements(struct engine_session *session,
                                           const struct engine_target *target, bool may_revoke,
                                           struct strbuf *sql, struct error *err)
{
    auto_result PGresult *result = NULL;

    if (!query(session, target, statements_sql, may_revoke ? "t" : "f", &result, err))
        return false;
    for (int row = 0; row < PQntuples(result); row++) {
        strbuf_append_text(sql, PQgetvalue(result, row, 0));
        strbuf_append_text(sql, "; ");
    }
    return true;
}
