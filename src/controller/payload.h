/*
 * The value of the secret that applications read: the documented JSON, and reading it back.
 *
 * v2 holds DB_HOST, DB_PORT (a number), DB_NAME, DB_USERNAME, DB_PASSWORD and a URL under the
 * engine's key; the predecessor's first format (v1) holds host, port, dbname, username, password.
 */
#ifndef CONTROLLER_PAYLOAD_H
#define CONTROLLER_PAYLOAD_H

#include "base/error.h"
#include "base/secret.h"
#include "engine/engine.h"

#include <stdbool.h>
#include <stdint.h>

/* What a stored secret says; NULL or 0 where it says nothing.  {0} is empty. */
struct credentials {
    char *host;
    int64_t port;
    char *database;
    char *username;
    struct secret password;
    const char *format_version; /* "v2" or "v1" */
    json_t *document;           /* everything that is stored; NULL = nothing yet */
};

void credentials_release(struct credentials *credentials);
#define auto_credentials run_at_scope_end(credentials_release)

/* The documented JSON for this word of spec.engine, over what is stored besides, compact, keys
 * sorted, in an erasing secret. */
void payload_render(const struct credentials *credentials, const struct engine_driver *driver,
                    const char *engine, struct secret *ret_value);
/* Reads either format.  INVALID when it is not a JSON object or holds no password; the message
 * never quotes it. */
bool payload_parse(const struct secret *value, struct credentials *ret_credentials,
                   struct error *err) must_check;

#endif
