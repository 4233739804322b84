/*
 * The words of spec.privileges on PostgreSQL, and what each means on the objects of a database.
 * Pure.  Inside the PostgreSQL driver only.
 */
#ifndef ENGINE_POSTGRES_PRIVILEGES_H
#define ENGINE_POSTGRES_PRIVILEGES_H

#include "engine/privilege.h"

struct strbuf;

extern const struct engine_privilege_table postgres_privilege_table;

enum postgres_object {
    POSTGRES_DATABASE,
    POSTGRES_SCHEMA,
    POSTGRES_TABLE, /* views, materialized views and foreign tables too */
    POSTGRES_SEQUENCE,
    POSTGRES_OBJECT_COUNT,
};

/* Every word, for a user that shall own nothing. */
void postgres_privileges_set_every_word(struct engine_privileges *ret_privileges);
bool postgres_privileges_may_create(const struct engine_privileges *privileges);
/* Appends the rights that a list (not ALL) means on one kind of object, as the server reads an
 * array: "{SELECT,INSERT}". */
void postgres_privileges_append_array(struct strbuf *array,
                                      const struct engine_privileges *privileges,
                                      enum postgres_object object);

#endif
