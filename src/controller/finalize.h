/*
 * Deletion of a resource: what has to happen before its finalizer goes.
 */
#ifndef CONTROLLER_FINALIZE_H
#define CONTROLLER_FINALIZE_H

#include "controller/failure.h"

#include <stdbool.h>

struct pass;

/* Retained deletion removes the finalizer and asks nobody outside Kubernetes; otherwise what is
 * ours is taken away first.  True when the resource may go (or is gone); otherwise the failure says
 * what it waits for. */
bool finalize(struct pass *pass, struct failure *ret_failure) must_check;

#endif
