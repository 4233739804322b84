#include "server/http_server.h"

#include "base/memory.h"

#include <microhttpd.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECTIONS_LIMIT = 64,
    IDLE_SECONDS = 30,
    CONNECTION_MEMORY_BYTES = 8 * 1024,
    THREAD_STACK_BYTES = 256 * 1024,
};

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_route routes[HTTP_ROUTES_LIMIT];
    size_t route_count;
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
    result = MHD_queue_response(connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The route of a path, with what is left of it. */
static const struct http_route *find_route(const struct http_server *server, const char *path,
                                           const char **ret_rest)
{
    for (size_t i = 0; i < server->route_count; i++) {
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
    const struct http_route *route;
    const char *rest = "";
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
    route = find_route(server, path, &rest);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        answer.status = MHD_HTTP_METHOD_NOT_ALLOWED;
        strbuf_append_text(&answer.body, "method not allowed\n");
    } else if (route == NULL) {
        answer.status = MHD_HTTP_NOT_FOUND;
        strbuf_append_text(&answer.body, "not found\n");
    } else {
        /* "?verbose" has a key without a value. */
        bool is_verbose = MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND,
                                                        "verbose", 7, NULL, NULL) == MHD_YES;

        route->handler(route->context, rest, is_verbose, &answer);
    }
    result = send_answer(connection, &answer);
    strbuf_release(&answer.body);
    return result;
}

/* --- The address ----------------------------------------------------------------------------- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool parse_port(const char *text, uint16_t *ret_port)
{
    unsigned long port;
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    port = strtoul(text, &end, 10);
    if (*end != '\0' || port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static bool parse_address(const char *text, union address *ret_address, struct error *err)
{
    const char *colon = strrchr(text, ':');
    auto_free char *host = NULL;
    size_t length;
    uint16_t port;

    if (colon == NULL || !parse_port(colon + 1, &port))
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' is not an address to listen on: write host:port, :port, or 0 for "
                         "none",
                         text);
    host = mem_strndup(text, (size_t)(colon - text));
    length = strlen(host);
    memset(ret_address, 0, sizeof *ret_address);
    if (length == 0) {
        ret_address->v6 = (struct sockaddr_in6){
            .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
        return true;
    }
    if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        ret_address->v6.sin6_family = AF_INET6;
        ret_address->v6.sin6_port = htons(port);
        if (inet_pton(AF_INET6, host + 1, &ret_address->v6.sin6_addr) == 1)
            return true;
    } else {
        ret_address->v4.sin_family = AF_INET;
        ret_address->v4.sin_port = htons(port);
        if (inet_pton(AF_INET, host, &ret_address->v4.sin_addr) == 1)
            return true;
    }
    return error_set(err, ERROR_INVALID, NULL,
                     "'%s' is not an address to listen on: the host must be an IP address", text);
}

/* NULL with errno.  The library's default is SO_REUSEADDR; MHD_OPTION_LISTENING_ADDRESS_REUSE would
 * be SO_REUSEPORT, with which two processes share a port and each gets some of the probes. */
static struct MHD_Daemon *start_daemon(struct http_server *server, const union address *address)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;

    if (address->any.sa_family == AF_INET6)
        flags |= MHD_USE_DUAL_STACK;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, answer_request, server, MHD_OPTION_SOCK_ADDR, &address->any,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_LIMIT, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK_BYTES, MHD_OPTION_END);
}

bool http_server_start(const char *address, const struct http_route *routes, size_t route_count,
                       struct http_server **ret_server, struct error *err)
{
    struct http_server *server;
    union address parsed;

    assert(route_count <= HTTP_ROUTES_LIMIT);
    if (!parse_address(address, &parsed, err))
        return false;
    server = mem_alloc(sizeof *server);
    memcpy(server->routes, routes, route_count * sizeof *routes);
    server->route_count = route_count;
    server->daemon = start_daemon(server, &parsed);
    if (server->daemon == NULL && address[0] == ':' && errno == EAFNOSUPPORT) {
        /* A machine without IPv6. */
        parsed.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = parsed.v6.sin6_port};
        server->daemon = start_daemon(server, &parsed);
    }
    if (server->daemon == NULL) {
        free(server);
        return error_set(err, ERROR_UNAVAILABLE, NULL,
                         "cannot listen on '%s' (%s): choose another address", address,
                         strerrordesc_np(errno));
    }
    *ret_server = server;
    return true;
}

uint16_t http_server_port(const struct http_server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL)
        return;
    MHD_stop_daemon(server->daemon);
    free(server);
}
