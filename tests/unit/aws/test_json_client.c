#include "aws/json_client.h"
#include "base/document.h"
#include "base/memory.h"
#include "client_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define ENDPOINT  "https://secretsmanager.eu-west-1.amazonaws.com"
#define THROTTLED "{\"__type\":\"ThrottlingException\",\"message\":\"Rate exceeded\"}"

enum { MINUTE_MS = 60 * 1000 };
#define MINUTE_US ((int64_t)60 * 1000000)

/* What was told of a storm. */
struct storm {
    unsigned begun, ended;
    uint64_t requests;
};

struct state {
    struct client_fixture fixture;
    struct storm storm;
    struct aws_json_client *client;
    json_t *input;
    struct aws_json_call call;
};

static void hear_of_throttling(void *context, const struct aws_throttling *throttling)
{
    struct storm *storm = context;

    if (throttling->code != NULL) {
        assert_string_equal(throttling->code, "ThrottlingException");
        assert_string_equal(throttling->operation, "DescribeSecret");
        assert_string_equal(throttling->region, "eu-west-1");
        storm->begun++;
        return;
    }
    storm->ended++;
    storm->requests = throttling->requests;
}

static struct aws_json_client *make_client(struct client_fixture *fixture, const char *endpoint_url,
                                           struct storm *storm)
{
    return aws_json_client_new(&(struct aws_json_client_options){
        .service = "secretsmanager",
        .transport = scripted_transport_seam(fixture->transport),
        .credentials = &fixture->credentials.provider,
        .clock = &fixture->aws_clock,
        .random = &fixture->random.source,
        .cancellation = fixture->cancellation,
        .metrics = fixture->metrics,
        .endpoint_url = endpoint_url,
        .ca_file = "/etc/ca.pem",
        .user_agent = "tests/1",
        .report_throttling = storm != NULL ? hear_of_throttling : NULL,
        .report_context = storm,
    });
}

static int set_up(void **context)
{
    struct state *state = mem_alloc(sizeof *state);

    client_fixture_init(&state->fixture);
    state->client = make_client(&state->fixture, NULL, &state->storm);
    state->input = json_pack("{s:s}", "SecretId", "app/db");
    state->call = (struct aws_json_call){
        .operation = "DescribeSecret",
        .region = "eu-west-1",
        .subject = "app/db",
        .input = state->input,
    };
    *context = state;
    return 0;
}

static int tear_down(void **context)
{
    struct state *state = *context;

    aws_json_client_free(state->client);
    json_decref(state->input);
    client_fixture_release(&state->fixture);
    free(state);
    return 0;
}

static void expect(struct state *state, const struct scripted_exchange *exchange)
{
    scripted_transport_expect(state->fixture.transport, exchange);
}

static bool call(struct state *state, struct error *err)
{
    return aws_json_client_call(state->client, &state->call, NULL, err);
}

static const struct http_request *request(struct state *state, size_t index)
{
    return scripted_transport_request(state->fixture.transport, index);
}

static size_t request_count(struct state *state)
{
    return scripted_transport_request_count(state->fixture.transport);
}

static struct error make_failure(enum error_kind kind, const char *code)
{
    struct error failure;

    error_set(&failure, kind, code, "lost");
    return failure;
}

/* ---- requests ---- */

static void test_call_is_one_signed_post(void **context)
{
    struct state *state = *context;
    const struct http_request *sent;
    struct error err = {0};

    expect(state,
           &(struct scripted_exchange){
               .method = "POST",
               .url = ENDPOINT,
               .headers =
                   {{"Content-Type", "application/x-amz-json-1.1"},
                    {"Host", "secretsmanager.eu-west-1.amazonaws.com"},
                    {"X-Amz-Date", "20260304T050607Z"},
                    {"X-Amz-Security-Token", "first-token"},
                    {"X-Amz-Target", "secretsmanager.DescribeSecret"},
                    {"User-Agent", "tests/1"},
                    /* By botocore, as in test_sigv4.c. */
                    {"Authorization",
                     "AWS4-HMAC-SHA256 Credential=AKIDFIRST/20260304/eu-west-1/secretsmanager/"
                     "aws4_request, SignedHeaders=content-type;host;x-amz-date;"
                     "x-amz-security-token;x-amz-target, "
                     "Signature=717ea8c02db8493cd638a45ad9d8abce4ffb7cab2840c3ab5d9aaafb42b1232d"}},
               .body = "{\"SecretId\":\"app/db\"}",
               .answer = "{}",
           });
    assert_true(call(state, &err));

    sent = request(state, 0);
    assert_string_equal(sent->tls->ca_file, "/etc/ca.pem");
    assert_false(sent->tls->insecure_skip_verify);
    assert_int_equal(sent->connect_timeout_ms, 3000);
    assert_int_equal(sent->total_timeout_ms, 15000);
    assert_int_equal(sent->response_limit_bytes, 1024 * 1024);
    client_fixture_expect_metric(
        &state->fixture, "database_user_operator_aws_requests_total{service=\"secretsmanager\","
                         "operation=\"DescribeSecret\",outcome=\"ok\"} 1\n");
}

