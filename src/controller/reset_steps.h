/*
 * The two steps of a password reset.
 */
#ifndef CONTROLLER_RESET_STEPS_H
#define CONTROLLER_RESET_STEPS_H

#include "controller/failure.h"

#include <stdbool.h>

struct pass;

/* Stores a new password as the version of the request, in the shape that the secret shall have. */
bool reset_steps_store(struct pass *pass, struct failure *failure);
/* Gives the user the stored password. */
bool reset_steps_set_password(struct pass *pass, struct failure *failure);

#endif
