#include "aws/json_client.h"

#include "aws/region.h"
#include "aws/retry.h"
#include "aws/service_error.h"
#include "aws/sigv4.h"
#include "aws/throttle_watch.h"
#include "base/document.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/strbuf.h"

#include <stdio.h>
#include <string.h>

enum { CONNECT_TIMEOUT_MS = 3000, ATTEMPT_TIMEOUT_MS = 15000, CALL_DEADLINE_MS = 30000 };
enum { RESPONSE_LIMIT_BYTES = 1024 * 1024 };

/* From an endpoint in the same region to the longest attempt. */
static const double request_buckets[] = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15,
};

struct aws_json_client {
    struct aws_json_client_options options;
    struct retry_quota *quota;
    struct throttle_watch *throttling;
    struct metric_family *calls;
    struct metric_family *durations;
};

/* One call as it goes through its attempts. */
struct call_state {
    const struct aws_json_call *call;
    char *url;
    const char *host; /* into url, as the Host header says it */
    struct strbuf body;
    unsigned attempts;
    bool credentials_refreshed;
    bool clock_corrected;
    bool was_retried; /* at a price */
    bool was_throttled;
    int64_t begun_ms;
    int64_t attempt_begun_ms;
};

struct aws_json_client *aws_json_client_new(const struct aws_json_client_options *options)
{
    static const struct metric_description calls = {
        .name = "database_user_operator_aws_requests_total",
        .help = "Requests to AWS by operation and outcome (ok, or the code of the error)",
        .type = METRIC_COUNTER,
        .labels = {"service", "operation", "outcome"},
    };
    static const struct metric_description durations = {
        .name = "database_user_operator_aws_request_duration_seconds",
        .help = "Time until AWS answered, by operation and outcome (ok, or the kind of the error)",
        .type = METRIC_HISTOGRAM,
        .labels = {"service", "operation", "outcome"},
        .buckets = request_buckets,
        .bucket_count = array_length(request_buckets),
    };
    struct aws_json_client *client = mem_alloc(sizeof *client);

    client->options = *options;
    client->quota = retry_quota_new();
    client->throttling = throttle_watch_new();
    client->calls = metrics_family(options->metrics, &calls);
    client->durations = metrics_family(options->metrics, &durations);
    return client;
}

void aws_json_client_free(struct aws_json_client *client)
{
    if (client == NULL)
        return;
    throttle_watch_free(client->throttling);
    retry_quota_free(client->quota);
    free(client);
}

static int64_t time_left_ms(const struct aws_json_client *client, const struct call_state *state)
{
    int64_t spent_ms = timesource_monotonic_ms(client->options.clock->timesource) - state->begun_ms;

    return CALL_DEADLINE_MS - spent_ms;
}

/* --- One attempt ----------------------------------------------------------------------------- */

/* An attempt never outlives its call; 0 would mean a default. */
static uint32_t attempt_timeout_ms(const struct aws_json_client *client,
                                   const struct call_state *state)
{
    int64_t left_ms = time_left_ms(client, state);

    if (left_ms >= ATTEMPT_TIMEOUT_MS)
        return ATTEMPT_TIMEOUT_MS;
    return left_ms > 0 ? (uint32_t)left_ms : 1;
}

static void add_header(struct sigv4_header *headers, size_t *count, const char *name,
                       const char *value)
{
    headers[(*count)++] = (struct sigv4_header){name, value};
}

/* Signs and sends; the five headers are all that is signed, in the order of their names. */
static bool send_signed(struct aws_json_client *client, const struct call_state *state,
                        const struct aws_credentials *credentials,
                        struct http_response *ret_response, struct error *err)
{
    const struct aws_json_client_options *options = &client->options;
    auto_strbuf struct strbuf authorization = STRBUF_ERASING;
    struct http_tls tls = {.ca_file = options->ca_file};
    struct sigv4_header headers[5];
    char timestamp[TIMESTAMP_SIZE], target[128];
    size_t count = 0;
    struct http_request request = {
        .method = "POST",
        .url = state->url,
        .body = strbuf_text(&state->body),
        .body_length = state->body.length,
        .tls = &tls,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .total_timeout_ms = attempt_timeout_ms(client, state),
        .response_limit_bytes = RESPONSE_LIMIT_BYTES,
        .cancellation = options->cancellation,
    };
    struct sigv4_request signing = {
        .method = "POST",
        .path = "/",
        .query = "",
        .headers = headers,
        .body = request.body,
        .body_length = request.body_length,
        .timestamp = timestamp,
        .region = state->call->region,
        .service = options->service,
    };

