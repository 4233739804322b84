#include "base/strbuf.h"
#include "engine/mysql_account.h"
#include "engine/mysql_error.h"
#include "engine/mysql_operations.h"
#include "engine/mysql_password.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * mysql_native_password and ed25519 are challenges: they show the password to nobody.
 * caching_sha2_password shows it to whoever is at the other end of the TLS connection, so it is
 * used only where that end has proven who it is.  Elsewhere the admin compares the hash that the
 * server keeps: that proves the password, though not the way to it.
 */

/* How the accounts of a server's plugin log in. */
static const struct login_method {
    const char *server_plugin, *client_plugin;
    bool shows_password;
} methods[] = {
    {ENGINE_MYSQL_PLUGIN_NATIVE, ENGINE_MYSQL_PLUGIN_NATIVE, false},
    {"ed25519", "client_ed25519", false},
    {ENGINE_MYSQL_PLUGIN_CACHING_SHA2, ENGINE_MYSQL_PLUGIN_CACHING_SHA2, true},
};

static const struct login_method *find_method(const char *plugin)
{
    for (size_t i = 0; i < array_length(methods); i++) {
        if (strcmp(methods[i].server_plugin, plugin) == 0)
            return &methods[i];
    }
    return NULL;
}

/* One attempt and what came of it; borrowed for the call. */
struct proof_attempt {
    const struct engine_connect_request *request;
    const struct engine_target *target;
    const struct engine_mysql_account *account;
    enum engine_password comparison;
    enum engine_login *ret_login;
    char *ret_detail;
};

/* Sets the outcome; always returns true. */
static bool printf_format(3, 4)
    tell(const struct proof_attempt *attempt, enum engine_login login, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(attempt->ret_detail, ERROR_MESSAGE_SIZE, format, args);
    va_end(args);
    *attempt->ret_login = login;
    return true;
}

static bool tell_wrong_password(const struct proof_attempt *attempt)
{
    const char *others = attempt->account->other_accounts;

    return tell(attempt, ENGINE_LOGIN_WRONG_PASSWORD,
                "the stored password is not that of user '%s' on the server%s%s%s; it is not reset "
                "by itself: set "
                "the user's password to the stored one, or store the right one",
                attempt->target->username, others != NULL ? ", or another account wins (" : "",
                others != NULL ? others : "", others != NULL ? ")" : "");
}

/* The most specific host wins: the password may be right and still not asked for everywhere. */
static bool tell_proven(const struct proof_attempt *attempt, const char *how)
{
    const char *others = attempt->account->other_accounts;

    if (others == NULL)
        return tell(attempt, ENGINE_LOGIN_PROVEN, "%s", how);
    return tell(attempt, ENGINE_LOGIN_PROVEN,
                "%s; other accounts win over '%s'@'%%' for the hosts that they name: %s", how,
                attempt->target->username, others);
}

/* With the right password "access denied" comes from another account that wins, or from what the
 * account demands of TLS. */
static bool judge_access_denied(const struct proof_attempt *attempt)
{
    const char *others = attempt->account->other_accounts;

    if (attempt->comparison != ENGINE_PASSWORD_MATCHES)
        return tell_wrong_password(attempt);
    return tell(attempt, ENGINE_LOGIN_REFUSED,
                "the server refuses user '%s' though the stored password is the right one: %s%s: "
                "change that on the server",
                attempt->target->username,
                others != NULL ? "another account wins, of "
                               : "the account demands TLS (REQUIRE) that the connection lacks",
                others != NULL ? others : "");
}

static bool judge_failure(const struct proof_attempt *attempt, unsigned number,
                          const struct error *err)
{
    if (number == MYSQL_ER_ACCESS_DENIED)
        return judge_access_denied(attempt);
    if (err->kind == ERROR_DENIED)
        return tell(attempt,
                    number == MYSQL_CR_PLUGIN_NOT_ALLOWED ? ENGINE_LOGIN_UNSAFE
                                                          : ENGINE_LOGIN_REFUSED,
                    "user '%s' cannot log in: %s", attempt->target->username, err->message);
    return false;
}

