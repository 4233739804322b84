/*
 * The secret in AWS Secrets Manager that connectionStringAWSSecretRef names: where it is, whether
 * it is another one, and its value.  It is only ever read.
 */
#ifndef CONTROLLER_ADMIN_SECRET_H
#define CONTROLLER_ADMIN_SECRET_H

#include "aws/region.h"
#include "aws/secrets_manager.h"
#include "base/error.h"
#include "base/secret.h"
#include "controller/database.h"

#include <stdbool.h>

/* The region of an ARN, else that of the reference, else the default.  INVALID when the name can be
 * none, or nothing says. */
bool admin_secret_find_region(const struct connection_reference *reference,
                              struct aws_region_source *default_region,
                              char ret_region[static AWS_REGION_SIZE], struct error *err)
    must_check;

/* True when the reference, which is in that region, may mean the secret of this name and region. */
bool admin_secret_may_be(const struct connection_reference *reference, const char *region,
                         const char *other_name, const char *other_region) must_check;

/* The current value, read anew.  NOT_FOUND and INVALID name the secret and what to do, and never
 * quote the value; INVALID also for one that is scheduled for deletion. */
bool admin_secret_read(struct secrets_manager *secrets,
                       const struct connection_reference *reference, const char *region,
                       struct secret *ret_value, struct error *err) must_check;

#endif
