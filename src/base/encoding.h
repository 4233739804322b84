/*
 * Text encodings of bytes: hexadecimal, base64 (RFC 4648) and percent-encoding (RFC 3986).
 * Pure and thread-safe.
 */
#ifndef BASE_ENCODING_H
#define BASE_ENCODING_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/* Lower-case hexadecimal. */
void encoding_append_hex(struct strbuf *buf, const void *bytes, size_t length);
/* Appends the decoded bytes of hexadecimal digits in any case; false (nothing appended) when the
 * text is not that. */
bool encoding_append_hex_decoded(struct strbuf *buf, const char *text, size_t length) must_check;
/* Standard alphabet with padding. */
void encoding_append_base64(struct strbuf *buf, const void *bytes, size_t length);
/* URL and file name safe alphabet (RFC 4648 section 5) without padding. */
void encoding_append_base64url(struct strbuf *buf, const void *bytes, size_t length);
/* Appends the decoded bytes; accepts the standard alphabet with padding, white space between
 * groups ignored; false (nothing appended) when the text is not that. */
bool encoding_append_base64_decoded(struct strbuf *buf, const char *text, size_t length) must_check;

/* Escapes everything but the unreserved characters of RFC 3986. */
void encoding_append_percent(struct strbuf *buf, const char *bytes, size_t length);
/* Appends the decoded bytes; false (nothing appended) on a '%' without two hexadecimal digits or
 * on %00, which no text of ours may contain. */
bool encoding_append_percent_decoded(struct strbuf *buf, const char *text, size_t length)
    must_check;

#endif
