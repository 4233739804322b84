/*
 * Splitting scheme://user:password@host:port,.../database?parameters, which the URL forms of both
 * families share.  Nothing is decoded twice, and nothing of the text reaches an error.
 */
#ifndef ENGINE_URL_PARTS_H
#define ENGINE_URL_PARTS_H

#include "engine/connection_string.h"

/* A piece of the text; not NUL-terminated. */
struct text_span {
    const char *begin;
    size_t length;
};

/* Trims blanks around, refuses NUL and control characters inside; INVALID. */
bool url_parts_trim(const struct secret *text, struct text_span *ret_span, struct error *err)
    must_check;

/* Fills hosts, user, password and database; *ret_query is what follows the '?', undecoded. */
bool url_parts_parse(struct text_span text, const char *const *schemes, uint16_t default_port,
                     struct connection_string *ret_parts, struct text_span *ret_query,
                     struct error *err) must_check;

/* Parts of it that the other form of MySQL shares: hosts separated by ',', and a percent-encoded
 * name ("" = none), which `what` names in messages. */
bool url_parts_parse_hosts(struct text_span text, uint16_t default_port,
                           struct connection_string *parts, struct error *err) must_check;
bool url_parts_decode(struct text_span span, char **ret_text, const char *what, struct error *err)
    must_check;

enum { URL_PARAMETER_SIZE = 128 };

/* Takes the next key=value off the query, both decoded; false at its end.  A pair that cannot be
 * decoded or is too long sets *err and *ret_failed. */
bool url_parts_next_parameter(struct text_span *query, char ret_key[static URL_PARAMETER_SIZE],
                              char ret_value[static URL_PARAMETER_SIZE], bool *ret_failed,
                              struct error *err) must_check;

#endif
