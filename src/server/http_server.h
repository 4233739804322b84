/*
 * A small HTTP server for probes and scrapes: GET and HEAD on fixed paths, one thread of its own,
 * and with TLS another one, which looks for a renewed certificate.
 * The only user of libmicrohttpd, which brings the TLS (GnuTLS).
 */
#ifndef SERVER_HTTP_SERVER_H
#define SERVER_HTTP_SERVER_H

#include "base/error.h"
#include "base/log.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;

/* What a handler answers. */
struct http_answer {
    int status;               /* 200 unless changed */
    const char *content_type; /* static; text/plain unless changed */
    bool asks_for_token;      /* with status 401: a bearer token is what is missing */
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

/* Decides, before any route, whether a request may go on; else it has filled in the answer.
 * `authorization` is the header of that name, NULL = none.  Runs on the server's thread: while it
 * waits, nobody else is answered. */
typedef bool (*http_guard_fn)(void *context, const char *path, const char *authorization,
                              struct http_answer *answer);

struct http_server_options {
    /* "host:port", ":port" (every address) or "[v6]:port"; port 0 takes a free one. */
    const char *address;
    const struct http_route *routes; /* copied */
    size_t route_count;
    http_guard_fn guard; /* NULL = everybody may ask */
    void *guard_context;
    const char *certificate_file; /* PEM; NULL = no TLS.  Both are read again when they change. */
    const char *key_file;
    uint32_t certificate_check_ms; /* how often they are looked at; 0 = 5 s */
    const struct log_scope *log;   /* told of renewed certificates; copied; NULL = nobody */
};

/* INVALID for an address or a certificate that is none, UNAVAILABLE when the address is taken. */
bool http_server_start(const struct http_server_options *options, struct http_server **ret_server,
                       struct error *err) must_check;
uint16_t http_server_port(const struct http_server *server);
/* Ends the connections and the thread; NULL is fine. */
void http_server_stop(struct http_server *server);

#endif
