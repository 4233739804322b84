/*
 * Admin connection strings: text from a Secret in, typed parts out.  Written by namespace users, so
 * only an allow-list of parameters is taken, nothing of the pod's files or environment can be
 * named, and no error ever quotes the text.
 */
#ifndef ENGINE_CONNECTION_STRING_H
#define ENGINE_CONNECTION_STRING_H

#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How much the connection to the server is protected, in the words of libpq. */
enum engine_tls_mode {
    ENGINE_TLS_DISABLE,
    ENGINE_TLS_PREFER,
    ENGINE_TLS_REQUIRE,
    ENGINE_TLS_VERIFY_CA,
    ENGINE_TLS_VERIFY_FULL,
};

enum engine_channel_binding {
    ENGINE_CHANNEL_BINDING_DEFAULT, /* not said: the driver insists wherever it can */
    ENGINE_CHANNEL_BINDING_DISABLE,
    ENGINE_CHANNEL_BINDING_PREFER,
    ENGINE_CHANNEL_BINDING_REQUIRE,
};

enum { ENGINE_HOSTS_LIMIT = 8 };

struct engine_host {
    char *host; /* name or address, IPv6 without brackets */
    uint16_t port;
};

/* {0} is empty; release with connection_string_release(). */
struct connection_string {
    struct engine_host hosts[ENGINE_HOSTS_LIMIT]; /* tried in order */
    size_t host_count;
    char *username;
    struct secret password; /* may be empty */
    char *database;         /* NULL = not given */
    enum engine_tls_mode tls_mode;
    bool tls_mode_given;
    bool wants_system_ca;
    enum engine_channel_binding channel_binding;
    uint32_t connect_timeout_seconds; /* 0 = not given */
};

void connection_string_release(struct connection_string *parts);
#define auto_connection_string run_at_scope_end(connection_string_release)

/*
 * postgresql:// and postgres:// (libpq's grammar, last '@' of the authority ends the userinfo,
 * strict percent-decoding, several hosts, IPv6).  White space around the text is ignored.  A text
 * without sslmode means require, with sslrootcert=system verify-full.  INVALID says what is wrong
 * and never quotes a value; an unknown or refused parameter is named.
 */
bool connection_string_parse_postgres(const struct secret *text,
                                      struct connection_string *ret_parts, struct error *err)
    must_check;

/*
 * mysql:// (and mariadb://), and user:password@tcp(host:port)/database as Go's driver writes it.  A
 * text that says nothing of TLS means: with it where the server has it.
 */
bool connection_string_parse_mysql(const struct secret *text, struct connection_string *ret_parts,
                                   struct error *err) must_check;

#endif
