#include "engine/url_parts.h"

#include "base/encoding.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_LIMIT = 16 * 1024, NAME_LIMIT = 255 };

static bool fail(struct error *err, const char *message)
{
    return error_set(err, ERROR_INVALID, "ConnectionString", "%s", message);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool has_control_character(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f)
            return true;
    }
    return false;
}

bool url_parts_trim(const struct secret *text, struct text_span *ret_span, struct error *err)
{
    struct text_span span = {secret_reveal(text), text->length};

    while (span.length > 0 && is_blank(span.begin[0])) {
        span.begin++;
        span.length--;
    }
    while (span.length > 0 && is_blank(span.begin[span.length - 1]))
        span.length--;
    if (span.length == 0)
        return fail(err, "it is empty");
    if (span.length > TEXT_LIMIT)
        return fail(err, "it is longer than 16 KiB");
    if (has_control_character(span.begin, span.length))
        return fail(err, "it holds a control character, such as a line break or NUL");
    *ret_span = span;
    return true;
}

static bool starts_with(struct text_span span, const char *prefix)
{
    return span.length >= strlen(prefix) && memcmp(span.begin, prefix, strlen(prefix)) == 0;
}

static void skip(struct text_span *span, size_t length)
{
    span->begin += length;
    span->length -= length;
}

/* The span up to the first of a character, or all of it; *rest is what follows that character. */
static struct text_span cut(struct text_span span, char at, struct text_span *rest)
{
    const char *found = memchr(span.begin, at, span.length);
    struct text_span head = {span.begin,
                             found != NULL ? (size_t)(found - span.begin) : span.length};

    *rest = (struct text_span){span.begin + span.length, 0};
    if (found != NULL)
        *rest = (struct text_span){found + 1, span.length - head.length - 1};
    return head;
}

bool url_parts_decode(struct text_span span, char **ret_text, const char *what, struct error *err)
{
    auto_strbuf struct strbuf decoded = STRBUF_ERASING;

    if (!encoding_append_percent_decoded(&decoded, span.begin, span.length))
        return error_set(err, ERROR_INVALID, "ConnectionString",
                         "the %s holds a '%%' that does not begin an escape such as %%25", what);
    if (decoded.length > NAME_LIMIT)
        return error_set(err, ERROR_INVALID, "ConnectionString", "the %s is too long", what);
    if (has_control_character(strbuf_text(&decoded), decoded.length))
        return error_set(err, ERROR_INVALID, "ConnectionString",
                         "the %s holds a control character, such as a line break", what);
    free(*ret_text);
    *ret_text = strbuf_detach(&decoded);
    return true;
}

static bool parse_userinfo(struct text_span userinfo, struct connection_string *parts,
                           struct error *err)
{
    auto_strbuf struct strbuf decoded = STRBUF_ERASING;
    struct text_span password;
    struct text_span user = cut(userinfo, ':', &password);

    if (!url_parts_decode(user, &parts->username, "user name", err))
        return false;
    if (parts->username[0] == '\0')
        return fail(err, "it names no user");
    if (!encoding_append_percent_decoded(&decoded, password.begin, password.length))
        return fail(err, "the password holds a '%' that does not begin an escape: write it as %25");
    secret_take_strbuf(&parts->password, &decoded);
    return true;
}

static bool parse_port(struct text_span text, uint16_t *ret_port, struct error *err)
{
    unsigned long port = 0;

    for (size_t i = 0; i < text.length; i++) {
        if (text.begin[i] < '0' || text.begin[i] > '9' || text.length > 5)
            return fail(err, "a port is not a number from 1 to 65535 (is a character of the "
                             "password, such as '/' or ':', not percent-encoded?)");
        port = port * 10 + (unsigned long)(text.begin[i] - '0');
    }
    if (port < 1 || port > UINT16_MAX)
        return fail(err, "a port is not a number from 1 to 65535");
    *ret_port = (uint16_t)port;
    return true;
}

static bool check_host(const char *host, struct error *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._:%-";

    if (host[0] == '\0')
        return fail(err, "it names no host");
    if (host[0] == '/')
        return fail(err, "the host is the path of a socket: use a host name or an address");
    if (strspn(host, allowed) != strlen(host))
        return fail(err, "the host holds a character that no host name or address has (is a "
                         "character of the password not percent-encoded?)");
    return true;
}

/* host, host:port, [v6], [v6]:port */
static bool parse_host(struct text_span text, uint16_t default_port, struct engine_host *ret_host,
                       struct error *err)
{
    struct text_span host, port;

