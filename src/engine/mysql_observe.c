#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/mysql_account.h"
#include "engine/mysql_marker.h"
#include "engine/mysql_operations.h"
#include "engine/mysql_privileges.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- The server ------------------------------------------------------------------------------ */

/* Newer servers have several degrees of "on". */
static bool is_on(const char *value)
{
    return value[0] != '\0' && strcasecmp(value, "OFF") != 0 && strcmp(value, "0") != 0;
}

/* Variables that a server does not have do not come. */
static bool read_server(struct engine_session *session, struct engine_facts *facts,
                        struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    strbuf_append_text(&sql, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid',"
                             " 'server_uid', 'read_only', 'super_read_only',"
                             " 'innodb_read_only')"); /* the last: readers of Aurora */
    if (!engine_mysql_run(session, "reading the server's settings", &sql, &result, NULL, err))
        return false;
    facts->server_identity = mem_strdup("");
    while ((row = mysql_fetch_row(result)) != NULL) {
        const char *name = engine_mysql_text(result, row, "Variable_name");
        const char *value = engine_mysql_text(result, row, "Value");

        if (strncasecmp(name, "server_u", 8) == 0) {
            free(facts->server_identity);
            facts->server_identity = mem_strdup(value);
        } else if (is_on(value)) {
            facts->read_only = true;
        }
    }
    facts->server_version = mem_printf("%s %s", session->is_mariadb ? "MariaDB" : "MySQL",
                                       mysql_get_server_info(session->connection));
    facts->host_index = session->host_index;
    facts->marks_users = !session->is_mariadb;
    return true;
}

/* --- The database ---------------------------------------------------------------------------- */

static bool read_database(struct engine_session *session, const struct engine_target *target,
                          struct engine_database_facts *database, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    strbuf_append_text(&sql, "SELECT * FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ");
    engine_mysql_append_literal(session, &sql, target->database);
    if (!engine_mysql_run(session, "looking for the database", &sql, &result, NULL, err))
        return false;
    row = mysql_fetch_row(result);
    database->present = row != NULL;
    database->owner = mem_strdup("");
    database->id = mem_strdup(row != NULL ? target->database : "");
    if (row != NULL)
        engine_marker_parse(engine_mysql_field(result, row, "SCHEMA_COMMENT"), &database->marker);
    return true;
}

/* --- The user -------------------------------------------------------------------------------- */

static void take_user(const struct engine_session *session,
                      const struct engine_mysql_account *account,
                      const struct engine_target *target, struct engine_user_facts *user)
{
    user->present = account->present;
    user->id = mem_strdup("");
    user->other_accounts = mem_strdup_or_null(account->other_accounts);
    if (!account->present)
        return;
    user->can_log_in = !account->locked;
    user->expired = account->password_expired;
    user->is_administered = true;
    user->privileged_as = mem_strdup_or_null(account->privileged_as);
    user->is_admin_itself = strcmp(session->username, target->username) == 0;
    user->password = engine_mysql_account_compare(account, target->password);
}

/* --- Together -------------------------------------------------------------------------------- */

/* MySQL has no comment on databases: whose one is says a user that was made for it, and while its
 * creation is not finished there is none yet. */
static bool take_marks(struct engine_session *session, const struct engine_mysql_account *account,
                       const struct engine_target *target, struct engine_facts *facts,
                       struct error *err)
{
    struct engine_mysql_mark mark = {0};
    bool is_unfinished = false;

    if (session->is_mariadb)
        return true;
    engine_mysql_mark_parse(account->attribute, &mark);
    engine_marker_copy(&facts->user.marker, &mark.marker);
    if (facts->database.present && mark.marker.database != NULL &&
        strcmp(mark.marker.database, target->database) == 0)
        engine_marker_copy(&facts->database.marker, &mark.marker);
    else if (facts->database.present && mark.creating != NULL &&
             strcmp(mark.creating, target->database) == 0 &&
             !engine_mysql_is_unfinished(session, target->database, &is_unfinished, err)) {
        engine_mysql_mark_release(&mark);
        return false;
    }
    if (is_unfinished)
        facts->database.present = false;
    engine_mysql_mark_release(&mark);
    return !facts->database.present || facts->database.marker.kind != ENGINE_MARKER_NONE ||
           engine_mysql_mark_find(session, target, &facts->database.marker, err);
}

bool engine_mysql_observe_privileges(struct engine_session *session,
                                     const struct engine_target *target, struct engine_facts *facts,
                                     struct error *err)
{
    struct engine_mysql_privileges privileges = {0};
    uint32_t wanted;

    if (!engine_mysql_privileges_read(session, target, &privileges, err))
        return false;
    wanted = engine_mysql_privileges_wanted(&privileges, target);
    facts->privileges.missing = engine_mysql_privileges_render(wanted & ~privileges.held);
    if (!target->privileges->all)
        facts->privileges.excess =
            engine_mysql_privileges_render((privileges.held | privileges.hidden) & ~wanted);
    engine_mysql_privileges_release(&privileges);
    return true;
}

/* MariaDB cannot mark users. */
bool engine_mysql_observe_residents(struct engine_session *session,
                                    const struct engine_target *target, struct engine_facts *facts,
                                    struct error *err)
{
    struct engine_mysql_privileges privileges = {0};
    auto_strbuf struct strbuf sql = {0}, text = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    if (session->is_mariadb)
        return true;
    if (!engine_mysql_privileges_read(session, target, &privileges, err))
        return false;
    strbuf_append_text(&sql, "SELECT DISTINCT d.User, a.ATTRIBUTE FROM mysql.db d JOIN"
                             " information_schema.USER_ATTRIBUTES a ON a.USER = d.User AND a.HOST ="
                             " d.Host WHERE d.Db IN (");
    engine_mysql_append_literal(session, &sql, target->database);
    strbuf_append_text(&sql, ", ");
    engine_mysql_append_literal(session, &sql, privileges.pattern);
    engine_mysql_privileges_release(&privileges);
    strbuf_append_text(&sql, ") AND d.User <> ");
    engine_mysql_append_literal(session, &sql, target->username);
    if (!engine_mysql_run(session, "reading whose users have rights", &sql, &result, NULL, err))
        return false;
    while ((row = mysql_fetch_row(result)) != NULL)
        engine_marker_append_resident(&text, row[0], row[1], &facts->database.marker);
    free(facts->database.residents);
    facts->database.residents = text.length > 0 ? strbuf_detach(&text) : NULL;
    return true;
}

static bool read_facts(struct engine_session *session, const struct engine_target *target,
                       struct engine_facts *facts, struct error *err)
{
    auto_mysql_account struct engine_mysql_account account = {0};

    if (!read_server(session, facts, err) ||
        !read_database(session, target, &facts->database, err) ||
        !engine_mysql_account_read(session, target->username, &account, err))
        return false;
    take_user(session, &account, target, &facts->user);
    return take_marks(session, &account, target, facts, err);
}

bool engine_mysql_observe(struct engine_session *session, const struct engine_target *target,
                          struct engine_facts *ret_facts, struct error *err)
{
    struct engine_facts facts = {0};

    if (!read_facts(session, target, &facts, err)) {
        engine_facts_release(&facts);
        return false;
    }
    *ret_facts = facts;
    return true;
}
