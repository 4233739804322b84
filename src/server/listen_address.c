#include "server/listen_address.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

bool listen_address_parse(const char *text, union listen_address *ret_address, struct error *err)
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
