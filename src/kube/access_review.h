/*
 * Who somebody is, and what he may do, as the API server decides it: TokenReview and
 * SubjectAccessReview.  Needs the right to create both.
 */
#ifndef KUBE_ACCESS_REVIEW_H
#define KUBE_ACCESS_REVIEW_H

#include "base/cancellation.h"
#include "base/error.h"
#include "base/secret.h"
#include "kube/client.h"

#include <jansson.h>

#include <stdbool.h>

/* Gives up after a few seconds: somebody waits for the answer. */
struct kube_reviewer {
    struct kube_client *client;
    const struct cancellation *cancellation; /* NULL = the client's */
};

/* Whose token it is.  *ret_user (owned by the caller) is the object that TokenReview answers with
 * (username, uid, groups, extra), NULL when the token is nobody's. */
bool kube_review_token(const struct kube_reviewer *reviewer, const struct secret *token,
                       json_t **ret_user, struct error *err) must_check;
/* Whether that user may `verb` the path, which is none of a resource ("/metrics"). */
bool kube_review_access(const struct kube_reviewer *reviewer, const json_t *user, const char *path,
                        const char *verb, bool *ret_allowed, struct error *err) must_check;

#endif
