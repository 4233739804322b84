/*
 * A small HTTP server for probes and scrapes: GET and HEAD on fixed paths, one thread of its own.
 * The only user of libmicrohttpd.
 */
#ifndef SERVER_HTTP_SERVER_H
#define SERVER_HTTP_SERVER_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;

/* What a handler answers. */
struct http_answer {
    int status;               /* 200 unless changed */
    const char *content_type; /* static; text/plain unless changed */
    struct strbuf body;
};

/* Answers one path.  `rest` is what follows the route's path and a '/' ("" = nothing), `is_verbose`
 * tells whether the query asks for details.  Runs on the server's thread; must not block. */
typedef void (*http_handler_fn)(void *context, const char *rest, bool is_verbose,
                                struct http_answer *answer);

struct http_route {
    const char *path;  /* "/healthz" */
    bool has_children; /* also answers path/... */
    http_handler_fn handler;
    void *context;
};

enum { HTTP_ROUTES_LIMIT = 8 };

/* Listens on "host:port", ":port" (every address) or "[v6]:port"; port 0 takes a free one.  The
 * routes are copied.  INVALID for an address that is none, UNAVAILABLE when it is taken. */
bool http_server_start(const char *address, const struct http_route *routes, size_t route_count,
                       struct http_server **ret_server, struct error *err) must_check;
uint16_t http_server_port(const struct http_server *server);
/* Ends the connections and the thread; NULL is fine. */
void http_server_stop(struct http_server *server);

#endif
