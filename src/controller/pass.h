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
#include "controller/reconcile.h"

struct pass {
    const struct reconciler *reconciler;
    struct log_scope log;
    struct database database;
    struct database_status status; /* read at the start, then made new */
    json_t *status_before;         /* the rendering of what was read, to see whether to write */
    struct owner owner;
    const struct engine_driver *driver;
    struct admin_connection admin;
    struct engine_session *session; /* NULL until connected */
    char *region;
    struct facts facts;
};

/* How the secret of this pass is addressed; borrows from the pass. */
struct secrets_manager_target pass_secret_target(const struct pass *pass);
/* How to reach the server of this pass; borrows from the pass. */
struct engine_connect_request pass_connect_request(const struct pass *pass);
struct engine_target pass_engine_target(const struct pass *pass);

#endif
