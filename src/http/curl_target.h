/*
 * Where a request goes: its URL taken apart, and the identity of connections that may carry it.
 */
#ifndef HTTP_CURL_TARGET_H
#define HTTP_CURL_TARGET_H

#include "base/compiler.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "http/connection_pool.h"
#include "http/transport.h"
#include "http/trust_store.h"

#include <stdbool.h>

struct curl_target {
    char *url;        /* what libcurl gets: names the host that the certificate must name */
    char *origin;     /* "scheme://host[:port]" of the request's URL, for messages */
    char *authority;  /* "host[:port]" of the request's URL, for the Host header */
    char *connect_to; /* CURLOPT_CONNECT_TO when the connection goes elsewhere than `url`
                         says; else NULL */
    bool is_https;
    struct x509_store_st *trust; /* NULL for http and for unverified https */
    char identity[CONNECTION_IDENTITY_SIZE];
};

/* INVALID for a URL that is not one, that carries credentials or has another scheme than http and
 * https, and for certificate files that cannot be read. */
bool curl_target_init(struct curl_target *target, const struct http_request *request,
                      struct trust_stores *stores, struct error *err) must_check;
void curl_target_release(struct curl_target *target);
#define auto_curl_target run_at_scope_end(curl_target_release)

#endif
