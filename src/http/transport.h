/*
 * The seam to HTTP: one request, one answer.  Implementations: curl_transport (production) and the
 * scripted transport of the unit tests.  kube/ and aws/ speak through it and never to libcurl.
 *
 * Thread rule: a transport may be used from several threads at once; the implementation gives each
 * concurrent transfer a connection of its own and keeps idle ones for reuse.
 */
#ifndef HTTP_TRANSPORT_H
#define HTTP_TRANSPORT_H

#include "base/cancellation.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_HEADERS_LIMIT = 24 };

struct http_header {
    const char *name;
    const char *value; /* may hold a token: never logged */
};

/* What to trust and what to show when the URL is https; borrowed for the call.  All NULL = verify
 * against the system's bundle.  Files are read again when they change, so that rotation is seen. */
struct http_tls {
    const char *ca_file;
    const char *ca_pem; /* wins over ca_file */
    const char *client_certificate_file;
    const char *client_key_file;
    const char *client_certificate_pem; /* wins over the files */
    const char *client_key_pem;
    const char *server_name; /* verify this name instead of the URL's host */
    bool insecure_skip_verify;
};

/* Receives a piece of the body of a 2xx answer as it arrives; returning false ends the transfer
 * with *err, which the callee sets.  Runs on the calling thread, without locks. */
typedef bool (*http_chunk_fn)(void *context, const char *bytes, size_t length, struct error *err);

struct http_request {
    const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *url;
    const char *address; /* connect to this numeric address, whatever the URL's host resolves to;
                            NULL = resolve it */
    struct http_header headers[HTTP_HEADERS_LIMIT]; /* ends at the first NULL name */
    const char *body;                               /* borrowed; NULL = none */
    size_t body_length;
    const struct http_tls *tls;
    const char *proxy;           /* NULL = the environment decides; "" = never a proxy */
    uint32_t connect_timeout_ms; /* 0 = 10 s */
    uint32_t total_timeout_ms;   /* 0 = 30 s; the whole transfer, streams included */
    uint32_t idle_timeout_ms;    /* no byte for so long ends the transfer; 0 = no such limit;
                                    on_chunk may change it while the transfer runs */
    size_t response_limit_bytes; /* 0 = 8 MiB; a larger body is an error; not for streams */
    bool accept_compressed;      /* gzip may be used by the server */
    http_chunk_fn on_chunk;      /* NULL = collect the body in the response */
    void *chunk_context;
    const struct cancellation *cancellation; /* NULL = cannot be cancelled */
};

struct http_response {
    int status;
    int64_t date_us;         /* the Date header as time since 1970; 0 = none */
    uint32_t retry_after_ms; /* x-amz-retry-after, or the Retry-After header when it is a number of
                                seconds; 0 = none */
    char content_type[96];
    char request_id[96]; /* x-amzn-RequestId or Audit-Id; "" = none */
    char error_type[96]; /* x-amzn-ErrorType; "" = none */
    struct strbuf body;  /* erasing; empty when on_chunk took it */
};

void http_response_release(struct http_response *response);
#define auto_http_response run_at_scope_end(http_response_release)

struct http_transport;

struct http_transport_operations {
    bool (*send)(struct http_transport *transport, const struct http_request *request,
                 struct http_response *ret_response, struct error *err);
    void (*free)(struct http_transport *transport);
};

/* Implementations put this first in their struct. */
struct http_transport {
    const struct http_transport_operations *operations;
};

/*
 * Sends and waits for the end of the answer.  Blocks at most total_timeout_ms.  True for every
 * complete HTTP answer whatever its status (redirects are never followed); the response must be
 * released.  Fails with UNAVAILABLE (no connection, reset, time-out, truncated), INVALID (URL,
 * certificate that does not verify, answer too large), CANCELLED, or what on_chunk set.  Messages
 * name host and cause, never headers or bodies.  The code of an error is "Timeout", "Refused",
 * "Reset", "Resolve", "Tls", "TooLarge" or "".
 */
bool http_transport_send(struct http_transport *transport, const struct http_request *request,
                         struct http_response *ret_response, struct error *err) must_check;
void http_transport_free(struct http_transport *transport);

#endif
