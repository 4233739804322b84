/*
 * A real TCP server on 127.0.0.1 whose every byte the test decides: for what a healthy HTTP server
 * will not do.  Each connection is served by a function of the test on a thread of its own.
 */
#ifndef TESTS_UNIT_HTTP_LOOPBACK_SERVER_H
#define TESTS_UNIT_HTTP_LOOPBACK_SERVER_H

#include "base/compiler.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

struct loopback_server;
struct loopback_stream;

/* Runs on the connection's thread, so it must not use cmocka; the connection is closed when it
 * returns. */
typedef void (*loopback_serve_fn)(void *context, struct loopback_stream *stream);

/* How the server does TLS; all PEM text, borrowed for its life. */
struct loopback_tls {
    const char *certificate_pem;
    const char *key_pem;
    const char *client_ca_pem;    /* NULL = asks for no client certificate */
    bool only_obsolete_protocols; /* TLS 1.1 at most */
};

/* `tls` NULL = plain TCP. */
struct loopback_server *loopback_server_start(loopback_serve_fn serve, void *context,
                                              const struct loopback_tls *tls) returns_owned;
/* Cuts what is open, waits for its threads and frees it. */
void loopback_server_stop(struct loopback_server *server);

int loopback_server_port(const struct loopback_server *server);
/* How many connections were accepted up to now. */
size_t loopback_server_connection_count(struct loopback_server *server);

/* Reads one request (head, and body by its Content-Length); false at the end of the connection. */
bool loopback_read_request(struct loopback_stream *stream, struct strbuf *ret_request) must_check;
void loopback_write(struct loopback_stream *stream, const char *text);
void loopback_write_bytes(struct loopback_stream *stream, const char *bytes, size_t length);
/* Waits until the peer has closed its side. */
void loopback_wait_for_close(struct loopback_stream *stream);
/* Makes the closing of the connection a reset. */
void loopback_reset(struct loopback_stream *stream);
/* The name that the client asked for in TLS, or "". */
const char *loopback_server_name(struct loopback_stream *stream);

#endif
