/*
 * Proving a stored password without ever putting it on a wire in clear, or before a server that
 * might be another (docs/decisions/0040-proof-without-tls.md):
 *
 * - over TLS through libpq, which insists on SCRAM by name (from 16 on) or by channel binding
 *   (before); where the connection string switches channel binding off, an older libpq would send
 *   whatever the server asks for, so that the server must be verified;
 * - without TLS by an exchange of our own, which knows nothing but SCRAM.
 */
#include "engine/postgres_error.h"
#include "engine/postgres_operations.h"
#include "engine/postgres_scram_login.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- Ways to log in -------------------------------------------------------------------------- */

/* With the system's CAs verify-ca accepts whoever has a certificate of any name. */
static bool is_verified(const struct engine_connect_request *request)
{
    return request->server->tls_mode == ENGINE_TLS_VERIFY_FULL ||
           (request->server->tls_mode == ENGINE_TLS_VERIFY_CA &&
            (request->ca_pem != NULL || request->ca_file != NULL));
}

static bool may_use_tls(const struct engine_connect_request *request)
{
    return request->server->tls_mode != ENGINE_TLS_DISABLE &&
           (postgres_can_require_scram() || is_verified(request) ||
            request->server->channel_binding != ENGINE_CHANNEL_BINDING_DISABLE);
}

static bool may_use_plain(const struct engine_connect_request *request)
{
    return request->server->tls_mode <= ENGINE_TLS_PREFER &&
           request->server->channel_binding != ENGINE_CHANNEL_BINDING_REQUIRE;
}

static bool log_in_over_tls(const struct engine_connect_request *request,
                            const struct postgres_login *login,
                            struct postgres_refusal *ret_refusal, struct error *err)
{
    struct engine_session *session = NULL;
    bool was_asked;

    if (!postgres_connect(request, login, &session, ret_refusal, err))
        return false;
    was_asked = PQconnectionUsedPassword(session->connection) != 0;
    if (!was_asked)
        postgres_error_set_not_asked(err, session->label);
    postgres_disconnect(session);
    return was_asked;
}

/* As with libpq's sslmode=prefer: TLS did not come about, or pg_hba.conf wants none. */
static bool is_refusal_of_tls(const struct error *err)
{
    return error_has_code(err, "Tls") || error_has_code(err, "28000");
}

static bool log_in(const struct engine_connect_request *request, const struct postgres_login *login,
                   struct postgres_refusal *ret_refusal, struct error *err)
{
    if (may_use_tls(request)) {
        if (log_in_over_tls(request, login, ret_refusal, err))
            return true;
        if (!may_use_plain(request) || !is_refusal_of_tls(err))
            return false;
    }
    if (may_use_plain(request))
        return postgres_scram_login(request, login, ret_refusal, err);
    if (request->server->tls_mode == ENGINE_TLS_DISABLE)
        return error_set(err, ERROR_INVALID, POSTGRES_CODE_UNSAFE,
                         "channel_binding=require needs TLS: use sslmode=require, or leave "
                         "channel_binding out");
    return error_set(err, ERROR_INVALID, POSTGRES_CODE_UNSAFE,
                     "with channel_binding=disable a server that is not verified could ask for it "
                     "in clear: use sslmode=verify-full with the CA in the key ca.crt of the "
                     "Secret, or leave channel_binding out");
}

/* --- What they prove ------------------------------------------------------------------------- */

/* Of a refused login, by the server's SQLSTATE; anything else proves nothing. */
static const struct login_meaning {
    const char *sqlstate;
    enum engine_login login;
} meanings[] = {
    {"28P01", ENGINE_LOGIN_WRONG_PASSWORD},
    {"28000", ENGINE_LOGIN_REFUSED}, /* NOLOGIN, pg_hba.conf */
    {"42501", ENGINE_LOGIN_REFUSED}, /* no CONNECT */
    {"3D000", ENGINE_LOGIN_REFUSED}, /* no such database, said before the password was asked */
    {"55000", ENGINE_LOGIN_REFUSED}, /* the database accepts no connections */
};

/* Writes the one sentence for an outcome that is no proof; always returns true. */
static bool printf_format(2, 3) tell(char *detail, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(detail, ERROR_MESSAGE_SIZE, format, args);
    va_end(args);
    return true;
}

static bool judge_sqlstate(const struct engine_target *target, const char *sqlstate,
                           enum engine_login *ret_login, char *ret_detail, const struct error *err)
{
    for (size_t i = 0; i < array_length(meanings); i++) {
        if (strcmp(meanings[i].sqlstate, sqlstate) != 0)
            continue;
        *ret_login = meanings[i].login;
        if (*ret_login == ENGINE_LOGIN_WRONG_PASSWORD)
            return tell(
                ret_detail,
                "the server refuses the stored password of user '%s' (or its VALID UNTIL "
                "is past); it is not reset by itself: set the user's password to the stored one, "
                "or store the right one",
                target->username);
        return tell(ret_detail, "user '%s' cannot log in: %s", target->username, err->message);
    }
    return false;
}

static bool judge_failure(const struct engine_target *target,
                          const struct postgres_refusal *refusal, enum engine_login *ret_login,
                          char *ret_detail, const struct error *err)
{
    /* PostgreSQL looks for the database after it has checked the password, poolers may before. */
    if (refusal->after_password && strcmp(refusal->sqlstate, "3D000") == 0) {
        *ret_login = ENGINE_LOGIN_PROVEN;
        return tell(ret_detail, "the server takes the stored password; the database is still to be "
                                "made");
    }
    if (error_has_code(err, POSTGRES_CODE_NOT_ASKED)) {
        *ret_login = ENGINE_LOGIN_NOT_ASKED;
        return tell(ret_detail,
                    "the server lets user '%s' in without a password, so the stored one is not "
                    "proven: ask for scram-sha-256 in its pg_hba.conf",
                    target->username);
    }
    if (error_has_code(err, POSTGRES_CODE_UNSAFE)) {
        *ret_login = ENGINE_LOGIN_UNSAFE;
        return tell(ret_detail, "the stored password of user '%s' is not proven: %s",
                    target->username, err->message);
    }
    return judge_sqlstate(target, refusal->sqlstate, ret_login, ret_detail, err);
}

bool postgres_prove_login(struct engine_session *admin maybe_unused,
                          const struct engine_connect_request *request,
                          const struct engine_target *target, enum engine_login *ret_login,
                          char *ret_detail, struct error *err)
{
    struct postgres_login login = {
        .username = target->username,
        .password = target->password,
        .database = target->database,
        .is_proof = true,
    };
    struct postgres_refusal refusal = {0};
    struct error failure = {0};

    if (log_in(request, &login, &refusal, &failure)) {
        *ret_login = ENGINE_LOGIN_PROVEN;
        return tell(ret_detail, "the stored password logs in");
    }
    if (judge_failure(target, &refusal, ret_login, ret_detail, &failure))
        return true;
    *err = failure;
    return false;
}
