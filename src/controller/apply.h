/*
 * Carries out the steps of a plan, in order, each idempotent, and stops at the first failure.
 */
#ifndef CONTROLLER_APPLY_H
#define CONTROLLER_APPLY_H

#include "controller/failure.h"
#include "controller/plan.h"

#include <stdbool.h>

struct pass;

/* True when every step was done.  *ret_changed tells whether anything outside was changed, so that
 * it must be observed again (also after a failure). */
bool apply(struct pass *pass, const struct plan *plan, bool *ret_changed,
           struct failure *ret_failure) must_check;

#endif
