/*
 * Where a server listens, as options say it.
 */
#ifndef SERVER_LISTEN_ADDRESS_H
#define SERVER_LISTEN_ADDRESS_H

#include "base/error.h"

#include <netinet/in.h>
#include <stdbool.h>

union listen_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* "host:port", ":port" (every address) or "[v6]:port".  INVALID for anything else. */
bool listen_address_parse(const char *text, union listen_address *ret_address, struct error *err)
    must_check;

#endif
