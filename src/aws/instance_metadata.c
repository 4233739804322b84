/*
 * The answer to the request for a token travels at most as many network hops as the instance says
 * (1 by default), so from a pod with a network of its own the request times out instead of being
 * refused; hence the hint.
 */
#include "aws/instance_metadata.h"

#include "aws/session.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { ANSWER_LIMIT_BYTES = 32 * 1024, TOKEN_LIMIT = 1024 };
enum { DEFAULT_TIMEOUT_S = 1, TIMEOUT_MOST_S = 30, DEFAULT_ATTEMPTS = 1, ATTEMPTS_MOST = 10 };

#define TOKEN_SECONDS "21600"

struct instance_metadata {
    struct aws_session *session;
    bool is_enabled;
    char *base; /* without a slash at the end */
    unsigned timeout_s;
    unsigned attempts;
    struct error problem; /* of the settings */
};

static bool find_base(struct instance_metadata *metadata, const struct aws_settings *settings,
                      struct error *err)
{
    const char *endpoint = aws_setting(settings, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = aws_setting(settings, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    size_t length;

    if (mode != NULL && strcasecmp(mode, "IPv4") != 0 && strcasecmp(mode, "IPv6") != 0)
        return error_set(err, ERROR_INVALID, "SettingInvalid",
                         "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE must be IPv4 or IPv6");
    if (endpoint == NULL)
        endpoint = mode != NULL && strcasecmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]"
                                                                 : "http://169.254.169.254";
    if (strncmp(endpoint, "http://", strlen("http://")) != 0 &&
        strncmp(endpoint, "https://", strlen("https://")) != 0)
        return error_set(err, ERROR_INVALID, "SettingInvalid",
                         "AWS_EC2_METADATA_SERVICE_ENDPOINT must begin with http:// or https://");
    length = strlen(endpoint);
    while (endpoint[length - 1] == '/')
        length--;
    metadata->base = mem_strndup(endpoint, length);
    return true;
}

static bool read_settings(struct instance_metadata *metadata, const struct aws_settings *settings,
                          struct error *err)
{
    bool disabled = false;

    metadata->timeout_s = DEFAULT_TIMEOUT_S;
    metadata->attempts = DEFAULT_ATTEMPTS;
    metadata->is_enabled = true;
    if (!aws_setting_parse_switch("AWS_EC2_METADATA_DISABLED",
                                  aws_setting(settings, "AWS_EC2_METADATA_DISABLED"), &disabled,
                                  err))
        return false;
    metadata->is_enabled = !disabled;
    return aws_setting_parse_number("AWS_METADATA_SERVICE_TIMEOUT",
                                    aws_setting(settings, "AWS_METADATA_SERVICE_TIMEOUT"), 1,
                                    TIMEOUT_MOST_S, &metadata->timeout_s, err) &&
           aws_setting_parse_number("AWS_METADATA_SERVICE_NUM_ATTEMPTS",
                                    aws_setting(settings, "AWS_METADATA_SERVICE_NUM_ATTEMPTS"), 1,
                                    ATTEMPTS_MOST, &metadata->attempts, err) &&
           find_base(metadata, settings, err);
}

struct instance_metadata *instance_metadata_new(struct aws_session *session)
{
    struct instance_metadata *metadata = mem_alloc(sizeof *metadata);
    struct error failure;

    metadata->session = session;
    if (!read_settings(metadata, &session->options.settings, &failure))
        metadata->problem = failure;
    return metadata;
}

void instance_metadata_free(struct instance_metadata *metadata)
{
    if (metadata == NULL)
        return;
    free(metadata->base);
    free(metadata);
}

bool instance_metadata_is_enabled(const struct instance_metadata *metadata)
{
    return metadata->is_enabled;
}

/* --- One request ----------------------------------------------------------------------------- */

/* Sends, as often as the settings say while nobody answers. */
static bool send_request(struct instance_metadata *metadata, const char *method, const char *path,
                         struct http_header header, struct http_response *ret_response,
                         struct error *err)
{
    const struct aws_session_options *options = &metadata->session->options;
    auto_free char *url = mem_printf("%s%s", metadata->base, path);
    struct http_tls tls = {.ca_file = metadata->session->configuration.ca_file};
    struct http_request request = {
        .method = method,
        .url = url,
        .headers = {header},
        .tls = &tls,
        .proxy = "",
        .connect_timeout_ms = metadata->timeout_s * 1000,
        .total_timeout_ms = metadata->timeout_s * 1000,
        .response_limit_bytes = ANSWER_LIMIT_BYTES,
        .cancellation = options->cancellation,
    };

