/*
 * The query protocol of STS: a form in, XML out; with "Accept: application/json" the real service
 * answers JSON, which is not documented, so both are read.
 */
#include "aws/sts.h"

#include "aws/credentials_document.h"
#include "aws/operations.h"
#include "aws/region.h"
#include "aws/retry.h"
#include "aws/service_error.h"
#include "aws/session.h"
#include "aws/sigv4.h"
#include "base/encoding.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <stdio.h>
#include <string.h>

enum { CONNECT_TIMEOUT_MS = 3000, ATTEMPT_TIMEOUT_MS = 5000, CALL_DEADLINE_MS = 20000 };
enum { RESPONSE_LIMIT_BYTES = 64 * 1024 };
/* So much of a token in a text gives it away. */
enum { RECOGNIZED_LENGTH = 12 };

#define FORM_TYPE "application/x-www-form-urlencoded"
#define IN_NAMES  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-"

struct sts {
    struct aws_session *session;
    struct retry_quota *quota;
};

struct sts_call {
    const char *action;
    const struct aws_credentials *base; /* NULL = unsigned */
    const struct secret *token;         /* NULL = none */
    struct strbuf body;
    char region[AWS_REGION_SIZE];
    char *url;
    const char *host; /* into url */
    unsigned attempts;
    bool clock_corrected;
    bool was_retried;
    bool was_throttled;
    int64_t begun_ms;
};

struct sts *sts_new(struct aws_session *session)
{
    struct sts *sts = mem_alloc(sizeof *sts);

    sts->session = session;
    sts->quota = retry_quota_new();
    return sts;
}

void sts_free(struct sts *sts)
{
    if (sts == NULL)
        return;
    retry_quota_free(sts->quota);
    free(sts);
}

bool sts_is_session_name(const char *text)
{
    size_t length = strlen(text);

    return length >= 2 && length <= 64 && strspn(text, IN_NAMES) == length;
}

/* --- The request ----------------------------------------------------------------------------- */

static void append_parameter(struct strbuf *body, const char *name, const char *value,
                             size_t length)
{
    strbuf_append_format(body, "%s%s=", body->length > 0 ? "&" : "", name);
    encoding_append_percent(body, value, length);
}

static void append_text(struct strbuf *body, const char *name, const char *value)
{
    if (value != NULL)
        append_parameter(body, name, value, strlen(value));
}

static void append_role(struct sts_call *call, const struct sts_role *role)
{
    char duration[16];

    call->body = STRBUF_ERASING;
    append_text(&call->body, "Action", call->action);
    append_text(&call->body, "Version", "2011-06-15");
    append_text(&call->body, "RoleArn", role->arn);
    append_text(&call->body, "RoleSessionName", role->session_name);
    append_text(&call->body, "ExternalId", role->external_id);
    snprintf(duration, sizeof duration, "%u", role->duration_s);
    append_text(&call->body, "DurationSeconds", role->duration_s != 0 ? duration : NULL);
    if (call->token != NULL)
        append_parameter(&call->body, "WebIdentityToken", secret_reveal(call->token),
                         call->token->length);
}

static void sign(const struct sts *sts, const struct sts_call *call, struct http_request *request,
                 char timestamp[static TIMESTAMP_SIZE], struct strbuf *authorization)
{
    struct sigv4_header headers[4] = {
        {"content-type", FORM_TYPE}, {"host", call->host}, {"x-amz-date", timestamp}};
    struct sigv4_request signing = {
        .method = "POST",
        .path = "/",
        .query = "",
        .headers = headers,
        .header_count = 3,
        .body = request->body,
        .body_length = request->body_length,
        .timestamp = timestamp,
        .region = call->region,
        .service = "sts",
    };
    size_t count = 0;

    while (request->headers[count].name != NULL)
        count++;
    timestamp_render_basic(aws_clock_now_us(&sts->session->clock), timestamp);
    if (!secret_is_empty(&call->base->session_token)) {
        headers[signing.header_count++] = (struct sigv4_header){
            "x-amz-security-token", secret_reveal(&call->base->session_token)};
        request->headers[count++] = (struct http_header){headers[3].name, headers[3].value};
    }
    sigv4_append_authorization(&signing, call->base, authorization);
    request->headers[count++] = (struct http_header){"x-amz-date", timestamp};
    request->headers[count] = (struct http_header){"authorization", strbuf_text(authorization)};
}

