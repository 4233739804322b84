/*
 * Which database servers are not worth connecting to now.
 *
 * A circuit is one way into one server: which hosts, which user, which database, with or without
 * TLS, but not which password.  So nobody can close the way of somebody else: what fails is what
 * everybody on this way would meet.  After a few failures in a row it opens for a time that grows,
 * with jitter; then exactly one attempt is let through, and its outcome decides.  Who has changed
 * something is let through at once, but never beside another attempt.
 *
 * Only whether the server answers counts, not what it says.  Thread-safe.
 */
#ifndef CONTROLLER_CIRCUITS_H
#define CONTROLLER_CIRCUITS_H

#include "base/backoff.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/random.h"
#include "base/timesource.h"

#include <stdbool.h>
#include <stdint.h>

struct circuits;

/* Code of the error that tells who is not let through. */
#define CIRCUIT_OPEN_CODE "CircuitOpen"

struct circuits_options {
    const struct timesource *timesource;
    const struct random_source *random;
    struct backoff_policy
        backoff;             /* of how long it is open; zero = 1 s doubling to 1 min, +-20 % */
    unsigned failures_limit; /* in a row, which open it; 0 = 2 */
};

struct circuits *circuits_new(const struct circuits_options *options) returns_owned;
void circuits_free(struct circuits *circuits);

/* A way into a server; both texts are borrowed for the call. */
struct circuit_way {
    const char *server; /* "host:port,..." */
    const char *way;    /* what else matters, in any form */
};

enum circuit_answer {
    CIRCUIT_REFUSES,
    CIRCUIT_ADMITS,
    CIRCUIT_PROBES, /* this attempt decides */
};

/* May it be tried?  A refusal is UNAVAILABLE, with since when the server does not answer and its
 * last failure.  Whoever is let through has to report what came of it, with what it was told. */
enum circuit_answer circuits_ask(struct circuits *circuits, const struct circuit_way *way,
                                 bool is_urgent, struct error *err) must_check;
/* The server answered, whatever it said.  True when the circuit was open: others wait. */
bool circuits_report_answer(struct circuits *circuits, const struct circuit_way *way);
/* It did not.  How long nobody else will be let through; 0 = the circuit is closed. */
uint64_t circuits_report_failure(struct circuits *circuits, const struct circuit_way *way,
                                 enum circuit_answer was_told, const struct error *failure);
/* It was not tried after all. */
void circuits_report_nothing(struct circuits *circuits, const struct circuit_way *way,
                             enum circuit_answer was_told);

enum circuit_state { CIRCUIT_CLOSED, CIRCUIT_HALF_OPEN, CIRCUIT_OPEN };

/* Once for each server of the last hours, with the worst state of the ways into it; must not call
 * back. */
typedef void (*circuits_visitor)(void *context, const char *server, enum circuit_state state);
void circuits_visit(struct circuits *circuits, circuits_visitor visit, void *context);

#endif
