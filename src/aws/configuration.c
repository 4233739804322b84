#include "aws/configuration.h"

#include "aws/profile_files.h"
#include "aws/region.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { ATTEMPTS_MOST = 10 };

/* One value, from the setting or from the active profile, and its place for messages. */
struct value {
    const char *text; /* NULL = nowhere */
    char where[160];
};

static const char *in_profile(const struct profile_files *files, const char *key)
{
    return profile_files_get(files, profile_files_active(files), key);
}

static struct value find_value(const struct aws_settings *settings,
                               const struct profile_files *files, const char *variable,
                               const char *key)
{
    struct value value = {.text = aws_setting(settings, variable)};

    if (value.text != NULL) {
        snprintf(value.where, sizeof value.where, "%s", variable);
        return value;
    }
    value.text = in_profile(files, key);
    snprintf(value.where, sizeof value.where, "%s of the AWS profile '%.100s'", key,
             profile_files_active(files));
    return value;
}

static bool read_switch(const struct aws_settings *settings, const struct profile_files *files,
                        const char *variable, const char *key, bool *ret_value, struct error *err)
{
    struct value value = find_value(settings, files, variable, key);

    return aws_setting_parse_switch(value.where, value.text, ret_value, err);
}

/* The region of a setting is checked where it is used, with the resource that needs it. */
static bool read_region(struct aws_configuration *configuration,
                        const struct aws_settings *settings, const struct profile_files *files,
                        struct error *err)
{
    const char *region = aws_setting_either(settings, "AWS_REGION", "AWS_DEFAULT_REGION");

    if (region == NULL)
        region = in_profile(files, "region");
    if (region != NULL && !aws_region_is_well_formed(region))
        return error_set(err, ERROR_INVALID, "RegionInvalid",
                         "'%.64s' cannot be an AWS region: correct %s", region,
                         aws_setting(settings, "AWS_REGION") != NULL ? "AWS_REGION"
                         : aws_setting(settings, "AWS_DEFAULT_REGION") != NULL
                             ? "AWS_DEFAULT_REGION"
                             : "the profile");
    configuration->region = mem_strdup_or_null(region);
    return true;
}

/* --- Endpoints ------------------------------------------------------------------------------- */

static const char *find_endpoint(const struct aws_settings *settings,
                                 const struct profile_files *files, const char *variable,
                                 const char *service_key)
{
    const char *services = in_profile(files, "services"), *url;
    char key[64];

    if ((url = aws_endpoint_find_override(settings, variable)) != NULL)
        return url;
    snprintf(key, sizeof key, "%s.endpoint_url", service_key);
    if (services != NULL && (url = profile_files_get_service(files, services, key)) != NULL)
        return url;
    return in_profile(files, "endpoint_url");
}

static bool read_endpoints(struct aws_configuration *configuration,
                           const struct aws_settings *settings, const struct profile_files *files,
                           struct error *err)
{
    bool ignored = false;

    if (!read_switch(settings, files, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint",
                     &configuration->endpoints.fips, err) ||
        !read_switch(settings, files, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint",
                     &configuration->endpoints.dual_stack, err) ||
        !read_switch(settings, files, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                     "ignore_configured_endpoint_urls", &ignored, err))
        return false;
    if (ignored)
        return true;
    configuration->secrets_manager_url = mem_strdup_or_null(
        find_endpoint(settings, files, "AWS_ENDPOINT_URL_SECRETS_MANAGER", "secrets_manager"));
    configuration->sts_url =
        mem_strdup_or_null(find_endpoint(settings, files, "AWS_ENDPOINT_URL_STS", "sts"));
    if ((configuration->secrets_manager_url != NULL || configuration->sts_url != NULL) &&
        (configuration->endpoints.fips || configuration->endpoints.dual_stack))
        return error_set(err, ERROR_INVALID, "SettingInvalid",
                         "an AWS endpoint of your own (AWS_ENDPOINT_URL or endpoint_url) cannot be "
                         "combined with AWS_USE_FIPS_ENDPOINT or AWS_USE_DUALSTACK_ENDPOINT: take "
                         "one of them away");
    return true;
}

/* --- Retries --------------------------------------------------------------------------------- */

/* There is one mode.  The other two of the SDKs differ in how many attempts there are and how they
 * are spaced, which nobody relies on; a word that is none of them is a mistake. */
static bool read_retries(struct aws_configuration *configuration,
                         const struct aws_settings *settings, const struct profile_files *files,
                         struct error *err)
{
    struct value attempts = find_value(settings, files, "AWS_MAX_ATTEMPTS", "max_attempts");
    struct value mode = find_value(settings, files, "AWS_RETRY_MODE", "retry_mode");

    if (!aws_setting_parse_number(attempts.where, attempts.text, 1, ATTEMPTS_MOST,
                                  &configuration->attempts_limit, err))
        return false;
    if (mode.text == NULL || strcmp(mode.text, "standard") == 0)
        return true;
    if (strcmp(mode.text, "legacy") != 0 && strcmp(mode.text, "adaptive") != 0)
        return error_set(err, ERROR_INVALID, "SettingInvalid",
                         "%s must be standard (legacy and adaptive count as that)", mode.where);
    configuration->other_retry_mode = mem_strdup(mode.text);
    return true;
}

/* --- All of it ------------------------------------------------------------------------------- */

static bool load(struct aws_configuration *configuration, const struct aws_settings *settings,
                 struct error *err)
{
    auto_profile_files struct profile_files *files = NULL;

    if (!profile_files_load(settings, &files, err) ||
        !read_region(configuration, settings, files, err) ||
        !read_endpoints(configuration, settings, files, err) ||
        !read_retries(configuration, settings, files, err))
        return false;
    configuration->ca_file =
        mem_strdup_or_null(find_value(settings, files, "AWS_CA_BUNDLE", "ca_bundle").text);
    return true;
}

void aws_configuration_load(struct aws_configuration *ret_configuration,
                            const struct aws_settings *settings)
{
    struct error failure;

    *ret_configuration = (struct aws_configuration){0};
    if (!load(ret_configuration, settings, &failure))
        ret_configuration->problem = failure;
}

void aws_configuration_release(struct aws_configuration *configuration)
{
    free(configuration->region);
    free(configuration->ca_file);
    free(configuration->other_retry_mode);
    free(configuration->secrets_manager_url);
    free(configuration->sts_url);
    *configuration = (struct aws_configuration){0};
}