static void test_long_term_keys_are_sent_without_token(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    state->fixture.credentials.long_term = true;
    expect(state, &(struct scripted_exchange){.headers = {{"X-Amz-Security-Token", NULL}},
                                              .answer = "{}"});
    assert_true(call(state, &err));

    assert_non_null(strstr(scripted_request_header(request(state, 0), "Authorization"),
                           "SignedHeaders=content-type;host;x-amz-date;x-amz-target,"));
}

static void test_region_decides_host_and_scope(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    state->call.region = "cn-north-1";
    expect(state, &(struct scripted_exchange){
                      .url = "https://secretsmanager.cn-north-1.amazonaws.com.cn",
                      .headers = {{"Host", "secretsmanager.cn-north-1.amazonaws.com.cn"}},
                      .answer = "{}"});
    assert_true(call(state, &err));

    assert_non_null(strstr(scripted_request_header(request(state, 0), "Authorization"),
                           "/20260304/cn-north-1/secretsmanager/aws4_request,"));
}

static void test_region_that_cannot_be_one_is_refused(void **context)
{
    static const char *const regions[] = {"", "EU", "eu-west-1\r\nX: y", "evil.example/eu-west-1"};
    struct state *state = *context;

    for (size_t i = 0; i < array_length(regions); i++) {
        struct error err = {0};

        state->call.region = regions[i];
        assert_false(call(state, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.code, "RegionInvalid");
    }
}

static void test_given_endpoint_is_used_for_every_region(void **context)
{
    static const struct {
        const char *endpoint, *url, *host;
    } rows[] = {
        {"http://localhost:4566", "http://localhost:4566", "localhost:4566"},
        {"http://localhost:4566/", "http://localhost:4566", "localhost:4566"},
        {"https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com",
         "https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com",
         "vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com"},
        {"http://[::1]:80/", "http://[::1]:80", "[::1]:80"},
    };
    struct state *state = *context;

    for (size_t i = 0; i < array_length(rows); i++) {
        struct error err = {0};

        aws_json_client_free(state->client);
        state->client = make_client(&state->fixture, rows[i].endpoint, NULL);
        expect(state, &(struct scripted_exchange){
                          .url = rows[i].url, .headers = {{"Host", rows[i].host}}, .answer = "{}"});
        if (!call(state, &err))
            fail_msg("%s: %s", rows[i].endpoint, err.message);
    }
}

static void test_endpoint_that_is_more_than_a_host_is_refused_unquoted(void **context)
{
    static const char *const endpoints[] = {
        "",
        "localhost:4566",
        "https://",
        "https:///",
        "https://host/path",
        "https://host//",
        "https://host?query",
        "https://host#part",
        "https://user:canary@host",
        "https://ho st",
        "https://host\r\nX-Other: y",
    };
    struct state *state = *context;

    for (size_t i = 0; i < array_length(endpoints); i++) {
        struct error err = {0};

        aws_json_client_free(state->client);
        state->client = make_client(&state->fixture, endpoints[i], NULL);
        if (call(state, &err) || err.kind != ERROR_INVALID ||
            strcmp(err.code, "EndpointInvalid") != 0)
            fail_msg("'%s': %s", endpoints[i], err.message);
        assert_null(strstr(err.message, "canary"));
        assert_non_null(strstr(err.message, "AWS_ENDPOINT_URL"));
    }
}

/* ---- answers ---- */

static void test_answer_is_the_object_of_the_body(void **context)
{
    struct state *state = *context;
    auto_json json_t *output = NULL;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){.answer = "{\"ARN\":\"arn\"}"});
    assert_true(aws_json_client_call(state->client, &state->call, &output, &err));

    assert_string_equal(document_string(output, "ARN"), "arn");
}

