#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/mysql_error.h"
#include "engine/mysql_operations.h"

#include <stdlib.h>
#include <string.h>

/* A message has more to say than what is in the way. */
enum { NAMED_LIMIT = 3 };

/* The first rows of a query with one column as one text; NULL for none. */
static bool list_rows(struct engine_session *session, const struct strbuf *sql, char **ret_text,
                      struct error *err)
{
    auto_strbuf struct strbuf text = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    if (!engine_mysql_run(session, "looking for what is in the way", sql, &result, NULL, err))
        return false;
    for (int count = 0; (row = mysql_fetch_row(result)) != NULL; count++) {
        if (count == NAMED_LIMIT) {
            strbuf_append_text(&text, " and more");
            break;
        }
        strbuf_append_format(&text, "%s%s", count > 0 ? ", " : "", row[0] != NULL ? row[0] : "?");
    }
    *ret_text = text.length > 0 ? strbuf_detach(&text) : NULL;
    return true;
}

/* Parts of a query, with a name as literal after each. */
static void append_parts(struct engine_session *session, struct strbuf *sql,
                         const char *const *parts, const char *literal)
{
    for (; *parts != NULL; parts++) {
        strbuf_append_text(sql, *parts);
        engine_mysql_append_literal(session, sql, literal);
    }
}

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

/* --- Sessions -------------------------------------------------------------------------------- */

/* The server does not say as which account a session is logged in: one of the same name, or one
 * without a name, may have won for its host.  Whose account that may be is left alone. */
static void append_sessions_query(struct engine_session *session, struct strbuf *sql,
                                  const char *username)
{
    static const char *const parts[] = {
        "SELECT p.ID FROM information_schema.PROCESSLIST p WHERE p.USER = ",
        " AND NOT EXISTS (SELECT * FROM mysql.user o WHERE o.Host NOT IN ('%', '') AND (o.Host <>"
        " 'localhost' OR SUBSTRING_INDEX(p.HOST, ':', 1) = 'localhost') AND o.User IN ('', ",
        NULL,
    };

    append_parts(session, sql, parts, username);
    strbuf_append_text(sql, "))");
}

/* The main users of RDS may end sessions by its procedure alone.  False when the connection broke.
 */
static bool end_session(struct engine_session *session, const char *id, struct error *err)
{
    static const struct {
        const char *begin, *end;
    } statements[] = {{"KILL ", ""}, {"CALL mysql.rds_kill(", ")"}};
    unsigned number = MYSQL_ER_KILL_DENIED;

    for (size_t i = 0; i < array_length(statements) && number == MYSQL_ER_KILL_DENIED; i++) {
        auto_strbuf struct strbuf sql = {0};

        strbuf_append_format(&sql, "%s%lu%s", statements[i].begin, strtoul(id, NULL, 10),
                             statements[i].end);
        if (!engine_mysql_run(session, "ending a session of the user", &sql, NULL, &number, err) &&
            number == 0)
            return false;
    }
    return true;
}

/* An admin who may not end them has done what he can: they lose their rights with the user, and
 * those that keep the database from being dropped are named then. */
bool engine_mysql_end_sessions(struct engine_session *session, const char *username,
                               struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    append_sessions_query(session, &sql, username);
    if (!engine_mysql_run(session, "looking for the user's sessions", &sql, &result, NULL, err))
        return false;
    while ((row = mysql_fetch_row(result)) != NULL) {
        if (row[0] != NULL && !end_session(session, row[0], err))
            return false;
    }
    return true;
}

/* --- The database ---------------------------------------------------------------------------- */

/* MariaDB does not tell who holds a lock: whoever is in the database, or nowhere with a transaction
 * open. */
static void append_lockers_query(struct engine_session *session, struct strbuf *sql,
                                 const char *database)
{
    static const char *const mysql_parts[] = {
        "SELECT DISTINCT CONCAT('session ', PROCESSLIST_ID, ' of ''', PROCESSLIST_USER, '''') FROM"
        " performance_schema.metadata_locks JOIN performance_schema.threads ON THREAD_ID ="
        " OWNER_THREAD_ID WHERE PROCESSLIST_ID <> CONNECTION_ID() AND LOCK_STATUS = 'GRANTED'"
        " AND OBJECT_SCHEMA = ",
        NULL,
    };
    static const char *const mariadb_parts[] = {
        "SELECT CONCAT('session ', p.ID, ' of ''', p.USER, '''') FROM "
        "information_schema.PROCESSLIST"
        " p WHERE p.ID <> CONNECTION_ID() AND (p.DB IS NULL AND EXISTS (SELECT * FROM"
        " information_schema.INNODB_TRX t WHERE t.trx_mysql_thread_id = p.ID) OR p.DB = ",
        NULL,
    };

    append_parts(session, sql, session->is_mariadb ? mariadb_parts : mysql_parts, database);
    strbuf_append_text(sql, session->is_mariadb ? ")" : "");
}

