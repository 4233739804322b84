#include "engine/connection_parameters.h"

#include "base/strbuf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_LIMIT_SECONDS = 60 };

bool connection_parameters_refuse(const char *key, const char *allowed, struct error *err)
{
    return error_set(err, ERROR_INVALID, "ConnectionString", "the parameter '%s' must be %s", key,
                     allowed);
}

bool connection_parameters_take_seconds(const char *value, struct connection_string *parts,
                                        struct error *err)
{
    size_t length = strlen(value);
    long seconds = 0;

    if (length >= 1 && length <= 2 && strspn(value, "0123456789") == length)
        seconds = strtol(value, NULL, 10);
    if (seconds < 1 || seconds > TIMEOUT_LIMIT_SECONDS)
        return connection_parameters_refuse("connect_timeout", "a number of seconds from 1 to 60",
                                            err);
    parts->connect_timeout_seconds = (uint32_t)seconds;
    return true;
}

bool connection_parameters_ignore(const char *value maybe_unused,
                                  struct connection_string *parts maybe_unused,
                                  struct error *err maybe_unused)
{
    return true;
}

/* A word that may be shown: whatever is not plain letters may be part of a password. */
static bool is_plain_word(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length <= 32 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") == length;
}

static bool refuse_unknown(const char *key, const struct connection_parameter *table,
                           struct error *err)
{
    auto_strbuf struct strbuf allowed = {0};

    for (size_t i = 0; table[i].key != NULL; i++) {
        if (table[i].take != connection_parameters_ignore)
            strbuf_append_format(&allowed, "%s%s", allowed.length > 0 ? ", " : "", table[i].key);
    }
    return error_set(err, ERROR_INVALID, "ConnectionString",
                     "the parameter '%s' is not allowed: remove it (what counts is %s)",
                     is_plain_word(key) ? key : "?", strbuf_text(&allowed));
}

static bool take_one(const char *key, const char *value, const struct connection_parameter *table,
                     bool *seen, struct connection_string *parts, struct error *err)
{
    for (size_t i = 0; table[i].key != NULL; i++) {
        assert(i < CONNECTION_PARAMETERS_LIMIT);
        if (strcmp(table[i].key, key) != 0)
            continue;
        if (seen[i])
            return error_set(err, ERROR_INVALID, "ConnectionString",
                             "the parameter '%s' is given twice", table[i].key);
        seen[i] = true;
        return table[i].take(value, parts, err);
    }
    return refuse_unknown(key, table, err);
}

bool connection_parameters_take(struct text_span query, const struct connection_parameter *table,
                                struct connection_string *parts, struct error *err)
{
    char key[URL_PARAMETER_SIZE], value[URL_PARAMETER_SIZE];
    bool seen[CONNECTION_PARAMETERS_LIMIT] = {false};
    bool failed;

    while (url_parts_next_parameter(&query, key, value, &failed, err)) {
        if (!take_one(key, value, table, seen, parts, err))
            return false;
    }
    return !failed;
}
