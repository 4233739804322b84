#include "controller/failure.h"

#include "engine/engine.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* One reason for each stage and kind that users tell apart; `other` stands for the rest. */
static const struct stage_reasons {
    const char *invalid, *not_found, *denied, *conflict, *unavailable, *other;
} reasons[STAGE_COUNT] = {
    [STAGE_SPEC] = {"InvalidSpec", "InvalidSpec", "InvalidSpec", "InvalidSpec", "InvalidSpec",
                    "InternalError"},
    [STAGE_ADMIN_SECRET] = {"AdminSecretInvalid", "AdminSecretNotFound", "AdminSecretDenied",
                            "KubernetesUnavailable", "KubernetesUnavailable", "InternalError"},
    [STAGE_ADMIN_IN_AWS] = {"AdminSecretInvalid", "AdminSecretNotFound", "AdminSecretDenied",
                            "AdminSecretInvalid", "SecretsManagerUnavailable", "InternalError"},
    [STAGE_CONNECT] = {"AdminConnectionInvalid", "AdminConnectionInvalid", "AdminLoginFailed",
                       "ServerUnavailable", "ServerUnreachable", "InternalError"},
    [STAGE_SERVER] = {"ServerRefused", "ServerRefused", "InsufficientRights", "Conflict",
                      "ServerUnavailable", "InternalError"},
    [STAGE_SECRETS] = {"SecretsManagerRefused", "SecretNotFound", "SecretsManagerAccessDenied",
                       "SecretConflict", "SecretsManagerUnavailable", "InternalError"},
    [STAGE_LOGIN] = {"LoginNotVerified", "LoginNotVerified", "LoginNotVerified", "LoginNotVerified",
                     "LoginNotVerified", "InternalError"},
    [STAGE_KUBERNETES] = {"KubernetesRefused", "KubernetesRefused", "KubernetesDenied",
                          "KubernetesConflict", "KubernetesUnavailable", "InternalError"},
};

static const char *find_reason(enum stage stage, enum error_kind kind)
{
    const struct stage_reasons *row = &reasons[stage];

    switch (kind) {
    case ERROR_INVALID:
        return row->invalid;
    case ERROR_NOT_FOUND:
        return row->not_found;
    case ERROR_DENIED:
        return row->denied;
    case ERROR_CONFLICT:
    case ERROR_GONE:
        return row->conflict;
    case ERROR_UNAVAILABLE:
        return row->unavailable;
    case ERROR_CANCELLED:
        return "ShuttingDown";
    case ERROR_NONE:
    case ERROR_INTERNAL:
        break;
    }
    return row->other;
}

/* What a driver has found out says more than its kind. */
static const char *find_own_reason(const struct error *err)
{
    static const char *const codes[] = {ENGINE_BLOCKED_BY_SESSIONS, ENGINE_BLOCKED_BY_OWNER,
                                        ENGINE_BLOCKED_BY_TEMPLATE, ENGINE_BLOCKED_BY_DEPENDENCIES,
                                        ENGINE_ADMIN_INSIDE_DATABASE};

    for (size_t i = 0; i < array_length(codes); i++) {
        if (error_has_code(err, codes[i]))
            return codes[i];
    }
    return NULL;
}

bool failure_of_stage(struct failure *failure, enum stage stage, const struct error *err)
{
    const char *own_reason = find_own_reason(err);

    failure->error = *err;
    failure->reason = own_reason != NULL ? own_reason : find_reason(stage, err->kind);
    return false;
}

bool failure_set(struct failure *failure, enum error_kind kind, const char *reason,
                 const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    error_set(&failure->error, kind, NULL, "%s", message);
    failure->reason = reason;
    return false;
}

void failure_append(struct failure *failure, const char *text)
{
    struct error former = failure->error;

    error_set(&failure->error, former.kind, former.code, "%s%s", former.message, text);
    failure->error.retry_after_ms = former.retry_after_ms;
}

bool failure_is_set(const struct failure *failure)
{
    return failure->reason != NULL;
}
