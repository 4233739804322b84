/*
 * How a password can stand inside a string: as it is, or encoded once or twice.
 */
#ifndef PAYLOAD_TEMPLATE_ENCODING_H
#define PAYLOAD_TEMPLATE_ENCODING_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

struct strbuf;
struct template_code;

/* Applied in this order; {0} is "as it is". */
struct template_encoding {
    const struct template_code *first, *second;
};

/* The simplest encoding that makes `encoded` of `plain`; false when there is none. */
bool template_encoding_find(const char *plain, const char *encoded, size_t encoded_length,
                            struct template_encoding *ret_encoding) must_check;
bool template_encoding_is_none(const struct template_encoding *encoding);
/* Appends the decoded bytes to an erasing buffer; false (nothing appended) when it is not in this
 * encoding. */
bool template_encoding_decode(const struct template_encoding *encoding, const char *text,
                              size_t length, struct strbuf *buf) must_check;

#endif
