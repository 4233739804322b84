#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/postgres_operations.h"
#include "engine/postgres_quote.h"
#include "engine/postgres_rights.h"
#include "engine/scram.h"

#include <string.h>

/* A database appears under its name only when it is marked and closed to others; until then it is
 * called by this prefix and the uid of the resource. */
#define TEMPORARY_PREFIX "dbuo_"

static void append_marker(struct strbuf *sql, const struct engine_marker *marker)
{
    auto_free char *text = engine_marker_render(marker);

    postgres_quote_literal(sql, text);
}

/* --- The user -------------------------------------------------------------------------------- */

static void append_role_comment(struct strbuf *sql, const char *username,
                                const struct engine_marker *marker)
{
    strbuf_append_text(sql, "COMMENT ON ROLE ");
    postgres_quote_identifier(sql, username);
    strbuf_append_text(sql, " IS ");
    append_marker(sql, marker);
    strbuf_append_text(sql, "; ");
}

static void append_database_comment(struct strbuf *sql, const char *database,
                                    const struct engine_marker *marker)
{
    strbuf_append_text(sql, "COMMENT ON DATABASE ");
    postgres_quote_identifier(sql, database);
    strbuf_append_text(sql, " IS ");
    append_marker(sql, marker);
    strbuf_append_text(sql, "; ");
}

bool postgres_create_user(struct engine_session *session,
                          const struct engine_user_creation *creation, struct error *err)
{
    auto_strbuf struct strbuf sql = STRBUF_ERASING;
    auto_secret struct secret verifier = {0};
    struct postgres_rights rights;

    if (!postgres_rights_read(session, &rights, err) ||
        !postgres_rights_require(session, &rights, rights.may_create_roles, "CREATEROLE", err) ||
        !scram_make_verifier(creation->password, session->random, &verifier, err))
        return false;
    strbuf_append_text(&sql, "CREATE ROLE ");
    postgres_quote_identifier(&sql, creation->username);
    strbuf_append_text(&sql, " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ");
    postgres_quote_literal(&sql, secret_reveal(&verifier));
    strbuf_append_text(&sql, "; ");
    if (!rights.is_superuser)
        postgres_rights_append_membership(&sql, session, creation->username);
    append_role_comment(&sql, creation->username, creation->marker);
    return postgres_execute_transaction(session, "creating the role", strbuf_text(&sql), err);
}

bool postgres_set_password(struct engine_session *session, const char *username,
                           const struct secret *password, struct error *err)
{
    auto_strbuf struct strbuf sql = STRBUF_ERASING;
    auto_secret struct secret verifier = {0};

    if (!scram_make_verifier(password, session->random, &verifier, err))
        return false;
    strbuf_append_text(&sql, "ALTER ROLE ");
    postgres_quote_identifier(&sql, username);
    strbuf_append_text(&sql, " PASSWORD ");
    postgres_quote_literal(&sql, secret_reveal(&verifier));
    return postgres_execute_transaction(session, "setting the password of the role",
                                        strbuf_text(&sql), err);
}

/* --- The database ---------------------------------------------------------------------------- */

char *postgres_temporary_name(const char *uid)
{
    return mem_printf(TEMPORARY_PREFIX "%s", uid != NULL ? uid : "");
}

/* What an interrupted call of ours left under the temporary name; the id of a usable one is the
 * caller's. */
bool postgres_find_leftover(struct engine_session *session, const char *temporary,
                            enum postgres_leftover *ret_leftover, char **ret_id, struct error *err)
{
    static const char sql[] = "SELECT oid::text, datconnlimit = -2, datdba = (SELECT oid FROM"
                              " pg_roles WHERE rolname = current_user) FROM pg_database"
                              " WHERE datname = $1";
    const char *const parameters[] = {temporary};
    auto_result PGresult *result = NULL;

    if (!postgres_query(session, "looking for an unfinished database", sql, parameters, 1, &result,
                        err))
        return false;
    *ret_leftover = POSTGRES_LEFTOVER_NONE;
    if (PQntuples(result) == 0)
        return true;
    if (PQgetvalue(result, 0, 2)[0] != 't')
        return error_set(err, ERROR_INVALID, "ForeignTemporary",
                         "a database '%s' exists and is not the admin user's: drop or rename it",
                         temporary);
    *ret_leftover = PQgetvalue(result, 0, 1)[0] == 't' ? POSTGRES_LEFTOVER_HALF_DROPPED
                                                       : POSTGRES_LEFTOVER_USABLE;
    *ret_id = mem_strdup(PQgetvalue(result, 0, 0));
    return true;
}

