/*
 * Reads everything outside that the plan depends on, and changes nothing.
 */
#ifndef CONTROLLER_OBSERVE_H
#define CONTROLLER_OBSERVE_H

#include <stdbool.h>

struct failure;
struct pass;

/* Replaces pass->facts by what is there now; connects to the server if the pass has no session.
 * What cannot be read is left unknown, with the failure that says why. */
void observe(struct pass *pass);

/* The text under which a proof of the observed secret is remembered; the caller frees it. */
char *observe_proof_subject(const struct pass *pass);

/* After a step that failed, which may have changed something: what is there now, over a new session
 * where nobody knows what the old one still does.  True when it is worth deciding again at once,
 * because somebody else was first; then the caller observes. */
bool observe_after_failure(struct pass *pass, bool changed, const struct failure *failure);

#endif
