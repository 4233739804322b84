#include "base/memory.h"
#include "base/strbuf.h"
#include "engine/connection_parameters.h"
#include "engine/connection_string.h"
#include "engine/url_parts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * Two forms: mysql://user:password@host:port/database?..., and that of Go's driver,
 * user:password@tcp(host:port)/database?..., in which nothing before the '/' is encoded: the last
 * '/' begins the database, the last '@' before it ends the credentials, the first ':' in them
 * begins the password.
 */

enum { PORT_DEFAULT = 3306, DURATION_LIMIT_MS = 60 * 1000, USERNAME_LIMIT = 255 };

static const char *const schemes[] = {"mariadb://", "mysql://", NULL};

static bool fail(struct error *err, const char *message)
{
    return error_set(err, ERROR_INVALID, "ConnectionString", "%s", message);
}

/* --- Parameters ------------------------------------------------------------------------------ */

struct tls_word {
    const char *word;
    enum engine_tls_mode mode;
};

static bool take_tls_word(const char *value, const struct tls_word *words, size_t count,
                          struct connection_string *parts)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(words[i].word, value) != 0)
            continue;
        parts->tls_mode = words[i].mode;
        parts->tls_mode_given = true;
        return true;
    }
    return false;
}

static bool refuse_second_mode(const struct connection_string *parts, struct error *err)
{
    return !parts->tls_mode_given ||
           fail(err, "tls and ssl-mode say the same thing twice: keep one of them");
}

/* The words of Go's driver; its names of registered configurations mean nothing here. */
static bool take_tls(const char *value, struct connection_string *parts, struct error *err)
{
    static const struct tls_word words[] = {
        {"true", ENGINE_TLS_VERIFY_FULL},    {"1", ENGINE_TLS_VERIFY_FULL},
        {"skip-verify", ENGINE_TLS_REQUIRE}, {"preferred", ENGINE_TLS_PREFER},
        {"false", ENGINE_TLS_DISABLE},       {"0", ENGINE_TLS_DISABLE},
    };

    if (!refuse_second_mode(parts, err))
        return false;
    return take_tls_word(value, words, array_length(words), parts) ||
           connection_parameters_refuse("tls", "true, skip-verify, preferred or false", err);
}

/* The words of MySQL's own clients. */
static bool take_ssl_mode(const char *value, struct connection_string *parts, struct error *err)
{
    static const struct tls_word words[] = {
        {"DISABLED", ENGINE_TLS_DISABLE},
        {"PREFERRED", ENGINE_TLS_PREFER},
        {"REQUIRED", ENGINE_TLS_REQUIRE},
        {"VERIFY_CA", ENGINE_TLS_VERIFY_CA},
        {"VERIFY_IDENTITY", ENGINE_TLS_VERIFY_FULL},
    };

    if (!refuse_second_mode(parts, err))
        return false;
    return take_tls_word(value, words, array_length(words), parts) ||
           connection_parameters_refuse(
               "ssl-mode", "DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY", err);
}

static bool refuse_ca(const char *value maybe_unused, struct connection_string *parts maybe_unused,
                      struct error *err)
{
    return fail(err, "the parameter 'ssl-ca' names a file, and files of the operator are not the "
                     "user's: put the CA into the key ca.crt of the Secret");
}

/* A duration of Go, "5s" or "500ms", in whole seconds, at least one. */
static bool take_timeout(const char *value, struct connection_string *parts, struct error *err)
{
    size_t digits = strspn(value, "0123456789");
    bool is_milliseconds = strcmp(value + digits, "ms") == 0;
    long number = digits > 0 && digits <= 5 ? strtol(value, NULL, 10) : 0;
    long milliseconds = is_milliseconds ? number : number * 1000;

    if ((!is_milliseconds && strcmp(value + digits, "s") != 0) || milliseconds < 1 ||
        milliseconds > DURATION_LIMIT_MS)
        return connection_parameters_refuse("timeout", "a duration up to 60s, such as 5s", err);
    parts->connect_timeout_seconds = (uint32_t)((milliseconds + 999) / 1000);
    return true;
}

