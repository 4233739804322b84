/*
 * What a failed transfer of libcurl means to our callers.
 */
#ifndef HTTP_CURL_ERROR_H
#define HTTP_CURL_ERROR_H

#include "base/error.h"

#include <curl/curl.h>

/* Sets *err by the table of http/transport.h.  `origin` is "scheme://host:port"; `detail` is
 * libcurl's own text, which is shown where it names the cause (TLS, name resolution, connect) and
 * never holds headers or bodies there.  `easy` is asked how far the transfer came.  Returns false.
 */
bool curl_error_set(struct error *err, CURL *easy, CURLcode result, const char *origin,
                    const char *detail);

#endif
