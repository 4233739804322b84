/*
 * A folder for the files of one test.
 */
#ifndef TESTS_UNIT_AWS_SCRATCH_H
#define TESTS_UNIT_AWS_SCRATCH_H

#include "base/compiler.h"

#include <stddef.h>

enum { SCRATCH_FILES_LIMIT = 8 };

struct scratch {
    char folder[64];
    char *paths[SCRATCH_FILES_LIMIT];
    size_t count;
};

void scratch_init(struct scratch *scratch);
/* Removes the files and the folder. */
void scratch_release(struct scratch *scratch);
/* Writes, or overwrites, a file; its path is valid until the release. */
const char *scratch_write(struct scratch *scratch, const char *name, const char *text);
const char *scratch_write_bytes(struct scratch *scratch, const char *name, const char *bytes,
                                size_t length);

#endif