static void test_answer_without_body_is_an_empty_object(void **context)
{
    struct state *state = *context;
    auto_json json_t *output = NULL;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){.times = 2});
    assert_true(call(state, &err));
    assert_true(aws_json_client_call(state->client, &state->call, &output, &err));

    assert_true(json_is_object(output));
    assert_int_equal(json_object_size(output), 0);
}

static void test_answer_that_is_no_object_is_a_broken_peer(void **context)
{
    static const char *const answers[] = {"<html>canary", "[]", "{\"cut\":", " ", "\"canary\""};
    struct state *state = *context;

    for (size_t i = 0; i < array_length(answers); i++) {
        json_t *output = NULL;
        struct error err = {0};

        expect(state,
               &(struct scripted_exchange){.answer = answers[i], .content_type = "text/html"});
        assert_false(aws_json_client_call(state->client, &state->call, &output, &err));
        assert_null(output);
        assert_int_equal(err.kind, ERROR_INTERNAL);
        assert_string_equal(err.message,
                            "AWS DescribeSecret of 'app/db' in eu-west-1: " ENDPOINT
                            " answered with something else than JSON (content type 'text/html'): "
                            "is the endpoint AWS's?");
    }
}

/* ---- refusals ---- */

static void test_refusal_names_operation_subject_region_and_code(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){
                      .status = 400,
                      .retry_after_ms = 7000,
                      .answer = "{\"__type\":\"ResourceNotFoundException\",\"Message\":\"Secrets "
                                "Manager can't find it.\"}"});
    assert_false(call(state, &err));

    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_string_equal(err.code, "ResourceNotFoundException");
    assert_int_equal(err.retry_after_ms, 7000);
    assert_string_equal(err.message, "AWS DescribeSecret of 'app/db' in eu-west-1: Secrets Manager "
                                     "can't find it. (ResourceNotFoundException)");
    client_fixture_expect_metric(
        &state->fixture, "database_user_operator_aws_requests_total{service=\"secretsmanager\","
                         "operation=\"DescribeSecret\",outcome=\"ResourceNotFoundException\"} 1\n");
    client_fixture_expect_metric(
        &state->fixture,
        "database_user_operator_aws_request_duration_seconds_count{service=\"secretsmanager\","
        "operation=\"DescribeSecret\",outcome=\"not found\"} 1\n");
}

static void test_denial_says_whose_credentials_they_were(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){
                      .status = 400,
                      .answer = "{\"__type\":\"AccessDeniedException\",\"Message\":\"User: u is "
                                "not authorized to perform: secretsmanager:DescribeSecret\"}"});
    assert_false(call(state, &err));

    assert_int_equal(err.kind, ERROR_DENIED);
    assert_string_equal(err.message,
                        "AWS DescribeSecret of 'app/db' in eu-west-1: User: u is not authorized "
                        "to perform: secretsmanager:DescribeSecret (AccessDeniedException; AWS "
                        "credentials from: fixture): allow it, or correct the credentials");
}

static void test_refusal_without_code_is_counted_as_other(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){.status = 404, .answer = "<html>canary</html>"});
    assert_false(call(state, &err));

    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_string_equal(err.message, "AWS DescribeSecret of 'app/db' in eu-west-1: HTTP status 404 "
                                     "without explanation (no code)");
    client_fixture_expect_metric(
        &state->fixture, "database_user_operator_aws_requests_total{service=\"secretsmanager\","
                         "operation=\"DescribeSecret\",outcome=\"other\"} 1\n");
}

