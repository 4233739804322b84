/*
 * The value of the secret that applications read: the documented JSON, and reading it back.
 *
 * v2 holds DB_HOST, DB_PORT (a number), DB_NAME, DB_USERNAME, DB_PASSWORD and a URL under the
 * engine's key; the predecessor's first format (v1) holds host, port, dbname, username, password.
 */
#ifndef PAYLOAD_PAYLOAD_H
#define PAYLOAD_PAYLOAD_H

#include "base/error.h"
#include "base/secret.h"
#include "engine/engine.h"

#include <stdbool.h>
#include <stdint.h>

struct strbuf;

/* struct credentials, format_version: what status.secretFormatVersion says. */
#define PAYLOAD_FORMAT_DOCUMENTED "v2"
#define PAYLOAD_FORMAT_OLD        "v1"
#define PAYLOAD_FORMAT_TEMPLATE   "template"

/* What a stored secret says; NULL or 0 where it says nothing.  {0} is empty. */
struct credentials {
    char *host;
    int64_t port;
    char *database;
    char *username;
    struct secret password;
    const char *format_version; /* one of PAYLOAD_FORMAT_* */
    json_t *document;           /* everything that is stored, of a templated secret everything of
                                 * its documented JSON; NULL = nothing yet */
};

void credentials_release(struct credentials *credentials);
#define auto_credentials run_at_scope_end(credentials_release)

/* scheme://user:password@host:port/database, every part escaped (RFC 3986).  The buffer should be
 * an erasing one. */
void payload_append_url(struct strbuf *url, const struct credentials *credentials,
                        const struct engine_driver *driver);
/* The documented JSON for this word of spec.engine, over what is stored besides, compact, keys
 * sorted, in an erasing secret. */
void payload_render(const struct credentials *credentials, const struct engine_driver *driver,
                    const char *engine, struct secret *ret_value);
/* Reads either format.  INVALID when it is not a JSON object or holds no password; the message
 * never quotes it. */
bool payload_parse(const struct secret *value, struct credentials *ret_credentials,
                   struct error *err) must_check;

#endif
