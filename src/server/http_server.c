#include "server/http_server.h"

#include "base/cancellation.h"
#include "base/memory.h"
#include "server/certificate.h"
#include "server/listen_address.h"

#include <microhttpd.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTIONS_LIMIT = 64,
    IDLE_SECONDS = 30,
    CONNECTION_MEMORY_BYTES = 8 * 1024,
    THREAD_STACK_BYTES = 256 * 1024,
    CERTIFICATE_CHECK_MS = 5 * 1000,
};

/* TLS 1.2 and later, as everything else of the operator. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* The library with the certificate that it was started with. */
struct service {
    struct MHD_Daemon *daemon; /* NULL = none */
    struct certificate certificate;
    bool is_quiesced; /* takes no new connections, and left us its socket */
    int listener;     /* once quiesced: ours to close, after the daemon has ended */
};

struct http_server {
    struct http_server_options options;
    struct http_route routes[HTTP_ROUTES_LIMIT];
    struct log_scope log;
    uint16_t port;
    /* Both belong to the watcher while it runs. */
    struct service active;
    struct service retired;        /* ends the connections that it had, and takes no new ones */
    struct cancellation *stopping; /* NULL = there is no watcher */
    pthread_t watcher;
};

/* --- Answering ------------------------------------------------------------------------------- */

static enum MHD_Result send_answer(struct MHD_Connection *connection,
                                   const struct http_answer *answer)
{
    const char *text = strbuf_text(&answer->body);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.length, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (answer->asks_for_token)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    result = MHD_queue_response(connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The route of a path, with what is left of it. */
static const struct http_route *find_route(const struct http_server *server, const char *path,
                                           const char **ret_rest)
{
    for (size_t i = 0; i < server->options.route_count; i++) {
        const struct http_route *route = &server->routes[i];
        size_t length = strlen(route->path);

        if (strncmp(path, route->path, length) != 0)
            continue;
        *ret_rest = path[length] == '/' ? path + length + 1 : path + length;
        if (path[length] == '\0' || (path[length] == '/' && route->has_children))
            return route;
    }
    return NULL;
}

static bool is_admitted(const struct http_server *server, struct MHD_Connection *connection,
                        const char *path, struct http_answer *answer)
{
    const struct http_server_options *options = &server->options;

    return options->guard == NULL ||
           options->guard(options->guard_context, path,
                          MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                      MHD_HTTP_HEADER_AUTHORIZATION),
                          answer);
}

static void answer_route(const struct http_server *server, struct MHD_Connection *connection,
                         const char *path, struct http_answer *answer)
{
    const char *rest = "";
    const struct http_route *route = find_route(server, path, &rest);
    bool is_verbose;

    if (route == NULL) {
        answer->status = MHD_HTTP_NOT_FOUND;
        strbuf_append_text(&answer->body, "not found\n");
        return;
    }
    /* "?verbose" has a key without a value. */
    is_verbose = MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "verbose", 7,
                                               NULL, NULL) == MHD_YES;
    route->handler(route->context, rest, is_verbose, answer);
}

static enum MHD_Result answer_request(void *context, struct MHD_Connection *connection,
                                      const char *path, const char *method,
                                      const char *version maybe_unused,
                                      const char *upload maybe_unused, size_t *upload_size,
                                      void **request_state)
{
    static const char headers_seen[] = "";
    const struct http_server *server = context;
    struct http_answer answer = {.status = MHD_HTTP_OK,
                                 .content_type = "text/plain; charset=utf-8"};
    enum MHD_Result result;

    /* The first call has only the headers; a body is read and thrown away. */
    if (*request_state == NULL) {
        *request_state = (void *)(uintptr_t)headers_seen;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        answer.status = MHD_HTTP_METHOD_NOT_ALLOWED;
        strbuf_append_text(&answer.body, "method not allowed\n");
    } else if (is_admitted(server, connection, path, &answer)) {
        answer_route(server, connection, path, &answer);
    }
    result = send_answer(connection, &answer);
    strbuf_release(&answer.body);
    return result;
}

/* --- Starting -------------------------------------------------------------------------------- */

/* The library's default is SO_REUSEADDR; MHD_OPTION_LISTENING_ADDRESS_REUSE would be SO_REUSEPORT,
 * with which two processes share a port and each gets some of the probes. */
static const struct MHD_OptionItem limits[] = {
    {MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_LIMIT, NULL},
    {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, NULL},
    {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, NULL},
    {MHD_OPTION_THREAD_STACK_SIZE, THREAD_STACK_BYTES, NULL},
    {MHD_OPTION_END, 0, NULL},
};

/* Where to listen: an address, or the socket of a service that runs. */
struct place {
    const union listen_address *address; /* NULL = the socket */
    int listener;
};

/* NULL with errno. */
static struct MHD_Daemon *start_daemon(struct http_server *server, const struct place *place,
                                       const struct certificate *certificate)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC;
    struct MHD_OptionItem own[5];
    size_t count = 0;

    if (place->address != NULL) {
        if (place->address->any.sa_family == AF_INET6)
            flags |= MHD_USE_DUAL_STACK;
        own[count++] = (struct MHD_OptionItem){MHD_OPTION_SOCK_ADDR, 0,
                                               (void *)(uintptr_t)&place->address->any};
    } else {
        own[count++] = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, place->listener, NULL};
    }
    if (!secret_is_empty(&certificate->chain)) {
        flags |= MHD_USE_TLS;
        own[count++] = (struct MHD_OptionItem){
            MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)secret_reveal(&certificate->chain)};
        own[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0,
                                               (void *)(uintptr_t)secret_reveal(&certificate->key)};
        own[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                               (void *)(uintptr_t)TLS_PRIORITIES};
    }
    own[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    errno = 0;
    return MHD_start_daemon(flags, 0, NULL, NULL, answer_request, server, MHD_OPTION_ARRAY, limits,
                            MHD_OPTION_ARRAY, own, MHD_OPTION_END);
}

