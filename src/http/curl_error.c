#include "http/curl_error.h"

#include <errno.h>
#include <string.h>

/* A certificate that does not verify, or that cannot be used, stays so until a person acts. */
static bool is_certificate_problem(CURLcode result)
{
    return result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CERTPROBLEM ||
           result == CURLE_SSL_CACERT_BADFILE || result == CURLE_SSL_ISSUER_ERROR ||
           result == CURLE_SSL_INVALIDCERTSTATUS;
}

static bool is_lost_connection(CURLcode result)
{
    return result == CURLE_RECV_ERROR || result == CURLE_SEND_ERROR ||
           result == CURLE_GOT_NOTHING || result == CURLE_PARTIAL_FILE;
}

/* With TLS 1.3 a server refuses our certificate only after the handshake, so that it looks like a
 * lost connection; OpenSSL's text has the alert. */
static bool is_tls_alert(CURLcode result, const char *detail)
{
    return (result == CURLE_RECV_ERROR || result == CURLE_SEND_ERROR) &&
           strstr(detail, "SSL") != NULL && strstr(detail, " alert ") != NULL;
}

static bool set_no_connection(struct error *err, CURL *easy, const char *origin, const char *detail)
{
    long number = 0;

    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    if (number == ECONNREFUSED)
        return error_set(err, ERROR_UNAVAILABLE, "Refused", "%s refused the connection", origin);
    return error_set(err, ERROR_UNAVAILABLE, NULL, "no connection to %s: %s", origin, detail);
}

static bool set_timeout(struct error *err, CURL *easy, const char *origin)
{
    curl_off_t ready_us = 0;

    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    if (ready_us == 0)
        return error_set(err, ERROR_UNAVAILABLE, "Timeout", "no connection to %s in time", origin);
    return error_set(err, ERROR_UNAVAILABLE, "Timeout", "no complete answer from %s in time",
                     origin);
}

static bool set_tls(struct error *err, CURLcode result, const char *origin, const char *detail)
{
    if (is_certificate_problem(result))
        return error_set(err, ERROR_INVALID, "Tls", "the TLS certificate of %s is not accepted: %s",
                         origin, detail);
    return error_set(err, ERROR_UNAVAILABLE, "Tls", "no TLS session with %s: %s", origin, detail);
}

bool curl_error_set(struct error *err, CURL *easy, CURLcode result, const char *origin,
                    const char *detail)
{
    if (detail[0] == '\0')
        detail = curl_easy_strerror(result);
    if (is_certificate_problem(result) || result == CURLE_SSL_CONNECT_ERROR ||
        is_tls_alert(result, detail))
        return set_tls(err, result, origin, detail);
    if (is_lost_connection(result))
        return error_set(err, ERROR_UNAVAILABLE, "Reset",
                         "%s closed the connection before the answer was complete", origin);
    if (result == CURLE_COULDNT_RESOLVE_HOST || result == CURLE_COULDNT_RESOLVE_PROXY)
        return error_set(err, ERROR_UNAVAILABLE, "Resolve", "cannot resolve the name of %s: %s",
                         origin, detail);
    if (result == CURLE_COULDNT_CONNECT)
        return set_no_connection(err, easy, origin, detail);
    if (result == CURLE_OPERATION_TIMEDOUT)
        return set_timeout(err, easy, origin);
    /* What is left is a peer that does not speak HTTP, or an option that libcurl refuses. */
    return error_set(err, ERROR_UNAVAILABLE, NULL, "no usable answer from %s: %s", origin,
                     curl_easy_strerror(result));
}
