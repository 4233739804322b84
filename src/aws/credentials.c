#include "aws/credentials.h"

#include "aws/credentials_environment.h"
#include "base/memory.h"

void aws_credentials_release(struct aws_credentials *credentials)
{
    secret_release(&credentials->secret_access_key);
    secret_release(&credentials->session_token);
    *credentials = (struct aws_credentials){0};
}

bool aws_credentials_get(struct aws_credentials_provider *provider,
                         struct aws_credentials *ret_credentials, struct error *err)
{
    return provider->operations->get(provider, ret_credentials, err);
}

void aws_credentials_invalidate(struct aws_credentials_provider *provider)
{
    provider->operations->invalidate(provider);
}

const char *aws_credentials_source(const struct aws_credentials_provider *provider)
{
    return provider->operations->name;
}

void aws_credentials_provider_free(struct aws_credentials_provider *provider)
{
    if (provider != NULL)
        provider->operations->free(provider);
}

/* --- What stands at the end of a chain in which nothing is configured ------------------------ */

static bool get_nothing(struct aws_credentials_provider *provider maybe_unused,
                        struct aws_credentials *ret_credentials maybe_unused, struct error *err)
{
    return error_set(err, ERROR_DENIED, "CredentialsNotConfigured",
                     "no AWS credentials are configured: set AWS_ACCESS_KEY_ID and "
                     "AWS_SECRET_ACCESS_KEY in the operator's environment");
}

static void invalidate_nothing(struct aws_credentials_provider *provider maybe_unused)
{
}

static void free_provider(struct aws_credentials_provider *provider)
{
    free(provider);
}

static const struct aws_credentials_provider_operations nothing = {
    .name = "none",
    .get = get_nothing,
    .invalidate = invalidate_nothing,
    .free = free_provider,
};

static struct aws_credentials_provider *make_nothing(void)
{
    struct aws_credentials_provider *provider = mem_alloc(sizeof *provider);

    provider->operations = &nothing;
    return provider;
}

/* The sources in the order of the AWS SDKs; each says by NULL that it is not configured. */
static struct aws_credentials_provider *(*const sources[])(aws_setting_fn setting,
                                                           void *context) = {
    aws_credentials_environment_new,
};

struct aws_credentials_provider *aws_credentials_chain_new(aws_setting_fn setting, void *context)
{
    for (size_t i = 0; i < array_length(sources); i++) {
        struct aws_credentials_provider *provider = sources[i](setting, context);

        if (provider != NULL)
            return provider;
    }
    return make_nothing();
}
