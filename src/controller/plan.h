/*
 * The decision: what is wanted and what is seen in, ordered steps or one refusal out.  Pure: no
 * I/O, no clock, no randomness, so that every row of the state table is a line of its test.
 *
 * A plan without steps and without refusal means that everything is as it should be.
 */
#ifndef CONTROLLER_PLAN_H
#define CONTROLLER_PLAN_H

#include "controller/database.h"
#include "controller/database_status.h"
#include "controller/facts.h"
#include "controller/failure.h"
#include "controller/ownership.h"

#include <stdbool.h>
#include <stddef.h>

/* Each step is idempotent; apply stops at the first that fails. */
enum plan_step {
    PLAN_CREATE_SECRET,  /* new password, stored before anything else exists */
    PLAN_COPY_SECRET,    /* the password of the former secret, stored at the new place */
    PLAN_RESTORE_SECRET, /* take back its scheduled deletion */
    PLAN_RESET_SECRET,   /* a new password for a user that is there, stored before the server has it
                          */
    PLAN_SET_PASSWORD,   /* give the user the stored password */
    PLAN_CREATE_USER,    /* with the password from the secret */
    PLAN_CREATE_DATABASE,
    PLAN_GRANT,           /* what is missing of the privileges */
    PLAN_SET_PRIVILEGES,  /* the same, and take away what is beyond them */
    PLAN_PROVE_LOGIN,     /* log in with the stored password */
    PLAN_TAG_SECRET,      /* set what is missing or different */
    PLAN_MARK,            /* write anew the marks of what is taken over */
    PLAN_UNTAG_SECRET,    /* remove what the spec no longer names */
    PLAN_DESCRIBE_SECRET, /* set the description */
    PLAN_REWRITE_SECRET,  /* a new version with the same password */
    PLAN_UNLOCK_USER,     /* undo the lock-out of a deletion that did not come to its end */
    PLAN_NOTE_DELETION,   /* in the tags of the secret */
    PLAN_LOCK_USER,       /* no new sessions */
    PLAN_END_SESSIONS,    /* of the user that is locked out */
    PLAN_DROP_DATABASE,   /* with its sessions ended */
    PLAN_REVOKE,          /* what the user has on a database that stays */
    PLAN_DROP_USER,       /* after its database and its sessions */
    PLAN_DELETE_SECRET,   /* schedule its deletion */
    PLAN_DELETE_FORMER,   /* schedule the deletion of the secret at its former place */
    PLAN_STEP_COUNT,
};

enum { PLAN_STEPS_LIMIT = PLAN_STEP_COUNT };

struct plan {
    enum plan_step steps[PLAN_STEPS_LIMIT];
    size_t count;
    struct failure refusal; /* when set there are no steps */
};

/* Everything that the decision depends on; borrowed. */
struct plan_input {
    const struct database *database;
    const struct database_status
        *status; /* what was remembered: never enough to destroy or create */
    const struct owner *owner;
    const struct connection_string *server; /* where the admin connection points */
    const char *region;                     /* where the secret is looked for */
    const char *former_id;   /* where the secret was stored until now; NULL = it shall not move */
    bool person_acted;       /* asked for a pass by the annotation reconcile-now */
    bool made_user;          /* this very pass created the user */
    const char *reset_token; /* the version for the password of a reset that a person asked for and
                                that is not remembered as done; NULL = none */
    bool reset_done;         /* this very pass gave the user that password */
    bool requires_adoption_tag; /* of secrets without a mark */
    const struct facts *facts;
};

void plan_make(const struct plan_input *input, struct plan *ret_plan);
/* Refuses for the reason for which something could not be read, when there is such a thing; returns
 * false then.  For the plans of deletions too. */
bool plan_check_known(const struct plan_input *input, struct plan *plan) must_check;
/* PostgreSQL 16 and later let an admin act only for roles that it made or was given: false with the
 * reason, "InsufficientRights". */
bool plan_check_administered(const struct plan_input *input, struct failure *ret_refusal)
    must_check;
/* Each step at most once in a plan. */
void plan_add_step(struct plan *plan, enum plan_step step);
const char *plan_step_name(enum plan_step step);
bool plan_has(const struct plan *plan, enum plan_step step);
/* True when a step of the plan makes a user, a database or a secret. */
bool plan_creates(const struct plan *plan);

#endif
