/*
 * SQLSTATEs and libpq's own failures as errors: kind, and a sentence of ours.  Pure.
 */
#ifndef ENGINE_POSTGRES_ERROR_H
#define ENGINE_POSTGRES_ERROR_H

#include "base/error.h"

#include <stdbool.h>

/* Sets the error for a SQLSTATE that came while `doing`; returns false. */
bool postgres_error_set(struct error *err, const char *sqlstate, const char *doing);
/* Finds the SQLSTATE in the text of a failed connection whose verbosity is "sqlstate"; "" when the
 * server did not speak. */
void postgres_error_find_sqlstate(const char *text, char ret_sqlstate[static 6]);
/* Sets the error for a connection that failed before the server spoke, by libpq's text, which is
 * only looked at, never shown; returns false. */
bool postgres_error_set_unreachable(struct error *err, const char *text, const char *label);
/* True when libpq refused to send the password the way the server asked for. */
bool postgres_error_is_unsafe_authentication(const char *text);

#endif