static bool run_on_database(struct engine_session *session, const char *doing, const char *verb,
                            const char *name, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    strbuf_append_text(&sql, verb);
    postgres_quote_identifier(&sql, name);
    return postgres_execute(session, doing, strbuf_text(&sql), err);
}

/* Makes sure that the temporary database is there and usable. */
static bool ensure_temporary(struct engine_session *session, const char *temporary, char **ret_id,
                             struct error *err)
{
    enum postgres_leftover leftover;

    if (!postgres_find_leftover(session, temporary, &leftover, ret_id, err))
        return false;
    if (leftover == POSTGRES_LEFTOVER_USABLE)
        return true;
    if (leftover == POSTGRES_LEFTOVER_HALF_DROPPED &&
        !run_on_database(session, "dropping an unfinished database", "DROP DATABASE ", temporary,
                         err))
        return false;
    if (!run_on_database(session, "creating the database", "CREATE DATABASE ", temporary, err))
        return false;
    free(*ret_id);
    *ret_id = NULL;
    if (!postgres_find_leftover(session, temporary, &leftover, ret_id, err))
        return false;
    if (leftover != POSTGRES_LEFTOVER_USABLE)
        return error_set(err, ERROR_CONFLICT, NULL, "the new database '%s' vanished", temporary);
    return true;
}

static void append_finish(struct strbuf *sql, const struct engine_database_creation *creation,
                          const char *temporary, const char *id)
{
    struct engine_marker user_marker = {0};

    strbuf_append_text(sql, "REVOKE ALL ON DATABASE ");
    postgres_quote_identifier(sql, temporary);
    strbuf_append_text(sql, " FROM PUBLIC; ");
    append_database_comment(sql, temporary, creation->marker);
    strbuf_append_text(sql, "ALTER DATABASE ");
    postgres_quote_identifier(sql, temporary);
    strbuf_append_text(sql, " RENAME TO ");
    postgres_quote_identifier(sql, creation->database);
    strbuf_append_text(sql, "; ");
    engine_marker_copy(&user_marker, creation->marker);
    free(user_marker.database);
    user_marker.database = mem_strdup(id);
    append_role_comment(sql, creation->username, &user_marker);
    engine_marker_release(&user_marker);
    if (!creation->owned_by_user)
        return;
    /* Last, because only the owner may do what comes before. */
    strbuf_append_text(sql, "ALTER DATABASE ");
    postgres_quote_identifier(sql, creation->database);
    strbuf_append_text(sql, " OWNER TO ");
    postgres_quote_identifier(sql, creation->username);
    strbuf_append_text(sql, "; ");
}

/* Somebody took the name meanwhile: what we made is of no use to anybody. */
static bool give_up(struct engine_session *session, const char *temporary)
{
    struct error ignored;

    return run_on_database(session, "dropping an unfinished database", "DROP DATABASE ", temporary,
                           &ignored) &&
           false;
}

bool postgres_create_database(struct engine_session *session,
                              const struct engine_database_creation *creation, struct error *err)
{
    auto_free char *temporary = postgres_temporary_name(creation->marker->uid);
    auto_strbuf struct strbuf sql = {0};
    auto_free char *id = NULL;
    struct postgres_rights rights;

    if (!postgres_rights_read(session, &rights, err) ||
        !postgres_rights_require(session, &rights, rights.may_create_databases, "CREATEDB", err) ||
        !ensure_temporary(session, temporary, &id, err))
        return false;
    append_finish(&sql, creation, temporary, id);
    if (postgres_execute_transaction(session, "finishing the database", strbuf_text(&sql), err))
        return true;
    /* 23505 where both renamed at the same instant. */
    if (error_has_code(err, "42P04") || error_has_code(err, "23505"))
        return give_up(session, temporary);
    return false;
}

/* --- Marks of what is taken over ------------------------------------------------------------- */

/* Only its owner may comment on a database, and only a member may act for him. */
bool postgres_mark(struct engine_session *session, const struct engine_marking *marking,
                   struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    if (marking->database != NULL && marking->username != NULL &&
        !postgres_rights_join_owner(session, marking->database, marking->username, err))
        return false;
    if (marking->database != NULL)
        append_database_comment(&sql, marking->database, marking->marker);
    if (marking->username != NULL)
        append_role_comment(&sql, marking->username, marking->user_marker);
    return sql.length == 0 ||
           postgres_execute_transaction(session, "marking", strbuf_text(&sql), err);
}
