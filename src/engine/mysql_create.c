#include "base/document.h"
#include "base/encoding.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/mysql_account.h"
#include "engine/mysql_error.h"
#include "engine/mysql_marker.h"
#include "engine/mysql_operations.h"
#include "engine/mysql_password.h"

#include <string.h>

#define CHARACTER_SET " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"

static void append_marker(struct engine_session *session, struct strbuf *sql,
                          const struct engine_marker *marker)
{
    auto_free char *text = engine_marker_render(marker);

    engine_mysql_append_literal(session, sql, text);
}

/* --- The user -------------------------------------------------------------------------------- */

static void append_hash(struct engine_session *session, struct strbuf *sql,
                        const struct secret *password)
{
    auto_strbuf struct strbuf kept = STRBUF_ERASING;

    if (session->is_mariadb) {
        engine_mysql_password_append_native(password, &kept);
        strbuf_append_text(sql, " IDENTIFIED VIA " ENGINE_MYSQL_PLUGIN_NATIVE " USING '");
        strbuf_append_text(sql, strbuf_text(&kept)); /* '*' and hexadecimal digits */
        strbuf_append_char(sql, '\'');
        return;
    }
    engine_mysql_password_append_caching_sha2(password, session->random, &kept);
    strbuf_append_text(sql, " IDENTIFIED WITH " ENGINE_MYSQL_PLUGIN_CACHING_SHA2 " AS 0x");
    encoding_append_hex(sql, strbuf_text(&kept), kept.length);
}

static void append_clear(struct engine_session *session, struct strbuf *sql,
                         const struct secret *password)
{
    strbuf_append_text(sql, " IDENTIFIED BY ");
    engine_mysql_append_literal(session, sql, secret_reveal(password));
}

/* A statement that gives a user its password: a new one, with its marker, or (NULL) one that is
 * there.
 */
struct password_statement {
    const char *username;
    const struct secret *password;
    const struct engine_marker *marker;
};

static bool
run_statement(struct engine_session *session, const struct password_statement *statement,
              void (*append_password)(struct engine_session *session, struct strbuf *sql,
                                      const struct secret *password),
              unsigned *ret_number, struct error *err)
{
    bool is_new = statement->marker != NULL;
    auto_strbuf struct strbuf sql = STRBUF_ERASING;

    strbuf_append_text(&sql, is_new ? "CREATE USER " : "ALTER USER ");
    engine_mysql_append_account(session, &sql, statement->username);
    append_password(session, &sql, statement->password);
    if (is_new && !session->is_mariadb) {
        strbuf_append_text(&sql, " ATTRIBUTE ");
        append_marker(session, &sql, statement->marker);
    }
    return engine_mysql_run(session, is_new ? "creating the user" : "setting the user's password",
                            &sql, NULL, ret_number, err);
}

/* The server names the option that forbids a statement; a read-only one forbids it as well. */
static bool is_strict_policy(const struct engine_session *session, unsigned number)
{
    return session->is_mariadb && number == MYSQL_ER_OPTION_PREVENTS &&
           strstr(mysql_error(session->connection), "strict") != NULL;
}

/* A MariaDB whose password policy is strict takes no hashes: then the password goes as it is, but
 * only through TLS. */
static bool run_with_clear_password(struct engine_session *session,
                                    const struct password_statement *statement, struct error *err)
{
    if (!session->uses_tls)
        return error_set(err, ERROR_DENIED, "PasswordPolicy",
                         "the server wants to check the password of a new user itself "
                         "(strict_password_validation), and the password is not sent without TLS: "
                         "use tls=true or tls=skip-verify in the connection string");
    return run_statement(session, statement, append_clear, NULL, err);
}

static bool give_password(struct engine_session *session,
                          const struct password_statement *statement, struct error *err)
{
    struct error failure;
    unsigned number;

    if (run_statement(session, statement, append_hash, &number, &failure))
        return true;
    if (is_strict_policy(session, number))
        return run_with_clear_password(session, statement, err);
    *err = failure;
    return engine_mysql_name_right(session, "CREATE USER", "*.*", err);
}

bool engine_mysql_create_user(struct engine_session *session,
                              const struct engine_user_creation *creation, struct error *err)
{
    const struct password_statement statement = {
        .username = creation->username,
        .password = creation->password,
        .marker = creation->marker,
    };

    return give_password(session, &statement, err);
}

bool engine_mysql_set_password(struct engine_session *session, const char *username,
                               const struct secret *password, struct error *err)
{
    const struct password_statement statement = {.username = username, .password = password};

    return give_password(session, &statement, err);
}

