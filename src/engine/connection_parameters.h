/*
 * The parameters after the '?' of a connection string, by an allow-list: a table of keys, each with
 * the function that takes its value.  Whatever is not in the table is refused by name.
 */
#ifndef ENGINE_CONNECTION_PARAMETERS_H
#define ENGINE_CONNECTION_PARAMETERS_H

#include "engine/url_parts.h"

enum { CONNECTION_PARAMETERS_LIMIT = 48 };

struct connection_parameter {
    const char *key;
    bool (*take)(const char *value, struct connection_string *parts, struct error *err);
};

/* Takes every pair of the query; the table ends with a NULL key.  A repeated key is refused: of two
 * values some clients take the first and some the last.  INVALID. */
bool connection_parameters_take(struct text_span query, const struct connection_parameter *table,
                                struct connection_string *parts, struct error *err) must_check;

/* "the parameter '<key>' must be <allowed>"; returns false. */
bool connection_parameters_refuse(const char *key, const char *allowed, struct error *err);

/* Values of the two families' words. */
bool connection_parameters_take_seconds(const char *value, struct connection_string *parts,
                                        struct error *err) must_check;
/* For what clients of other kinds understand and what makes no difference here. */
bool connection_parameters_ignore(const char *value, struct connection_string *parts,
                                  struct error *err) must_check;

#endif
