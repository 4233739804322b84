#include "engine/mysql_marker.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define KEY_DATABASE "database"
#define KEY_CREATING "creating"

void engine_mysql_mark_release(struct engine_mysql_mark *mark)
{
    engine_marker_release(&mark->marker);
    free(mark->creating);
    *mark = (struct engine_mysql_mark){0};
}

void engine_mysql_mark_parse(const char *attribute, struct engine_mysql_mark *ret_mark)
{
    auto_json json_t *json = NULL;
    struct error ignored;

    *ret_mark = (struct engine_mysql_mark){0};
    engine_marker_parse(attribute, &ret_mark->marker);
    if (ret_mark->marker.kind == ENGINE_MARKER_OURS &&
        document_parse(attribute, strlen(attribute), &json, &ignored))
        ret_mark->creating = mem_strdup_or_null(document_string(json, KEY_CREATING));
}

/* NULL removes a member. */
static bool merge(struct engine_session *session, const char *username, const char *creating,
                  const char *database, struct error *err)
{
    auto_json json_t *json = json_object();
    auto_strbuf struct strbuf sql = {0}, text = {0};

    json_object_set_new(json, KEY_CREATING, creating != NULL ? json_string(creating) : json_null());
    if (database != NULL)
        document_set_string(json, KEY_DATABASE, database);
    document_render(json, false, &text);
    strbuf_append_text(&sql, "ALTER USER ");
    engine_mysql_append_account(session, &sql, username);
    strbuf_append_text(&sql, " ATTRIBUTE ");
    engine_mysql_append_literal(session, &sql, strbuf_text(&text));
    return engine_mysql_run(session, "marking the user", &sql, NULL, NULL, err) ||
           engine_mysql_name_right(session, "CREATE USER", "*.*", err);
}

bool engine_mysql_mark_begin(struct engine_session *session, const char *username,
                             const char *database, struct error *err)
{
    return merge(session, username, database, NULL, err);
}

bool engine_mysql_mark_finish(struct engine_session *session, const char *username,
                              const char *database, struct error *err)
{
    return merge(session, username, NULL, database, err);
}

bool engine_mysql_mark_give_up(struct engine_session *session, const char *username,
                               struct error *err)
{
    return merge(session, username, NULL, NULL, err);
}

bool engine_mysql_is_unfinished(struct engine_session *session, const char *database,
                                bool *ret_unfinished, struct error *err)
{
    static const char *const contents[] = {
        " AND NOT EXISTS (SELECT * FROM information_schema.TABLES WHERE TABLE_SCHEMA = ",
        " AND NOT EXISTS (SELECT * FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ",
        " AND NOT EXISTS (SELECT * FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ",
    };
    auto_strbuf struct strbuf sql = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    strbuf_append_text(&sql, "SELECT (SELECT count(*) FROM information_schema.SCHEMATA WHERE"
                             " DEFAULT_COLLATION_NAME = 'utf8mb4_unicode_ci' AND SCHEMA_NAME = ");
    engine_mysql_append_literal(session, &sql, database);
    strbuf_append_text(&sql, ") = 1");
    for (size_t i = 0; i < array_length(contents); i++) {
        strbuf_append_text(&sql, contents[i]);
        engine_mysql_append_literal(session, &sql, database);
        strbuf_append_text(&sql, ")");
    }
    if (!engine_mysql_run(session, "looking into the database", &sql, &result, NULL, err))
        return false;
    row = mysql_fetch_row(result);
    *ret_unfinished = row != NULL && row[0] != NULL && row[0][0] == '1';
    return true;
}

/* A creation that only began makes a database its own only while that one looks like it. */
static bool take_if_marked(struct engine_session *session, const char *attribute,
                           const char *database, struct engine_marker *ret_marker,
                           struct error *err)
{
    struct engine_mysql_mark mark = {0};
    bool is_marked, succeeded = true;

    engine_mysql_mark_parse(attribute, &mark);
    is_marked = text_equal(mark.marker.database, database);
    if (!is_marked && text_equal(mark.creating, database))
        succeeded = engine_mysql_is_unfinished(session, database, &is_marked, err);
    if (succeeded && is_marked)
        engine_marker_copy(ret_marker, &mark.marker);
    engine_mysql_mark_release(&mark);
    return succeeded;
}

bool engine_mysql_mark_find(struct engine_session *session, const struct engine_target *target,
                            struct engine_marker *ret_marker, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    strbuf_append_text(&sql, "SELECT ATTRIBUTE FROM information_schema.USER_ATTRIBUTES WHERE ");
    engine_mysql_append_literal(session, &sql, target->database);
    strbuf_append_text(&sql, " IN (JSON_UNQUOTE(JSON_EXTRACT(ATTRIBUTE, '$." KEY_DATABASE
                             "')), JSON_UNQUOTE(JSON_EXTRACT(ATTRIBUTE, '$." KEY_CREATING
                             "'))) AND USER <> ");
    engine_mysql_append_literal(session, &sql, target->username);
    if (!engine_mysql_run(session, "looking for the mark of the database", &sql, &result, NULL,
                          err))
        return false;
    while (ret_marker->kind == ENGINE_MARKER_NONE && (row = mysql_fetch_row(result)) != NULL) {
        if (!take_if_marked(session, row[0], target->database, ret_marker, err))
            return false;
    }
    return true;
}
