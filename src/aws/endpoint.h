/*
 * Where a service of AWS answers: by partition (the family of regions), or where the user says.
 */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "aws/credentials.h"

/* "https://secretsmanager.eu-west-1.amazonaws.com"; the region must be well formed.  The caller
 * frees it.  Source: botocore's partitions.json. */
char *aws_endpoint_make(const char *service, const char *region) returns_owned;

/* AWS_ENDPOINT_URL_<SERVICE>, then AWS_ENDPOINT_URL; NULL when neither is set.  service_variable is
 * the former's name.  Borrowed from the settings. */
const char *aws_endpoint_find_override(aws_setting_fn setting, void *context,
                                       const char *service_variable);

#endif
