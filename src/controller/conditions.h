/*
 * The status that a pass publishes, made from what it saw and why it stopped; never from what it
 * meant to do.
 */
#ifndef CONTROLLER_CONDITIONS_H
#define CONTROLLER_CONDITIONS_H

struct failure;
struct pass;
struct plan;

/* The first status of a resource, before anything outside Kubernetes is asked. */
void conditions_set_pending(struct pass *pass);
/* Nothing is looked at or changed, because the spec says so. */
void conditions_set_suspended(struct pass *pass);
/* What is about to be made by this plan. */
void conditions_set_creating(struct pass *pass, const struct plan *plan);
/* Remembers the tag keys that are about to be set, besides those that were. */
void conditions_remember_tags(struct pass *pass);
/* Everything is as it should be, as observed (failure not set), or why not. */
void conditions_set_outcome(struct pass *pass, const struct failure *failure);
/* The deletion waits for the reason that the failure gives. */
void conditions_set_deleting(struct pass *pass, const struct failure *failure);
/* The steps of this plan are about to be done. */
void conditions_set_deletion_begun(struct pass *pass, const struct plan *plan);

#endif
