/*
 * A role for a token of the cluster's own (EKS: IAM roles for service accounts): the file is read
 * at each refresh, since kubelet replaces it.
 */
#ifndef AWS_CREDENTIALS_WEB_IDENTITY_H
#define AWS_CREDENTIALS_WEB_IDENTITY_H

#include "aws/credentials.h"
#include "aws/sts.h"

/* From AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN and AWS_ROLE_SESSION_NAME; NULL when the first is
 * not set.  Fetches at each get(). */
struct aws_credentials_provider *aws_credentials_web_identity_new(struct aws_session *session)
    must_check;

/* The same exchange with what a profile says. */
bool web_identity_exchange(struct aws_session *session, const char *token_file,
                           const struct sts_role *role, struct aws_credentials *ret_credentials,
                           struct error *err) must_check;

/* "database-user-operator-<pod>", for roles whose session nobody named; the caller frees it. */
char *web_identity_default_session_name(const struct aws_session *session) returns_owned;

#endif
