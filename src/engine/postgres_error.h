/*
 * SQLSTATEs and libpq's own failures as errors: kind, and a sentence of ours.  Pure.
 */
#ifndef ENGINE_POSTGRES_ERROR_H
#define ENGINE_POSTGRES_ERROR_H

#include "base/error.h"

#include <stdbool.h>

/* Codes of logins that the server did not refuse, yet prove nothing. */
#define POSTGRES_CODE_UNSAFE    "UnsafeAuthentication"
#define POSTGRES_CODE_NOT_ASKED "NotAsked"

/* Sets the error for a SQLSTATE that came while `doing`; returns false. */
bool postgres_error_set(struct error *err, const char *sqlstate, const char *doing);
/* Sets the error for a SQLSTATE that came while logging in; returns false. */
bool postgres_error_set_login(struct error *err, const char *sqlstate, const char *label,
                              const char *username);
/* Sets the error for a server that lets everybody in; returns false. */
bool postgres_error_set_not_asked(struct error *err, const char *label);
bool postgres_error_is_sqlstate(const char *text);
/* Finds the SQLSTATE in the text of a failed connection whose verbosity is "sqlstate"; "" when the
 * server did not speak. */
void postgres_error_find_sqlstate(const char *text, char ret_sqlstate[static 6]);
/* Sets the error for a connection that failed before the server spoke, by libpq's text, which is
 * only looked at, never shown; returns false. */
bool postgres_error_set_unreachable(struct error *err, const char *text, const char *label);
/* True when libpq refused a login for which the server asked no password. */
bool postgres_error_is_login_without_password(const char *text);
/* True when libpq refused to send the password the way the server asked for. */
bool postgres_error_is_unsafe_authentication(const char *text);

#endif
