/*
 * One pass over one resource: what it works with and what it has learned so far.  The steps of a
 * reconcile (observe, plan, apply, conditions, status) share it; reconcile.c owns it.  A pass
 * belongs to one worker thread.
 */
#ifndef CONTROLLER_PASS_H
#define CONTROLLER_PASS_H

#include "base/log.h"
#include "controller/admin_connection.h"
#include "controller/database.h"
#include "controller/database_status.h"
#include "controller/facts.h"
#include "controller/ownership.h"
#include "controller/plan.h"
#include "controller/reconcile.h"

struct pass {
    const struct reconciler *reconciler;
    struct log_scope log;
    struct database database;
    struct database_status status; /* read at the start, then made new */
    json_t *status_before;         /* the rendering of what was read, to see whether to write */
    struct owner owner;
    json_t *released; /* owner.released */
    const struct engine_driver *driver;
    struct admin_connection admin;
    struct engine_session *session; /* NULL until connected */
    char *region;
    char *admin_region; /* of the secret in AWS with the admin connection; NULL = it is not there */
    char *former_id; /* the ARN where the secret was stored until now; NULL = it shall not move */
    char *former_region;
    struct facts facts;
    struct condition ready_before; /* the condition Ready when the pass began */
    int64_t began_ms;              /* monotonic */
    bool was_ready;                /* Ready for this generation when the pass began */
    bool person_acted; /* the annotation reconcile-now has a value that was not acted on yet */
    bool made_user;    /* created it, for what the secret's tags say */
    char *reset_token; /* the version of the password that a person asked for; NULL = none */
    bool reset_done;   /* the user has it */
    char *stored_arn;  /* of the secret that this pass has made; NULL = none */
};

/* How the secret of this pass is addressed; borrows from the pass. */
struct secrets_manager_target pass_secret_target(const struct pass *pass);
/* How to reach the server of this pass; borrows from the pass. */
struct engine_connect_request pass_connect_request(const struct pass *pass);
struct engine_target pass_engine_target(const struct pass *pass);
/* What the plan decides by; borrows from the pass. */
struct plan_input pass_plan_input(const struct pass *pass);
/* Closes the admin's session, so that the next observation opens a new one: after a time-out or a
 * lost connection nobody knows what it still does. */
void pass_drop_session(struct pass *pass);

#endif