static void test_text_of_aws_is_withheld_where_it_may_quote_a_secret(void **context)
{
    static const struct {
        const char *code;
        bool input_is_secret, is_shown;
    } rows[] = {
        {"InvalidParameterException", true, false},
        {"ValidationException", true, false},
        {"SerializationException", true, false},
        {"NeverHeardOfException", true, false},
        {"InvalidRequestException", true, true},
        {"AccessDeniedException", true, true},
        {"InvalidParameterException", false, true},
        {"NeverHeardOfException", false, true},
        /* These quote the canonical request with the session token in it. */
        {"InvalidSignatureException", false, false},
        {"SignatureDoesNotMatch", false, false},
    };
    struct state *state = *context;

    for (size_t i = 0; i < array_length(rows); i++) {
        struct error err = {0};
        char answer[128];

        snprintf(answer, sizeof answer, "{\"__type\":\"%s\",\"message\":\"canary\"}", rows[i].code);
        state->call.input_is_secret = rows[i].input_is_secret;
        expect(state, &(struct scripted_exchange){.status = 400, .answer = answer});
        assert_false(call(state, &err));
        assert_string_equal(err.code, rows[i].code);
        if ((strstr(err.message, "canary") != NULL) != rows[i].is_shown)
            fail_msg("%s: %s", rows[i].code, err.message);
    }
}

static void test_what_stays_of_a_withheld_text_is_the_status(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    state->call.input_is_secret = true;
    expect(state, &(struct scripted_exchange){.status = 400,
                                              .answer = "{\"__type\":\"ValidationException\"}"});
    assert_false(call(state, &err));

    assert_string_equal(err.message, "AWS DescribeSecret of 'app/db' in eu-west-1: refused with "
                                     "HTTP status 400 (ValidationException)");
}

static void test_only_2xx_is_success(void **context)
{
    static const int statuses[] = {199, 300, 307};
    struct state *state = *context;
    struct error err = {0};

    for (size_t i = 0; i < array_length(statuses); i++) {
        expect(state, &(struct scripted_exchange){.status = statuses[i], .answer = "{}"});
        assert_false(call(state, &err));
    }
    expect(state, &(struct scripted_exchange){.status = 299, .answer = "{}"});
    assert_true(call(state, &err));
}

static void test_broken_credentials_send_nothing(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    state->fixture.credentials.failure = make_failure(ERROR_DENIED, "CredentialsInvalid");
    assert_false(call(state, &err));

    assert_int_equal(err.kind, ERROR_DENIED);
    assert_string_equal(err.code, "CredentialsInvalid");
    assert_string_equal(err.message, "AWS DescribeSecret of 'app/db' in eu-west-1: lost");
    assert_int_equal(request_count(state), 0);
}

/* ---- repetitions ---- */

static void test_throttled_call_is_repeated_with_the_same_body(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    json_object_set_new(state->input, "ClientRequestToken", json_string("t-1"));
    expect(state, &(struct scripted_exchange){
                      .body = "{\"SecretId\":\"app/db\",\"ClientRequestToken\":\"t-1\"}",
                      .status = 400,
                      .times = 2,
                      .answer = THROTTLED});
    expect(state,
           &(struct scripted_exchange){
               .body = "{\"SecretId\":\"app/db\",\"ClientRequestToken\":\"t-1\"}", .answer = "{}"});

    assert_true(call(state, &err));
    client_fixture_expect_metric(
        &state->fixture, "database_user_operator_aws_requests_total{service=\"secretsmanager\","
                         "operation=\"DescribeSecret\",outcome=\"ThrottlingException\"} 2\n");
}

static void test_a_storm_of_throttling_is_told_at_its_begin_and_at_its_end(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){.status = 400, .times = 6, .answer = THROTTLED});
    expect(state, &(struct scripted_exchange){.times = 2, .answer = "{}"});
    assert_false(call(state, &err));
    assert_false(call(state, &err));
    assert_true(call(state, &err));
    assert_int_equal(state->storm.begun, 1);
    assert_int_equal(state->storm.ended, 0);

    fake_timesource_advance_ms(&state->fixture.clock, 30 * 1000);
    assert_true(call(state, &err));

    assert_int_equal(state->storm.begun, 1);
    assert_int_equal(state->storm.ended, 1);
    assert_int_equal(state->storm.requests, 6);
}

static void test_success_leaves_the_error_alone(void **context)
{
    static const struct error before = {.kind = ERROR_GONE, .message = "before"};
    struct state *state = *context;
    struct error err = before;

    expect(state, &(struct scripted_exchange){.status = 400, .answer = THROTTLED});
    expect(state, &(struct scripted_exchange){.answer = "{}"});
    assert_true(call(state, &err));

    assert_memory_equal(&err, &before, sizeof err);
}

