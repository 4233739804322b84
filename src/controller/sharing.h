/*
 * Which other resources use the database of this one, as they say themselves: for engines on which
 * a user cannot tell whose it is.
 */
#ifndef CONTROLLER_SHARING_H
#define CONTROLLER_SHARING_H

#include "base/error.h"

#include <stdbool.h>

struct pass;

/* Asks the API server for the resources of this namespace that adopt a database of this name, on
 * this server as far as is known.  *ret_text names them; NULL = none; the caller frees it. */
bool sharing_find(struct pass *pass, char **ret_text, struct error *err) must_check;

#endif
