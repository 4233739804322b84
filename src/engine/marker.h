/*
 * The mark that the operator leaves on what it makes, in a comment or attribute of the server:
 * who made it, for which resource.  Rendered as one JSON object, so that people can read it and
 * the operator can compare it.
 */
#ifndef ENGINE_MARKER_H
#define ENGINE_MARKER_H

#include "base/error.h"

#include <stdbool.h>

struct strbuf;

enum engine_marker_kind {
    ENGINE_MARKER_NONE,        /* no comment, or somebody else's text */
    ENGINE_MARKER_OURS,        /* written by this operator (any cluster, any resource) */
    ENGINE_MARKER_PREDECESSOR, /* "Managed by database-user-operator": no owner in it */
};

/* Owned strings, "" where unknown; {0} is "none". */
struct engine_marker {
    enum engine_marker_kind kind;
    char *cluster;        /* cluster id */
    char *namespace_name; /* of the resource */
    char *name;
    char *uid;
    char *database;  /* on a user: the server's id (or name) of the database it was made for */
    bool taken_over; /* somebody else had made it: what it has beyond its list may be meant */
};

void engine_marker_release(struct engine_marker *marker);
void engine_marker_copy(struct engine_marker *marker, const struct engine_marker *from);

/* The text to store; the caller frees it. */
char *engine_marker_render(const struct engine_marker *marker) returns_owned;
/* Reads a comment or attribute; text NULL or foreign gives ENGINE_MARKER_NONE.  Never fails. */
void engine_marker_parse(const char *text, struct engine_marker *ret_marker);
/* Appends "user 'name' of Database namespace/name", after a comma where there is text already,
 * unless the mark is nobody's, names no resource, or is of `except`. */
void engine_marker_append_resident(struct strbuf *text, const char *username, const char *mark,
                                   const struct engine_marker *except);

/* True when both are ours and name the same cluster, namespace, name and uid; "" names nothing. */
bool engine_marker_same_owner(const struct engine_marker *a, const struct engine_marker *b);

#endif
