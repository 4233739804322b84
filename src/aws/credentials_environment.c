#include "aws/credentials_environment.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

struct environment_provider {
    struct aws_credentials_provider provider;
    struct aws_credentials credentials;
    const char *problem; /* static text; NULL = usable */
};

static struct environment_provider *from(struct aws_credentials_provider *provider)
{
    return (struct environment_provider *)(void *)provider;
}

static bool get(struct aws_credentials_provider *provider, struct aws_credentials *ret_credentials,
                struct error *err)
{
    const struct environment_provider *environment = from(provider);

    if (environment->problem != NULL)
        return error_set(err, ERROR_DENIED, "CredentialsInvalid",
                         "the AWS credentials of the operator's environment are not usable: %s",
                         environment->problem);
    *ret_credentials = (struct aws_credentials){0};
    memcpy(ret_credentials->access_key_id, environment->credentials.access_key_id,
           sizeof ret_credentials->access_key_id);
    secret_copy(&ret_credentials->secret_access_key, &environment->credentials.secret_access_key);
    secret_copy(&ret_credentials->session_token, &environment->credentials.session_token);
    return true;
}

static void invalidate(struct aws_credentials_provider *provider maybe_unused)
{
    /* The environment of a process does not change. */
}

static void release(struct aws_credentials_provider *provider)
{
    aws_credentials_release(&from(provider)->credentials);
    free(from(provider));
}

static const struct aws_credentials_provider_operations operations = {
    .name = "environment",
    .get = get,
    .invalidate = invalidate,
    .free = release,
};

/* A header cannot carry control characters, and no key holds a blank; a trailing newline is the
 * usual slip of a Secret. */
static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

#define HOLDS_MORE " holds a blank, a newline or another control character"

static const char *find_problem(const char *id, const char *key, const char *token)
{
    if (id[0] == '\0')
        return "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not";
    if (key[0] == '\0')
        return "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not";
    if (strlen(id) >= sizeof((struct aws_credentials){0}).access_key_id)
        return "AWS_ACCESS_KEY_ID is too long";
    if (!is_plain(id))
        return "AWS_ACCESS_KEY_ID" HOLDS_MORE;
    if (!is_plain(key))
        return "AWS_SECRET_ACCESS_KEY" HOLDS_MORE;
    if (!is_plain(token))
        return "AWS_SESSION_TOKEN" HOLDS_MORE;
    return NULL;
}

static const char *read(aws_setting_fn setting, void *context, const char *name)
{
    const char *value = setting(context, name);

    return value != NULL ? value : "";
}

struct aws_credentials_provider *aws_credentials_environment_new(aws_setting_fn setting,
                                                                 void *context)
{
    const char *id = read(setting, context, "AWS_ACCESS_KEY_ID");
    const char *key = read(setting, context, "AWS_SECRET_ACCESS_KEY");
    const char *token = read(setting, context, "AWS_SESSION_TOKEN");
    struct environment_provider *environment;

    if (id[0] == '\0' && key[0] == '\0')
        return NULL;
    environment = mem_alloc(sizeof *environment);
    environment->provider.operations = &operations;
    environment->problem = find_problem(id, key, token);
    if (environment->problem == NULL) {
        snprintf(environment->credentials.access_key_id,
                 sizeof environment->credentials.access_key_id, "%s", id);
        secret_set_text(&environment->credentials.secret_access_key, key);
        secret_set_text(&environment->credentials.session_token, token);
    }
    return &environment->provider;
}
