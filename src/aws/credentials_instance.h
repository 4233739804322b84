/*
 * The role of the EC2 instance, from its metadata service: the last source, since every pod of a
 * node may get at it.
 */
#ifndef AWS_CREDENTIALS_INSTANCE_H
#define AWS_CREDENTIALS_INSTANCE_H

#include "aws/credentials.h"

/* NULL when AWS_EC2_METADATA_DISABLED says so.  Fetches at each get(). */
struct aws_credentials_provider *aws_credentials_instance_new(struct aws_session *session)
    must_check;

#endif
