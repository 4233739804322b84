#include "aws/credentials_document.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "base/timesource.h"

#include <string.h>

/* The year 9999: what is later is no expiration, and would not fit into microseconds for long. */
#define LATEST_S INT64_C(253402300799)

static const struct aws_credentials_parts names = {
    .access_key_id = "AccessKeyId",
    .secret_access_key = "SecretAccessKey",
    .session_token = "the session token",
};

static bool fail(const char *what, struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "NotCredentials", "the answer holds no credentials: %s",
                     what);
}

/* As a broken peer, not as refused rights: nobody can correct these at the operator. */
static bool make(const struct aws_credentials_parts *parts, struct aws_credentials *ret_credentials,
                 struct error *err)
{
    struct error failure;

    if (parts->access_key_id == NULL || parts->secret_access_key == NULL)
        return fail("AccessKeyId or SecretAccessKey is missing", err);
    if (parts->session_token == NULL || parts->session_token[0] == '\0')
        return fail("the session token is missing", err);
    if (!aws_credentials_make(parts, &names, ret_credentials, &failure))
        return fail(failure.message, err);
    return true;
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* RFC 3339, or seconds since 1970; missing = never. */
static bool read_expiration(const json_t *value, int64_t *ret_us)
{
    if (value == NULL || json_is_null(value)) {
        *ret_us = 0;
        return true;
    }
    if (json_is_string(value))
        return timestamp_parse(json_string_value(value), ret_us);
    if (!json_is_number(value) || json_number_value(value) <= 0 ||
        json_number_value(value) > (double)LATEST_S)
        return false;
    *ret_us = (int64_t)(json_number_value(value) * 1e6);
    return true;
}

static bool make_from_json(const json_t *object, const char *token_key,
                           struct aws_credentials *ret_credentials, struct error *err)
{
    struct aws_credentials_parts parts = {
        .access_key_id = document_string(object, "AccessKeyId"),
        .secret_access_key = document_string(object, "SecretAccessKey"),
        .session_token = document_string(object, token_key),
    };

    if (!read_expiration(json_object_get(object, "Expiration"), &parts.expires_us))
        return fail("Expiration is not a time", err);
    return make(&parts, ret_credentials, err);
}

bool credentials_document_parse(const struct strbuf *body, struct aws_credentials *ret_credentials,
                                struct error *err)
{
    auto_json json_t *object = NULL;
    const char *code, *message;
    struct error failure;

    if (!document_parse(strbuf_text(body), body->length, &object, &failure) ||
        !json_is_object(object))
        return fail("it is not a JSON object", err);
    code = document_string(object, "Code");
    message = document_string(object, "Message");
    if (code != NULL && strcmp(code, "Success") != 0)
        return error_set(err, ERROR_DENIED, "CredentialsRefused", "%.64s: %.200s", code,
                         message != NULL ? message : "no explanation");
    return make_from_json(object, "Token", ret_credentials, err);
}

static bool parse_sts_json(const struct strbuf *body, const char *action,
                           struct aws_credentials *ret_credentials, struct error *err)
{
    auto_free char *response = mem_printf("%sResponse", action);
    auto_free char *result = mem_printf("%sResult", action);
    auto_json json_t *object = NULL;
    const json_t *credentials;
    struct error failure;

    if (!document_parse(strbuf_text(body), body->length, &object, &failure))
        return fail("it is not complete JSON", err);
    credentials = document_at(object, response, result, "Credentials", NULL);
    if (!json_is_object(credentials))
        return fail("it has no member 'Credentials'", err);
    return make_from_json(credentials, "SessionToken", ret_credentials, err);
}

/* --- XML ------------------------------------------------------------------------------------- */

/* The content of the only <name>...</name> between begin and end; NULL when there is none, several,
 * or markup inside (none of these values holds any). */
static char *take_element(const char *begin, const char *end, const char *name)
{
    auto_free char *open = mem_printf("<%s>", name), *close = mem_printf("</%s>", name);
    const char *content = memmem(begin, (size_t)(end - begin), open, strlen(open)), *after;

    if (content == NULL)
        return NULL;
    content += strlen(open);
    after = memmem(content, (size_t)(end - content), close, strlen(close));
    if (after == NULL || memmem(after, (size_t)(end - after), open, strlen(open)) != NULL ||
        memchr(content, '<', (size_t)(after - content)) != NULL ||
        memchr(content, '&', (size_t)(after - content)) != NULL)
        return NULL;
    return mem_strndup(content, (size_t)(after - content));
}

static void release_erased(char **text)
{
    mem_free_erased(*text);
}

#define auto_erased run_at_scope_end(release_erased)

static bool parse_sts_xml(const struct strbuf *body, const char *action,
                          struct aws_credentials *ret_credentials, struct error *err)
{
    static const char open[] = "<Credentials>", close[] = "</Credentials>";
    auto_free char *root = mem_printf("<%sResponse", action);
    auto_erased char *id = NULL, *key = NULL, *token = NULL, *expiration = NULL;
    const char *text = strbuf_text(body);
    const char *begin = strstr(text, open), *end = begin != NULL ? strstr(begin, close) : NULL;
    struct aws_credentials_parts parts;

    if (strstr(text, root) == NULL || end == NULL)
        return fail("it has no element 'Credentials'", err);
    id = take_element(begin, end, "AccessKeyId");
    key = take_element(begin, end, "SecretAccessKey");
    token = take_element(begin, end, "SessionToken");
    expiration = take_element(begin, end, "Expiration");
    parts = (struct aws_credentials_parts){
        .access_key_id = id, .secret_access_key = key, .session_token = token};
    if (expiration == NULL || !timestamp_parse(expiration, &parts.expires_us))
        return fail("Expiration is not a time", err);
    return make(&parts, ret_credentials, err);
}

bool credentials_document_parse_sts(const struct strbuf *body, const char *action,
                                    struct aws_credentials *ret_credentials, struct error *err)
{
    const char *text = strbuf_text(body);
    struct aws_credentials credentials;

    text += strspn(text, " \t\r\n");
    if (strlen(strbuf_text(body)) != body->length)
        return fail("it holds a NUL character", err);
    if (!(text[0] == '{' ? parse_sts_json(body, action, &credentials, err)
                         : parse_sts_xml(body, action, &credentials, err)))
        return false;
    if (credentials.expires_us == 0) {
        aws_credentials_release(&credentials);
        return fail("Expiration is missing", err);
    }
    *ret_credentials = credentials;
    return true;
}
