#include "aws/credentials_environment.h"

#include "aws/session.h"
#include "base/memory.h"

struct environment_provider {
    struct aws_credentials_provider provider; /* first: the seam is cast back */
    struct aws_credentials credentials;
    struct error problem; /* kind ERROR_NONE = usable */
};

static struct environment_provider *from(struct aws_credentials_provider *provider)
{
    return (struct environment_provider *)(void *)provider;
}

static bool get(struct aws_credentials_provider *provider, struct aws_credentials *ret_credentials,
                struct error *err)
{
    const struct environment_provider *environment = from(provider);

    if (environment->problem.kind != ERROR_NONE) {
        *err = environment->problem;
        return error_wrap(err, "the AWS credentials of the operator's environment are not usable");
    }
    aws_credentials_copy(ret_credentials, &environment->credentials);
    return true;
}

static void release(struct aws_credentials_provider *provider)
{
    aws_credentials_release(&from(provider)->credentials);
    free(from(provider));
}

/* The environment of a process does not change: it is read once, and nothing is forgotten. */
struct aws_credentials_provider *aws_credentials_environment_new(struct aws_session *session)
{
    static const struct aws_credentials_provider_operations operations = {
        .name = "environment",
        .get = get,
        .invalidate = aws_credentials_keep_nothing,
        .free = release,
    };
    static const struct aws_credentials_parts names = {
        .access_key_id = "AWS_ACCESS_KEY_ID",
        .secret_access_key = "AWS_SECRET_ACCESS_KEY",
        .session_token = "AWS_SESSION_TOKEN",
    };
    const struct aws_settings *settings = &session->options.settings;
    struct aws_credentials_parts parts = {
        .access_key_id = aws_setting(settings, names.access_key_id),
        .secret_access_key = aws_setting(settings, names.secret_access_key),
        .session_token = aws_setting_either(settings, names.session_token, "AWS_SECURITY_TOKEN"),
    };
    struct environment_provider *environment;
    struct error failure;

    if (parts.access_key_id == NULL && parts.secret_access_key == NULL)
        return NULL;
    environment = mem_alloc(sizeof *environment);
    environment->provider.operations = &operations;
    if (!aws_credentials_make(&parts, &names, &environment->credentials, &failure))
        environment->problem = failure;
    return &environment->provider;
}
