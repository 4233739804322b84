/*
 * Constants in a template: Go's string literals and decimal integers.  Pure.
 */
#ifndef PAYLOAD_TEMPLATE_LITERAL_H
#define PAYLOAD_TEMPLATE_LITERAL_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

/* Whether the bytes are UTF-8 without NUL, as every value in a secret must be. */
bool template_is_text(const char *bytes, size_t length) must_check;

/* Append what is between the quotes; false when an escape is not one of Go's or when the result
 * is not text (the buffer then holds a part of it). */
bool template_literal_append_string(struct strbuf *buf, const char *quoted, size_t length)
    must_check;
void template_literal_append_raw(struct strbuf *buf, const char *quoted, size_t length);

/* [+-] and digits without a leading zero (which is octal in Go), 64 bits. */
bool template_literal_parse_integer(const char *text, size_t length, int64_t *ret_number)
    must_check;

#endif