static void test_there_are_three_attempts(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){.status = 500, .times = 3, .answer = "<html>"});
    assert_false(call(state, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);

    expect(state, &(struct scripted_exchange){.status = 400, .times = 3, .answer = THROTTLED});
    assert_false(call(state, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_string_equal(err.code, "ThrottlingException");
}

static void test_attempts_are_as_many_as_the_options_say(void **context)
{
    struct state *state = *context;
    struct aws_json_client *client;
    struct error err = {0};

    for (unsigned attempts = 1; attempts <= 5; attempts += 2) {
        client = aws_json_client_new(&(struct aws_json_client_options){
            .service = "secretsmanager",
            .transport = scripted_transport_seam(state->fixture.transport),
            .credentials = &state->fixture.credentials.provider,
            .clock = &state->fixture.aws_clock,
            .random = &state->fixture.random.source,
            .cancellation = state->fixture.cancellation,
            .metrics = state->fixture.metrics,
            .attempts_limit = attempts,
        });
        expect(state, &(struct scripted_exchange){.status = 500, .times = attempts});
        assert_false(aws_json_client_call(client, &state->call, NULL, &err));
        aws_json_client_free(client);
        scripted_transport_assert_done(state->fixture.transport);
    }
}

static void test_lost_connection_is_repeated(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){.failure = make_failure(ERROR_UNAVAILABLE, "Reset")});
    expect(state, &(struct scripted_exchange){.answer = "{}"});
    assert_true(call(state, &err));

    client_fixture_expect_metric(
        &state->fixture, "database_user_operator_aws_requests_total{service=\"secretsmanager\","
                         "operation=\"DescribeSecret\",outcome=\"unavailable\"} 1\n");
}

static void test_failures_that_stay_are_not_repeated(void **context)
{
    static const char *const codes[] = {
        "ResourceNotFoundException", "ResourceExistsException", "InvalidRequestException",
        "InvalidParameterException", "AccessDeniedException",   "LimitExceededException",
        "DecryptionFailure",         "NeverHeardOfException",
    };
    struct state *state = *context;
    struct error err = {0};

    for (size_t i = 0; i < array_length(codes); i++) {
        char answer[128];

        snprintf(answer, sizeof answer, "{\"__type\":\"%s\"}", codes[i]);
        expect(state, &(struct scripted_exchange){.status = 400, .answer = answer});
        assert_false(call(state, &err));
        assert_string_equal(err.code, codes[i]);
    }
    expect(state, &(struct scripted_exchange){.failure = make_failure(ERROR_INVALID, "Tls")});
    assert_false(call(state, &err));
    assert_string_equal(err.code, "Tls");
}

static void test_the_advice_is_about_what_was_refused(void **context)
{
    static const struct {
        const char *code;
        const char *advice;
    } rows[] = {
        {"LimitExceededException", "raise the quota"},
        {"EncryptionFailure", "enable the KMS key"},
        {"DecryptionFailure", "enable the KMS key"},
        {"RegionDisabledException", "enable the region"},
        {"AccessDeniedException", "allow it, or correct the credentials"},
    };
    struct state *state = *context;
    struct error err = {0};

    for (size_t i = 0; i < array_length(rows); i++) {
        char answer[128];

        snprintf(answer, sizeof answer, "{\"__type\":\"%s\"}", rows[i].code);
        expect(state, &(struct scripted_exchange){.status = 400, .answer = answer});
        assert_false(call(state, &err));
        assert_non_null(strstr(err.message, rows[i].advice));
        assert_int_equal(strstr(err.message, "credentials") != NULL,
                         strstr(rows[i].advice, "credentials") != NULL);
    }
}

static void test_each_attempt_is_signed_for_its_own_time(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){.headers = {{"X-Amz-Date", "20260304T050607Z"}},
                                              .status = 503,
                                              .timesource = &state->fixture.clock,
                                              .duration_ms = 2000});
    expect(state, &(struct scripted_exchange){.headers = {{"X-Amz-Date", "20260304T050609Z"}},
                                              .answer = "{}"});
    assert_true(call(state, &err));

    assert_string_not_equal(scripted_request_header(request(state, 0), "Authorization"),
                            scripted_request_header(request(state, 1), "Authorization"));
}

