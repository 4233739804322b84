/*
 * How a pass gets to its database server: no more than a few passes at once, not while the server
 * is known to be down, and with the session of an earlier pass where there is one.
 */
#ifndef CONTROLLER_SERVER_ACCESS_H
#define CONTROLLER_SERVER_ACCESS_H

#include "base/compiler.h"
#include "base/error.h"
#include "controller/circuits.h"
#include "controller/session_pool.h"

#include <stdbool.h>
#include <stdint.h>

struct failure;
struct pass;

/* How many passes may be at one server at the same time, and how many sessions wait for the next.
 */
enum { SERVER_PASSES_LIMIT = 2 };

/* The part of a pass that is about its server; {0} at the start. */
struct server_access {
    char *server; /* which one, "host:port,..."; NULL = not entered */
    char *way;    /* into it, for its circuit */
    enum circuit_answer circuit;
    int64_t asked_ms; /* when the last attempt began */
    bool is_told;     /* that it succeeded */
    struct admin_session *session;
    bool was_put_back;  /* others are at the server: the pass ends, and begins again after them */
    bool awaits_server; /* it does not answer: the pass shall be repeated as soon as it does */
    uint64_t retry_ms;  /* and not before */
};

/* Once the admin connection is known, and before anything else is asked of anybody: takes one of
 * the server's places.  False when there is none. */
bool server_access_enter(struct pass *pass, struct failure *failure) must_check;
/* Gives the pass a session. */
bool server_access_connect(struct pass *pass, struct error *err) must_check;
/* What the first statements on the session came to.  Has to be told after each connect. */
void server_access_succeeded(struct pass *pass);
void server_access_failed(struct pass *pass, const struct error *err);
/* Leaves the session to the next pass, or closes it. */
void server_access_keep_session(struct pass *pass);
void server_access_drop_session(struct pass *pass);
void server_access_release(struct pass *pass);

#endif
