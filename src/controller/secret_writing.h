/*
 * Writing versions of the secret of a pass, for the steps of a plan.
 */
#ifndef CONTROLLER_SECRET_WRITING_H
#define CONTROLLER_SECRET_WRITING_H

#include "controller/failure.h"
#include "payload/payload.h"

#include <stdbool.h>

struct pass;

/* Host and names of the pass, with a new password. */
void secret_writing_make_credentials(const struct pass *pass, struct credentials *ret_credentials);
/* A template that these names break is refused before anything is made. */
bool secret_writing_check_template(struct pass *pass, const struct credentials *credentials,
                                   struct failure *failure) must_check;

/* Makes the secret; `token` becomes its version (NULL = a new one).  `made_user`: the user was or
 * will be made with this password. */
bool secret_writing_create(struct pass *pass, const struct secret *value, const char *token,
                           bool made_user, struct failure *failure) must_check;
/* Replaces what lies beside a templated value.  Whatever the current value is by the time it is
 * written, the password can be read: this JSON describes the one that is there and the next. */
bool secret_writing_put_canonical(struct pass *pass, const struct secret *canonical,
                                  struct error *err) must_check;
/* The new version waits under a label of its own until AWSCURRENT is moved away from exactly the
 * version that was read: what somebody wrote meanwhile is never lost. */
bool secret_writing_put_current(struct pass *pass, const struct secret *value, const char *token,
                                struct error *err) must_check;

#endif
