/*
 * spec.privileges as a set: each family has its table of words, and a set is one bit for each of
 * them.  Pure.
 */
#ifndef ENGINE_PRIVILEGE_H
#define ENGINE_PRIVILEGE_H

#include "base/document.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* {0} is the empty set. */
struct engine_privileges {
    bool all;       /* ALL, or no list at all; then `words` means nothing */
    bool none;      /* not even what every user of a database has */
    uint32_t words; /* bit i = the i-th word of the family's table */
};

/* The words of one family. */
struct engine_privilege_table {
    const char *family;       /* "PostgreSQL": for messages */
    const char *const *words; /* upper case, ended by NULL, at most 32 */
};

/* Reads the array of spec.privileges (NULL or empty means ALL): any case, blanks around and
 * repetitions do not matter, ALL with others is ALL.  INVALID names a word that the family does not
 * have, and those that it has. */
bool engine_privileges_parse(const struct engine_privilege_table *table, const json_t *list,
                             struct engine_privileges *ret_privileges, struct error *err)
    must_check;

/* The set as an array of words in the order of the table, ["ALL"] for ALL: equal sets, equal
 * arrays. */
json_t *engine_privileges_render(const struct engine_privilege_table *table,
                                 const struct engine_privileges *privileges) must_check;

#endif
