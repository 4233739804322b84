/*
 * A server on loopback that gives the same answers on every connection, whatever it is asked, and
 * keeps what it was sent.  For what real servers rarely do.
 */
#ifndef TESTS_UNIT_ENGINE_SCRIPTED_PEER_H
#define TESTS_UNIT_ENGINE_SCRIPTED_PEER_H

#include "base/strbuf.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum peer_then { PEER_STAYS, PEER_CLOSES, PEER_RESETS };

/* Sent after something was received; NULL closes the connection.  After the last one the peer is
 * silent. */
struct peer_answer {
    const char *bytes;
    size_t length;
    enum peer_then then;
};

/* Fields are the peer's own until it is stopped, but for the port. */
struct scripted_peer {
    uint16_t port;
    size_t connections;     /* how many were accepted */
    struct strbuf received; /* on all of them */

    const struct peer_answer *greeting; /* sent on every connection at once; NULL = none */
    const struct peer_answer *answers;  /* both borrowed */
    size_t answer_count, answered;
    bool runs_on;
    pthread_t thread;
    int listener, connection, stop[2];
};

/* Listens on a free port; fails the test when it cannot. */
void scripted_peer_start(struct scripted_peer *peer, const struct peer_answer *answers,
                         size_t count);
/* Likewise, but the answers run on from one connection to the next. */
void scripted_peer_start_running_on(struct scripted_peer *peer, const struct peer_answer *answers,
                                    size_t count);
/* The same for protocols in which the server speaks first. */
void scripted_peer_start_with_greeting(struct scripted_peer *peer,
                                       const struct peer_answer *greeting,
                                       const struct peer_answer *answers, size_t count);
/* Ends its thread; `connections` and `received` may be read then. */
void scripted_peer_stop(struct scripted_peer *peer);
void scripted_peer_release(struct scripted_peer *peer);

#endif
