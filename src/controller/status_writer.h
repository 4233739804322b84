/*
 * Publishes the status of a pass by Server-Side Apply, bound to the uid, generation and
 * resourceVersion that the pass started from, and only when it says something new.
 */
#ifndef CONTROLLER_STATUS_WRITER_H
#define CONTROLLER_STATUS_WRITER_H

#include "base/error.h"

#include <stdbool.h>

struct pass;

/* Writes pass->status where it differs from what was published.  When the object moved on
 * meanwhile, it is read again: the same uid and generation take the status all the same, anything
 * else is CONFLICT.  An object that is gone is success. */
bool status_write(struct pass *pass, struct error *err) must_check;

#endif
