#include "http/curl_request.h"

#include "base/memory.h"
#include "base/strbuf.h"

#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum {
    DEFAULT_CONNECT_TIMEOUT_MS = 10 * 1000,
    DEFAULT_TOTAL_TIMEOUT_MS = 30 * 1000,
    /* A peer that vanished is noticed after 30 + 3 * 10 s of silence, or when what we sent stays
     * unacknowledged for 30 s; the kernel's own limits are hours. */
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_PROBES = 3,
    UNACKNOWLEDGED_LIMIT_MS = 30 * 1000,
};

/* An option that this libcurl does not know, or a value that it refuses, is a bug of ours. */
#define SET(easy, option, value)                                      \
    do {                                                              \
        CURLcode set_result_ = curl_easy_setopt(easy, option, value); \
                                                                      \
        assert(set_result_ == CURLE_OK);                              \
        (void)set_result_;                                            \
    } while (0)

/* ---- connection ---- */

static void set_socket_option(curl_socket_t socket, int level, int option, int value)
{
    if (setsockopt(socket, level, option, &value, sizeof value) != 0)
        return; /* the transfer works without; its own time limits remain, ignoring */
}

static int prepare_socket(void *context maybe_unused, curl_socket_t socket,
                          curlsocktype purpose maybe_unused)
{
    if (fcntl(socket, F_SETFD, FD_CLOEXEC) != 0)
        return CURL_SOCKOPT_ERROR;
    set_socket_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_socket_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_socket_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_socket_option(socket, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    set_socket_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_LIMIT_MS);
    return CURL_SOCKOPT_OK;
}

static void set_connection(CURL *easy, const struct http_request *request,
                           const struct curl_target *target, struct curl_request_lists *lists)
{
    uint32_t connect_ms = request->connect_timeout_ms, total_ms = request->total_timeout_ms;

    SET(easy, CURLOPT_URL, target->url);
    SET(easy, CURLOPT_PATH_AS_IS, 1L);
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver that hangs */
    SET(easy, CURLOPT_SOCKOPTFUNCTION, prepare_socket);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS,
        (long)(connect_ms != 0 ? connect_ms : DEFAULT_CONNECT_TIMEOUT_MS));
    SET(easy, CURLOPT_TIMEOUT_MS, (long)(total_ms != 0 ? total_ms : DEFAULT_TOTAL_TIMEOUT_MS));
    if (request->proxy != NULL)
        SET(easy, CURLOPT_PROXY, request->proxy);
    if (target->connect_to != NULL) {
        lists->connect_to = curl_slist_append(NULL, target->connect_to);
        SET(easy, CURLOPT_CONNECT_TO, lists->connect_to);
    }
}

/* ---- TLS ---- */

static CURLcode lend_trust(CURL *easy maybe_unused, void *ssl_context, void *trust)
{
    trust_store_lend(trust, ssl_context);
    return CURLE_OK;
}

static void set_blob(CURL *easy, CURLoption option, const char *pem)
{
    /* libcurl's structure lacks the const; with NOCOPY it only reads. */
    struct curl_blob blob = {
        .data = (void *)(uintptr_t)pem,
        .len = strlen(pem),
        .flags = CURL_BLOB_NOCOPY,
    };

    SET(easy, option, &blob);
}

static void set_client_certificate(CURL *easy, const struct http_tls *tls)
{
    if (tls->client_certificate_pem != NULL)
        set_blob(easy, CURLOPT_SSLCERT_BLOB, tls->client_certificate_pem);
    else if (tls->client_certificate_file != NULL)
        SET(easy, CURLOPT_SSLCERT, tls->client_certificate_file);
    if (tls->client_key_pem != NULL)
        set_blob(easy, CURLOPT_SSLKEY_BLOB, tls->client_key_pem);
    else if (tls->client_key_file != NULL)
        SET(easy, CURLOPT_SSLKEY, tls->client_key_file);
}

static void set_tls(CURL *easy, const struct http_request *request,
                    const struct curl_target *target)
{
    bool verify = target->trust != NULL;

    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
    /* libcurl shall load no certificates of its own: ours are lent to it below. */
    SET(easy, CURLOPT_CAINFO, NULL);
    SET(easy, CURLOPT_CAPATH, NULL);
    SET(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    if (verify) {
        SET(easy, CURLOPT_SSL_CTX_FUNCTION, lend_trust);
        SET(easy, CURLOPT_SSL_CTX_DATA, target->trust);
    }
    if (request->tls != NULL)
        set_client_certificate(easy, request->tls);
}

/* ---- method, headers, body ---- */

static void append_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    assert(longer != NULL); /* our allocator never fails */
    *list = longer;
}

static bool holds_control_character(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static bool append_headers(const struct http_request *request, struct curl_slist **list,
                           struct error *err)
{
    auto_strbuf struct strbuf line = STRBUF_ERASING; /* one of them is the token */

    for (size_t i = 0; i < HTTP_HEADERS_LIMIT && request->headers[i].name != NULL; i++) {
        const struct http_header *header = &request->headers[i];

        if (holds_control_character(header->name) || holds_control_character(header->value))
            return error_set(err, ERROR_INVALID, NULL,
                             "the value of the HTTP header '%s' holds a control character, such as "
                             "the end of a line",
                             header->name);
        strbuf_clear(&line);
        /* libcurl takes "Name:" as a wish to leave the header out, "Name;" sends it empty. */
        strbuf_append_text(&line, header->name);
        strbuf_append_text(&line, header->value[0] != '\0' ? ": " : ";");
        strbuf_append_text(&line, header->value);
        append_line(list, strbuf_text(&line));
    }
    return true;
}

static bool has_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < HTTP_HEADERS_LIMIT && request->headers[i].name != NULL; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return true;
    return false;
}

static bool set_headers(CURL *easy, const struct http_request *request,
                        const struct curl_target *target, struct curl_request_lists *lists,
                        struct error *err)
{
    if (!append_headers(request, &lists->headers, err))
        return false;
    if (target->connect_to != NULL && !has_header(request, "Host")) {
        auto_free char *host = mem_printf("Host: %s", target->authority);

        append_line(&lists->headers, host);
    }
    if (!has_header(request, "Expect"))
        append_line(&lists->headers, "Expect:"); /* or large bodies wait for a 100 Continue */
    if (!has_header(request, "Content-Type"))
        append_line(&lists->headers, "Content-Type:"); /* libcurl would say "form" */
    SET(easy, CURLOPT_HTTPHEADER, lists->headers);
    if (request->accept_compressed)
        SET(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    return true;
}

static void set_body(CURL *easy, const struct http_request *request)
{
    bool takes_body = strcmp(request->method, "GET") != 0 && strcmp(request->method, "DELETE") != 0;

    if (request->body != NULL || takes_body) {
        SET(easy, CURLOPT_POST, 1L);
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
        SET(easy, CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "");
    }
    SET(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

bool curl_request_set_options(CURL *easy, const struct http_request *request,
                              const struct curl_target *target, struct curl_request_lists *lists,
                              struct error *err)
{
    if (!set_headers(easy, request, target, lists, err))
        return false;
    set_connection(easy, request, target, lists);
    if (target->is_https)
        set_tls(easy, request, target);
    set_body(easy, request);
    return true;
}

void curl_request_lists_release(struct curl_request_lists *lists)
{
    curl_slist_free_all(lists->headers);
    curl_slist_free_all(lists->connect_to);
    *lists = (struct curl_request_lists){0};
}
