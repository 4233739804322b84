/*
 * The request carries a token that is worth as much as the credentials, so plain http goes only to
 * addresses that never leave the machine.  What counts is the address that the name resolves to,
 * and the connection is pinned to it: a name that resolves differently the next time is no way out.
 */
#include "aws/credentials_container.h"

#include "aws/credentials_document.h"
#include "aws/retry.h"
#include "aws/session.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

enum { TIMEOUT_MS = 2000, ATTEMPTS = 3, ANSWER_LIMIT_BYTES = 32 * 1024 };
enum { TOKEN_LIMIT = 16 * 1024, EXPLANATION_SHOWN = 200, RECOGNIZED_LENGTH = 12 };

#define RELATIVE   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL       "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
#define TOKEN      "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define ECS_HOST   "http://169.254.170.2"

struct container_provider {
    struct aws_credentials_provider provider; /* first: the seam is cast back */
    struct aws_session *session;
    char *url;
    const char *variable; /* the one that said so */
};

/* One fetch. */
struct fetch {
    char address[INET6_ADDRSTRLEN]; /* "" = not pinned: https proves who answers */
    struct secret token;            /* empty = none */
};

static struct container_provider *from(struct aws_credentials_provider *provider)
{
    return (struct container_provider *)(void *)provider;
}

static bool refuse_setting(struct error *err, const char *variable, const char *what)
{
    return error_set(err, ERROR_DENIED, "CredentialsInvalid", "%s %s", variable, what);
}

/* --- Where to -------------------------------------------------------------------------------- */

bool container_address_is_allowed(const struct sockaddr *address)
{
    static const char *const allowed[] = {"169.254.170.2", "169.254.170.23"};
    static const char *const allowed_ipv6[] = {"::1", "fd00:ec2::23"};

    if (address->sa_family == AF_INET) {
        struct in_addr own = ((const struct sockaddr_in *)(const void *)address)->sin_addr, other;

        if (ntohl(own.s_addr) >> 24 == IN_LOOPBACKNET)
            return true;
        for (size_t i = 0; i < array_length(allowed); i++) {
            if (inet_pton(AF_INET, allowed[i], &other) == 1 && own.s_addr == other.s_addr)
                return true;
        }
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *own = (const struct sockaddr_in6 *)(const void *)address;
        struct in6_addr other;

        for (size_t i = 0; i < array_length(allowed_ipv6); i++) {
            if (inet_pton(AF_INET6, allowed_ipv6[i], &other) == 1 &&
                IN6_ARE_ADDR_EQUAL(&own->sin6_addr, &other))
                return true;
        }
    }
    return false;
}

/* The host of the URL without brackets; NULL when it cannot be a URL that we send to. */
static char *find_host(const char *url)
{
    const char *begin = strstr(url, "://") + 3;
    size_t length = strcspn(begin, "/?#");
    const char *port;

    for (const char *c = url; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || *c == '\\')
            return NULL;
    }
    if (length == 0 || memchr(begin, '@', length) != NULL)
        return NULL;
    port = begin[0] == '[' ? memchr(begin, ']', length) : memchr(begin, ':', length);
    if (begin[0] == '[')
        return port != NULL ? mem_strndup(begin + 1, (size_t)(port - begin - 1)) : NULL;
    return mem_strndup(begin, port != NULL ? (size_t)(port - begin) : length);
}

static void release_addresses(struct addrinfo **addresses)
{
    if (*addresses != NULL)
        freeaddrinfo(*addresses);
}

/* Each address of the name must be allowed: which one a connection would take is not ours to say.
 */
static bool pin(const struct container_provider *container, const char *host, struct fetch *fetch,
                struct error *err)
{
    run_at_scope_end(release_addresses) struct addrinfo *addresses = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int result = getaddrinfo(host, NULL, &hints, &addresses);

