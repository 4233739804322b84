#include "aws/credentials_profile.h"

#include "aws/credentials_container.h"
#include "aws/credentials_environment.h"
#include "aws/credentials_instance.h"
#include "aws/credentials_web_identity.h"
#include "aws/profile_files.h"
#include "aws/session.h"
#include "aws/sts.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { CHAIN_LIMIT = 8 };

struct profile_provider {
    struct aws_credentials_provider provider; /* first: the seam is cast back */
    struct aws_session *session;
};

/* A profile on the way from the active one to the keys at the end. */
struct link {
    struct aws_session *session;
    const struct profile_files *files;
    const char *profile;
    const struct link *before; /* the profile that named this one; NULL = the active one */
};

static const char *const unsupported[] = {
    "credential_process", "mfa_serial", "login_session",  "sso_session",
    "sso_start_url",      "sso_region", "sso_account_id", "sso_role_name",
};

/* What makes a profile one that is about credentials. */
static const char *const telling[] = {"aws_access_key_id", "aws_secret_access_key",
                                      "role_arn",          "web_identity_token_file",
                                      "source_profile",    "credential_source"};

static struct profile_provider *from(struct aws_credentials_provider *provider)
{
    return (struct profile_provider *)(void *)provider;
}

static const char *value(const struct link *link, const char *key)
{
    return profile_files_get(link->files, link->profile, key);
}

static bool refuse(const struct link *link, struct error *err, const char *what)
{
    return error_set(err, ERROR_DENIED, "CredentialsInvalid", "the AWS profile '%.64s' in '%s' %s",
                     link->profile, profile_files_origin(link->files, link->profile), what);
}

static bool wrap(const struct link *link, struct error *err)
{
    return error_wrap(err, "the AWS profile '%.64s' in '%s'", link->profile,
                      profile_files_origin(link->files, link->profile));
}

static const char *find_any(const struct link *link, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (value(link, keys[i]) != NULL)
            return keys[i];
    }
    return NULL;
}

static bool resolve(const struct link *link, struct aws_credentials *ret_credentials,
                    struct error *err);

/* --- Keys of its own ------------------------------------------------------------------------- */

static bool read_keys(const struct link *link, struct aws_credentials *ret_credentials,
                      struct error *err)
{
    static const struct aws_credentials_parts names = {
        .access_key_id = "aws_access_key_id",
        .secret_access_key = "aws_secret_access_key",
        .session_token = "aws_session_token",
    };
    struct aws_credentials_parts parts = {
        .access_key_id = value(link, names.access_key_id),
        .secret_access_key = value(link, names.secret_access_key),
        .session_token = value(link, names.session_token),
    };

    if (parts.access_key_id == NULL && parts.secret_access_key == NULL)
        return refuse(link, err, "has neither keys nor a role");
    return aws_credentials_make(&parts, &names, ret_credentials, err) || wrap(link, err);
}

/* --- A role over something else -------------------------------------------------------------- */

static bool get_from_source(const struct link *link, const char *source,
                            struct aws_credentials *ret_credentials, struct error *err)
{
    static const struct {
        const char *name;
        struct aws_credentials_provider *(*create)(struct aws_session *session);
        const char *otherwise;
    } sources[] = {
        {"Environment", aws_credentials_environment_new,
         "has credential_source = Environment, but AWS_ACCESS_KEY_ID is not set"},
        {"Ec2InstanceMetadata", aws_credentials_instance_new,
         "has credential_source = Ec2InstanceMetadata, but AWS_EC2_METADATA_DISABLED is set"},
        {"EcsContainer", aws_credentials_container_new,
         "has credential_source = EcsContainer, but neither "
         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set"},
    };
    struct aws_credentials_provider *provider;
    bool succeeded;
    size_t i = 0;

    while (i < array_length(sources) && strcmp(source, sources[i].name) != 0)
        i++;
    if (i == array_length(sources))
        return refuse(link, err,
                      "has a credential_source that is none of Environment, Ec2InstanceMetadata "
                      "and EcsContainer");
    provider = sources[i].create(link->session);
    if (provider == NULL)
        return refuse(link, err, sources[i].otherwise);
    succeeded = aws_credentials_get(provider, ret_credentials, err);
    aws_credentials_provider_free(provider);
    return succeeded;
}

static bool get_from_profile(const struct link *link, const char *name,
                             struct aws_credentials *ret_credentials, struct error *err)
{
    struct link next = {
        .session = link->session, .files = link->files, .profile = name, .before = link};
    size_t length = 0;

