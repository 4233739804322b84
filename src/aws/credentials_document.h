/*
 * The answers in which AWS hands out temporary credentials.  Pure; messages never quote the answer.
 */
#ifndef AWS_CREDENTIALS_DOCUMENT_H
#define AWS_CREDENTIALS_DOCUMENT_H

#include "aws/credentials.h"

#include <stdbool.h>

struct strbuf;

/* What the container endpoint and the instance metadata answer: AccessKeyId, SecretAccessKey,
 * Token, Expiration (RFC 3339; may be missing), and of the instance Code (other than "Success" is
 * DENIED with its Message).  INTERNAL when it is not that. */
bool credentials_document_parse(const struct strbuf *body, struct aws_credentials *ret_credentials,
                                struct error *err) must_check;

/* What STS answers to an action ("AssumeRole"): XML as documented, or JSON of the same nesting,
 * where the expiration is a number.  INTERNAL when it is not that. */
bool credentials_document_parse_sts(const struct strbuf *body, const char *action,
                                    struct aws_credentials *ret_credentials, struct error *err)
    must_check;

#endif