/* --- The database ---------------------------------------------------------------------------- */

static bool run_create_database(struct engine_session *session,
                                const struct engine_database_creation *creation,
                                unsigned *ret_number, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    strbuf_append_text(&sql, "CREATE DATABASE ");
    engine_mysql_append_identifier(&sql, creation->database);
    strbuf_append_text(&sql, CHARACTER_SET);
    if (session->is_mariadb) {
        strbuf_append_text(&sql, " COMMENT ");
        append_marker(session, &sql, creation->marker);
    }
    return engine_mysql_run(session, "creating the database", &sql, NULL, ret_number, err);
}

static bool read_was_begun(struct engine_session *session,
                           const struct engine_database_creation *creation, bool *ret_was_begun,
                           struct error *err)
{
    auto_mysql_account struct engine_mysql_account account = {0};
    struct engine_mysql_mark mark = {0};

    if (!engine_mysql_account_read(session, creation->username, &account, err))
        return false;
    engine_mysql_mark_parse(account.attribute, &mark);
    *ret_was_begun = mark.creating != NULL && strcmp(mark.creating, creation->database) == 0;
    engine_mysql_mark_release(&mark);
    return true;
}

/* The numbers of Connector/C, which mean that the outcome is unknown, begin at 2000. */
static bool is_answer(unsigned number)
{
    return number >= 1000 && (number < 2000 || number >= 3000);
}

/* An existing database is what an interrupted call of ours left only where the observation said so:
 * then it holds nothing and looks like ours. */
static bool create_or_take_up(struct engine_session *session,
                              const struct engine_database_creation *creation, struct error *err)
{
    bool was_begun = false;
    struct error failure;
    unsigned number;

    if (!read_was_begun(session, creation, &was_begun, err) ||
        !engine_mysql_mark_begin(session, creation->username, creation->database, err))
        return false;
    if (run_create_database(session, creation, &number, &failure))
        return true;
    if (number == MYSQL_ER_DATABASE_EXISTS && was_begun) {
        bool is_unfinished = false;

        if (!engine_mysql_is_unfinished(session, creation->database, &is_unfinished, err))
            return false;
        if (is_unfinished)
            return true;
    }
    /* Somebody else made it, or may do so now: it must never be taken for ours. */
    if (is_answer(number) && !engine_mysql_mark_give_up(session, creation->username, err))
        return false;
    *err = failure;
    return engine_mysql_name_right(session, "CREATE", "*.*", err);
}

bool engine_mysql_create_database(struct engine_session *session,
                                  const struct engine_database_creation *creation,
                                  struct error *err)
{
    if (session->is_mariadb)
        return run_create_database(session, creation, NULL, err) ||
               engine_mysql_name_right(session, "CREATE", "*.*", err);
    return create_or_take_up(session, creation, err) &&
           engine_mysql_mark_finish(session, creation->username, creation->database, err);
}

/* --- Marks of what is taken over ------------------------------------------------------------- */

/* The server merges attributes: what the new mark does not say must go. */
static bool append_complete_marker(struct engine_session *session, struct strbuf *sql,
                                   const struct engine_marker *marker, struct error *err)
{
    auto_free char *rendered = engine_marker_render(marker);
    auto_strbuf struct strbuf text = {0};
    auto_json json_t *json = NULL;

    if (!document_parse(rendered, strlen(rendered), &json, err))
        return false;
    if (marker->database == NULL)
        json_object_set_new(json, "database", json_null());
    document_render(json, false, &text);
    engine_mysql_append_literal(session, sql, strbuf_text(&text));
    return true;
}

/* MariaDB's mark is on the database alone, MySQL's on the user alone. */
bool engine_mysql_mark(struct engine_session *session, const struct engine_marking *marking,
                       struct error *err)
{
    auto_strbuf struct strbuf sql = {0};

    if (session->is_mariadb) {
        if (marking->database == NULL)
            return true;
        strbuf_append_text(&sql, "ALTER DATABASE ");
        engine_mysql_append_identifier(&sql, marking->database);
        strbuf_append_text(&sql, " COMMENT ");
        append_marker(session, &sql, marking->marker);
        return engine_mysql_run(session, "marking", &sql, NULL, NULL, err);
    }
    if (marking->username == NULL)
        return true;
    strbuf_append_text(&sql, "ALTER USER ");
    engine_mysql_append_account(session, &sql, marking->username);
    strbuf_append_text(&sql, " ATTRIBUTE ");
    return append_complete_marker(session, &sql, marking->user_marker, err) &&
           engine_mysql_run(session, "marking", &sql, NULL, NULL, err);
}