static void test_last_attempt_ends_with_the_30_s_of_the_call(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){
                      .status = 503, .timesource = &state->fixture.clock, .duration_ms = 14000});
    expect(state, &(struct scripted_exchange){
                      .status = 503, .timesource = &state->fixture.clock, .duration_ms = 13000});
    expect(state, &(struct scripted_exchange){.answer = "{}"});
    assert_true(call(state, &err));

    assert_int_equal(request(state, 0)->total_timeout_ms, 15000);
    assert_int_equal(request(state, 1)->total_timeout_ms, 15000);
    assert_int_equal(request(state, 2)->total_timeout_ms, 3000);
}

static void test_no_attempt_begins_after_30_s(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){
                      .status = 503, .timesource = &state->fixture.clock, .duration_ms = 30000});
    assert_false(call(state, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
}

static void test_credentials_are_not_fetched_again_after_30_s(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){.status = 400,
                                              .answer = "{\"__type\":\"ExpiredTokenException\"}",
                                              .timesource = &state->fixture.clock,
                                              .duration_ms = 30000});
    assert_false(call(state, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_int_equal(state->fixture.credentials.invalidations, 0);
}

static void cancel(void *context, const struct http_request *sent maybe_unused,
                   struct http_response *response maybe_unused)
{
    cancellation_request(context);
}

static void test_cancellation_ends_the_wait_for_a_repetition(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){.status = 503,
                                              .retry_after_ms = MINUTE_MS,
                                              .edit = cancel,
                                              .edit_context = state->fixture.cancellation});
    assert_false(call(state, &err));

    assert_int_equal(err.kind, ERROR_CANCELLED);
}

static void test_cancelled_process_sends_nothing(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    cancellation_request(state->fixture.cancellation);
    assert_false(call(state, &err));

    assert_int_equal(err.kind, ERROR_CANCELLED);
    assert_int_equal(request_count(state), 0);
}

/* ---- the bucket of repetitions, 500 at first ---- */

/* So many calls that fail after three attempts: each takes 2 * 14. */
static void fail_calls(struct state *state, unsigned calls)
{
    struct error err = {0};

    expect(state, &(struct scripted_exchange){.status = 500, .times = 3 * calls});
    for (unsigned i = 0; i < calls; i++)
        assert_false(call(state, &err));
}

