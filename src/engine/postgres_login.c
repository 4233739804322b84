#include "engine/postgres_operations.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a refused login proves, by the server's SQLSTATE; anything else proves nothing. */
static const struct login_meaning {
    const char *sqlstate;
    enum engine_login login;
} meanings[] = {
    {"28P01", ENGINE_LOGIN_WRONG_PASSWORD},
    {"28000", ENGINE_LOGIN_REFUSED}, /* NOLOGIN, pg_hba.conf */
    {"42501", ENGINE_LOGIN_REFUSED}, /* no CONNECT */
    {"3D000", ENGINE_LOGIN_REFUSED}, /* no such database */
    {"55000", ENGINE_LOGIN_REFUSED}, /* the database accepts no connections */
};

/* libpq before 16 can insist on SCRAM only by channel binding, which needs TLS. */
static bool can_insist(const struct engine_connect_request *request)
{
    return PQlibVersion() >= 160000 || request->server->tls_mode != ENGINE_TLS_DISABLE ||
           request->server->channel_binding == ENGINE_CHANNEL_BINDING_DISABLE;
}

/* Writes the one sentence for an outcome that is no proof; always returns true. */
static bool printf_format(2, 3) tell(char *detail, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(detail, ERROR_MESSAGE_SIZE, format, args);
    va_end(args);
    return true;
}

static bool judge_refusal(const struct engine_target *target, const char *sqlstate,
                          enum engine_login *ret_login, char *ret_detail, const struct error *err)
{
    for (size_t i = 0; i < array_length(meanings); i++) {
        if (strcmp(meanings[i].sqlstate, sqlstate) != 0)
            continue;
        *ret_login = meanings[i].login;
        if (*ret_login == ENGINE_LOGIN_WRONG_PASSWORD)
            return tell(ret_detail,
                        "the server refuses the stored password of user '%s' (or its VALID UNTIL "
                        "is past); it is never reset: set the user's password to the stored one, "
                        "or store the right one",
                        target->username);
        return tell(ret_detail, "user '%s' cannot log in: %s", target->username, err->message);
    }
    if (error_has_code(err, "UnsafeAuthentication")) {
        *ret_login = ENGINE_LOGIN_UNSAFE;
        return tell(ret_detail, "the stored password of user '%s' was not tried: %s",
                    target->username, err->message);
    }
    return false;
}

bool postgres_prove_login(struct engine_session *admin maybe_unused,
                          const struct engine_connect_request *request,
                          const struct engine_target *target, enum engine_login *ret_login,
                          char *ret_detail, struct error *err)
{
    bool used_password = false;
    struct postgres_login login = {
        .username = target->username,
        .password = target->password,
        .database = target->database,
        .is_proof = true,
        .ret_used_password = &used_password,
    };
    struct engine_session *session = NULL;
    char sqlstate[POSTGRES_SQLSTATE_SIZE];

    if (!can_insist(request)) {
        *ret_login = ENGINE_LOGIN_UNSAFE;
        return tell(ret_detail,
                    "the stored password of user '%s' was not tried: this build of the operator "
                    "can prove it only over TLS (sslmode=require), or with "
                    "channel_binding=disable where the network is trusted",
                    target->username);
    }
    if (!postgres_connect(request, &login, &session, sqlstate, err)) {
        /* The server looks for the database after it has accepted the password: a user whose
         * database is still to be made is proven nevertheless. */
        if (used_password && strcmp(sqlstate, "3D000") == 0) {
            *ret_login = ENGINE_LOGIN_PROVEN;
            return tell(ret_detail, "the stored password is accepted");
        }
        return judge_refusal(target, sqlstate, ret_login, ret_detail, err);
    }
    if (PQconnectionUsedPassword(session->connection)) {
        *ret_login = ENGINE_LOGIN_PROVEN;
        tell(ret_detail, "the stored password logs in");
    } else {
        *ret_login = ENGINE_LOGIN_NOT_ASKED;
        tell(ret_detail,
             "the server lets user '%s' in without a password, so the stored one is not proven: "
             "ask for scram-sha-256 in its pg_hba.conf",
             target->username);
    }
    postgres_disconnect(session);
    return true;
}