static void service_stop(struct service *service)
{
    if (service->daemon != NULL)
        MHD_stop_daemon(service->daemon);
    if (service->is_quiesced)
        close(service->listener);
    certificate_release(&service->certificate);
    *service = (struct service){0};
}

/* --- Renewed certificates -------------------------------------------------------------------- */

/* The one before goes on with the connections that it has until the next look.  For a moment both
 * take new ones, so that none is refused: each has a descriptor of the same socket, since the
 * library closes the one that it was given, also when it does not start. */
static void take_certificate(struct http_server *server, struct certificate *renewed)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->active.daemon, MHD_DAEMON_INFO_LISTEN_FD);
    struct place place = {.listener = fcntl(info->listen_fd, F_DUPFD_CLOEXEC, 0)};
    struct MHD_Daemon *daemon = place.listener >= 0 ? start_daemon(server, &place, renewed) : NULL;

    if (daemon == NULL) {
        log_warning(&server->log,
                    "the certificate in '%s' changed and cannot be used with the key in '%s': the "
                    "former one is served on",
                    server->options.certificate_file, server->options.key_file);
        return;
    }
    server->retired = server->active;
    server->retired.listener = MHD_quiesce_daemon(server->active.daemon);
    server->retired.is_quiesced = true;
    server->active = (struct service){.daemon = daemon, .certificate = *renewed};
    *renewed = (struct certificate){0};
    log_info(&server->log, "serving the renewed certificate in '%s'",
             server->options.certificate_file);
}

/* What was refused or could not be read is told once, until it changes again. */
static void *watch_certificate(void *context)
{
    struct http_server *server = context;
    auto_certificate struct certificate seen = {0};
    uint32_t check_ms = server->options.certificate_check_ms;
    bool could_be_read = true;

    secret_copy(&seen.chain, &server->active.certificate.chain);
    secret_copy(&seen.key, &server->active.certificate.key);
    while (!cancellation_wait(server->stopping, check_ms > 0 ? check_ms : CERTIFICATE_CHECK_MS)) {
        auto_certificate struct certificate found = {0};
        struct error err;
        bool was_read = certificate_read(server->options.certificate_file, server->options.key_file,
                                         &found, &err);

        service_stop(&server->retired);
        if (!was_read && could_be_read)
            log_failure(&server->log, LOG_LEVEL_WARNING, &err,
                        "the certificate cannot be read again: the former one is served on");
        could_be_read = was_read;
        if (!was_read || certificate_equals(&found, &seen))
            continue;
        secret_copy(&seen.chain, &found.chain);
        secret_copy(&seen.key, &found.key);
        take_certificate(server, &found);
    }
    return NULL;
}

/* --- Life cycle ------------------------------------------------------------------------------ */

static bool listen_and_serve(struct http_server *server, struct error *err)
{
    const char *address = server->options.address;
    struct service *service = &server->active;
    union listen_address parsed;
    struct place place = {.address = &parsed};

    if (!listen_address_parse(address, &parsed, err))
        return false;
    if (server->options.certificate_file != NULL &&
        !certificate_read(server->options.certificate_file, server->options.key_file,
                          &service->certificate, err))
        return false;
    service->daemon = start_daemon(server, &place, &service->certificate);
    if (service->daemon == NULL && address[0] == ':' && errno == EAFNOSUPPORT) {
        /* A machine without IPv6. */
        parsed.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = parsed.v6.sin6_port};
        service->daemon = start_daemon(server, &place, &service->certificate);
    }
    if (service->daemon != NULL)
        return true;
    if (errno == 0 && server->options.certificate_file != NULL)
        return error_set(err, ERROR_INVALID, NULL,
                         "the certificate in '%s' cannot be used with the key in '%s': write both "
                         "as PEM, the certificate of the server first",
                         server->options.certificate_file, server->options.key_file);
    return error_set(err, ERROR_UNAVAILABLE, NULL,
                     "cannot listen on '%s' (%s): choose another address", address,
                     strerrordesc_np(errno));
}

static void start_watcher(struct http_server *server)
{
    if (server->options.certificate_file == NULL)
        return;
    server->stopping = cancellation_new();
    if (pthread_create(&server->watcher, NULL, watch_certificate, server) != 0)
        abort(); /* no threads at start: nothing can work */
}

bool http_server_start(const struct http_server_options *options, struct http_server **ret_server,
                       struct error *err)
{
    struct http_server *server = mem_alloc(sizeof *server);

    assert(options->route_count <= HTTP_ROUTES_LIMIT);
    server->options = *options;
    memcpy(server->routes, options->routes, options->route_count * sizeof *options->routes);
    if (options->log != NULL)
        server->log = *options->log;
    if (!listen_and_serve(server, err)) {
        service_stop(&server->active);
        free(server);
        return false;
    }
    server->port = MHD_get_daemon_info(server->active.daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    start_watcher(server);
    *ret_server = server;
    return true;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL)
        return;
    if (server->stopping != NULL) {
        cancellation_request(server->stopping);
        pthread_join(server->watcher, NULL);
        cancellation_free(server->stopping);
    }
    service_stop(&server->retired);
    service_stop(&server->active);
    free(server);
}
