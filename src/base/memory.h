/*
 * Allocation that never returns NULL: out of memory ends the process (a restarted operator is
 * always safe), so NULL from a parser means bad input and nothing else.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdlib.h>

/* Zeroed memory; released with free(). */
void *mem_alloc(size_t size_bytes) returns_owned;
/* Zeroed array; an overflow of count * size ends the process. */
void *mem_alloc_array(size_t count, size_t size_bytes) returns_owned;
/* As realloc; the new part is not zeroed. */
void *mem_resize(void *memory, size_t size_bytes) must_check;
void *mem_resize_array(void *memory, size_t count, size_t size_bytes) must_check;
char *mem_strdup(const char *text) returns_owned;
char *mem_strndup(const char *text, size_t length) returns_owned;
/* NULL in, NULL out. */
char *mem_strdup_or_null(const char *text) must_check;
char *mem_printf(const char *format, ...) printf_format(1, 2) returns_owned;

/* Erases the whole block, then frees it; for memory that held secrets.  NULL is fine.  Given to
 * jansson and libcurl as their allocator, since their values hold passwords in passing. */
void mem_free_erased(void *memory);
void *mem_alloc_for_library(size_t size_bytes);

static inline void mem_release_scope(void *pointer_to_pointer)
{
    void **pointer = pointer_to_pointer;

    free(*pointer);
    *pointer = NULL;
}

/* `auto_free char *path = ...;` is freed at the end of its scope. */
#define auto_free run_at_scope_end(mem_release_scope)

/* Gives a scope-bound pointer away: returns it and leaves NULL behind. */
#define take(pointer)                           \
    ({                                          \
        __typeof__(pointer) taken_ = (pointer); \
        (pointer) = NULL;                       \
        taken_;                                 \
    })

#endif