    if (options->user_agent != NULL)
        request.headers[1] = (struct http_header){"user-agent", options->user_agent};
    for (unsigned attempt = 1;; attempt++) {
        http_response_release(ret_response);
        if (http_transport_send(options->transport, &request, ret_response, err)) {
            aws_clock_correct(&metadata->session->clock, ret_response->date_us);
            if (ret_response->status < 500 || attempt >= metadata->attempts)
                return true;
        } else if (err->kind != ERROR_UNAVAILABLE || attempt >= metadata->attempts) {
            return false;
        }
    }
}

static bool refuse(const struct instance_metadata *metadata, const char *what, int status,
                   struct error *err)
{
    if (status == 404)
        return error_set(err, ERROR_NOT_FOUND, "HttpStatus",
                         "the instance metadata service at %s has no %s", metadata->base, what);
    return error_set(err, status >= 500 || status == 429 ? ERROR_UNAVAILABLE : ERROR_DENIED,
                     "HttpStatus",
                     "the instance metadata service at %s answered the request for %s with HTTP "
                     "status %d",
                     metadata->base, what, status);
}

/* --- Token ----------------------------------------------------------------------------------- */

/* A token is printable and has no blanks; anything else is not the service. */
static bool is_token(const struct strbuf *text)
{
    if (text->length == 0 || text->length > TOKEN_LIMIT)
        return false;
    for (size_t i = 0; i < text->length; i++) {
        if (text->text[i] <= ' ' || text->text[i] > '~')
            return false;
    }
    return true;
}

static bool fetch_token(struct instance_metadata *metadata, struct secret *token, struct error *err)
{
    auto_http_response struct http_response response = {0};
    struct http_header header = {"x-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS};

    if (!send_request(metadata, "PUT", "/latest/api/token", header, &response, err)) {
        if (err->kind != ERROR_UNAVAILABLE)
            return false;
        return error_set(err, ERROR_UNAVAILABLE, "NoMetadata",
                         "the instance metadata service did not hand out a token (%s); if this is "
                         "an EC2 instance, its metadata hop limit may be 1, which a pod cannot "
                         "reach: set it to 2, or use EKS Pod Identity or IRSA",
                         err->message);
    }
    if (response.status == 403)
        return error_set(err, ERROR_DENIED, "HttpStatus",
                         "the instance metadata service at %s is switched off for this instance "
                         "(HTTP status 403)",
                         metadata->base);
    if (response.status != 200)
        return refuse(metadata, "a token", response.status, err);
    if (!is_token(&response.body))
        return error_set(err, ERROR_INTERNAL, "NotMetadata",
                         "%s did not answer as the instance metadata service does", metadata->base);
    secret_set(token, strbuf_text(&response.body), response.body.length);
    return true;
}

/* --- Data ------------------------------------------------------------------------------------ */

bool instance_metadata_get(struct instance_metadata *metadata, struct secret *token,
                           const char *path, struct strbuf *ret_answer, struct error *err)
{
    if (metadata->problem.kind != ERROR_NONE) {
        *err = metadata->problem;
        return false;
    }
    for (unsigned visit = 0;; visit++) {
        auto_http_response struct http_response response = {0};

        if (secret_is_empty(token) && !fetch_token(metadata, token, err))
            return false;
        if (!send_request(metadata, "GET", path,
                          (struct http_header){"x-aws-ec2-metadata-token", secret_reveal(token)},
                          &response, err))
            return false;
        if (response.status == 401 && visit == 0) {
            secret_release(token); /* taken for expired: with a new one, once */
            continue;
        }
        if (response.status != 200)
            return refuse(metadata, path, response.status, err);
        strbuf_append(ret_answer, strbuf_text(&response.body), response.body.length);
        return true;
    }
}
