#include "controller/prepare.h"

#include "base/memory.h"
#include "controller/admin_secret.h"
#include "controller/admission.h"
#include "controller/cluster_identity.h"
#include "controller/pass.h"
#include "controller/tenant_rules.h"

#include <string.h>

/* The secret moves when the spec says so; a default that changed moves nothing. */
static void find_former(struct pass *pass)
{
    const struct database_status *status = &pass->status;
    const struct database_spec *spec = &pass->database.spec;

    if (status->secret_arn == NULL || status->actual_secret_name == NULL ||
        status->secret_region == NULL)
        return;
    if (strcmp(status->actual_secret_name, spec->secret_name) == 0 &&
        strcmp(status->secret_region, pass->region) == 0)
        return;
    pass->former_id = mem_strdup(status->secret_arn);
    pass->former_region = mem_strdup(status->secret_region);
}

static bool find_region(struct pass *pass, struct failure *failure)
{
    const char *region = pass->database.spec.region;
    char from_operator[AWS_REGION_SIZE];
    struct error err;

    /* Where a secret was stored stays its place, even when the default moves. */
    if (region == NULL && pass->status.secret_arn != NULL)
        region = pass->status.secret_region;
    if (region == NULL) {
        if (!aws_region_get(pass->reconciler->default_region, from_operator, &err)) {
            failure_set(failure, err.kind, "RegionUnknown", "%s", err.message);
            return false;
        }
        region = from_operator;
    }
    pass->region = mem_strdup(region);
    find_former(pass);
    return true;
}

static bool refuse_own_secret(const struct pass *pass, const char *name, struct failure *failure)
{
    return failure_set(
        failure, ERROR_INVALID, "InvalidSpec",
        "spec.connectionStringAWSSecretRef names '%s' in %s, which may be the secret "
        "'%s' that this resource stores its own credentials in: name another one in "
        "spec.secretName or spec.connectionStringAWSSecretRef.secretName",
        pass->database.spec.connection.name, pass->admin_region, name);
}

/* What holds the admin connection is never written, moved or deleted. */
static bool check_admin_secret(const struct pass *pass, struct failure *failure)
{
    const struct database_spec *spec = &pass->database.spec;
    const struct database_status *status = &pass->status;

    if (admin_secret_may_be(&spec->connection, pass->admin_region, spec->secret_name, pass->region))
        return refuse_own_secret(pass, spec->secret_name, failure);
    if (pass->former_id != NULL &&
        admin_secret_may_be(&spec->connection, pass->admin_region, status->actual_secret_name,
                            pass->former_region))
        return refuse_own_secret(pass, status->actual_secret_name, failure);
    return true;
}

static bool find_admin_secret(struct pass *pass, struct failure *failure)
{
    const struct connection_reference *reference = &pass->database.spec.connection;
    const struct tenant_rules *rules = pass->reconciler->rules;
    char region[AWS_REGION_SIZE];
    struct error err;

    if (!reference->in_aws)
        return true;
    if (!tenant_rules_check_admin(rules, &pass->database, failure))
        return false;
    if (!admin_secret_find_region(reference, pass->reconciler->default_region, region, &err))
        return failure_of_stage(failure, STAGE_SPEC, &err);
    pass->admin_region = mem_strdup(region);
    return tenant_rules_check_region(rules, &pass->database, region,
                                     "the secret with the admin connection", failure) &&
           check_admin_secret(pass, failure);
}

bool prepare_admin(struct pass *pass, struct admin_connection *ret_admin, struct failure *failure)
{
    const struct reconciler *reconciler = pass->reconciler;
    bool in_aws = pass->database.spec.connection.in_aws;
    struct admin_connection_request request = {
        .kube = reconciler->kube,
        .secrets = reconciler->secrets,
        .index = reconciler->admin_secrets,
        .database = &pass->database,
        .driver = pass->driver,
        .region = pass->admin_region,
    };
    struct error err;

    return admin_connection_read(&request, ret_admin, &err) ||
           failure_of_stage(failure, in_aws ? STAGE_ADMIN_IN_AWS : STAGE_ADMIN_SECRET, &err);
}

static bool check_names(struct pass *pass, struct failure *failure)
{
    struct engine_target target = pass_engine_target(pass);
    struct error err;

    if (pass->driver->check_names(&target, pass->admin.server.username, &err))
        return true;
    failure_set(failure, err.kind,
                error_has_code(&err, "NameTooLong") ? "NameTooLong" : "ReservedName", "%s",
                err.message);
    return false;
}

static bool prepare_server(struct pass *pass, struct failure *failure)
{
    const struct reconciler *reconciler = pass->reconciler;
    struct error err;

    if (!cluster_identity_get(reconciler->cluster, reconciler->kube, &pass->owner.cluster_id, &err))
        return failure_of_stage(failure, STAGE_KUBERNETES, &err);
    pass->driver = engine_driver_find(pass->database.spec.engine);
    return prepare_admin(pass, &pass->admin, failure) && check_names(pass, failure);
}

/* What the spec asks for, completed and checked as far as it can be without asking anybody. */
static bool check_wishes(struct pass *pass, struct failure *failure)
{
    const struct tenant_rules *rules = pass->reconciler->rules;

    tenant_rules_place_secret(rules, &pass->database, &pass->status);
    return admission_check(&pass->database, &pass->status, failure) &&
           tenant_rules_add_tags(rules, &pass->database, failure) &&
           tenant_rules_check_secret(rules, &pass->database, failure);
}

bool prepare_spec(struct pass *pass, struct failure *ret_failure)
{
    struct error err;

    return (database_parse_spec(&pass->database, &err) &&
            database_parse_template(&pass->database, &err)) ||
           failure_of_stage(ret_failure, STAGE_SPEC, &err);
}

bool prepare_for_making(struct pass *pass, struct failure *ret_failure)
{
    return check_wishes(pass, ret_failure) && find_region(pass, ret_failure) &&
           tenant_rules_check_region(pass->reconciler->rules, &pass->database, pass->region,
                                     "the secret with the credentials", ret_failure) &&
           find_admin_secret(pass, ret_failure) && prepare_server(pass, ret_failure);
}

static bool refuse_while_suspended(const struct pass *pass, struct failure *failure)
{
    return !pass->database.spec.suspend ||
           failure_set(failure, ERROR_INVALID, "Suspended",
                       "nothing is dropped while spec.suspend is true: set it to false");
}

bool prepare_for_deletion(struct pass *pass, struct failure *ret_failure)
{
    struct error err;

    if (!database_parse_spec(&pass->database, &err))
        return failure_of_stage(ret_failure, STAGE_SPEC, &err);
    if (!database_parse_template(&pass->database, &err))
        log_debug(&pass->log, "%s", err.message); /* nothing is rendered any more */
    /* Of the secret with the credentials the tags decide, whatever the rules say by now. */
    tenant_rules_place_secret(pass->reconciler->rules, &pass->database, &pass->status);
    return refuse_while_suspended(pass, ret_failure) &&
           admission_check_identity(&pass->database, &pass->status, ret_failure) &&
           find_region(pass, ret_failure) && find_admin_secret(pass, ret_failure) &&
           prepare_server(pass, ret_failure);
}
