/*
 * A growing string.  Its content is always NUL-terminated and at most STRBUF_LIMIT bytes long;
 * growing past that ends the process, so callers cap what comes from outside before they append.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

#define STRBUF_LIMIT ((size_t)256 * 1024 * 1024)

/* {0} is the empty buffer. */
struct strbuf {
    char *text; /* NULL while empty and never written: read through strbuf_text() */
    size_t length;
    size_t capacity;
    bool erasing; /* memory is erased before it is given back */
};

/* For content that holds secrets: every block that it leaves behind is erased. */
#define STRBUF_ERASING ((struct strbuf){.erasing = true})

void strbuf_append(struct strbuf *buf, const char *bytes, size_t length);
void strbuf_append_text(struct strbuf *buf, const char *text);
void strbuf_append_char(struct strbuf *buf, char c);
void strbuf_append_format(struct strbuf *buf, const char *format, ...) printf_format(2, 3);
/* Appends a text of unknown origin as UTF-8: each byte that is not part of it becomes U+FFFD. */
void strbuf_append_utf8(struct strbuf *buf, const char *bytes, size_t length);
/* Likewise, as the inside of a JSON string (RFC 8259 section 7): quotes, backslashes and control
 * characters (C0, DEL and C1, which terminals obey) escaped. */
void strbuf_append_json_escaped(struct strbuf *buf, const char *bytes, size_t length);
/* Removes the first `length` bytes. */
void strbuf_remove_prefix(struct strbuf *buf, size_t length);
/* Empties it and keeps the memory (erased if the buffer is erasing). */
void strbuf_clear(struct strbuf *buf);
void strbuf_release(struct strbuf *buf);
/* The content, never NULL; valid until the next change. */
const char *strbuf_text(const struct strbuf *buf);
/* Hands the content to the caller (free(), or mem_free_erased() if it was secret). */
char *strbuf_detach(struct strbuf *buf) must_check;

#define auto_strbuf run_at_scope_end(strbuf_release)

#endif