    if (!profile_files_has(link->files, name))
        return refuse(link, err, "has a source_profile that does not exist");
    /* A profile may name itself to take its role with its own keys. */
    if (strcmp(name, link->profile) == 0)
        return read_keys(link, ret_credentials, err);
    for (const struct link *visited = link; visited != NULL; visited = visited->before) {
        if (strcmp(visited->profile, name) == 0 || ++length > CHAIN_LIMIT)
            return refuse(link, err,
                          "has a source_profile that leads back to itself, or on without end");
    }
    return resolve(&next, ret_credentials, err);
}

static bool get_base(const struct link *link, struct aws_credentials *ret_credentials,
                     struct error *err)
{
    const char *profile = value(link, "source_profile"), *source = value(link, "credential_source");

    if (profile != NULL && source != NULL)
        return refuse(link, err, "has both source_profile and credential_source: keep one");
    if (profile == NULL && source == NULL)
        return refuse(link, err,
                      "has a role_arn, but neither source_profile nor "
                      "credential_source");
    return profile != NULL ? get_from_profile(link, profile, ret_credentials, err)
                           : get_from_source(link, source, ret_credentials, err);
}

/* --- All kinds ------------------------------------------------------------------------------- */

static bool read_role(const struct link *link, const char *default_session_name,
                      struct sts_role *ret_role, struct error *err)
{
    const char *session_name = value(link, "role_session_name");
    struct sts_role role = {
        .arn = value(link, "role_arn"),
        .session_name = session_name != NULL ? session_name : default_session_name,
        .external_id = value(link, "external_id"),
    };

    if (role.arn == NULL)
        return refuse(link, err, "has no role_arn");
    if (!sts_is_session_name(role.session_name))
        return refuse(link, err,
                      "has a role_session_name that is not 2 to 64 of A-Z, a-z, 0-9 and _+=,.@-");
    if (!aws_setting_parse_number("duration_seconds", value(link, "duration_seconds"),
                                  STS_DURATION_LEAST_S, STS_DURATION_MOST_S, &role.duration_s, err))
        return wrap(link, err);
    *ret_role = role;
    return true;
}

static bool take_role(const struct link *link, struct aws_credentials *ret_credentials,
                      struct error *err)
{
    auto_free char *session_name = web_identity_default_session_name(link->session);
    auto_aws_credentials struct aws_credentials base = {0};
    const char *token_file = value(link, "web_identity_token_file");
    struct sts_role role;

    if (!read_role(link, session_name, &role, err))
        return false;
    if (token_file != NULL)
        return web_identity_exchange(link->session, token_file, &role, ret_credentials, err) ||
               wrap(link, err);
    if (!get_base(link, &base, err))
        return false;
    return sts_assume_role(link->session->sts, &base, &role, ret_credentials, err) ||
           wrap(link, err);
}

static bool resolve(const struct link *link, struct aws_credentials *ret_credentials,
                    struct error *err)
{
    const char *key = find_any(link, unsupported, array_length(unsupported));

    if (key != NULL)
        return error_set(err, ERROR_DENIED, "CredentialsUnsupported",
                         "the AWS profile '%.64s' in '%s' needs %s, which is not supported here: "
                         "use static keys, a role or a web identity",
                         link->profile, profile_files_origin(link->files, link->profile), key);
    if (value(link, "role_arn") != NULL || value(link, "web_identity_token_file") != NULL)
        return take_role(link, ret_credentials, err);
    return read_keys(link, ret_credentials, err);
}

static bool get(struct aws_credentials_provider *provider, struct aws_credentials *ret_credentials,
                struct error *err)
{
    auto_profile_files struct profile_files *files = NULL;
    struct link first = {.session = from(provider)->session};

    if (!profile_files_load(&first.session->options.settings, &files, err))
        return false;
    first.files = files;
    first.profile = profile_files_active(files);
    return resolve(&first, ret_credentials, err);
}

static void release(struct aws_credentials_provider *provider)
{
    free(from(provider));
}

/* Without the files nothing is decided: what is wrong with them is the session's problem. */
static bool is_configured(struct aws_session *session)
{
    auto_profile_files struct profile_files *files = NULL;
    struct link first = {.session = session};
    struct error ignored;

    if (!profile_files_load(&session->options.settings, &files, &ignored))
        return false;
    first.files = files;
    first.profile = profile_files_active(files);
    return find_any(&first, telling, array_length(telling)) != NULL ||
           find_any(&first, unsupported, array_length(unsupported)) != NULL;
}

struct aws_credentials_provider *aws_credentials_profile_new(struct aws_session *session)
{
    static const struct aws_credentials_provider_operations operations = {
        .name = "profile",
        .get = get,
        .invalidate = aws_credentials_keep_nothing,
        .free = release,
    };
    struct profile_provider *profile;

    if (!is_configured(session))
        return NULL;
    profile = mem_alloc(sizeof *profile);
    profile->provider.operations = &operations;
    profile->session = session;
    return &profile->provider;
}
