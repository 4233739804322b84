/*
 * Static credentials from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN (formerly
 * AWS_SECURITY_TOKEN).
 */
#ifndef AWS_CREDENTIALS_ENVIRONMENT_H
#define AWS_CREDENTIALS_ENVIRONMENT_H

#include "aws/credentials.h"

/* NULL when neither key is set.  One key without the other is configured, and broken. */
struct aws_credentials_provider *aws_credentials_environment_new(struct aws_session *session)
    must_check;

#endif
