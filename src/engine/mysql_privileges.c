#include "engine/mysql_privileges.h"

#include "base/memory.h"
#include "base/strbuf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* In the order of engine_mysql_privilege_table. */
static const char *const words[] = {
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "REFERENCES",
    "INDEX",
    "ALTER",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "EXECUTE",
    "CREATE VIEW",
    "SHOW VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "EVENT",
    "TRIGGER",
    "DELETE HISTORY",
    "SHOW CREATE ROUTINE",
    NULL,
};

static const char *const columns[] = {
    "Select_priv",         "Insert_priv",
    "Update_priv",         "Delete_priv",
    "Create_priv",         "Drop_priv",
    "References_priv",     "Index_priv",
    "Alter_priv",          "Create_tmp_table_priv",
    "Lock_tables_priv",    "Execute_priv",
    "Create_view_priv",    "Show_view_priv",
    "Create_routine_priv", "Alter_routine_priv",
    "Event_priv",          "Trigger_priv",
    "Delete_history_priv", "Show_create_routine_priv",
};

static_assert(array_length(words) == array_length(columns) + 1, "a column for each word");

const struct engine_privilege_table engine_mysql_privilege_table = {
    .family = "MySQL or MariaDB",
    .words = words,
};

void engine_mysql_privileges_release(struct engine_mysql_privileges *privileges)
{
    free(privileges->pattern);
    *privileges = (struct engine_mysql_privileges){0};
}

/* --- Spelling -------------------------------------------------------------------------------- */

/* In GRANT, '_' and '%' of a database name are wildcards unless they are escaped; with
 * partial_revokes they are not, and escaping them would name another database. */
static char *spell(const char *database, bool has_wildcards)
{
    auto_strbuf struct strbuf text = {0};

    for (; *database != '\0'; database++) {
        if (has_wildcards && strchr("_%\\", *database) != NULL)
            strbuf_append_char(&text, '\\');
        strbuf_append_char(&text, *database);
    }
    return strbuf_detach(&text);
}

static bool read_pattern(struct engine_session *session, const char *database, char **ret_pattern,
                         struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    strbuf_append_text(&sql, "SHOW GLOBAL VARIABLES LIKE 'partial_revokes'");
    if (!engine_mysql_run(session, "reading the server's settings", &sql, &result, NULL, err))
        return false;
    row = mysql_fetch_row(result);
    *ret_pattern = spell(
        database, row == NULL || strcasecmp(engine_mysql_text(result, row, "Value"), "ON") != 0);
    return true;
}

/* --- What is there --------------------------------------------------------------------------- */

static uint32_t find_columns(MYSQL_RES *result)
{
    const MYSQL_FIELD *fields = mysql_fetch_fields(result);
    unsigned count = mysql_num_fields(result);
    uint32_t found = 0;

    for (unsigned i = 0; i < count; i++) {
        for (size_t word = 0; word < array_length(columns); word++) {
            if (strcasecmp(fields[i].name, columns[word]) == 0)
                found |= UINT32_C(1) << word;
        }
    }
    return found;
}

static uint32_t read_row(MYSQL_RES *result, MYSQL_ROW row)
{
    uint32_t held = 0;

    for (size_t word = 0; word < array_length(columns); word++) {
        const char *value = engine_mysql_field(result, row, columns[word]);

        if (value != NULL && (value[0] == 'Y' || value[0] == 'y'))
            held |= UINT32_C(1) << word;
    }
    return held;
}

/* What a grant on exactly this spelling gives; *ret_found says whether there is one. */
static bool read_spelling(struct engine_session *session, const struct engine_target *target,
                          const char *spelling, struct engine_mysql_privileges *privileges,
                          uint32_t *ret_held, bool *ret_found, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    strbuf_append_text(&sql, "SELECT * FROM mysql.db WHERE Host = '%' AND User = ");
    engine_mysql_append_literal(session, &sql, target->username);
    strbuf_append_text(&sql, " AND Db = ");
    engine_mysql_append_literal(session, &sql, spelling);
    if (!engine_mysql_run(session, "reading the user's privileges", &sql, &result, NULL, err))
        return engine_mysql_name_right(session, "SELECT", "mysql.*", err);
    privileges->server = find_columns(result);
    row = mysql_fetch_row(result);
    *ret_held = row != NULL ? read_row(result, row) : 0;
    *ret_found = row != NULL;
    return true;
}

