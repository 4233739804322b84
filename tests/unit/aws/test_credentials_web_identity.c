#include "aws/credentials_web_identity.h"
#include "base/memory.h"
#include "chain_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define STS_URL "https://sts.eu-west-1.amazonaws.com"
#define ACTION  "AssumeRoleWithWebIdentity"

static void expect_answer(struct chain_fixture *fixture, int status, const char *answer)
{
    chain_fixture_expect(
        fixture, &(struct scripted_exchange){.method = "POST", .status = status, .answer = answer});
}

static const char *refusal(const char *code, const char *text)
{
    static _Thread_local char answer[1024];

    snprintf(answer, sizeof answer,
             "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message>"
             "</Error><RequestId>r</RequestId></ErrorResponse>",
             code, text);
    return answer;
}

static void test_token_is_exchanged_by_one_unsigned_post_to_the_region(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    chain_fixture_expect(
        fixture,
        &(struct scripted_exchange){
            .method = "POST",
            .url = STS_URL,
            .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                        {"Accept", "application/json"},
                        {"Host", "sts.eu-west-1.amazonaws.com"},
                        {"User-Agent", "tests/1"},
                        {"Authorization", NULL},
                        {"X-Amz-Date", NULL}},
            .body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&"
                    "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Foperator&"
                    "RoleSessionName=pod-1&WebIdentityToken=eyJhbGciOiJSUzI1NiJ9.canary.canary",
            .answer = chain_fixture_xml(ACTION, "ASIAXML", 3600)});

    chain_fixture_get(fixture, "ASIAXML");
    chain_fixture_get(fixture, "ASIAXML");

    assert_string_equal(aws_credentials_source(fixture->session->credentials), "web identity");
    assert_null(chain_fixture_request(fixture, 0)->proxy);
}

static void test_json_answer_is_read_too(void **state)
{
    struct chain_fixture *fixture = *state;
    auto_free char *answer =
        mem_printf(" {\"AssumeRoleWithWebIdentityResponse\":{\"AssumeRoleWithWebIdentityResult\":{"
                   "\"Credentials\":{\"AccessKeyId\":\"ASIAJSON\",\"SecretAccessKey\":\"canary\","
                   "\"SessionToken\":\"canary\",\"Expiration\":%lld.5}}}}",
                   (long long)(FIXTURE_NOW_US / 1000000 + 3600));

    chain_fixture_set_web_identity(fixture);
    expect_answer(fixture, 200, answer);

    chain_fixture_get(fixture, "ASIAJSON");
}

static void test_token_file_is_read_at_each_refresh(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    expect_answer(fixture, 200, chain_fixture_xml(ACTION, "ASIAFIRST", 3600));
    expect_answer(fixture, 200, chain_fixture_xml(ACTION, "ASIASECOND", 7200));
    chain_fixture_get(fixture, "ASIAFIRST");

    scratch_write(&fixture->scratch, "token", "second.canary.token\r\n\n");
    chain_fixture_advance_ms(fixture, 3601 * 1000);
    chain_fixture_get(fixture, "ASIASECOND");

    assert_non_null(
        strstr(chain_fixture_request(fixture, 1)->body, "WebIdentityToken=second.canary.token"));
    assert_null(strstr(chain_fixture_request(fixture, 1)->body, "%0"));
}

static void replace_token(void *context, const struct http_request *request maybe_unused,
                          struct http_response *response maybe_unused)
{
    struct chain_fixture *fixture = context;

    scratch_write(&fixture->scratch, "token", "renewed.canary.token");
}

static void test_token_that_expired_meanwhile_is_read_again_once(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    chain_fixture_expect(fixture, &(struct scripted_exchange){
                                      .status = 400,
                                      .answer = refusal("ExpiredTokenException", "Token expired"),
                                      .edit = replace_token,
                                      .edit_context = fixture});
    expect_answer(fixture, 200, chain_fixture_xml(ACTION, "ASIA", 3600));

    chain_fixture_get(fixture, "ASIA");
}

static void test_expired_token_in_the_file_is_an_error_that_names_it(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    expect_answer(fixture, 400, refusal("ExpiredTokenException", "Token expired"));

    chain_fixture_fail(fixture, ERROR_DENIED, "Token expired (ExpiredTokenException)");
    chain_fixture_fail(fixture, ERROR_DENIED, fixture->scratch.paths[0]);
}

static void test_passing_faults_are_retried(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    expect_answer(fixture, 400, refusal("IDPCommunicationError", "cannot reach it"));
    expect_answer(fixture, 503, "<html>busy</html>");
    expect_answer(fixture, 200, chain_fixture_xml(ACTION, "ASIA", 3600));

    chain_fixture_get(fixture, "ASIA");
}

