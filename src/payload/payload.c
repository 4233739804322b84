#include "payload/payload.h"

#include "base/document.h"
#include "base/encoding.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <string.h>

void credentials_release(struct credentials *credentials)
{
    free(credentials->host);
    free(credentials->database);
    free(credentials->username);
    secret_release(&credentials->password);
    json_decref(credentials->document);
    *credentials = (struct credentials){0};
}

static void append_percent_text(struct strbuf *buf, const char *text)
{
    encoding_append_percent(buf, text, strlen(text));
}

void payload_append_url(struct strbuf *url, const struct credentials *credentials,
                        const struct engine_driver *driver)
{
    bool is_ipv6 = strchr(credentials->host, ':') != NULL;

    strbuf_append_format(url, "%s://", driver->url_scheme);
    append_percent_text(url, credentials->username);
    strbuf_append_char(url, ':');
    encoding_append_percent(url, secret_reveal(&credentials->password),
                            credentials->password.length);
    strbuf_append_format(url, is_ipv6 ? "@[%s]:%lld/" : "@%s:%lld/", credentials->host,
                         (long long)credentials->port);
    append_percent_text(url, credentials->database);
}

void payload_render(const struct credentials *credentials, const struct engine_driver *driver,
                    const char *engine, struct secret *ret_value)
{
    auto_strbuf struct strbuf url = STRBUF_ERASING;
    auto_strbuf struct strbuf text = STRBUF_ERASING;
    auto_json json_t *json =
        credentials->document != NULL ? json_deep_copy(credentials->document) : json_object();

    payload_append_url(&url, credentials, driver);
    json_object_set_new(json, "DB_HOST", json_string(credentials->host));
    json_object_set_new(json, "DB_PORT", json_integer(credentials->port));
    json_object_set_new(json, "DB_NAME", json_string(credentials->database));
    json_object_set_new(json, "DB_USERNAME", json_string(credentials->username));
    json_object_set_new(
        json, "DB_PASSWORD",
        json_stringn(secret_reveal(&credentials->password), credentials->password.length));
    for (const char *const *key = engine_url_keys(driver, engine); *key != NULL; key++)
        json_object_set_new(json, *key, json_string(strbuf_text(&url)));
    document_render(json, true, &text);
    secret_take_strbuf(ret_value, &text);
}

/* The keys of each format, newest first. */
static const struct payload_format {
    const char *version, *host, *port, *database, *username, *password;
} formats[] = {
    {PAYLOAD_FORMAT_DOCUMENTED, "DB_HOST", "DB_PORT", "DB_NAME", "DB_USERNAME", "DB_PASSWORD"},
    {PAYLOAD_FORMAT_OLD, "host", "port", "dbname", "username", "password"},
};

/* A port may be a number or, where a person wrote the secret, its digits in a string. */
static int64_t read_port(const json_t *json, const char *key)
{
    const char *text = document_string(json, key);

    if (text != NULL && text[0] != '\0' && strlen(text) <= 5 &&
        strspn(text, "0123456789") == strlen(text))
        return strtol(text, NULL, 10);
    return document_integer(json, key, 0);
}

bool payload_parse(const struct secret *value, struct credentials *ret_credentials,
                   struct error *err)
{
    auto_json json_t *json = NULL;

    if (!document_parse(secret_reveal(value), value->length, &json, err) || !json_is_object(json))
        return error_set(err, ERROR_INVALID, NULL, "its value is not a JSON object");
    for (size_t i = 0; i < array_length(formats); i++) {
        const struct payload_format *format = &formats[i];
        const json_t *password = json_object_get(json, format->password);

        if (!json_is_string(password) || json_string_length(password) == 0)
            continue;
        *ret_credentials = (struct credentials){
            .host = mem_strdup_or_null(document_string(json, format->host)),
            .port = read_port(json, format->port),
            .database = mem_strdup_or_null(document_string(json, format->database)),
            .username = mem_strdup_or_null(document_string(json, format->username)),
            .format_version = format->version,
            .document = json_incref(json),
        };
        secret_set(&ret_credentials->password, json_string_value(password),
                   json_string_length(password));
        return true;
    }
    return error_set(err, ERROR_INVALID, NULL, "it holds no password under the key DB_PASSWORD");
}
