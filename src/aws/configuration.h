/*
 * What the settings of the process and the active profile of the shared files say about AWS, apart
 * from credentials: region, endpoints, trust, attempts.  A setting wins over the profile.
 */
#ifndef AWS_CONFIGURATION_H
#define AWS_CONFIGURATION_H

#include "aws/endpoint.h"
#include "aws/settings.h"
#include "base/error.h"

#include <stdbool.h>

struct aws_configuration {
    char *region;              /* NULL = neither says */
    char *ca_file;             /* NULL = the system's */
    char *secrets_manager_url; /* NULL = AWS's own endpoints */
    char *sts_url;
    struct aws_endpoint_variant endpoints;
    unsigned attempts_limit; /* of one call; 0 = the default */
    char *other_retry_mode;  /* one that is asked for and counts as "standard"; NULL = none */
    struct error problem;    /* kind ERROR_NONE = none; otherwise nothing may be sent to AWS */
};

void aws_configuration_load(struct aws_configuration *ret_configuration,
                            const struct aws_settings *settings);
void aws_configuration_release(struct aws_configuration *configuration);

#endif
