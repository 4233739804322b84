/*
 * What a deletion that retains nothing takes away, and in which order: pure, as the plan of a
 * creation.
 *
 * Only what the marks say is ours goes; what exists under the names and is not ours is left alone.
 * The user is locked out first, the database goes before the user, and the secret goes last: never
 * while the user can still log in.
 */
#ifndef CONTROLLER_DELETION_PLAN_H
#define CONTROLLER_DELETION_PLAN_H

#include "controller/plan.h"

/* A plan without steps and without refusal means that nothing of ours is left. */
void deletion_plan_make(const struct plan_input *input, struct plan *ret_plan);

/* What undoes a deletion that is given up, as far as it can be undone: the lock-out and, once
 * nothing depends on it any more, the note of it. */
void deletion_plan_make_undoing(const struct plan_input *input, struct plan *ret_plan);

/* What exists and stays because it is not ours, for people; NULL = nothing.  The caller frees it.
 */
char *deletion_plan_describe_rest(const struct plan_input *input) must_check;

#endif
