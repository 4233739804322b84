#include "base/memory.h"

#include "base/fatal.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void *or_die(void *memory)
{
    if (memory == NULL)
        fatal("out of memory; raise the memory limit of the container");
    return memory;
}

void *mem_alloc(size_t size_bytes)
{
    return or_die(calloc(1, size_bytes > 0 ? size_bytes : 1));
}

void *mem_alloc_array(size_t count, size_t size_bytes)
{
    return or_die(calloc(count > 0 ? count : 1, size_bytes > 0 ? size_bytes : 1));
}

void *mem_resize(void *memory, size_t size_bytes)
{
    return or_die(realloc(memory, size_bytes > 0 ? size_bytes : 1));
}

void *mem_resize_array(void *memory, size_t count, size_t size_bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, size_bytes, &total))
        total = SIZE_MAX; /* realloc refuses this */
    return mem_resize(memory, total);
}

char *mem_strdup(const char *text)
{
    return or_die(strdup(text));
}

char *mem_strndup(const char *text, size_t length)
{
    return or_die(strndup(text, length));
}

char *mem_strdup_or_null(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

char *mem_printf(const char *format, ...)
{
    va_list args;
    char *text = NULL;
    int length;

    va_start(args, format);
    length = vasprintf(&text, format, args);
    va_end(args);
    return or_die(length >= 0 ? text : NULL);
}

void *mem_alloc_for_library(size_t size_bytes)
{
    return or_die(malloc(size_bytes > 0 ? size_bytes : 1));
}

void mem_free_erased(void *memory)
{
    if (memory == NULL)
        return;
    explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}
