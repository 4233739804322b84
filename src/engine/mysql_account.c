#include "engine/mysql_account.h"

#include "base/encoding.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/mysql_password.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { OTHERS_LIMIT = 200 };

void engine_mysql_account_release(struct engine_mysql_account *account)
{
    free(account->plugin);
    secret_release(&account->kept);
    free(account->privileged_as);
    free(account->other_accounts);
    free(account->attribute);
    *account = (struct engine_mysql_account){0};
}

static bool is_yes(MYSQL_RES *result, MYSQL_ROW row, const char *name)
{
    const char *value = engine_mysql_field(result, row, name);

    return value != NULL && (value[0] == 'Y' || value[0] == 'y' || value[0] == '1');
}

/* A user with a privilege on everything is no user of one database. */
static char *find_global_privilege(MYSQL_RES *result, MYSQL_ROW row)
{
    static const char suffix[] = "_priv";
    const MYSQL_FIELD *fields = mysql_fetch_fields(result);
    unsigned count = mysql_num_fields(result);

    for (unsigned i = 0; i < count; i++) {
        size_t length = strlen(fields[i].name), end = strlen(suffix);

        if (length > end && strcasecmp(fields[i].name + length - end, suffix) == 0 &&
            row[i] != NULL && (row[i][0] == 'Y' || row[i][0] == 'y'))
            return mem_strndup(fields[i].name, length - end);
    }
    return NULL;
}

static void take_account(MYSQL_RES *result, MYSQL_ROW row, struct engine_mysql_account *account)
{
    if (account->present) /* there is one such row, unless the server lies */
        return;
    account->present = true;
    account->plugin = mem_strdup(engine_mysql_text(result, row, "plugin"));
    secret_set_text(&account->kept, engine_mysql_text(result, row, "kept"));
    account->has_second_password =
        strstr(engine_mysql_text(result, row, "User_attributes"), "additional_password") != NULL;
    account->locked = is_yes(result, row, "account_locked");
    account->password_expired = is_yes(result, row, "password_expired");
    account->privileged_as = find_global_privilege(result, row);
}

static void note_other(MYSQL_RES *result, MYSQL_ROW row, struct engine_mysql_account *account)
{
    auto_free char *former = NULL;

    if (account->other_accounts != NULL && strlen(account->other_accounts) > OTHERS_LIMIT)
        return; /* enough to act on */
    former = account->other_accounts;
    account->other_accounts =
        mem_printf("%s%s'%s'@'%s'", former != NULL ? former : "", former != NULL ? ", " : "",
                   engine_mysql_text(result, row, "User"), engine_mysql_text(result, row, "Host"));
}

/* The salt of caching_sha2_password holds any byte, so what the server keeps comes in hexadecimal.
 */
static bool read_users(struct engine_session *session, const char *username,
                       struct engine_mysql_account *account, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    strbuf_append_text(&sql, "SELECT u.*, HEX(authentication_string) AS kept FROM mysql.user u"
                             " WHERE User IN ('', ");
    engine_mysql_append_literal(session, &sql, username);
    strbuf_append_text(&sql, ")");
    if (!engine_mysql_run(session, "reading the server's accounts", &sql, &result, NULL, err))
        return engine_mysql_name_right(session, "SELECT", "mysql.*", err);
    while ((row = mysql_fetch_row(result)) != NULL) {
        if (strcmp(engine_mysql_text(result, row, "Host"), "%") == 0 &&
            strcmp(engine_mysql_text(result, row, "User"), username) == 0)
            take_account(result, row, account);
        else
            note_other(result, row, account);
    }
    return true;
}

/* A text of one row and one column that begins with a SELECT, or NULL. */
static bool read_text(struct engine_session *session, const char *select, const char *username,
                      char **ret_text, struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    auto_mysql_result MYSQL_RES *result = NULL;
    MYSQL_ROW row;

    strbuf_append_text(&sql, select);
    engine_mysql_append_literal(session, &sql, username);
    if (!engine_mysql_run(session, "reading the server's accounts", &sql, &result, NULL, err))
        return false;
    row = mysql_fetch_row(result);
    *ret_text = row != NULL ? mem_strdup_or_null(row[0]) : NULL;
    return true;
}

/* MySQL keeps attributes beside the account; MariaDB keeps the lock in a document. */
static bool read_rest(struct engine_session *session, const char *username,
                      struct engine_mysql_account *account, struct error *err)
{
    auto_free char *locked = NULL;

    if (!session->is_mariadb)
        return read_text(session,
                         "SELECT ATTRIBUTE FROM information_schema.USER_ATTRIBUTES WHERE HOST = "
                         "'%' AND USER = ",
                         username, &account->attribute, err);
    if (!read_text(session,
                   "SELECT JSON_VALUE(Priv, '$.account_locked') FROM mysql.global_priv WHERE Host ="
                   " '%' AND User = ",
                   username, &locked, err))
        return false;
    account->locked = locked != NULL && (locked[0] == '1' || locked[0] == 't');
    return true;
}

bool engine_mysql_account_read(struct engine_session *session, const char *username,
                               struct engine_mysql_account *ret_account, struct error *err)
{
    struct engine_mysql_account account = {0};

    if (!read_users(session, username, &account, err) ||
        (account.present && !read_rest(session, username, &account, err))) {
        engine_mysql_account_release(&account);
        return false;
    }
    *ret_account = account;
    return true;
}

enum engine_password engine_mysql_account_compare(const struct engine_mysql_account *account,
                                                  const struct secret *password)
{
    auto_strbuf struct strbuf kept = STRBUF_ERASING;
    enum engine_password comparison;

    if (!account->present || password == NULL ||
        !encoding_append_hex_decoded(&kept, secret_reveal(&account->kept), account->kept.length))
        return ENGINE_PASSWORD_UNKNOWN;
    comparison =
        engine_mysql_password_compare(password, account->plugin, strbuf_text(&kept), kept.length);
    return comparison == ENGINE_PASSWORD_DIFFERS && account->has_second_password
               ? ENGINE_PASSWORD_UNKNOWN
               : comparison;
}