static bool send_request(struct sts *sts, const struct sts_call *call,
                         struct http_response *ret_response, struct error *err)
{
    const struct aws_session_options *options = &sts->session->options;
    auto_strbuf struct strbuf authorization = STRBUF_ERASING;
    struct http_tls tls = {.ca_file = sts->session->configuration.ca_file};
    char timestamp[TIMESTAMP_SIZE];
    struct http_request request = {
        .method = "POST",
        .url = call->url,
        .headers = {{"content-type", FORM_TYPE},
                    {"host", call->host},
                    {"accept", "application/json"},
                    {"user-agent", options->user_agent != NULL ? options->user_agent : "-"}},
        .body = strbuf_text(&call->body),
        .body_length = call->body.length,
        .tls = &tls,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .total_timeout_ms = ATTEMPT_TIMEOUT_MS,
        .response_limit_bytes = RESPONSE_LIMIT_BYTES,
        .cancellation = options->cancellation,
    };

    if (call->base != NULL)
        sign(sts, call, &request, timestamp, &authorization);
    return http_transport_send(options->transport, &request, ret_response, err);
}

/* --- What to do about a refusal -------------------------------------------------------------- */

/* STS quotes parameters in what it says about them, the token among them. */
static bool is_text_shown(const struct sts_call *call, const struct service_error *refusal)
{
    char part[RECOGNIZED_LENGTH + 1];

    if (refusal->remedy == AWS_REMEDY_CLOCK || refusal->kind == ERROR_INVALID ||
        refusal->kind == ERROR_INTERNAL)
        return false;
    if (call->token == NULL || call->token->length < RECOGNIZED_LENGTH)
        return call->token == NULL;
    snprintf(part, sizeof part, "%s", secret_reveal(call->token));
    return strstr(refusal->text, part) == NULL;
}

static const char *find_hint(const struct sts_call *call, const struct service_error *refusal)
{
    if (strcmp(refusal->code, "AccessDenied") == 0)
        return call->token != NULL
                   ? ": check the trust policy of the role (the provider, 'sub' and 'aud')"
                   : ": check the trust policy of the role, and that its source may assume it";
    if (strcmp(refusal->code, "InvalidIdentityToken") == 0)
        return ": check the IAM identity provider of the cluster, and that the token is for the "
               "audience sts.amazonaws.com";
    if (strcmp(refusal->code, "RegionDisabledException") == 0)
        return ": activate STS for this region in the account, or choose another region";
    if (refusal->remedy == AWS_REMEDY_CLOCK)
        return ": the signature was not accepted: wrong secret key, or a wrong clock";
    return "";
}

static void explain(const struct sts_call *call, const struct http_response *response,
                    const struct service_error *refusal, struct error *err)
{
    char status[48];

    snprintf(status, sizeof status, "refused with HTTP status %d", response->status);
    error_set(err, refusal->kind, refusal->code, "%s (%s)%s",
              is_text_shown(call, refusal) ? refusal->text : status,
              refusal->code[0] != '\0' ? refusal->code : "no code", find_hint(call, refusal));
    err->retry_after_ms = response->retry_after_ms;
}

/* Waits before another attempt; false when there shall be none, with *err as it was or, when it is
 * for the cancellation, CANCELLED. */
static bool wait_before_retry(struct sts *sts, struct sts_call *call, bool throttled,
                              uint32_t hint_ms, struct error *err)
{
    const struct aws_session_options *options = &sts->session->options;
    unsigned limit = sts->session->configuration.attempts_limit;
    uint64_t delay_ms;

    if (call->attempts >= (limit != 0 ? limit : AWS_ATTEMPTS_DEFAULT))
        return false;
    delay_ms = retry_delay_ms(call->attempts, throttled, hint_ms, options->random);
    if (timesource_monotonic_ms(options->timesource) - call->begun_ms + (int64_t)delay_ms >=
            CALL_DEADLINE_MS - ATTEMPT_TIMEOUT_MS ||
        !retry_quota_take(sts->quota, throttled))
        return false;
    call->was_retried = true;
    call->was_throttled = throttled;
    if (options->cancellation != NULL &&
        cancellation_wait(options->cancellation, (int64_t)delay_ms))
        return cancellation_error(err);
    return true;
}

