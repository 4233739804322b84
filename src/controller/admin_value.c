#include "controller/admin_value.h"

#include "base/document.h"
#include "base/encoding.h"
#include "base/strbuf.h"

#include <string.h>

#define IN_HOSTS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"

/* --- What RDS writes ------------------------------------------------------------------------- */

static bool require_member(const json_t *json, const char *key, const char **ret_text,
                           struct error *err)
{
    const json_t *member = document_at(json, key, NULL);

    if (member != NULL && !json_is_string(member))
        return error_set(err, ERROR_INVALID, NULL, "the key '%s' of its JSON is not a string", key);
    if (json_string_length(member) == 0)
        return error_set(err, ERROR_INVALID, "KeyMissing",
                         "its JSON has neither the key '" ADMIN_CONNECTION_KEY
                         "' nor all of username, password and host as RDS writes them: '%s' is "
                         "missing (RDS itself writes no host: store the connection string in a "
                         "secret of your own)",
                         key);
    *ret_text = json_string_value(member);
    return true;
}

/* "aurora-mysql" is a mysql, and so was "aurora". */
static bool check_engine(const json_t *json, const struct engine_driver *driver, struct error *err)
{
    static const char aurora[] = "aurora-";
    const char *engine = document_string(json, "engine");
    const char *word = engine;

    if (engine == NULL)
        return true;
    if (strcmp(engine, "aurora") == 0)
        word = "mysql";
    else if (strncmp(engine, aurora, strlen(aurora)) == 0)
        word = engine + strlen(aurora);
    return engine_driver_find(word) == driver ||
           error_set(err, ERROR_INVALID, NULL,
                     "the key 'engine' of its JSON does not fit spec.engine: name the secret of a "
                     "%s server",
                     driver->family);
}

static bool append_host(struct strbuf *url, const char *host, struct error *err)
{
    bool is_address = strchr(host, ':') != NULL;

    if (strspn(host, IN_HOSTS) != strlen(host))
        return error_set(err, ERROR_INVALID, NULL,
                         "the key 'host' of its JSON is no host name or address");
    strbuf_append_format(url, is_address ? "[%s]" : "%s", host);
    return true;
}

/* A number, or a string of digits. */
static bool append_port(struct strbuf *url, const json_t *port, struct error *err)
{
    const char *text = json_string_value(port);

    if (port == NULL)
        return true;
    if (json_is_integer(port))
        strbuf_append_format(url, ":%lld", (long long)json_integer_value(port));
    else if (text != NULL && text[0] != '\0' && text[strspn(text, "0123456789")] == '\0')
        strbuf_append_format(url, ":%s", text);
    else
        return error_set(err, ERROR_INVALID, NULL, "the key 'port' of its JSON is not a number");
    return true;
}

/* One way of reading: as the URL that says the same. */
static bool parse_members(const json_t *json, const struct engine_driver *driver,
                          struct connection_string *ret_server, struct error *err)
{
    const char *username, *password, *host, *database = document_string(json, "dbname");
    auto_strbuf struct strbuf url = STRBUF_ERASING;
    auto_secret struct secret text = {0};

    if (!require_member(json, "username", &username, err) ||
        !require_member(json, "password", &password, err) ||
        !require_member(json, "host", &host, err) || !check_engine(json, driver, err))
        return false;
    strbuf_append_format(&url, "%s://", driver->url_scheme);
    encoding_append_percent(&url, username, strlen(username));
    strbuf_append_char(&url, ':');
    encoding_append_percent(&url, password, strlen(password));
    strbuf_append_char(&url, '@');
    if (!append_host(&url, host, err) || !append_port(&url, document_at(json, "port", NULL), err))
        return false;
    strbuf_append_char(&url, '/');
    if (database != NULL)
        encoding_append_percent(&url, database, strlen(database));
    secret_take_strbuf(&text, &url);
    return driver->parse_connection_string(&text, ret_server, err) ||
           error_wrap(err, "username, password, host, port and dbname of its JSON do not fit");
}

/* --- All forms ------------------------------------------------------------------------------- */

static bool parse_member(const json_t *member, const char *key, const struct engine_driver *driver,
                         struct connection_string *ret_server, struct error *err)
{
    auto_secret struct secret text = {0};

    if (!json_is_string(member))
        return error_set(err, ERROR_INVALID, NULL, "the key '%.253s' of its JSON is not a string",
                         key);
    secret_set(&text, json_string_value(member), json_string_length(member));
    return driver->parse_connection_string(&text, ret_server, err) ||
           error_wrap(err, "the key '%.253s' of its JSON is not a usable connection string", key);
}

static bool parse_object(const json_t *json, const char *key, const struct engine_driver *driver,
                         struct connection_string *ret_server, struct error *err)
{
    const char *wanted = key != NULL ? key : ADMIN_CONNECTION_KEY;
    const json_t *member = json_object_get(json, wanted);

    if (member != NULL)
        return parse_member(member, wanted, driver, ret_server, err);
    if (key == NULL)
        return parse_members(json, driver, ret_server, err);
    return error_set(err, ERROR_INVALID, "KeyMissing",
                     "its JSON has no key '%.253s': add it, or name another key in "
                     "spec.connectionStringAWSSecretRef.key",
                     key);
}

static bool parse_text(const struct secret *value, const char *key,
                       const struct engine_driver *driver, struct connection_string *ret_server,
                       struct error *err)
{
    if (key != NULL)
        return error_set(err, ERROR_INVALID, "KeyMissing",
                         "its value is not a JSON object, so that it has no key '%.253s': remove "
                         "spec.connectionStringAWSSecretRef.key, or store JSON with this key",
                         key);
    return driver->parse_connection_string(value, ret_server, err) ||
           error_wrap(err, "its value is neither JSON nor a usable connection string");
}

bool admin_value_parse(const struct secret *value, const char *key,
                       const struct engine_driver *driver, struct connection_string *ret_server,
                       struct error *err)
{
    const char *text = secret_reveal(value);
    auto_json json_t *json = NULL;

    if (text[strspn(text, " \t\r\n")] != '{')
        return parse_text(value, key, driver, ret_server, err);
    if (!document_parse(text, value->length, &json, err))
        return error_wrap(err, "its value begins as JSON and cannot be read as such");
    return parse_object(json, key, driver, ret_server, err);
}
