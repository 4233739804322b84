/*
 * UTF-8 (RFC 3629): what is a character, and where a text may be cut.  Pure and thread-safe.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* The length of the sequence at `bytes` (no overlong forms, no surrogates); 0 when it is not one
 * or does not fit into `available` (>= 1). */
size_t utf8_sequence_length(const char *bytes, size_t available);

/* After snprintf() said that it wanted `wanted` bytes for an array of `size` (>= 4): ends a text
 * that was cut in "...", so that nobody searches for the missing half, and never inside a
 * character, since JSON takes no half ones. */
void utf8_mark_truncation(char *text, size_t size, int wanted);

#endif