static void test_attempts_are_limited_by_the_setting(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    chain_fixture_set(fixture, "AWS_MAX_ATTEMPTS", "2");
    expect_answer(fixture, 500, "");
    expect_answer(fixture, 400, refusal("IDPCommunicationError", "cannot reach it"));

    chain_fixture_fail(fixture, ERROR_UNAVAILABLE, "cannot reach it (IDPCommunicationError)");
}

static void test_refusals_are_explained_without_what_was_sent(void **state)
{
    static const struct {
        const char *code, *text;
        enum error_kind kind;
        const char *expected;
    } rows[] = {
        {"AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", ERROR_DENIED,
         "Not authorized to perform sts:AssumeRoleWithWebIdentity (AccessDenied): check the trust "
         "policy of the role"},
        {"InvalidIdentityToken", "No OpenIDConnect provider found in your account", ERROR_DENIED,
         "No OpenIDConnect provider found in your account (InvalidIdentityToken): check the IAM "
         "identity provider"},
        {"AccessDenied", "the token eyJhbGciOiJSUzI1NiJ9.canary is bad", ERROR_DENIED,
         "refused with HTTP status 400 (AccessDenied)"},
        {"ValidationError", "Value 'canary' at 'webIdentityToken' failed", ERROR_DENIED,
         "refused with HTTP status 400 (ValidationError)"},
        {"Novelty", "canary", ERROR_INTERNAL, "refused with HTTP status 400 (Novelty)"},
        {"RegionDisabledException", "STS is not activated", ERROR_DENIED, "activate STS"},
        {"IDPRejectedClaim", "rejected", ERROR_DENIED, "rejected (IDPRejectedClaim)"},
    };
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    for (size_t i = 0; i < array_length(rows); i++) {
        chain_fixture_start(fixture);
        expect_answer(fixture, 400, refusal(rows[i].code, rows[i].text));
        chain_fixture_fail(fixture, rows[i].kind, rows[i].expected);
        chain_fixture_fail(fixture, rows[i].kind,
                           "AWS credentials from web identity: with the token file '");
        chain_fixture_fail(fixture, rows[i].kind,
                           "STS AssumeRoleWithWebIdentity of '" ROLE_ARN "' in eu-west-1");
    }
}

static void test_answers_that_hold_no_credentials_are_refused(void **state)
{
    static const char *const answers[] = {
        "",
        "{",
        "{}",
        "null",
        "{\"AssumeRoleWithWebIdentityResponse\":{\"AssumeRoleWithWebIdentityResult\":null}}",
        "{\"AssumeRoleWithWebIdentityResponse\":{\"AssumeRoleWithWebIdentityResult\":{"
        "\"Credentials\":{\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"canary\","
        "\"SessionToken\":\"canary\"}}}}",
        "{\"AssumeRoleWithWebIdentityResponse\":{\"AssumeRoleWithWebIdentityResult\":{"
        "\"Credentials\":{\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"canary\","
        "\"SessionToken\":\"canary\",\"Expiration\":1e300}}}}",
        "<html>canary</html>",
        "<AssumeRoleResponse><Credentials></Credentials></AssumeRoleResponse>",
        "<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>ASIA</AccessKeyId>"
        "<SecretAccessKey>canary</SecretAccessKey><SessionToken>canary</SessionToken>"
        "<Expiration>2030-01-01T00:00:00Z</Expiration>",
        "<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>ASIA</AccessKeyId>"
        "<SecretAccessKey>canary&amp;</SecretAccessKey><SessionToken>canary</SessionToken>"
        "<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>",
        "<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>ASIA</AccessKeyId>"
        "<SecretAccessKey>can\nary</SecretAccessKey><SessionToken>canary</SessionToken>"
        "<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>",
        "<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>ASIA</AccessKeyId>"
        "<AccessKeyId>ASIB</AccessKeyId>"
        "<SecretAccessKey>canary</SecretAccessKey><SessionToken>canary</SessionToken>"
        "<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>",
        "<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>ASIA</AccessKeyId>"
        "<SecretAccessKey>canary</SecretAccessKey>"
        "<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>",
        "<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>ASIA</AccessKeyId>"
        "<SecretAccessKey>canary</SecretAccessKey><SessionToken>canary</SessionToken>"
        "<Expiration>tomorrow</Expiration></Credentials>",
    };
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    for (size_t i = 0; i < array_length(answers); i++) {
        chain_fixture_start(fixture);
        expect_answer(fixture, 200, answers[i]);
        chain_fixture_fail(fixture, ERROR_INTERNAL, "the answer holds no credentials");
    }
}

static void test_redirect_is_a_refusal(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    expect_answer(fixture, 307, "");

    chain_fixture_fail(fixture, ERROR_DENIED, "HTTP status 307");
}

