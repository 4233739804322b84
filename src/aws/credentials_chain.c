/*
 * Which source: the first that is configured, in the order of the AWS SDKs.
 */
#include "aws/credentials_cache.h"
#include "aws/credentials_container.h"
#include "aws/credentials_environment.h"
#include "aws/credentials_instance.h"
#include "aws/credentials_profile.h"
#include "aws/credentials_web_identity.h"
#include "aws/session.h"
#include "base/memory.h"

/* Stands where no source is usable. */
struct empty_provider {
    struct aws_credentials_provider provider; /* first: the seam is cast back */
    const struct error *problem;              /* NULL = nothing is configured */
};

static bool get_nothing(struct aws_credentials_provider *provider,
                        struct aws_credentials *ret_credentials maybe_unused, struct error *err)
{
    const struct error *problem = ((struct empty_provider *)(void *)provider)->problem;

    if (problem == NULL)
        return error_set(err, ERROR_DENIED, "CredentialsNotConfigured",
                         "no AWS credentials are configured: set up EKS Pod Identity or IRSA, or "
                         "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the operator's "
                         "environment");
    *err = *problem;
    err->kind = ERROR_DENIED; /* a person must act, and not on the resource */
    return false;
}

static void release(struct aws_credentials_provider *provider)
{
    free(provider);
}

static struct aws_credentials_provider *make_empty(const struct error *problem)
{
    static const struct aws_credentials_provider_operations none = {
        .name = "none",
        .get = get_nothing,
        .invalidate = aws_credentials_keep_nothing,
        .free = release,
    };
    static const struct aws_credentials_provider_operations broken = {
        .name = "broken settings",
        .get = get_nothing,
        .invalidate = aws_credentials_keep_nothing,
        .free = release,
    };
    struct empty_provider *empty = mem_alloc(sizeof *empty);

    empty->provider.operations = problem != NULL ? &broken : &none;
    empty->problem = problem;
    return &empty->provider;
}

/* Each says by NULL that it is not configured. */
static const struct {
    struct aws_credentials_provider *(*create)(struct aws_session *session);
    bool is_cached;
    enum credentials_staleness staleness;
} sources[] = {
    {aws_credentials_environment_new, false, STALE_IS_USELESS},
    {aws_credentials_web_identity_new, true, STALE_IS_USELESS},
    {aws_credentials_profile_new, true, STALE_IS_USELESS},
    {aws_credentials_container_new, true, STALE_IS_USELESS},
    {aws_credentials_instance_new, true, STALE_IS_USABLE},
};

struct aws_credentials_provider *aws_credentials_chain_new(struct aws_session *session)
{
    /* Settings that cannot be read may hold the endpoint, or the role: nothing is sent without. */
    if (session->configuration.problem.kind != ERROR_NONE)
        return make_empty(&session->configuration.problem);
    for (size_t i = 0; i < array_length(sources); i++) {
        struct aws_credentials_provider *source = sources[i].create(session);

        if (source != NULL)
            return sources[i].is_cached
                       ? aws_credentials_cache_new(session, source, sources[i].staleness)
                       : source;
    }
    return make_empty(NULL);
}