static bool reach_database(struct engine_session *session, const struct proof_attempt *attempt,
                           struct error *err)
{
    auto_strbuf struct strbuf sql = {0};
    unsigned number;

    strbuf_append_text(&sql, "USE ");
    engine_mysql_append_identifier(&sql, attempt->target->database);
    if (engine_mysql_run(session, "reaching the database", &sql, NULL, &number, err))
        return tell_proven(attempt, "the stored password logs in");
    if (err->kind != ERROR_DENIED && number != MYSQL_ER_NO_DATABASE)
        return false;
    return tell(attempt, ENGINE_LOGIN_REFUSED,
                "user '%s' logs in with the stored password and cannot use database '%s': %s",
                attempt->target->username, attempt->target->database,
                number == MYSQL_ER_DATABASE_DENIED ? "it has no privilege on it" : err->message);
}

static bool log_in(const struct proof_attempt *attempt, const struct login_method *method,
                   struct error *err)
{
    struct engine_mysql_login login = {
        .username = attempt->target->username,
        .password = attempt->target->password,
        .plugin = method->client_plugin,
    };
    struct engine_session *session = NULL;
    unsigned number;
    bool learned;

    if (!engine_mysql_open(attempt->request, &login, &session, &number, err))
        return judge_failure(attempt, number, err);
    learned = attempt->target->has_access ? reach_database(session, attempt, err)
                                          : tell_proven(attempt, "the stored password logs in");
    engine_mysql_close(session);
    return learned;
}

static bool judge_by_hash(const struct proof_attempt *attempt)
{
    if (attempt->comparison == ENGINE_PASSWORD_MATCHES)
        return tell_proven(
            attempt, "the server keeps the hash of the stored password (a login would show it to a "
                     "server whose certificate the connection string does not have verified: "
                     "tls=true does)");
    return tell(attempt, ENGINE_LOGIN_UNSAFE,
                "the stored password of user '%s' was not tried: the login method %s would show it "
                "to a server whose certificate is not verified: use tls=true, with the CA in the "
                "key ca.crt of the Secret",
                attempt->target->username, attempt->account->plugin);
}

static bool prove(const struct proof_attempt *attempt, struct error *err)
{
    const struct login_method *method = find_method(attempt->account->plugin);
    bool is_verified = attempt->request->server->tls_mode >= ENGINE_TLS_VERIFY_CA;

    if (!attempt->account->present)
        return tell(attempt, ENGINE_LOGIN_REFUSED, "user '%s'@'%%' does not exist",
                    attempt->target->username);
    if (attempt->comparison == ENGINE_PASSWORD_DIFFERS)
        return tell_wrong_password(attempt);
    if (method == NULL)
        return tell(attempt, ENGINE_LOGIN_UNSAFE,
                    "the stored password of user '%s' was not tried: the account's login method %s "
                    "may show it",
                    attempt->target->username, attempt->account->plugin);
    if (method->shows_password && !is_verified)
        return judge_by_hash(attempt);
    return log_in(attempt, method, err);
}

bool engine_mysql_prove_login(struct engine_session *session,
                              const struct engine_connect_request *request,
                              const struct engine_target *target, enum engine_login *ret_login,
                              char *ret_detail, struct error *err)
{
    auto_mysql_account struct engine_mysql_account account = {0};
    struct proof_attempt attempt = {
        .request = request,
        .target = target,
        .account = &account,
        .ret_login = ret_login,
        .ret_detail = ret_detail,
    };

    if (!engine_mysql_account_read(session, target->username, &account, err))
        return false;
    attempt.comparison = engine_mysql_account_compare(&account, target->password);
    return prove(&attempt, err);
}