    ret_host->port = default_port;
    if (text.length > 0 && text.begin[0] == '[') {
        skip(&text, 1);
        if (memchr(text.begin, ']', text.length) == NULL)
            return fail(err, "an IPv6 address lacks its closing bracket");
        host = cut(text, ']', &port);
        if (port.length > 0 && port.begin[0] != ':')
            return fail(err, "something else than a port follows an IPv6 address");
        if (port.length > 0)
            skip(&port, 1);
    } else {
        host = cut(text, ':', &port);
    }
    if (!url_parts_decode(host, &ret_host->host, "host", err) || !check_host(ret_host->host, err))
        return false;
    return port.length == 0 || parse_port(port, &ret_host->port, err);
}

bool url_parts_parse_hosts(struct text_span text, uint16_t default_port,
                           struct connection_string *parts, struct error *err)
{
    bool is_last;

    do {
        struct text_span rest;
        struct text_span one = cut(text, ',', &rest);

        if (parts->host_count == ENGINE_HOSTS_LIMIT)
            return fail(err, "it names more than 8 hosts");
        parts->host_count++;
        if (!parse_host(one, default_port, &parts->hosts[parts->host_count - 1], err))
            return false;
        is_last = one.length == text.length;
        text = rest;
    } while (!is_last);
    return true;
}

static bool skip_scheme(struct text_span *text, const char *const *schemes, struct error *err)
{
    for (; *schemes != NULL; schemes++) {
        if (starts_with(*text, *schemes)) {
            skip(text, strlen(*schemes));
            return true;
        }
        if (schemes[1] == NULL)
            return error_set(err, ERROR_INVALID, "ConnectionString", "it does not begin with %s",
                             *schemes);
    }
    return false;
}

/* The last '@' of the authority ends the credentials, so that a raw '@' in a password works; the
 * authority ends at the first '/', or at a '?' that follows the credentials. */
static const char *find_userinfo_end(struct text_span text)
{
    struct text_span rest;
    struct text_span region = cut(text, '/', &rest);
    const char *query = memchr(region.begin, '?', region.length);

    if (query != NULL && memchr(region.begin, '@', (size_t)(query - region.begin)) != NULL)
        region.length = (size_t)(query - region.begin);
    return memrchr(region.begin, '@', region.length);
}

bool url_parts_parse(struct text_span text, const char *const *schemes, uint16_t default_port,
                     struct connection_string *ret_parts, struct text_span *ret_query,
                     struct error *err)
{
    struct text_span userinfo, location, hosts, path;
    const char *end;

    if (!skip_scheme(&text, schemes, err))
        return false;
    end = find_userinfo_end(text);
    if (end == NULL)
        return fail(err, "it names no user before an '@' (a '/' in the password must be written "
                         "as %2F)");
    userinfo = (struct text_span){text.begin, (size_t)(end - text.begin)};
    skip(&text, userinfo.length + 1);
    if (memchr(text.begin, '@', text.length) != NULL)
        return fail(err, "a '/', '?' or '@' of the user or the password is not percent-encoded: "
                         "write them as %2F, %3F and %40");
    location = cut(text, '?', ret_query);
    hosts = cut(location, '/', &path);
    if (!parse_userinfo(userinfo, ret_parts, err) ||
        !url_parts_parse_hosts(hosts, default_port, ret_parts, err))
        return false;
    return path.length == 0 || url_parts_decode(path, &ret_parts->database, "database name", err);
}

static bool decode_parameter(struct text_span span, char ret_text[static URL_PARAMETER_SIZE])
{
    auto_strbuf struct strbuf decoded = {0};

    if (!encoding_append_percent_decoded(&decoded, span.begin, span.length) ||
        decoded.length >= URL_PARAMETER_SIZE)
        return false;
    memcpy(ret_text, strbuf_text(&decoded), decoded.length + 1);
    return true;
}

bool url_parts_next_parameter(struct text_span *query, char ret_key[static URL_PARAMETER_SIZE],
                              char ret_value[static URL_PARAMETER_SIZE], bool *ret_failed,
                              struct error *err)
{
    struct text_span pair, key, value;

    *ret_failed = false;
    if (query->length == 0)
        return false;
    pair = cut(*query, '&', query);
    key = cut(pair, '=', &value);
    if (!decode_parameter(key, ret_key) || !decode_parameter(value, ret_value)) {
        *ret_failed = true;
        return fail(err, "a parameter after the '?' is too long or wrongly percent-encoded");
    }
    return true;
}