    timestamp_render_basic(aws_clock_now_us(options->clock), timestamp);
    snprintf(target, sizeof target, "%s.%s", options->service, state->call->operation);
    add_header(headers, &count, "content-type", "application/x-amz-json-1.1");
    add_header(headers, &count, "host", state->host);
    add_header(headers, &count, "x-amz-date", timestamp);
    if (!secret_is_empty(&credentials->session_token))
        add_header(headers, &count, "x-amz-security-token",
                   secret_reveal(&credentials->session_token));
    add_header(headers, &count, "x-amz-target", target);
    signing.header_count = count;
    sigv4_append_authorization(&signing, credentials, &authorization);
    for (size_t i = 0; i < count; i++)
        request.headers[i] = (struct http_header){headers[i].name, headers[i].value};
    request.headers[count++] = (struct http_header){"authorization", strbuf_text(&authorization)};
    if (options->user_agent != NULL)
        request.headers[count] = (struct http_header){"user-agent", options->user_agent};
    return http_transport_send(options->transport, &request, ret_response, err);
}

static bool read_output(const struct call_state *state, const struct http_response *response,
                        json_t **ret_output, struct error *err)
{
    json_t *output = NULL;
    struct error parsing;

    /* Operations without output, such as TagResource, may answer with nothing. */
    if (response->body.length == 0)
        output = json_object();
    else if (!document_parse(strbuf_text(&response->body), response->body.length, &output,
                             &parsing) ||
             !json_is_object(output)) {
        json_decref(output);
        return error_set(err, ERROR_INTERNAL, "NotJson",
                         "%s answered with something else than JSON (content type '%s'): is the "
                         "endpoint AWS's?",
                         state->url, response->content_type);
    }
    if (ret_output != NULL)
        *ret_output = output;
    else
        json_decref(output);
    return true;
}

/* --- What to do about a refusal -------------------------------------------------------------- */

static void explain(struct aws_json_client *client, const struct call_state *state,
                    const struct http_response *response, const struct service_error *refusal,
                    struct error *err)
{
    const char *source = aws_credentials_source(client->options.credentials);
    const char *text = refusal->text;
    const char *code = refusal->code[0] != '\0' ? refusal->code : "no code";
    char status[48];

    snprintf(status, sizeof status, "refused with HTTP status %d", response->status);
    /* AWS's text about a signature quotes the session token, and about a parameter its value; what
     * a text of unknown kind quotes is not known. */
    if (refusal->remedy == AWS_REMEDY_CLOCK)
        text = "the signature of the request was not accepted: wrong secret key, or a wrong clock";
    else if (state->call->input_is_secret &&
             (refusal->kind == ERROR_INVALID || refusal->kind == ERROR_INTERNAL))
        text = status;
    if (refusal->advice != NULL)
        error_set(err, refusal->kind, refusal->code, "%s (%s): %s", text, code, refusal->advice);
    else if (refusal->kind == ERROR_DENIED)
        error_set(err, refusal->kind, refusal->code,
                  "%s (%s; AWS credentials from: %s): allow it, or correct the credentials", text,
                  code, source);
    else
        error_set(err, refusal->kind, refusal->code, "%s (%s)", text, code);
    err->retry_after_ms = response->retry_after_ms;
}

/* True when a corrected clock makes another attempt worthwhile. */
static bool correct_clock(struct aws_json_client *client, struct call_state *state,
                          const struct http_response *response)
{
    if (state->clock_corrected || !aws_clock_correct(client->options.clock, response->date_us))
        return false;
    state->clock_corrected = true;
    return true;
}

static bool refresh_credentials(struct aws_json_client *client, struct call_state *state,
                                const struct aws_credentials *refused)
{
    if (state->credentials_refreshed)
        return false;
    state->credentials_refreshed = true;
    aws_credentials_invalidate(client->options.credentials, refused);
    return true;
}

/* Waits before another attempt; false when there shall be none, with *err as it was or, when it is
 * for the cancellation, CANCELLED. */
static bool wait_before_retry(struct aws_json_client *client, struct call_state *state,
                              bool throttled, uint32_t hint_ms, struct error *err)
{
    const struct aws_json_client_options *options = &client->options;
    unsigned limit = options->attempts_limit;
    uint64_t delay_ms;

    if (state->attempts >= (limit != 0 ? limit : AWS_ATTEMPTS_DEFAULT))
        return false;
    delay_ms = retry_delay_ms(state->attempts, throttled, hint_ms, options->random);
    if ((int64_t)delay_ms >= time_left_ms(client, state) ||
        !retry_quota_take(client->quota, throttled))
        return false;
    state->was_retried = true;
    state->was_throttled = throttled;
    if (cancellation_wait(options->cancellation, (int64_t)delay_ms))
        return cancellation_error(err);
    return true;
}

static bool is_worth_retrying(struct aws_json_client *client, struct call_state *state,
                              const struct service_error *refusal,
                              const struct http_response *response,
                              const struct aws_credentials *credentials, struct error *err)
{
    if (time_left_ms(client, state) <= 0)
        return false;
    switch (refusal->remedy) {
    case AWS_REMEDY_NONE:
        return false;
    case AWS_REMEDY_RETRY:
        return wait_before_retry(client, state, false, response->retry_after_ms, err);
    case AWS_REMEDY_SLOW_DOWN:
        return wait_before_retry(client, state, true, response->retry_after_ms, err);
    case AWS_REMEDY_CREDENTIALS:
        return refresh_credentials(client, state, credentials);
    case AWS_REMEDY_CLOCK:
        return correct_clock(client, state, response);
    }
    return false;
}

