/*
 * Runs one prepared transfer to its end, on the calling thread.
 */
#ifndef HTTP_CURL_TRANSFER_H
#define HTTP_CURL_TRANSFER_H

#include "base/error.h"
#include "http/connection_pool.h"
#include "http/transport.h"

#include <stdbool.h>

/* The easy handle carries the options of `request` (curl_request.h); this adds the callbacks for
 * the answer.  Errors as http_transport_send(); `origin` is for their messages.  After a failure
 * the connection is in an unknown state and must be closed. */
bool curl_transfer_run(struct connection *connection, const struct http_request *request,
                       const char *origin, struct http_response *ret_response, struct error *err)
    must_check;

#endif