/* What is only for the application's own client is no reason to refuse a string that it shares. */
static const struct connection_parameter parameters[] = {
    {"tls", take_tls},
    {"ssl-mode", take_ssl_mode},
    {"ssl_mode", take_ssl_mode},
    {"sslmode", take_ssl_mode},
    {"sslMode", take_ssl_mode},
    {"timeout", take_timeout},
    {"connect_timeout", connection_parameters_take_seconds},
    {"ssl-ca", refuse_ca},
    {"ssl_ca", refuse_ca},
    {"readTimeout", connection_parameters_ignore},
    {"writeTimeout", connection_parameters_ignore},
    {"charset", connection_parameters_ignore},
    {"collation", connection_parameters_ignore},
    {"parseTime", connection_parameters_ignore},
    {"loc", connection_parameters_ignore},
    {"multiStatements", connection_parameters_ignore},
    {"interpolateParams", connection_parameters_ignore},
    {"allowNativePasswords", connection_parameters_ignore},
    {"checkConnLiveness", connection_parameters_ignore},
    {"clientFoundRows", connection_parameters_ignore},
    {"columnsWithAlias", connection_parameters_ignore},
    {"maxAllowedPacket", connection_parameters_ignore},
    {"rejectReadOnly", connection_parameters_ignore},
    {NULL, NULL},
};

/* --- The form of Go's driver ----------------------------------------------------------------- */

static struct text_span span_between(const char *begin, const char *end)
{
    return (struct text_span){begin, (size_t)(end - begin)};
}

static bool take_credentials(struct text_span credentials, struct connection_string *parts,
                             struct error *err)
{
    const char *end = credentials.begin + credentials.length;
    const char *colon = memchr(credentials.begin, ':', credentials.length);
    struct text_span user = span_between(credentials.begin, colon != NULL ? colon : end);

    if (user.length == 0)
        return fail(err, "it names no user");
    if (user.length > USERNAME_LIMIT)
        return fail(err, "the user name is too long");
    free(parts->username);
    parts->username = mem_strndup(user.begin, user.length);
    if (colon != NULL)
        secret_set(&parts->password, colon + 1, (size_t)(end - colon - 1));
    return true;
}

static bool take_address(struct text_span address, struct connection_string *parts,
                         struct error *err)
{
    static const char tcp[] = "tcp(";
    size_t prefix = strlen(tcp);

    if (address.length > strlen("unix(") && memcmp(address.begin, "unix(", strlen("unix(")) == 0)
        return fail(err, "it names a socket file, which the operator cannot reach: use "
                         "tcp(host:port)");
    if (address.length <= prefix || memcmp(address.begin, tcp, prefix) != 0 ||
        address.begin[address.length - 1] != ')')
        return fail(err, "the address is not of the form tcp(host:port) (is there a '/' or '@' in "
                         "the password? then use the form mysql://... and percent-encode it)");
    address = span_between(address.begin + prefix, address.begin + address.length - 1);
    return url_parts_parse_hosts(address, PORT_DEFAULT, parts, err);
}

static bool parse_go_form(struct text_span text, struct connection_string *parts,
                          struct text_span *ret_query, struct error *err)
{
    const char *slash = memrchr(text.begin, '/', text.length);
    const char *end = text.begin + text.length, *at, *query;
    struct text_span database;

    if (slash == NULL)
        return fail(err, "it is neither mysql://user:password@host:port/database nor "
                         "user:password@tcp(host:port)/database (the '/' is missing)");
    at = memrchr(text.begin, '@', (size_t)(slash - text.begin));
    if (at == NULL)
        return fail(err, "it names no user before an '@'");
    query = memchr(slash, '?', (size_t)(end - slash));
    *ret_query = query != NULL ? span_between(query + 1, end) : (struct text_span){end, 0};
    database = span_between(slash + 1, query != NULL ? query : end);
    return take_credentials(span_between(text.begin, at), parts, err) &&
           take_address(span_between(at + 1, slash), parts, err) &&
           (database.length == 0 ||
            url_parts_decode(database, &parts->database, "database name", err));
}

/* --- Both ------------------------------------------------------------------------------------ */

static bool has_scheme(struct text_span text)
{
    const char *colon = memchr(text.begin, ':', text.length);
    size_t rest = colon != NULL ? text.length - (size_t)(colon - text.begin) : 0;

    /* "user://..." would be a password that begins with "//": then the scheme wins. */
    return rest >= 3 && memcmp(colon, "://", 3) == 0;
}

bool connection_string_parse_mysql(const struct secret *text, struct connection_string *ret_parts,
                                   struct error *err)
{
    auto_connection_string struct connection_string parts = {.tls_mode = ENGINE_TLS_PREFER};
    struct text_span span, query = {"", 0};

    if (!url_parts_trim(text, &span, err))
        return false;
    if (has_scheme(span) ? !url_parts_parse(span, schemes, PORT_DEFAULT, &parts, &query, err)
                         : !parse_go_form(span, &parts, &query, err))
        return false;
    if (!connection_parameters_take(query, parameters, &parts, err))
        return false;
    *ret_parts = parts;
    parts = (struct connection_string){0};
    return true;
}
