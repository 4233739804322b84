/*
 * Sessions of admins that are idle between passes, so that a burst of passes over one server logs
 * in once and not each time.
 *
 * A session is lent only to who would have logged in in exactly the same way, password included: a
 * changed Secret never meets a session of the former one.  Before it is lent again it is made as
 * good as new, which shows as well whether the server is still there.  One that was idle for some
 * seconds, or is old, is closed by a thread of the pool.  Thread-safe.
 */
#ifndef CONTROLLER_SESSION_POOL_H
#define CONTROLLER_SESSION_POOL_H

#include "base/compiler.h"
#include "base/error.h"
#include "base/timesource.h"
#include "controller/admin_connection.h"
#include "engine/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session_pool;

/* Belongs to one thread while it is lent. */
struct admin_session {
    const struct engine_driver *driver;
    struct engine_session *engine;
    struct admin_connection connection; /* a copy, which the session borrows */
    int64_t opened_ms, idle_since_ms;
    struct admin_session *next;
};

struct session_pool_options {
    const struct timesource *timesource;
    size_t idle_limit;       /* for each way of logging in; 0 = 2 */
    int64_t idle_timeout_ms; /* 0 = 5 s */
    int64_t age_limit_ms;    /* 0 = 1 min: what is cached for a session (rights in MySQL) shall not
                                live for long */
};

struct session_pool *session_pool_new(const struct session_pool_options *options) returns_owned;
/* NULL is fine.  Closes what is idle and ends the thread; nothing may be lent. */
void session_pool_free(struct session_pool *pool);

/* An idle session of the same login, reset; NULL = there is none.  May block for two seconds. */
struct admin_session *session_pool_take(struct session_pool *pool,
                                        const struct engine_driver *driver,
                                        const struct admin_connection *connection);
/* After work that went well: keeps the session for the next one, or closes it. */
void session_pool_give_back(struct session_pool *pool, struct admin_session *session);

/* Logs in anew; of the request everything but server and CA is taken. */
bool admin_session_open(const struct engine_driver *driver,
                        const struct admin_connection *connection,
                        const struct engine_connect_request *request,
                        struct admin_session **ret_session, struct error *err) must_check;
/* After anything else; NULL is fine. */
void admin_session_close(struct admin_session *session);

#endif