static bool explain_lock(struct engine_session *session, const char *database, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_free char *lockers = NULL;
    struct error ignored;

    append_lockers_query(session, &sql, database);
    if (!list_rows(session, &sql, &lockers, &ignored))
        lockers = NULL;
    return error_set(err, ERROR_UNAVAILABLE, ENGINE_BLOCKED_BY_SESSIONS,
                     "database '%s' cannot be dropped while open transactions use its tables (%s): "
                     "end them; the admin user '%s' ends those of the user itself if it has the "
                     "right %s",
                     database, lockers != NULL ? lockers : "see SHOW PROCESSLIST",
                     session->username,
                     session->is_mariadb ? "CONNECTION ADMIN" : "CONNECTION_ADMIN");
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
    if (number == MYSQL_ER_LOCK_WAIT_TIMEOUT)
        return explain_lock(session, database, err);
    return engine_mysql_name_right(session, "DROP", "*.*", err);
}

/* --- The user -------------------------------------------------------------------------------- */

/* What goes, and in which database where that matters. */
static const char *const rights[] = {
    "SELECT CONCAT('has privileges on database ', REPLACE(Db, '\\\\_', '_')) AS what,"
    " REPLACE(Db, '\\\\_', '_') AS place FROM mysql.db WHERE Host = '%' AND User = ",
    " UNION SELECT CONCAT('has privileges on table ', Db, '.', Table_name), Db FROM"
    " mysql.tables_priv WHERE Host = '%' AND User = ",
    " UNION SELECT CONCAT('has privileges on routine ', Db, '.', Routine_name), Db FROM"
    " mysql.procs_priv WHERE Host = '%' AND User = ",
    NULL,
};

static const char *const mysql_roles[] = {
    " UNION SELECT CONCAT('has the role ', FROM_USER), NULL FROM mysql.role_edges WHERE TO_HOST ="
    " '%' AND TO_USER = ",
    " UNION SELECT CONCAT('is a role of ', TO_USER), NULL FROM mysql.role_edges WHERE FROM_HOST ="
    " '%' AND FROM_USER = ",
    NULL,
};

static const char *const mariadb_roles[] = {
    " UNION SELECT CONCAT('has the role ', Role), NULL FROM mysql.roles_mapping WHERE Host = '%'"
    " AND User = ",
    NULL,
};

static const char *const definitions[] = {
    " UNION SELECT CONCAT('is the definer of view ', TABLE_SCHEMA, '.', TABLE_NAME), NULL FROM"
    " information_schema.VIEWS WHERE DEFINER = ",
    " UNION SELECT CONCAT('is the definer of routine ', ROUTINE_SCHEMA, '.', ROUTINE_NAME), NULL"
    " FROM information_schema.ROUTINES WHERE DEFINER = ",
    " UNION SELECT CONCAT('is the definer of trigger ', TRIGGER_SCHEMA, '.', TRIGGER_NAME), NULL"
    " FROM information_schema.TRIGGERS WHERE DEFINER = ",
    " UNION SELECT CONCAT('is the definer of event ', EVENT_SCHEMA, '.', EVENT_NAME), NULL FROM"
    " information_schema.EVENTS WHERE DEFINER = ",
    NULL,
};

/* DROP USER takes rights elsewhere without a word, and MariaDB leaves definitions that then fail.
 */
static void append_dependencies_query(struct engine_session *session, struct strbuf *sql,
                                      const struct engine_target *target)
{
    auto_free char *definer = mem_printf("%s@%%", target->username);

    strbuf_append_text(sql, "SELECT DISTINCT what FROM (");
    append_parts(session, sql, rights, target->username);
    append_parts(session, sql, session->is_mariadb ? mariadb_roles : mysql_roles, target->username);
    append_parts(session, sql, definitions, definer);
    strbuf_append_text(sql, ") d WHERE place IS NULL OR place <> ");
    engine_mysql_append_literal(session, sql, target->database);
    strbuf_append_text(sql, " ORDER BY what");
}

static bool check_dependencies(struct engine_session *session, const struct engine_target *target,
                               struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_free char *dependencies = NULL;

    append_dependencies_query(session, &sql, target);
    if (!list_rows(session, &sql, &dependencies, err))
        return false;
    return dependencies == NULL ||
           error_set(
               err, ERROR_DENIED, ENGINE_BLOCKED_BY_DEPENDENCIES,
               "user '%s' cannot be dropped: it %s: revoke that from '%s'@'%%', and give what "
               "it defines another definer or drop it",
               target->username, dependencies, target->username);
}

bool engine_mysql_drop_user(struct engine_session *session, const struct engine_target *target,
                            const char *uid maybe_unused, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    if (!check_dependencies(session, target, err))
        return false;
    strbuf_append_text(&sql, "DROP USER IF EXISTS ");
    engine_mysql_append_account(session, &sql, target->username);
    return engine_mysql_run(session, "dropping the user", &sql, NULL, NULL, err) ||
           engine_mysql_name_right(session, "CREATE USER", "*.*", err);
}