/* What is in the token file, and what the message says of it. */
static void test_token_files_that_hold_no_token_are_errors_that_name_them(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *expected;
    } rows[] = {
        {"", 0, "holds 0 bytes"},
        {" \r\n", 3, "holds 0 bytes"},
        {"abc", 3, "holds 3 bytes"},
        {"canary\r\nX: y", 12, "holds a blank, a newline or another character"},
        {"can ary", 7, "holds a blank"},
        {"canary\0canary", 13, "another character that no token has"},
        {"canary\xc3\xa9", 8, "another character that no token has"},
    };
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    for (size_t i = 0; i < array_length(rows); i++) {
        chain_fixture_start(fixture);
        scratch_write_bytes(&fixture->scratch, "token", rows[i].bytes, rows[i].length);
        chain_fixture_fail(fixture, ERROR_DENIED, rows[i].expected);
        chain_fixture_fail(fixture, ERROR_DENIED, fixture->scratch.paths[0]);
    }
}

static void test_incomplete_settings_are_errors_that_name_the_variable(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    chain_fixture_set(fixture, "AWS_ROLE_ARN", "");
    chain_fixture_fail(fixture, ERROR_DENIED, "AWS_ROLE_ARN is not");

    chain_fixture_set(fixture, "AWS_ROLE_ARN", ROLE_ARN);
    chain_fixture_set(fixture, "AWS_ROLE_SESSION_NAME", "can ary");
    chain_fixture_start(fixture);
    chain_fixture_fail(fixture, ERROR_DENIED, "AWS_ROLE_SESSION_NAME must be");

    chain_fixture_set(fixture, "AWS_ROLE_SESSION_NAME", "pod-1");
    chain_fixture_set(fixture, "AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token");
    chain_fixture_start(fixture);
    chain_fixture_fail(fixture, ERROR_DENIED, "'/nowhere/token'");

    chain_fixture_set_web_identity(fixture);
    chain_fixture_set(fixture, "AWS_REGION", "");
    chain_fixture_set(fixture, "AWS_EC2_METADATA_DISABLED", "true");
    chain_fixture_start(fixture);
    chain_fixture_fail(fixture, ERROR_DENIED, "no AWS region is known");
}

static void test_session_is_named_after_the_pod(void **state)
{
    static const struct {
        const char *host, *expected;
    } rows[] = {
        {NULL, "database-user-operator"},
        {"operator-5d8-x", "database-user-operator-operator-5d8-x"},
        {"a b/c", "database-user-operator-a-b-c"},
        {"0123456789012345678901234567890123456789012345",
         "database-user-operator-01234567890123456789012345678901234567890"},
    };
    struct chain_fixture *fixture = *state;

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_free char *name = NULL;

        chain_fixture_set(fixture, "HOSTNAME", rows[i].host);
        chain_fixture_start(fixture);
        name = web_identity_default_session_name(fixture->session);
        assert_string_equal(name, rows[i].expected);
    }
}

static void test_endpoint_and_authority_are_those_of_the_settings(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set_web_identity(fixture);
    chain_fixture_set(fixture, "AWS_ENDPOINT_URL_STS", "https://sts.local:8443/");
    chain_fixture_set(fixture, "AWS_CA_BUNDLE", "/etc/ca.pem");
    chain_fixture_expect(
        fixture, &(struct scripted_exchange){.url = "https://sts.local:8443",
                                             .headers = {{"Host", "sts.local:8443"}},
                                             .answer = chain_fixture_xml(ACTION, "ASIA", 3600)});

    chain_fixture_get(fixture, "ASIA");

    assert_string_equal(chain_fixture_request(fixture, 0)->tls->ca_file, "/etc/ca.pem");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CHAIN_TEST(test_token_is_exchanged_by_one_unsigned_post_to_the_region),
        CHAIN_TEST(test_json_answer_is_read_too),
        CHAIN_TEST(test_token_file_is_read_at_each_refresh),
        CHAIN_TEST(test_token_that_expired_meanwhile_is_read_again_once),
        CHAIN_TEST(test_expired_token_in_the_file_is_an_error_that_names_it),
        CHAIN_TEST(test_passing_faults_are_retried),
        CHAIN_TEST(test_attempts_are_limited_by_the_setting),
        CHAIN_TEST(test_refusals_are_explained_without_what_was_sent),
        CHAIN_TEST(test_answers_that_hold_no_credentials_are_refused),
        CHAIN_TEST(test_redirect_is_a_refusal),
        CHAIN_TEST(test_token_files_that_hold_no_token_are_errors_that_name_them),
        CHAIN_TEST(test_incomplete_settings_are_errors_that_name_the_variable),
        CHAIN_TEST(test_session_is_named_after_the_pod),
        CHAIN_TEST(test_endpoint_and_authority_are_those_of_the_settings),
    };

    return cmocka_run_group_tests_name("aws/web_identity", tests, NULL, NULL);
}
