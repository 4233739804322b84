/*
 * The status that a pass publishes, made from what it saw and why it stopped; never from what it
 * meant to do.
 */
#ifndef CONTROLLER_CONDITIONS_H
#define CONTROLLER_CONDITIONS_H

struct failure;
struct pass;

/* The first status of a resource that is about to be created. */
void conditions_set_creating(struct pass *pass);
/* Everything is as it should be, as observed (failure not set), or why not. */
void conditions_set_outcome(struct pass *pass, const struct failure *failure);
/* The deletion waits for the reason that the failure gives. */
void conditions_set_deleting(struct pass *pass, const struct failure *failure);

#endif
