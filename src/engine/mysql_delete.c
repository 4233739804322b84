#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/mysql_error.h"
#include "engine/mysql_operations.h"

#include <stdlib.h>
#include <string.h>

bool engine_mysql_set_login(struct engine_session *session, const char *username, bool allowed,
                            struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    strbuf_append_text(&sql, "ALTER USER ");
    engine_mysql_append_account(session, &sql, username);
    strbuf_append_text(&sql, allowed ? " ACCOUNT UNLOCK" : " ACCOUNT LOCK");
    return engine_mysql_run(session, allowed ? "unlocking the user" : "locking the user out", &sql,
                            NULL, NULL, err);
}

bool engine_mysql_drop_database(struct engine_session *session, const char *database,
                                struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    unsigned number;

    strbuf_append_text(&sql, "DROP DATABASE IF EXISTS ");
    engine_mysql_append_identifier(&sql, database);
    if (engine_mysql_run(session, "dropping the database", &sql, NULL, &number, err))
        return true;
    if (number != MYSQL_ER_LOCK_WAIT_TIMEOUT)
        return false;
    return error_set(err, ERROR_UNAVAILABLE, "BlockedBySessions",
                     "database '%s' cannot be dropped while open transactions use its tables: end "
                     "them (SHOW PROCESSLIST)",
                     database);
}

/* --- The user -------------------------------------------------------------------------------- */

/* A dropped user's sessions stay connected, though without rights; an admin who may not end them
 * has done what he can. */
static bool end_sessions(struct engine_session *session, const char *username, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    strbuf_append_text(&sql, "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = ");
    engine_mysql_append_literal(session, &sql, username);
    if (!engine_mysql_run(session, "looking for the user's sessions", &sql, &result, NULL, err))
        return false;
    while ((row = mysql_fetch_row(result)) != NULL) {
        struct error failure;
        unsigned number;

        strbuf_clear(&sql);
        strbuf_append_format(&sql, "KILL %lu", strtoul(row[0], NULL, 10));
        if (engine_mysql_run(session, "ending a session of the user", &sql, NULL, &number,
                             &failure) ||
            number != 0)
            continue;
        *err = failure; /* the connection is gone */
        return false;
    }
    return true;
}

static bool explain_definitions(struct engine_session *session, const char *username,
                                struct error *err)
{
    auto_strbuf struct strbuf sql = {0}, definer = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    struct error ignored;
    MYSQL_ROW row;

    strbuf_append_format(&definer, "%s@%%", username);
    strbuf_append_text(&sql,
                       "SELECT GROUP_CONCAT(what SEPARATOR ', ') FROM (SELECT CONCAT(TABLE_SCHEMA,"
                       " '.', TABLE_NAME) AS what FROM information_schema.VIEWS WHERE DEFINER = ");
    engine_mysql_append_literal(session, &sql, strbuf_text(&definer));
    strbuf_append_text(&sql, " UNION SELECT CONCAT(ROUTINE_SCHEMA, '.', ROUTINE_NAME) FROM"
                             " information_schema.ROUTINES WHERE DEFINER = ");
    engine_mysql_append_literal(session, &sql, strbuf_text(&definer));
    strbuf_append_text(&sql, ") b");
    if (!engine_mysql_run(session, "looking for what is in the way", &sql, &result, NULL, &ignored))
        return false;
    row = mysql_fetch_row(result);
    return error_set(err, ERROR_DENIED, "BlockedByDependencies",
                     "user '%s' cannot be dropped: it is the definer of %s: redefine or drop them",
                     username, row != NULL && row[0] != NULL ? row[0] : "views or routines");
}

bool engine_mysql_drop_user(struct engine_session *session, const char *username,
                            const char *uid maybe_unused, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    unsigned number;

    if (!end_sessions(session, username, err))
        return false;
    strbuf_append_text(&sql, "DROP USER IF EXISTS ");
    engine_mysql_append_account(session, &sql, username);
    if (engine_mysql_run(session, "dropping the user", &sql, NULL, &number, err))
        return true;
    return number == MYSQL_ER_DEFINER && explain_definitions(session, username, err);
}
