/*
 * ARNs of secrets, arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX, where AWS makes
 * up the suffix of six characters.  Pure.
 */
#ifndef AWS_SECRET_ARN_H
#define AWS_SECRET_ARN_H

#include "aws/region.h"
#include "base/error.h"

#include <stdbool.h>

/* What a text that shall name a secret says; {0} is empty. */
struct secret_id {
    char region[AWS_REGION_SIZE]; /* of an ARN; "" for a name */
    const char *name;             /* into the text; of an ARN with the suffix */
    bool is_arn;
};

/* A name or an ARN; INVALID when it can be neither. */
bool secret_id_parse(const char *text, struct secret_id *ret_id, struct error *err) must_check;

/* True when the text, a name or an ARN, may be that of the secret with this name, of whatever
 * account and region. */
bool secret_id_may_name(const struct secret_id *id, const char *name) must_check;

#endif
