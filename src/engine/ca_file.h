/*
 * The certificates that a database server is verified with, as the file that the libraries of the
 * databases want.
 *
 * Inside the drivers only.
 */
#ifndef ENGINE_CA_FILE_H
#define ENGINE_CA_FILE_H

#include "engine/engine.h"

#include <stdbool.h>

/* Not to be copied: the path may point into it. */
struct engine_ca_file {
    const char *path;
    int fd; /* -1 = a file of the system */
    char memory_path[32];
};

/* The CA of the request's Secret, in memory that looks like a file; without one the operator's file
 * or the system's bundle, which is not opened here.  Whatever the answer, engine_ca_file_close()
 * may be called. */
bool engine_ca_file_open(const struct engine_connect_request *request,
                         struct engine_ca_file *ret_file, struct error *err) must_check;
void engine_ca_file_close(struct engine_ca_file *file);

#define auto_ca_file run_at_scope_end(engine_ca_file_close)

#endif
