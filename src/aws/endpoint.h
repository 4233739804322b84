/*
 * Where a service of AWS answers: by partition (the family of regions), or where the user says.
 */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "aws/settings.h"
#include "base/error.h"

#include <stdbool.h>

/* Which of a service's hosts; {0} is the ordinary one. */
struct aws_endpoint_variant {
    bool fips;       /* validated cryptography: AWS_USE_FIPS_ENDPOINT */
    bool dual_stack; /* IPv6 too: AWS_USE_DUALSTACK_ENDPOINT */
};

/* "https://secretsmanager.eu-west-1.amazonaws.com"; the service is "secretsmanager" or "sts", and
 * the region must be well formed.  The caller frees it.  Source: botocore's partitions.json and the
 * rule sets of both services. */
char *aws_endpoint_make(const struct aws_endpoint_variant *variant, const char *service,
                        const char *region) returns_owned;

/* Where a request to the service goes: to `override` (a scheme and a host, perhaps with a slash at
 * the end; each operation is at "/", and what is signed must be what is sent), or to AWS's own
 * endpoint when that is NULL.  *ret_host points into *ret_url, which the caller frees.  INVALID
 * without the URL, which may hold a password. */
bool aws_endpoint_find(const char *override, const struct aws_endpoint_variant *variant,
                       const char *service, const char *region, char **ret_url,
                       const char **ret_host, struct error *err) must_check;

/* AWS_ENDPOINT_URL_<SERVICE>, then AWS_ENDPOINT_URL; NULL when neither is set.  service_variable is
 * the former's name.  Borrowed from the settings. */
const char *aws_endpoint_find_override(const struct aws_settings *settings,
                                       const char *service_variable);

#endif
