/*
 * Reading small files: certificates, tokens, configuration.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"

#include <stddef.h>

struct strbuf;

/* Appends the whole file, opened by its path now (projected volumes swap symlinks).  NOT_FOUND,
 * DENIED, INVALID (larger than limit_bytes, or not a regular file), UNAVAILABLE; the message names
 * the path. */
bool file_read(const char *path, size_t limit_bytes, struct strbuf *ret_content, struct error *err)
    must_check;

#endif
