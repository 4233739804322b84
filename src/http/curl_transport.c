/*
 * One send: take the URL apart, take a connection that may carry it, set the options, run, give the
 * connection back.  Everything happens on the caller's thread; threads share only the pool and the
 * trusted certificates, each behind its own lock.
 */
#include "http/curl_transport.h"

#include "base/memory.h"
#include "http/connection_pool.h"
#include "http/curl_request.h"
#include "http/curl_target.h"
#include "http/curl_transfer.h"
#include "http/trust_store.h"

#include <curl/curl.h>

#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_IDLE_CONNECTIONS = 16, DEFAULT_IDLE_TIMEOUT_MS = 60 * 1000 };

struct curl_transport {
    struct http_transport seam; /* first: the seam is cast back */
    char *system_ca_file;
    struct connection_pool *pool;
    struct trust_stores *trust;
};

/* ---- libcurl's memory: it holds tokens and bodies in passing ---- */

static void *resize_erased(void *memory, size_t size_bytes)
{
    size_t old_size = malloc_usable_size(memory);
    void *copy = mem_alloc_for_library(size_bytes);

    if (memory != NULL)
        memcpy(copy, memory, old_size < size_bytes ? old_size : size_bytes);
    mem_free_erased(memory);
    return copy;
}

static char *duplicate_text(const char *text)
{
    return mem_strdup(text);
}

static void *alloc_zeroed(size_t count, size_t size_bytes)
{
    return mem_alloc_array(count, size_bytes);
}

static bool check_library(struct error *err)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    const char *tls = info->ssl_version != NULL ? info->ssl_version : "no TLS";

    /* Trusted certificates are shared through OpenSSL's own types. */
    if (strncmp(tls, "OpenSSL/", strlen("OpenSSL/")) != 0)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "libcurl %s was built with %s; install the one that uses OpenSSL (package "
                         "libcurl4 or libcurl4t64)",
                         info->version, tls);
    if ((info->features & CURL_VERSION_LIBZ) == 0)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "libcurl %s was built without zlib; install one that has it",
                         info->version);
    return true;
}

bool curl_transport_global_init(struct error *err)
{
    CURLcode result;

    signal(SIGPIPE, SIG_IGN);
    result = curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc_for_library, mem_free_erased,
                                  resize_erased, duplicate_text, alloc_zeroed);
    if (result != CURLE_OK)
        return error_set(err, ERROR_INTERNAL, NULL, "libcurl cannot be initialized: %s",
                         curl_easy_strerror(result));
    return check_library(err);
}

void curl_transport_global_cleanup(void)
{
    curl_global_cleanup();
}

/* ---- the seam ---- */

static bool curl_send(struct http_transport *seam, const struct http_request *request,
                      struct http_response *ret_response, struct error *err)
{
    struct curl_transport *transport = (struct curl_transport *)seam;
    auto_curl_target struct curl_target target = {0};
    auto_curl_request_lists struct curl_request_lists lists = {0};
    struct connection *connection;
    bool succeeded;

    if (request->cancellation != NULL && cancellation_is_requested(request->cancellation))
        return cancellation_error(err);
    if (!curl_target_init(&target, request, transport->trust, err))
        return false;
    connection = connection_pool_take(transport->pool, target.identity);
    succeeded = curl_request_set_options(connection->easy, request, &target, &lists, err) &&
                curl_transfer_run(connection, request, target.origin, ret_response, err);
    if (succeeded)
        connection_pool_give_back(transport->pool, connection);
    else
        connection_free(connection);
    return succeeded;
}

static void curl_free_transport(struct http_transport *seam)
{
    struct curl_transport *transport = (struct curl_transport *)seam;

    connection_pool_free(transport->pool);
    trust_stores_free(transport->trust);
    free(transport->system_ca_file);
    free(transport);
}

static const char *default_ca_file(void)
{
    const char *from_environment = getenv("SSL_CERT_FILE");
    const char *built_in = curl_version_info(CURLVERSION_NOW)->cainfo;

    if (from_environment != NULL && from_environment[0] != '\0')
        return from_environment;
    return built_in != NULL ? built_in : "/etc/ssl/certs/ca-certificates.crt";
}

struct http_transport *curl_transport_new(const struct curl_transport_options *options)
{
    static const struct http_transport_operations operations = {
        .send = curl_send,
        .free = curl_free_transport,
    };
    struct curl_transport *transport = mem_alloc(sizeof *transport);
    size_t idle_limit = options->idle_connections_limit;
    uint32_t idle_ms = options->idle_timeout_ms;

    transport->seam.operations = &operations;
    transport->system_ca_file =
        mem_strdup(options->system_ca_file != NULL ? options->system_ca_file : default_ca_file());
    transport->trust = trust_stores_new(transport->system_ca_file);
    transport->pool = connection_pool_new(idle_limit != 0 ? idle_limit : DEFAULT_IDLE_CONNECTIONS,
                                          idle_ms != 0 ? idle_ms : DEFAULT_IDLE_TIMEOUT_MS);
    return &transport->seam;
}
