/*
 * A loopback server that answers the n-th request with the n-th text, whatever the connection, and
 * remembers what it was asked.
 */
#ifndef TESTS_UNIT_HTTP_SCRIPTED_SERVER_H
#define TESTS_UNIT_HTTP_SCRIPTED_SERVER_H

#include "base/compiler.h"
#include "loopback_server.h"

#include <stdbool.h>
#include <stddef.h>

/* What happens after the bytes of an answer. */
enum answer_end {
    ANSWER_KEEP,  /* the connection waits for the next request */
    ANSWER_CLOSE, /* it is closed */
    ANSWER_RESET, /* it is reset */
    ANSWER_HANG,  /* it stays silent until the client closes it */
};

struct scripted_answer {
    const char *text;
    size_t length; /* 0 = its strlen */
    enum answer_end end;
};

struct scripted_server;

/* The last answer goes on for further requests.  `answers` are borrowed. */
struct scripted_server *scripted_server_start(const struct scripted_answer *answers, size_t count,
                                              const struct loopback_tls *tls) returns_owned;
void scripted_server_stop(struct scripted_server *server);

/* "http://127.0.0.1:<port><path>", or https where it speaks TLS; valid until the next call. */
const char *scripted_server_url(struct scripted_server *server, const char *path);
int scripted_server_port(const struct scripted_server *server);
size_t scripted_server_connection_count(struct scripted_server *server);
size_t scripted_server_request_count(struct scripted_server *server);
/* The last request with its body, and the TLS name with it, which the caller frees. */
char *scripted_server_last_request(struct scripted_server *server) must_check;
char *scripted_server_last_name(struct scripted_server *server) must_check;

#endif
