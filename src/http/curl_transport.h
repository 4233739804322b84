/*
 * The transport of production, over libcurl: HTTP/1.1, one connection per concurrent transfer,
 * idle ones kept for reuse, never a redirect, TLS 1.2 or later.
 *
 * Two things that callers should know:
 * - A request that was sent on a kept connection which the server had closed meanwhile (no byte of
 *   an answer came) is sent once more on a fresh one, whatever its method; libcurl cannot be told
 *   otherwise.  Writes must bear that: with a token, a resourceVersion or "already exists".
 * - A URL with a user name or password in it is refused.
 */
#ifndef HTTP_CURL_TRANSPORT_H
#define HTTP_CURL_TRANSPORT_H

#include "base/compiler.h"
#include "base/error.h"
#include "http/transport.h"

#include <stddef.h>
#include <stdint.h>

/* The zero value means the defaults. */
struct curl_transport_options {
    size_t idle_connections_limit; /* 0 = 16 */
    uint32_t idle_timeout_ms;      /* how long an idle connection is kept; 0 = 60 s */
    const char *system_ca_file;    /* trusted when a request names no CA; NULL = $SSL_CERT_FILE,
                                      else the bundle that libcurl was built for */
};

/* Initializes libcurl (memory is erased when it is freed) and ignores SIGPIPE, which TLS may raise.
 * Called by main before the first thread, once.  INTERNAL when this libcurl lacks what we need. */
bool curl_transport_global_init(struct error *err) must_check;
/* After the last transport was freed and the last thread has ended. */
void curl_transport_global_cleanup(void);

/* Released with http_transport_free(), when no send is running any more. */
struct http_transport *
curl_transport_new(const struct curl_transport_options *options) returns_owned;

#endif
