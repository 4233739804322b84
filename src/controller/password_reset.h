/*
 * The one-shot reset that a person asks for by the annotation reset-password.  Each value of it has
 * one password: its version in the secret has an id that follows from the value, so that whoever
 * goes on after an interruption finds it.  Pure.
 */
#ifndef CONTROLLER_PASSWORD_RESET_H
#define CONTROLLER_PASSWORD_RESET_H

#include "base/random.h"
#include "controller/plan.h"

#include <stdbool.h>

/* The value of the annotation that was not acted on yet; NULL = none.  Borrowed. */
const char *password_reset_request(const struct database *database,
                                   const struct database_status *status);
/* The id of its version, a UUID of version 8 (RFC 9562). */
void password_reset_make_token(const char *uid, const char *value,
                               char ret_token[static RANDOM_UUID_SIZE]);

/* Whether there is one to act on now: of a user that is there, in a secret that need not be copied
 * from a former place first. */
bool password_reset_is_due(const struct plan_input *input);
/* Whether the user is provably one that we made or took over. */
bool password_reset_is_possible(const struct plan_input *input);
/* Whether the version of the request is stored, or an untemplated one of the same password is. */
bool password_reset_is_stored(const struct plan_input *input);
/* The same of the request that was acted on last. */
bool password_reset_was_stored(const struct plan_input *input);
void password_reset_plan(const struct plan_input *input, struct plan *plan);

#endif
