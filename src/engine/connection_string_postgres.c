#include "base/strbuf.h"
#include "engine/connection_string.h"
#include "engine/url_parts.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_DEFAULT = 5432, CONNECT_TIMEOUT_LIMIT_SECONDS = 60 };

static const char *const schemes[] = {"postgres://", "postgresql://", NULL};

static bool refuse_value(const char *key, const char *allowed, struct error *err)
{
    return error_set(err, ERROR_INVALID, "ConnectionString", "the parameter '%s' must be %s", key,
                     allowed);
}

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
    return refuse_value("sslmode", "disable, prefer, require, verify-ca or verify-full", err);
}

static bool take_ssl(const char *value, struct connection_string *parts, struct error *err)
{
    if (strcmp(value, "true") != 0)
        return refuse_value("ssl", "true; use sslmode for anything else", err);
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
        return refuse_value("channel_binding", "disable, prefer or require", err);
    return true;
}

static bool take_connect_timeout(const char *value, struct connection_string *parts,
                                 struct error *err)
{
    size_t length = strlen(value);
    long seconds;

    if (length == 0 || length > 2 || strspn(value, "0123456789") != length)
        return refuse_value("connect_timeout", "a number of seconds from 1 to 60", err);
    seconds = strtol(value, NULL, 10);
    if (seconds < 1 || seconds > CONNECT_TIMEOUT_LIMIT_SECONDS)
        return refuse_value("connect_timeout", "a number of seconds from 1 to 60", err);
    parts->connect_timeout_seconds = (uint32_t)seconds;
    return true;
}

/* What the operator does anyway may be said. */
static bool take_session_attributes(const char *value, struct connection_string *parts maybe_unused,
                                    struct error *err)
{
    if (strcmp(value, "read-write") == 0 || strcmp(value, "primary") == 0)
        return true;
    return refuse_value("target_session_attrs", "read-write or primary", err);
}

static bool take_root_certificate(const char *value, struct connection_string *parts maybe_unused,
                                  struct error *err)
{
    if (strcmp(value, "system") == 0)
        return true;
    return error_set(err, ERROR_INVALID, "ConnectionString",
                     "the parameter 'sslrootcert' may only be system, since files of the operator "
                     "are not the user's: put the CA into the key ca.crt of the Secret");
}

enum { PARAMETER_ROOT_CERTIFICATE };

static const struct parameter {
    const char *key;
    bool (*take)(const char *value, struct connection_string *parts, struct error *err);
} parameters[] = {
    [PARAMETER_ROOT_CERTIFICATE] = {"sslrootcert", take_root_certificate},
    {"sslmode", take_sslmode},
    {"ssl", take_ssl},
    {"channel_binding", take_channel_binding},
    {"connect_timeout", take_connect_timeout},
    {"target_session_attrs", take_session_attributes},
};

/* As libpq from 16 on: sslrootcert=system alone means that the server is verified, and less is a
 * contradiction, since anybody can get a certificate of a public CA for some other name. */
static bool verify_with_system(struct connection_string *parts, struct error *err)
{
    if (!parts->tls_mode_given)
        return take_sslmode("verify-full", parts, err);
    return parts->tls_mode == ENGINE_TLS_VERIFY_FULL ||
           refuse_value("sslmode", "verify-full together with sslrootcert=system", err);
}

/* A word that may be shown: whatever is not plain letters may be part of a password. */
static bool is_plain_word(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length <= 32 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") == length;
}

/* Of two values libpq takes the last, other clients the first: refused. */
static bool take_parameter(const char *key, const char *value, bool *seen,
                           struct connection_string *parts, struct error *err)
{
    for (size_t i = 0; i < array_length(parameters); i++) {
        if (strcmp(parameters[i].key, key) != 0)
            continue;
        if (seen[i])
            return error_set(err, ERROR_INVALID, "ConnectionString",
                             "the parameter '%s' is given twice", key);
        seen[i] = true;
        return parameters[i].take(value, parts, err);
    }
    return error_set(err, ERROR_INVALID, "ConnectionString",
                     "the parameter '%s' is not allowed: remove it (allowed are sslmode, ssl, "
                     "channel_binding, connect_timeout, target_session_attrs and sslrootcert)",
                     is_plain_word(key) ? key : "?");
}

static bool take_parameters(struct text_span query, struct connection_string *parts,
                            struct error *err)
{
    char key[URL_PARAMETER_SIZE], value[URL_PARAMETER_SIZE];
    bool seen[array_length(parameters)] = {false};
    bool failed;

    while (url_parts_next_parameter(&query, key, value, &failed, err)) {
        if (!take_parameter(key, value, seen, parts, err))
            return false;
    }
    return !failed && (!seen[PARAMETER_ROOT_CERTIFICATE] || verify_with_system(parts, err));
}

bool connection_string_parse_postgres(const struct secret *text,
                                      struct connection_string *ret_parts, struct error *err)
{
    auto_connection_string struct connection_string parts = {.tls_mode = ENGINE_TLS_REQUIRE};
    struct text_span span, query = {"", 0};

    if (!url_parts_trim(text, &span, err) ||
        !url_parts_parse(span, schemes, PORT_DEFAULT, &parts, &query, err) ||
        !take_parameters(query, &parts, err))
        return false;
    *ret_parts = parts;
    parts = (struct connection_string){0};
    return true;
}
