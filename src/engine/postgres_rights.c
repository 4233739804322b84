#include "engine/postgres_rights.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/postgres_quote.h"

/* From this version on, whoever creates a role may not act for it without a grant to himself. */
enum { VERSION_WITH_SET_OPTION = 160000 };

bool postgres_rights_read(struct engine_session *session, struct postgres_rights *ret_rights,
                          struct error *err)
{
    static const char sql[] = "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles"
                              " WHERE rolname = current_user";
    auto_result PGresult *result = NULL;

    if (!postgres_query(session, "reading the admin's rights", sql, NULL, 0, &result, err))
        return false;
    if (PQntuples(result) != 1)
        return error_set(err, ERROR_INTERNAL, NULL, "the server's catalog does not know '%s'",
                         session->username);
    ret_rights->is_superuser = PQgetvalue(result, 0, 0)[0] == 't';
    ret_rights->may_create_roles = PQgetvalue(result, 0, 1)[0] == 't';
    ret_rights->may_create_databases = PQgetvalue(result, 0, 2)[0] == 't';
    return true;
}

bool postgres_rights_require(const struct engine_session *session,
                             const struct postgres_rights *rights, bool has_it, const char *right,
                             struct error *err)
{
    if (rights->is_superuser || has_it)
        return true;
    return error_set(err, ERROR_DENIED, "42501",
                     "the admin user '%s' lacks %s: run ALTER ROLE \"%s\" %s as a superuser",
                     session->username, right, session->username, right);
}

void postgres_rights_append_membership(struct strbuf *sql, const struct engine_session *session,
                                       const char *role)
{
    strbuf_append_text(sql, "GRANT ");
    postgres_quote_identifier(sql, role);
    strbuf_append_text(sql, " TO CURRENT_USER");
    if (session->server_version >= VERSION_WITH_SET_OPTION)
        strbuf_append_text(sql, " WITH INHERIT TRUE, SET TRUE");
    strbuf_append_text(sql, "; ");
}

bool postgres_rights_join(struct engine_session *session, const char *role, struct error *err)
{
    static const char query[] =
        "SELECT FROM pg_roles WHERE rolname = $1 AND NOT pg_has_role(oid, 'USAGE')";
    static const char doing[] = "becoming a member of the role";
    const char *const parameters[] = {role};
    auto_result PGresult *result = NULL;
    auto_strbuf struct strbuf sql = {0};

    if (!postgres_query(session, "reading the admin's memberships", query, parameters, 1, &result,
                        err))
        return false;
    if (PQntuples(result) == 0)
        return true;
    postgres_rights_append_membership(&sql, session, role);
    return PQtransactionStatus(session->connection) == PQTRANS_IDLE
               ? postgres_execute_transaction(session, doing, strbuf_text(&sql), err)
               : postgres_execute(session, doing, strbuf_text(&sql), err);
}

bool postgres_rights_join_owner(struct engine_session *session, const char *database,
                                const char *username, struct error *err)
{
    static const char query[] =
        "SELECT FROM pg_database WHERE datname = $1 AND pg_get_userbyid(datdba) = $2";
    const char *const parameters[] = {database, username};
    auto_result PGresult *result = NULL;

    return postgres_query(session, "reading the owner of the database", query, parameters, 2,
                          &result, err) &&
           (PQntuples(result) == 0 || postgres_rights_join(session, username, err));
}
