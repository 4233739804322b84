/*
 * Idle connections, kept warm for the next request to the same place.
 *
 * A connection is an easy handle with a multi handle of its own, which holds at most one socket.
 * It belongs to one thread from take to give_back or free.  A connection is only ever lent to
 * requests with the same identity: scheme, host, port, proxy and everything of TLS.
 * There is no thread that closes idle ones: each take and give_back closes those whose time is
 * over.  The pool is thread-safe.
 */
#ifndef HTTP_CONNECTION_POOL_H
#define HTTP_CONNECTION_POOL_H

#include "base/compiler.h"

#include <curl/curl.h>

#include <stddef.h>
#include <stdint.h>

enum { CONNECTION_IDENTITY_SIZE = 65 };

struct connection {
    CURL *easy;
    CURLM *multi;
    char identity[CONNECTION_IDENTITY_SIZE];
    int64_t idle_since_ms;
    struct connection *next;
};

struct connection_pool;

/* At most `idle_limit` idle connections are kept, each for at most idle_timeout_ms. */
struct connection_pool *connection_pool_new(size_t idle_limit,
                                            uint32_t idle_timeout_ms) returns_owned;
/* NULL is fine.  Connections that are lent must have come back. */
void connection_pool_free(struct connection_pool *pool);

/* The most recently used idle connection with this identity, or a fresh one. */
struct connection *
connection_pool_take(struct connection_pool *pool,
                     const char identity[static CONNECTION_IDENTITY_SIZE]) returns_owned;
/* After a transfer that came to its end: keeps the connection, and may close another one. */
void connection_pool_give_back(struct connection_pool *pool, struct connection *connection);
/* After any other: closes it. */
void connection_free(struct connection *connection);

#endif