static bool is_worth_retrying(struct sts *sts, struct sts_call *call,
                              const struct service_error *refusal, bool clock_was_wrong,
                              struct error *err)
{
    switch (refusal->remedy) {
    case AWS_REMEDY_RETRY:
        return wait_before_retry(sts, call, false, err->retry_after_ms, err);
    case AWS_REMEDY_SLOW_DOWN:
        return wait_before_retry(sts, call, true, err->retry_after_ms, err);
    case AWS_REMEDY_CLOCK:
        if (call->base == NULL || !clock_was_wrong || call->clock_corrected)
            return false;
        call->clock_corrected = true;
        return true;
    case AWS_REMEDY_NONE:
    case AWS_REMEDY_CREDENTIALS:
        break;
    }
    return false;
}

/* --- The attempts ---------------------------------------------------------------------------- */

enum attempt { ATTEMPT_SUCCEEDED, ATTEMPT_FAILED, ATTEMPT_AGAIN };

static enum attempt try_once(struct sts *sts, struct sts_call *call,
                             struct aws_credentials *ret_credentials, struct error *err)
{
    auto_http_response struct http_response response = {0};
    struct service_error refusal;
    bool clock_was_wrong;

    call->attempts++;
    if (!send_request(sts, call, &response, err))
        return err->kind == ERROR_UNAVAILABLE && wait_before_retry(sts, call, false, 0, err)
                   ? ATTEMPT_AGAIN
                   : ATTEMPT_FAILED;
    clock_was_wrong = aws_clock_correct(&sts->session->clock, response.date_us);
    if (response.status >= 200 && response.status < 300) {
        retry_quota_refund(sts->quota, call->was_retried, call->was_throttled);
        return credentials_document_parse_sts(&response.body, call->action, ret_credentials, err)
                   ? ATTEMPT_SUCCEEDED
                   : ATTEMPT_FAILED;
    }
    service_error_parse(&response, &refusal);
    explain(call, &response, &refusal, err);
    return is_worth_retrying(sts, call, &refusal, clock_was_wrong, err) ? ATTEMPT_AGAIN
                                                                        : ATTEMPT_FAILED;
}

static bool run(struct sts *sts, struct sts_call *call, const struct sts_role *role,
                struct aws_credentials *ret_credentials, struct error *err)
{
    const struct aws_configuration *configuration = &sts->session->configuration;
    enum attempt result = ATTEMPT_FAILED;
    struct error failure; /* of attempts that may be followed by a success */

    call->begun_ms = timesource_monotonic_ms(sts->session->options.timesource);
    if (!aws_region_get(sts->session->region, call->region, err) ||
        !aws_endpoint_find(configuration->sts_url, &configuration->endpoints, "sts", call->region,
                           &call->url, &call->host, err))
        return error_wrap(err, "STS %s", call->action);
    append_role(call, role);
    do {
        result = try_once(sts, call, ret_credentials, &failure);
    } while (result == ATTEMPT_AGAIN);
    if (result == ATTEMPT_SUCCEEDED)
        return true;
    *err = failure;
    return error_wrap(err, "STS %s of '%.160s' in %s", call->action, role->arn, call->region);
}

static bool run_and_release(struct sts *sts, struct sts_call *call, const struct sts_role *role,
                            struct aws_credentials *ret_credentials, struct error *err)
{
    bool succeeded = run(sts, call, role, ret_credentials, err);

    free(call->url);
    strbuf_release(&call->body);
    return succeeded;
}

bool sts_assume_role(struct sts *sts, const struct aws_credentials *base,
                     const struct sts_role *role, struct aws_credentials *ret_credentials,
                     struct error *err)
{
    struct sts_call call = {.action = aws_operation_name(AWS_ASSUME_ROLE), .base = base};

    return run_and_release(sts, &call, role, ret_credentials, err);
}

bool sts_assume_role_with_web_identity(struct sts *sts, const struct secret *token,
                                       const struct sts_role *role,
                                       struct aws_credentials *ret_credentials, struct error *err)
{
    struct sts_call call = {.action = aws_operation_name(AWS_ASSUME_ROLE_WITH_WEB_IDENTITY),
                            .token = token};

    return run_and_release(sts, &call, role, ret_credentials, err);
}