static void test_service_in_trouble_is_not_beaten_on(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    fail_calls(state, 17);

    expect(state, &(struct scripted_exchange){.status = 500, .times = 2});
    assert_false(call(state, &err));
    expect(state, &(struct scripted_exchange){.status = 500, .times = 1});
    assert_false(call(state, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
}

static void test_repetition_of_a_throttled_call_is_cheaper(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    fail_calls(state, 17);
    expect(state, &(struct scripted_exchange){.status = 500, .times = 2});
    assert_false(call(state, &err));
    expect(state, &(struct scripted_exchange){.failure = make_failure(ERROR_UNAVAILABLE, "Reset")});
    assert_false(call(state, &err));
    expect(state, &(struct scripted_exchange){.status = 400, .times = 3, .answer = THROTTLED});
    assert_false(call(state, &err));
    expect(state, &(struct scripted_exchange){.status = 400, .times = 1, .answer = THROTTLED});
    assert_false(call(state, &err));
}

static void test_success_after_a_repetition_gives_its_price_back(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    fail_calls(state, 17);
    expect(state, &(struct scripted_exchange){.status = 500});
    expect(state, &(struct scripted_exchange){.answer = "{}"});
    assert_true(call(state, &err));

    expect(state, &(struct scripted_exchange){.status = 500, .times = 2});
    assert_false(call(state, &err));
}

static void test_success_with_new_credentials_gives_no_price_back(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    fail_calls(state, 17);
    expect(state, &(struct scripted_exchange){.status = 500, .times = 2});
    assert_false(call(state, &err));
    expect(state, &(struct scripted_exchange){.status = 400,
                                              .answer = "{\"__type\":\"ExpiredTokenException\"}"});
    expect(state, &(struct scripted_exchange){.answer = "{}"});
    assert_true(call(state, &err));

    expect(state, &(struct scripted_exchange){.status = 500, .times = 1});
    assert_false(call(state, &err));
}

/* ---- credentials that expired ---- */

static void test_expired_credentials_are_fetched_again(void **context)
{
    static const char *const codes[] = {"ExpiredTokenException", "UnrecognizedClientException",
                                        "InvalidClientTokenId"};
    struct state *state = *context;

    for (size_t i = 0; i < array_length(codes); i++) {
        struct error err = {0};
        char answer[128];

        snprintf(answer, sizeof answer, "{\"__type\":\"%s\"}", codes[i]);
        state->fixture.credentials.invalidations = 0;
        expect(state,
               &(struct scripted_exchange){.headers = {{"X-Amz-Security-Token", "first-token"}},
                                           .status = 400,
                                           .answer = answer});
        expect(state, &(struct scripted_exchange){
                          .headers = {{"X-Amz-Security-Token", "second-token"}}, .answer = "{}"});
        assert_true(call(state, &err));
        assert_int_equal(state->fixture.credentials.invalidations, 1);
        assert_string_equal(state->fixture.credentials.refused, "AKIDFIRST");
    }
    assert_non_null(strstr(scripted_request_header(request(state, 1), "Authorization"),
                           "Credential=AKIDSECOND/"));
}

static void test_credentials_are_fetched_again_once(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect(state, &(struct scripted_exchange){
                      .status = 400, .times = 2, .answer = "{\"__type\":\"ExpiredToken\"}"});
    assert_false(call(state, &err));

    assert_int_equal(err.kind, ERROR_DENIED);
    assert_string_equal(err.code, "ExpiredToken");
    assert_int_equal(state->fixture.credentials.invalidations, 1);
}

/* ---- a clock that is wrong ---- */

#define BAD_SIGNATURE "{\"__type\":\"InvalidSignatureException\",\"message\":\"canary\"}"

static void expect_bad_signature(struct state *state, const char *date, int64_t server_us)
{
    expect(state, &(struct scripted_exchange){.headers = {{"X-Amz-Date", date}},
                                              .status = 400,
                                              .date_us = server_us,
                                              .answer = BAD_SIGNATURE});
}

static void expect_success(struct state *state, const char *date)
{
    expect(state, &(struct scripted_exchange){.headers = {{"X-Amz-Date", date}}, .answer = "{}"});
}

static void test_clock_is_corrected_for_this_call_and_the_next_ones(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect_bad_signature(state, "20260304T050607Z", FIXTURE_NOW_US + 10 * MINUTE_US);
    expect_success(state, "20260304T051607Z");
    assert_true(call(state, &err));

    fake_timesource_advance_ms(&state->fixture.clock, MINUTE_MS);
    expect_success(state, "20260304T051707Z");
    assert_true(call(state, &err));
}

static void test_clock_that_is_fast_is_corrected_too(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect_bad_signature(state, "20260304T050607Z", FIXTURE_NOW_US - 10 * MINUTE_US);
    expect_success(state, "20260304T045607Z");
    assert_true(call(state, &err));
}

static void test_clock_is_corrected_from_4_minutes_on(void **context)
{
    static const int64_t small[] = {4 * MINUTE_US - 1, -4 * MINUTE_US + 1, 0};
    struct state *state = *context;
    struct error err = {0};

    for (size_t i = 0; i < array_length(small); i++) {
        expect_bad_signature(state, "20260304T050607Z", FIXTURE_NOW_US + small[i]);
        assert_false(call(state, &err));
        assert_int_equal(err.kind, ERROR_DENIED);
        assert_string_equal(err.message,
                            "AWS DescribeSecret of 'app/db' in eu-west-1: the signature of the "
                            "request was not accepted: wrong secret key, or a wrong clock "
                            "(InvalidSignatureException; AWS credentials from: fixture): allow it, "
                            "or correct the credentials");
    }
    expect_bad_signature(state, "20260304T050607Z", FIXTURE_NOW_US - 4 * MINUTE_US);
    expect_success(state, "20260304T050207Z");
    assert_true(call(state, &err));
    expect_bad_signature(state, "20260304T050207Z", FIXTURE_NOW_US);
    expect_success(state, "20260304T050607Z");
    assert_true(call(state, &err));
}

static void test_answer_without_date_corrects_nothing(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect_bad_signature(state, "20260304T050607Z", 0);
    assert_false(call(state, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
}

static void test_clock_is_corrected_once_in_a_call(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect_bad_signature(state, "20260304T050607Z", FIXTURE_NOW_US + 10 * MINUTE_US);
    expect_bad_signature(state, "20260304T051607Z", FIXTURE_NOW_US + 20 * MINUTE_US);
    assert_false(call(state, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
}

static void test_corrected_clock_is_corrected_again_only_when_it_is_off(void **context)
{
    struct state *state = *context;
    struct error err = {0};

    expect_bad_signature(state, "20260304T050607Z", FIXTURE_NOW_US + 10 * MINUTE_US);
    expect_success(state, "20260304T051607Z");
    assert_true(call(state, &err));

    expect_bad_signature(state, "20260304T051607Z", FIXTURE_NOW_US + 11 * MINUTE_US);
    assert_false(call(state, &err));
    expect_bad_signature(state, "20260304T051607Z", FIXTURE_NOW_US);
    expect_success(state, "20260304T050607Z");
    assert_true(call(state, &err));
}

static void test_no_client_is_freed_without_harm(void **context maybe_unused)
{
    aws_json_client_free(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_call_is_one_signed_post),
        TEST(test_long_term_keys_are_sent_without_token),
        TEST(test_region_decides_host_and_scope),
        TEST(test_region_that_cannot_be_one_is_refused),
        TEST(test_given_endpoint_is_used_for_every_region),
        TEST(test_endpoint_that_is_more_than_a_host_is_refused_unquoted),
        TEST(test_answer_is_the_object_of_the_body),
        TEST(test_answer_without_body_is_an_empty_object),
        TEST(test_answer_that_is_no_object_is_a_broken_peer),
        TEST(test_refusal_names_operation_subject_region_and_code),
        TEST(test_denial_says_whose_credentials_they_were),
        TEST(test_refusal_without_code_is_counted_as_other),
        TEST(test_text_of_aws_is_withheld_where_it_may_quote_a_secret),
        TEST(test_what_stays_of_a_withheld_text_is_the_status),
        TEST(test_only_2xx_is_success),
        TEST(test_broken_credentials_send_nothing),
        TEST(test_throttled_call_is_repeated_with_the_same_body),
        TEST(test_a_storm_of_throttling_is_told_at_its_begin_and_at_its_end),
        TEST(test_success_leaves_the_error_alone),
        TEST(test_there_are_three_attempts),
        TEST(test_attempts_are_as_many_as_the_options_say),
        TEST(test_lost_connection_is_repeated),
        TEST(test_failures_that_stay_are_not_repeated),
        TEST(test_the_advice_is_about_what_was_refused),
        TEST(test_each_attempt_is_signed_for_its_own_time),
        TEST(test_last_attempt_ends_with_the_30_s_of_the_call),
        TEST(test_no_attempt_begins_after_30_s),
        TEST(test_credentials_are_not_fetched_again_after_30_s),
        TEST(test_cancellation_ends_the_wait_for_a_repetition),
        TEST(test_cancelled_process_sends_nothing),
        TEST(test_service_in_trouble_is_not_beaten_on),
        TEST(test_repetition_of_a_throttled_call_is_cheaper),
        TEST(test_success_after_a_repetition_gives_its_price_back),
        TEST(test_success_with_new_credentials_gives_no_price_back),
        TEST(test_expired_credentials_are_fetched_again),
        TEST(test_credentials_are_fetched_again_once),
        TEST(test_clock_is_corrected_for_this_call_and_the_next_ones),
        TEST(test_clock_that_is_fast_is_corrected_too),
        TEST(test_clock_is_corrected_from_4_minutes_on),
        TEST(test_answer_without_date_corrects_nothing),
        TEST(test_clock_is_corrected_once_in_a_call),
        TEST(test_corrected_clock_is_corrected_again_only_when_it_is_off),
        cmocka_unit_test(test_no_client_is_freed_without_harm),
    };

    return cmocka_run_group_tests_name("aws/json_client", tests, NULL, NULL);
}