    if (result != 0)
        return error_set(err, ERROR_UNAVAILABLE, "Resolve",
                         "cannot resolve the host '%.100s' of %s: %s", host, container->variable,
                         gai_strerror(result));
    for (const struct addrinfo *address = addresses; address != NULL; address = address->ai_next) {
        if (!container_address_is_allowed(address->ai_addr))
            return error_set(err, ERROR_DENIED, "CredentialsInvalid",
                             "the host '%.100s' of %s is not one that credentials are fetched from "
                             "without TLS (loopback, 169.254.170.2, 169.254.170.23, fd00:ec2::23): "
                             "use https",
                             host, container->variable);
    }
    if (getnameinfo(addresses->ai_addr, addresses->ai_addrlen, fetch->address,
                    sizeof fetch->address, NULL, 0, NI_NUMERICHOST) != 0)
        return error_set(err, ERROR_INTERNAL, NULL, "cannot render the address of '%.100s'", host);
    return true;
}

static bool check_url(const struct container_provider *container, struct fetch *fetch,
                      struct error *err)
{
    const char *url = container->url;
    bool is_plain = strncmp(url, "http://", strlen("http://")) == 0;
    auto_free char *host = NULL;

    if (!is_plain && strncmp(url, "https://", strlen("https://")) != 0)
        return refuse_setting(err, container->variable,
                              strcmp(container->variable, RELATIVE) == 0
                                  ? "must begin with '/'"
                                  : "must begin with http:// or https://");
    host = find_host(url);
    if (host == NULL)
        return refuse_setting(err, container->variable, "is not a URL");
    return !is_plain || pin(container, host, fetch, err);
}

/* --- The token ------------------------------------------------------------------------------- */

static bool check_token(const char *text, size_t length, const char *what, struct error *err)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] < ' ' || text[i] == 0x7f)
            return refuse_setting(err, what,
                                  "holds a newline or another control character in its token");
    }
    return true;
}

static bool read_token_file(const char *path, struct secret *ret_token, struct error *err)
{
    auto_strbuf struct strbuf content = STRBUF_ERASING;
    size_t length;

    if (!file_read(path, TOKEN_LIMIT, &content, err))
        return error_wrap(err, "the token of %s", TOKEN_FILE);
    length = content.length;
    while (length > 0 && strchr(" \t\r\n", content.text[length - 1]) != NULL)
        length--;
    if (length == 0)
        return refuse_setting(err, TOKEN_FILE, "names an empty file");
    if (!check_token(content.text, length, TOKEN_FILE, err))
        return error_wrap(err, "file '%s'", path);
    secret_set(ret_token, content.text, length);
    return true;
}

static bool read_token(const struct container_provider *container, struct secret *ret_token,
                       struct error *err)
{
    const struct aws_settings *settings = &container->session->options.settings;
    const char *path = aws_setting(settings, TOKEN_FILE), *token = aws_setting(settings, TOKEN);

    if (path != NULL)
        return read_token_file(path, ret_token, err);
    if (token == NULL)
        return true;
    if (!check_token(token, strlen(token), TOKEN, err))
        return false;
    secret_set_text(ret_token, token);
    return true;
}

/* --- The request ----------------------------------------------------------------------------- */

/* The agents explain in their own words; none of what we sent may come back in them. */
static void explain(const struct container_provider *container, const struct fetch *fetch,
                    const struct http_response *response, struct error *err)
{
    enum error_kind kind =
        response->status >= 500 || response->status == 429 ? ERROR_UNAVAILABLE : ERROR_DENIED;
    char text[EXPLANATION_SHOWN + 1], part[RECOGNIZED_LENGTH + 1];
    size_t used = 0;

    while (used < response->body.length && used < EXPLANATION_SHOWN) {
        char c = response->body.text[used];

        text[used++] = c >= ' ' && c <= '~' ? c : ' ';
    }
    text[used] = '\0';
    snprintf(part, sizeof part, "%s", secret_reveal(&fetch->token));
    if (part[0] != '\0' && strstr(text, part) != NULL)
        text[0] = '\0';
    error_set(err, kind, "HttpStatus",
              "the container endpoint of %s answered with HTTP status %d%s%s", container->variable,
              response->status, text[0] != '\0' ? ": " : "", text);
}

