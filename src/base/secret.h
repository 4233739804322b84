/*
 * A password, token or key, from birth to release.
 *
 * There is no printf or log form of it.  Its bytes are reached only through secret_reveal(), so
 * that every use can be found with grep; they are erased when it is released or replaced.
 * Not thread-safe; a secret belongs to one thread or is constant.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* {0} is the empty secret. */
struct secret {
    char *bytes; /* NUL-terminated for C APIs; may contain NUL inside; use secret_reveal() */
    size_t length;
};

struct strbuf;

/* Replaces the value by a copy of the bytes, which may be the old value's own. */
void secret_set(struct secret *secret, const char *bytes, size_t length);
void secret_set_text(struct secret *secret, const char *text);
/* Replaces the value by the buffer's content and leaves the buffer empty.  The buffer should have
 * been made with strbuf_init_erasing(). */
void secret_take_strbuf(struct secret *secret, struct strbuf *buf);
void secret_copy(struct secret *secret, const struct secret *from);
/* Erases and frees; leaves {0}. */
void secret_release(struct secret *secret);

/* The bytes, NUL-terminated, valid until the secret changes; "" when empty. */
const char *secret_reveal(const struct secret *secret);
bool secret_is_empty(const struct secret *secret);
/* Compares in constant time for equal lengths. */
bool secret_equals(const struct secret *a, const struct secret *b);

#define auto_secret run_at_scope_end(secret_release)

#endif
