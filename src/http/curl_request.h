/*
 * Turns one http_request into options of an easy handle.
 */
#ifndef HTTP_CURL_REQUEST_H
#define HTTP_CURL_REQUEST_H

#include "base/compiler.h"
#include "base/error.h"
#include "http/curl_target.h"
#include "http/transport.h"

#include <curl/curl.h>

#include <stdbool.h>

/* Lists that libcurl borrows until the transfer is over. */
struct curl_request_lists {
    struct curl_slist *headers;
    struct curl_slist *connect_to;
};

/* Sets everything but the callbacks for the answer.  The handle must be fresh or reset.  INVALID
 * for a header that cannot be sent. */
bool curl_request_set_options(CURL *easy, const struct http_request *request,
                              const struct curl_target *target, struct curl_request_lists *lists,
                              struct error *err) must_check;
void curl_request_lists_release(struct curl_request_lists *lists);
#define auto_curl_request_lists run_at_scope_end(curl_request_lists_release)

#endif