static bool send_once(const struct container_provider *container, const struct fetch *fetch,
                      struct aws_credentials *ret_credentials, struct error *err)
{
    const struct aws_session_options *options = &container->session->options;
    auto_http_response struct http_response response = {0};
    struct http_tls tls = {.ca_file = container->session->configuration.ca_file};
    struct http_request request = {
        .method = "GET",
        .url = container->url,
        .address = fetch->address[0] != '\0' ? fetch->address : NULL,
        .headers = {{"accept", "application/json"},
                    {"user-agent", options->user_agent != NULL ? options->user_agent : "-"}},
        .tls = &tls,
        .proxy = "",
        .connect_timeout_ms = TIMEOUT_MS,
        .total_timeout_ms = TIMEOUT_MS,
        .response_limit_bytes = ANSWER_LIMIT_BYTES,
        .cancellation = options->cancellation,
    };

    if (!secret_is_empty(&fetch->token))
        request.headers[2] = (struct http_header){"authorization", secret_reveal(&fetch->token)};
    if (!http_transport_send(options->transport, &request, &response, err))
        return error_wrap(err, "the container endpoint of %s", container->variable);
    aws_clock_correct(&container->session->clock, response.date_us);
    if (response.status != 200) {
        explain(container, fetch, &response, err);
        return false;
    }
    if (!credentials_document_parse(&response.body, ret_credentials, err))
        return error_wrap(err, "the container endpoint of %s", container->variable);
    return true;
}

static bool send_with_retries(const struct container_provider *container, const struct fetch *fetch,
                              struct aws_credentials *ret_credentials, struct error *err)
{
    const struct aws_session_options *options = &container->session->options;

    for (unsigned attempt = 1;; attempt++) {
        uint64_t delay_ms;

        if (send_once(container, fetch, ret_credentials, err))
            return true;
        if (err->kind != ERROR_UNAVAILABLE || attempt >= ATTEMPTS)
            return false;
        delay_ms = retry_delay_ms(attempt, true, 0, options->random);
        if (options->cancellation != NULL &&
            cancellation_wait(options->cancellation, (int64_t)delay_ms))
            return cancellation_error(err);
    }
}

static bool get(struct aws_credentials_provider *provider, struct aws_credentials *ret_credentials,
                struct error *err)
{
    const struct container_provider *container = from(provider);
    struct fetch fetch = {0};
    bool succeeded = check_url(container, &fetch, err) &&
                     read_token(container, &fetch.token, err) &&
                     send_with_retries(container, &fetch, ret_credentials, err);

    secret_release(&fetch.token);
    return succeeded;
}

static void release(struct aws_credentials_provider *provider)
{
    free(from(provider)->url);
    free(from(provider));
}

struct aws_credentials_provider *aws_credentials_container_new(struct aws_session *session)
{
    static const struct aws_credentials_provider_operations operations = {
        .name = "container endpoint",
        .get = get,
        .invalidate = aws_credentials_keep_nothing,
        .free = release,
    };
    const char *relative = aws_setting(&session->options.settings, RELATIVE);
    const char *full = aws_setting(&session->options.settings, FULL);
    struct container_provider *container;

    if (relative == NULL && full == NULL)
        return NULL;
    container = mem_alloc(sizeof *container);
    container->provider.operations = &operations;
    container->session = session;
    container->variable = relative != NULL ? RELATIVE : FULL;
    /* Without the slash it would continue the host's name. */
    if (relative != NULL)
        container->url =
            relative[0] == '/' ? mem_printf("%s%s", ECS_HOST, relative) : mem_strdup(relative);
    else
        container->url = mem_strdup(full);
    return &container->provider;
}