static bool read_held(struct engine_session *session, const struct engine_target *target,
                      struct engine_mysql_privileges *privileges, struct error *err)
{
    bool found;

    if (!read_spelling(session, target, privileges->pattern, privileges, &privileges->held, &found,
                       err))
        return false;
    return found || strcmp(privileges->pattern, target->database) == 0 ||
           read_spelling(session, target, target->database, privileges, &privileges->hidden, &found,
                         err);
}

static uint32_t find_word(const char *text, size_t length)
{
    for (size_t word = 0; words[word] != NULL; word++) {
        if (strlen(words[word]) == length && strncasecmp(words[word], text, length) == 0)
            return UINT32_C(1) << word;
    }
    return 0;
}

static uint32_t read_words(const char *begin, const char *end)
{
    static const char all[] = "ALL PRIVILEGES";
    uint32_t set = 0;

    if ((size_t)(end - begin) == strlen(all) && memcmp(begin, all, strlen(all)) == 0)
        return UINT32_MAX;
    while (begin < end) {
        const char *comma = memchr(begin, ',', (size_t)(end - begin));
        const char *stop = comma != NULL ? comma : end;

        set |= find_word(begin, (size_t)(stop - begin));
        begin = stop + strspn(stop, ", ");
    }
    return set;
}

/* What may be handed on of a row such as GRANT SELECT, INSERT ON *.* TO `a`@`%` WITH GRANT OPTION.
 */
static uint32_t read_grant(const char *row)
{
    static const char begin[] = "GRANT ", place[] = " ON *.* TO ";
    const char *end = strstr(row, place);

    if (strncmp(row, begin, strlen(begin)) != 0 || end == NULL ||
        strstr(end, " WITH GRANT OPTION") == NULL)
        return 0;
    return read_words(row + strlen(begin), end);
}

/* The text is for people, but nothing else tells what the admin has through its active roles: the
 * main users of some hosting providers have nothing otherwise. */
static bool read_grantable(struct engine_session *session, uint32_t *ret_grantable,
                           struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    strbuf_append_text(&sql, "SHOW GRANTS");
    if (!engine_mysql_run(session, "reading the admin's rights", &sql, &result, NULL, err))
        return false;
    *ret_grantable = 0;
    while ((row = mysql_fetch_row(result)) != NULL)
        *ret_grantable |= row[0] != NULL ? read_grant(row[0]) : 0;
    return true;
}

bool engine_mysql_privileges_read(struct engine_session *session,
                                  const struct engine_target *target,
                                  struct engine_mysql_privileges *ret_privileges, struct error *err)
{
    struct engine_mysql_privileges privileges = {0};

    if (!read_pattern(session, target->database, &privileges.pattern, err) ||
        !read_held(session, target, &privileges, err) ||
        !read_grantable(session, &privileges.grantable, err)) {
        engine_mysql_privileges_release(&privileges);
        return false;
    }
    *ret_privileges = privileges;
    return true;
}

/* --- Sets ------------------------------------------------------------------------------------ */

/* ALL is what the server has and the admin may give, and never less than what the documentation
 * says of it: an admin who cannot give that much is told so. */
static uint32_t everything(const struct engine_mysql_privileges *privileges)
{
    static const char *const documented[] = {"SELECT", "INSERT",     "UPDATE", "DELETE", "CREATE",
                                             "DROP",   "REFERENCES", "INDEX",  "ALTER"};
    uint32_t set = privileges->server & privileges->grantable;

    for (size_t i = 0; i < array_length(documented); i++)
        set |= find_word(documented[i], strlen(documented[i]));
    return set;
}

uint32_t engine_mysql_privileges_wanted(const struct engine_mysql_privileges *privileges,
                                        const struct engine_target *target)
{
    if (target->privileges->all)
        return everything(privileges);
    return target->privileges->words;
}

char *engine_mysql_privileges_render(uint32_t set)
{
    auto_strbuf struct strbuf text = {0};

    for (size_t word = 0; words[word] != NULL; word++) {
        if ((set & UINT32_C(1) << word) != 0)
            strbuf_append_format(&text, "%s%s", text.length > 0 ? ", " : "", words[word]);
    }
    return text.length > 0 ? strbuf_detach(&text) : NULL;
}
