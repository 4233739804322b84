/*
 * What an AWS service says when it refuses: its code, by which everything is decided, and its text,
 * which is only shown.
 */
#ifndef AWS_SERVICE_ERROR_H
#define AWS_SERVICE_ERROR_H

#include "base/error.h"
#include "http/transport.h"

#include <stdbool.h>

/* What to do about an error before giving it to the caller. */
enum aws_remedy {
    AWS_REMEDY_NONE,
    AWS_REMEDY_RETRY,       /* transient */
    AWS_REMEDY_SLOW_DOWN,   /* throttled */
    AWS_REMEDY_CREDENTIALS, /* expired or unknown: fetch new ones, once */
    AWS_REMEDY_CLOCK,       /* perhaps our clock is wrong: correct it, once */
};

struct service_error {
    char code[ERROR_CODE_SIZE];
    char text[512]; /* printable, cut; never decides anything */
    enum error_kind kind;
    enum aws_remedy remedy;
    const char *advice; /* what a person can do, where that follows from the code; else NULL */
};

/* Reads an answer whose status is not 2xx: JSON 1.1 (__type, message or Message), the header
 * x-amzn-ErrorType, XML (Code, Message), or nothing of these (a proxy's page). */
void service_error_parse(const struct http_response *response, struct service_error *ret_error);

#endif
