/*
 * AWS Security Token Service: the two ways to take a role.  Regional endpoints only; parameters in
 * the body, never in the URL, which proxies write into their logs.  Retries inside; a call blocks
 * at most 20 s.  Thread-safe.
 */
#ifndef AWS_STS_H
#define AWS_STS_H

#include "aws/credentials.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>

struct aws_session;
struct sts;

enum { STS_DURATION_LEAST_S = 900, STS_DURATION_MOST_S = 43200 };

struct sts *sts_new(struct aws_session *session) returns_owned;
/* NULL is fine. */
void sts_free(struct sts *sts);

/* Borrowed; NULL and 0 = not given. */
struct sts_role {
    const char *arn;
    const char *session_name; /* CloudTrail shows it */
    const char *external_id;
    unsigned duration_s;
};

/* True for what STS takes as RoleSessionName: 2 to 64 of [A-Za-z0-9_+=,.@-]. */
bool sts_is_session_name(const char *text);

/* Both fail with the code of STS; UNAVAILABLE after the retries, DENIED with what to look at. */

/* AssumeRole, signed by the base credentials. */
bool sts_assume_role(struct sts *sts, const struct aws_credentials *base,
                     const struct sts_role *role, struct aws_credentials *ret_credentials,
                     struct error *err) must_check;
/* AssumeRoleWithWebIdentity: the token is the proof. */
bool sts_assume_role_with_web_identity(struct sts *sts, const struct secret *token,
                                       const struct sts_role *role,
                                       struct aws_credentials *ret_credentials, struct error *err)
    must_check;

#endif
