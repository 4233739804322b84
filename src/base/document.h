/*
 * Conveniences over jansson, our value type for JSON.
 *
 * Law: functions borrow their json_t arguments; a function that keeps one takes a reference.
 * A json_t belongs to one thread, or is immutable.
 */
#ifndef BASE_DOCUMENT_H
#define BASE_DOCUMENT_H

#include "base/error.h"

#include <jansson.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

static inline void document_release_scope(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

#define auto_json run_at_scope_end(document_release_scope)

/* Makes jansson allocate through base/memory: no NULL for lack of memory, and erased on release,
 * since values hold passwords in passing.  Call once, before the first thread. */
void document_install_allocator(void);

/* Parses one JSON object or array; INVALID (with line and column, never the text) when it is not
 * one, repeats a key or holds a NUL character. */
bool document_parse(const char *text, size_t length, json_t **ret_value, struct error *err)
    must_check;
/* Appends compact JSON in the order of insertion; sorted keys if asked. */
void document_render(const json_t *value, bool sorted, struct strbuf *buf);

/* The value at a path of object keys, ended by NULL: document_at(o, "metadata", "name", NULL);
 * borrowed; NULL when any step is missing or null. */
const json_t *document_at(const json_t *value, ...) __attribute__((sentinel));
/* The string member of an object, or NULL when it is missing or not a string; borrowed. */
const char *document_string(const json_t *object, const char *key);
/* The integer member, or `otherwise`. */
int64_t document_integer(const json_t *object, const char *key, int64_t otherwise);
/* The boolean member, or `otherwise`. */
bool document_boolean(const json_t *object, const char *key, bool otherwise);

/* True when an array has this string among its items; of anything else, or NULL, nothing does. */
bool document_array_has(const json_t *array, const char *text);

/* Sets a member; a NULL text leaves the object alone.  For texts for people: bytes that are not
 * UTF-8 (a server's message in its own encoding) become U+FFFD, as JSON cannot carry them. */
void document_set_string(json_t *object, const char *key, const char *text);

#endif