/* --- The attempts ---------------------------------------------------------------------------- */

enum attempt { ATTEMPT_SUCCEEDED, ATTEMPT_FAILED, ATTEMPT_AGAIN };

/* Counts an attempt under the code that AWS gave, and its time under the kind that this is. */
static void count_outcome(struct aws_json_client *client, const struct call_state *state,
                          const char *outcome, const char *kind)
{
    int64_t now_ms = timesource_monotonic_ms(client->options.clock->timesource);

    metric_add(client->calls, 1, client->options.service, state->call->operation,
               outcome[0] != '\0' ? outcome : "other", NULL);
    metric_observe(client->durations, (double)(now_ms - state->attempt_begun_ms) / 1000,
                   client->options.service, state->call->operation, kind, NULL);
}

static void report_throttling(struct aws_json_client *client,
                              const struct aws_throttling *throttling)
{
    if (client->options.report_throttling != NULL)
        client->options.report_throttling(client->options.report_context, throttling);
}

static void note_refusal(struct aws_json_client *client, const struct call_state *state,
                         const struct service_error *refusal)
{
    int64_t now_ms = timesource_monotonic_ms(client->options.clock->timesource);
    struct aws_throttling begin = {
        .operation = state->call->operation,
        .region = state->call->region,
        .code = refusal->code,
    };

    count_outcome(client, state, refusal->code, error_kind_name(refusal->kind));
    if (refusal->remedy == AWS_REMEDY_SLOW_DOWN && throttle_watch_note(client->throttling, now_ms))
        report_throttling(client, &begin);
}

static void note_success(struct aws_json_client *client, const struct call_state *state)
{
    int64_t now_ms = timesource_monotonic_ms(client->options.clock->timesource);
    struct aws_throttling end = {
        .operation = state->call->operation,
        .region = state->call->region,
    };

    count_outcome(client, state, "ok", "ok");
    retry_quota_refund(client->quota, state->was_retried, state->was_throttled);
    if (throttle_watch_succeed(client->throttling, now_ms, &end.requests, &end.duration_ms))
        report_throttling(client, &end);
}

static enum attempt try_once(struct aws_json_client *client, struct call_state *state,
                             json_t **ret_output, struct error *err)
{
    auto_aws_credentials struct aws_credentials credentials = {0};
    auto_http_response struct http_response response = {0};
    struct service_error refusal;

    state->attempts++;
    if (!aws_credentials_get(client->options.credentials, &credentials, err))
        return ATTEMPT_FAILED;
    state->attempt_begun_ms = timesource_monotonic_ms(client->options.clock->timesource);
    if (!send_signed(client, state, &credentials, &response, err)) {
        count_outcome(client, state, error_kind_name(err->kind), error_kind_name(err->kind));
        if (err->kind == ERROR_UNAVAILABLE && wait_before_retry(client, state, false, 0, err))
            return ATTEMPT_AGAIN;
        return ATTEMPT_FAILED;
    }
    if (response.status >= 200 && response.status < 300) {
        note_success(client, state);
        return read_output(state, &response, ret_output, err) ? ATTEMPT_SUCCEEDED : ATTEMPT_FAILED;
    }
    service_error_parse(&response, &refusal);
    note_refusal(client, state, &refusal);
    explain(client, state, &response, &refusal, err);
    return is_worth_retrying(client, state, &refusal, &response, &credentials, err)
               ? ATTEMPT_AGAIN
               : ATTEMPT_FAILED;
}

static bool prepare(struct aws_json_client *client, const struct aws_json_call *call,
                    struct call_state *state, struct error *err)
{
    const struct aws_json_client_options *options = &client->options;

    if (!aws_region_is_well_formed(call->region))
        return error_set(err, ERROR_INVALID, "RegionInvalid",
                         "'%s' cannot be an AWS region: set one such as eu-west-1", call->region);
    if (!aws_endpoint_find(options->endpoint_url, &options->endpoints, options->service,
                           call->region, &state->url, &state->host, err))
        return false;
    state->body = STRBUF_ERASING;
    document_render(call->input, false, &state->body);
    return true;
}

bool aws_json_client_call(struct aws_json_client *client, const struct aws_json_call *call,
                          json_t **ret_output, struct error *err)
{
    struct call_state state = {
        .call = call,
        .begun_ms = timesource_monotonic_ms(client->options.clock->timesource),
    };
    enum attempt result = ATTEMPT_FAILED;
    struct error failure = {0}; /* of attempts that may be followed by a success */

    if (prepare(client, call, &state, &failure)) {
        do {
            result = try_once(client, &state, ret_output, &failure);
        } while (result == ATTEMPT_AGAIN);
    }
    free(state.url);
    strbuf_release(&state.body);
    if (result == ATTEMPT_SUCCEEDED)
        return true;
    *err = failure;
    return error_wrap(err, "AWS %s of '%s' in %s", call->operation, call->subject, call->region);
}
