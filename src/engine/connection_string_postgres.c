#include "engine/connection_parameters.h"
#include "engine/connection_string.h"
#include "engine/url_parts.h"

#include <string.h>

enum { PORT_DEFAULT = 5432 };

static const char *const schemes[] = {"postgres://", "postgresql://", NULL};

static bool take_sslmode(const char *value, struct connection_string *parts, struct error *err)
{
    static const char *const names[] = {
        [ENGINE_TLS_DISABLE] = "disable",         [ENGINE_TLS_PREFER] = "prefer",
        [ENGINE_TLS_REQUIRE] = "require",         [ENGINE_TLS_VERIFY_CA] = "verify-ca",
        [ENGINE_TLS_VERIFY_FULL] = "verify-full",
    };

    for (size_t i = 0; i < array_length(names); i++) {
        if (strcmp(value, names[i]) == 0) {
            parts->tls_mode = (enum engine_tls_mode)i;
            parts->tls_mode_given = true;
            return true;
        }
    }
    return connection_parameters_refuse("sslmode",
                                        "disable, prefer, require, verify-ca or verify-full", err);
}

static bool take_ssl(const char *value, struct connection_string *parts, struct error *err)
{
    if (strcmp(value, "true") != 0)
        return connection_parameters_refuse("ssl", "true; use sslmode for anything else", err);
    /* An sslmode, before or after, says more. */
    return parts->tls_mode_given || take_sslmode("require", parts, err);
}

static bool take_channel_binding(const char *value, struct connection_string *parts,
                                 struct error *err)
{
    if (strcmp(value, "disable") == 0)
        parts->channel_binding = ENGINE_CHANNEL_BINDING_DISABLE;
    else if (strcmp(value, "prefer") == 0)
        parts->channel_binding = ENGINE_CHANNEL_BINDING_PREFER;
    else if (strcmp(value, "require") == 0)
        parts->channel_binding = ENGINE_CHANNEL_BINDING_REQUIRE;
    else
        return connection_parameters_refuse("channel_binding", "disable, prefer or require", err);
    return true;
}

/* What the operator does anyway may be said. */
static bool take_session_attributes(const char *value, struct connection_string *parts maybe_unused,
                                    struct error *err)
{
    if (strcmp(value, "read-write") == 0 || strcmp(value, "primary") == 0)
        return true;
    return connection_parameters_refuse("target_session_attrs", "read-write or primary", err);
}

static bool take_root_certificate(const char *value, struct connection_string *parts,
                                  struct error *err)
{
    parts->wants_system_ca = strcmp(value, "system") == 0;
    if (parts->wants_system_ca)
        return true;
    return error_set(err, ERROR_INVALID, "ConnectionString",
                     "the parameter 'sslrootcert' may only be system, since files of the operator "
                     "are not the user's: put the CA into the key ca.crt of the Secret");
}

static const struct connection_parameter parameters[] = {
    {"sslmode", take_sslmode},
    {"ssl", take_ssl},
    {"channel_binding", take_channel_binding},
    {"connect_timeout", connection_parameters_take_seconds},
    {"target_session_attrs", take_session_attributes},
    {"sslrootcert", take_root_certificate},
    {NULL, NULL},
};

/* As libpq from 16 on: sslrootcert=system alone means that the server is verified, and less is a
 * contradiction, since anybody can get a certificate of a public CA for some other name. */
static bool check_system_ca(struct connection_string *parts, struct error *err)
{
    if (!parts->wants_system_ca)
        return true;
    if (!parts->tls_mode_given)
        return take_sslmode("verify-full", parts, err);
    return parts->tls_mode == ENGINE_TLS_VERIFY_FULL ||
           connection_parameters_refuse("sslmode", "verify-full together with sslrootcert=system",
                                        err);
}

bool connection_string_parse_postgres(const struct secret *text,
                                      struct connection_string *ret_parts, struct error *err)
{
    auto_connection_string struct connection_string parts = {.tls_mode = ENGINE_TLS_REQUIRE};
    struct text_span span, query = {"", 0};

    if (!url_parts_trim(text, &span, err) ||
        !url_parts_parse(span, schemes, PORT_DEFAULT, &parts, &query, err) ||
        !connection_parameters_take(query, parameters, &parts, err) ||
        !check_system_ca(&parts, err))
        return false;
    *ret_parts = parts;
    parts = (struct connection_string){0};
    return true;
}
