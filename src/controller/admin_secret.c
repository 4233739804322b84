#include "controller/admin_secret.h"

#include "aws/secret_arn.h"

#include <stdio.h>
#include <string.h>

static bool parse(const struct connection_reference *reference, struct secret_id *ret_id,
                  struct error *err)
{
    return secret_id_parse(reference->name, ret_id, err) ||
           error_wrap(err, "spec.connectionStringAWSSecretRef.secretName");
}

bool admin_secret_find_region(const struct connection_reference *reference,
                              struct aws_region_source *default_region,
                              char ret_region[static AWS_REGION_SIZE], struct error *err)
{
    struct secret_id id;

    if (!parse(reference, &id, err))
        return false;
    if (!id.is_arn && reference->region == NULL)
        return aws_region_get(default_region, ret_region, err);
    snprintf(ret_region, AWS_REGION_SIZE, "%s", id.is_arn ? id.region : reference->region);
    return true;
}

bool admin_secret_may_be(const struct connection_reference *reference, const char *region,
                         const char *other_name, const char *other_region)
{
    struct secret_id id;
    struct error err;

    return strcmp(region, other_region) == 0 && parse(reference, &id, &err) &&
           secret_id_may_name(&id, other_name);
}

/* What the answers of AWS mean for whoever wrote the reference. */
static bool explain(const struct connection_reference *reference, const char *region,
                    struct error *err)
{
    if (err->kind == ERROR_NOT_FOUND)
        return error_set(err, ERROR_NOT_FOUND, err->code,
                         "the AWS secret '%s' in %s, which holds the admin connection, does not "
                         "exist or has no value: create it, or name another one in "
                         "spec.connectionStringAWSSecretRef",
                         reference->name, region);
    if (err->kind == ERROR_CONFLICT)
        return error_set(err, ERROR_INVALID, err->code,
                         "the AWS secret '%s' in %s, which holds the admin connection, is "
                         "scheduled for deletion: restore it, or name another one in "
                         "spec.connectionStringAWSSecretRef",
                         reference->name, region);
    return error_wrap(err, "reading the admin connection");
}

bool admin_secret_read(struct secrets_manager *secrets,
                       const struct connection_reference *reference, const char *region,
                       struct secret *ret_value, struct error *err)
{
    struct secrets_manager_target target = {.region = region, .id = reference->name};

    return secrets_manager_get_value(secrets, &target, NULL, NULL, ret_value, NULL, err) ||
           explain(reference, region, err);
}
