/*
 * AWS Signature Version 4, as a pure function over HMAC-SHA-256.
 *
 * Source: "Signature Version 4 signing process" of the AWS General Reference.  Covers what the
 * services here take: one payload in memory, a path that is sent as it is, an empty or given query
 * in canonical form, header values without folding.
 */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include "aws/credentials.h"
#include "base/strbuf.h"

#include <stddef.h>

struct sigv4_header {
    const char *name;  /* lower case */
    const char *value; /* surrounding blanks are not signed */
};

struct sigv4_request {
    const char *method;
    const char *path;                   /* canonical: "/" or an encoded path */
    const char *query;                  /* canonical: sorted and encoded; "" = none */
    const struct sigv4_header *headers; /* sorted by name; all of them are signed */
    size_t header_count;
    const char *body;
    size_t body_length;
    const char *timestamp; /* 20060102T150405Z, as the x-amz-date header says */
    const char *region;
    const char *service;
};

/* Appends the value of the Authorization header.  The session token, if any, is one of the headers.
 * Keys derived on the way are erased. */
void sigv4_append_authorization(const struct sigv4_request *request,
                                const struct aws_credentials *credentials, struct strbuf *buf);

/* The canonical request, for tests against AWS's vectors. */
void sigv4_append_canonical_request(const struct sigv4_request *request, struct strbuf *buf);

#endif
