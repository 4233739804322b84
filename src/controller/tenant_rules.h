/*
 * What the operator's owner lets namespaces do with the operator's AWS role, which may do more than
 * whoever writes a resource.  Without options there are no rules.  Immutable, thread-safe.
 */
#ifndef CONTROLLER_TENANT_RULES_H
#define CONTROLLER_TENANT_RULES_H

#include "base/compiler.h"
#include "base/error.h"
#include "controller/database.h"
#include "controller/database_status.h"
#include "controller/failure.h"

#include <stdbool.h>

/* Texts of the options; NULL and "" = no such rule. */
struct tenant_rules_options {
    const char *secret_name_prefix;    /* may hold {namespace}/ and {name}/ */
    const char *allowed_admin_secrets; /* allow_list.h: names and ARNs */
    const char *allowed_regions;       /* allow_list.h */
    const char *required_tags;         /* key=value,... */
    const char *kms_key_id;
};

struct tenant_rules;

/* INVALID names the option. */
bool tenant_rules_parse(const struct tenant_rules_options *options, struct tenant_rules **ret_rules,
                        struct error *err) must_check;
void tenant_rules_free(struct tenant_rules *rules);

/* Decides where a resource without secretName has its secret: where the status says that its
 * default is, else the default path under the prefix. */
void tenant_rules_place_secret(const struct tenant_rules *rules, struct database *database,
                               const struct database_status *status);
/* Adds the required tags to those of the spec. */
bool tenant_rules_add_tags(const struct tenant_rules *rules, struct database *database,
                           struct failure *ret_failure) must_check;

/* True when the rule allows it; the failure names the rule. */
bool tenant_rules_check_secret(const struct tenant_rules *rules, const struct database *database,
                               struct failure *ret_failure) must_check;
/* Name or ARN that connectionStringAWSSecretRef names. */
bool tenant_rules_check_admin(const struct tenant_rules *rules, const struct database *database,
                              struct failure *ret_failure) must_check;
/* `what` says what would be there: "the secret with the credentials". */
bool tenant_rules_check_region(const struct tenant_rules *rules, const struct database *database,
                               const char *region, const char *what, struct failure *ret_failure)
    must_check;

/* For new secrets; NULL = AWS's own key. */
const char *tenant_rules_kms_key(const struct tenant_rules *rules);

#endif
