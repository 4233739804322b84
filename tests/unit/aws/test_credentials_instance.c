#include "aws/credentials_instance.h"
#include "base/memory.h"
#include "chain_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define BASE  "http://169.254.169.254"
#define TOKEN BASE "/latest/api/token"
#define ROLES BASE "/latest/meta-data/iam/security-credentials/"

static void expect_token(struct chain_fixture *fixture, const char *token)
{
    chain_fixture_expect(
        fixture,
        &(struct scripted_exchange){.method = "PUT",
                                    .url = TOKEN,
                                    .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}},
                                    .answer = token});
}

static void expect_get(struct chain_fixture *fixture, const char *url, const char *token,
                       int status, const char *answer)
{
    chain_fixture_expect(
        fixture, &(struct scripted_exchange){.method = "GET",
                                             .url = url,
                                             .headers = {{"X-aws-ec2-metadata-token", token}},
                                             .status = status,
                                             .answer = answer});
}

static void test_role_is_found_and_its_credentials_are_fetched_with_one_token(void **state)
{
    struct chain_fixture *fixture = *state;

    expect_token(fixture, "canary-token==");
    expect_get(fixture, ROLES, "canary-token==", 200, "node+role\nsecond");
    expect_get(fixture, ROLES "node%2Brole", "canary-token==", 200,
               chain_fixture_json("ASIANODE", 21600));

    chain_fixture_get(fixture, "ASIANODE");

    assert_string_equal(aws_credentials_source(fixture->session->credentials), "instance metadata");
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(chain_fixture_request(fixture, i)->proxy, "");
}

static void test_refused_token_is_replaced_once(void **state)
{
    struct chain_fixture *fixture = *state;

    expect_token(fixture, "first");
    expect_get(fixture, ROLES, "first", 401, "");
    expect_token(fixture, "second");
    expect_get(fixture, ROLES, "second", 200, "role");
    expect_get(fixture, ROLES "role", "second", 200, chain_fixture_json("ASIA", 21600));
    chain_fixture_get(fixture, "ASIA");

    chain_fixture_start(fixture);
    expect_token(fixture, "first");
    expect_get(fixture, ROLES, "first", 401, "");
    expect_token(fixture, "second");
    expect_get(fixture, ROLES, "second", 401, "");
    chain_fixture_fail(fixture, ERROR_DENIED, "HTTP status 401");
}

static void test_instance_without_a_profile_is_told(void **state)
{
    struct chain_fixture *fixture = *state;

    expect_token(fixture, "t");
    expect_get(fixture, ROLES, "t", 404, "");

    chain_fixture_fail(fixture, ERROR_DENIED, "this EC2 instance has no instance profile");
}

static void test_silence_hints_at_the_hop_limit(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_expect(
        fixture, &(struct scripted_exchange){.method = "PUT",
                                             .failure = {.kind = ERROR_UNAVAILABLE,
                                                         .code = "Timeout",
                                                         .message = "no connection in time"}});

    chain_fixture_fail(fixture, ERROR_UNAVAILABLE,
                       "AWS credentials from instance metadata: no other AWS credentials are "
                       "configured, and the instance metadata service did not hand out a token (no "
                       "connection in time); if this is an EC2 instance, its metadata hop limit");
}

static void test_settings_choose_endpoint_patience_and_attempts(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set(fixture, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
    chain_fixture_set(fixture, "AWS_METADATA_SERVICE_TIMEOUT", "5");
    chain_fixture_set(fixture, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2");
    chain_fixture_expect(
        fixture, &(struct scripted_exchange){
                     .url = "http://[fd00:ec2::254]/latest/api/token", .status = 500, .times = 2});
    chain_fixture_fail(fixture, ERROR_UNAVAILABLE, "HTTP status 500");
    assert_int_equal(chain_fixture_request(fixture, 0)->total_timeout_ms, 5000);

    chain_fixture_set(fixture, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1//");
    chain_fixture_start(fixture);
    chain_fixture_expect(fixture, &(struct scripted_exchange){
                                      .url = "http://127.0.0.1:1/latest/api/token", .status = 403});
    chain_fixture_fail(fixture, ERROR_DENIED, "switched off");
}

static void test_settings_that_cannot_be_read_are_errors_that_name_them(void **state)
{
    static const struct fake_setting rows[] = {
        {"AWS_EC2_METADATA_DISABLED", "perhaps"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "169.254.169.254"},
        {"AWS_METADATA_SERVICE_TIMEOUT", "1s"},
        {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "0"},
    };
    struct chain_fixture *fixture = *state;

    for (size_t i = 0; i < array_length(rows); i++) {
        chain_fixture_set(fixture, rows[i].name, rows[i].value);
        chain_fixture_start(fixture);
        chain_fixture_fail(fixture, ERROR_DENIED, rows[i].name);
        chain_fixture_set(fixture, rows[i].name, NULL);
    }
}

static void test_hostile_answers_are_refused(void **state)
{
    static const struct {
        const char *token, *roles, *document;
        enum error_kind kind;
        const char *expected;
    } rows[] = {
        {"", NULL, NULL, ERROR_INTERNAL, "did not answer as the instance metadata service"},
        {"canary\r\nX: y", NULL, NULL, ERROR_INTERNAL, "did not answer as"},
        {"<html>can ary</html>", NULL, NULL, ERROR_INTERNAL, "did not answer as"},
        {"t", "", NULL, ERROR_INTERNAL, "something else than the name of a role"},
        {"t", "../../canary", NULL, ERROR_INTERNAL, "something else than the name of a role"},
        {"t", "canary role", NULL, ERROR_INTERNAL, "something else than the name of a role"},
        {"t", "role", "{\"Code\":\"Failed\",\"Message\":\"AssumeRoleUnauthorizedAccess\"}",
         ERROR_DENIED, "Failed: AssumeRoleUnauthorizedAccess"},
        {"t", "role", "{\"Code\":\"Success\"}", ERROR_INTERNAL, "the answer holds no credentials"},
        {"t", "role", "{\"Code\":\"Suc", ERROR_INTERNAL, "the answer holds no credentials"},
    };
    struct chain_fixture *fixture = *state;

    for (size_t i = 0; i < array_length(rows); i++) {
        chain_fixture_start(fixture);
        expect_token(fixture, rows[i].token);
        if (rows[i].roles != NULL)
            expect_get(fixture, ROLES, "t", 200, rows[i].roles);
        if (rows[i].document != NULL)
            expect_get(fixture, ROLES "role", "t", 200, rows[i].document);
        chain_fixture_fail(fixture, rows[i].kind, rows[i].expected);
    }
}

static void test_expired_set_of_the_instance_is_used(void **state)
{
    struct chain_fixture *fixture = *state;

    expect_token(fixture, "t");
    expect_get(fixture, ROLES, "t", 200, "role");
    expect_get(fixture, ROLES "role", "t", 200, chain_fixture_json("ASIAOLD", -60));

    chain_fixture_get(fixture, "ASIAOLD");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CHAIN_TEST(test_role_is_found_and_its_credentials_are_fetched_with_one_token),
        CHAIN_TEST(test_refused_token_is_replaced_once),
        CHAIN_TEST(test_instance_without_a_profile_is_told),
        CHAIN_TEST(test_silence_hints_at_the_hop_limit),
        CHAIN_TEST(test_settings_choose_endpoint_patience_and_attempts),
        CHAIN_TEST(test_settings_that_cannot_be_read_are_errors_that_name_them),
        CHAIN_TEST(test_hostile_answers_are_refused),
        CHAIN_TEST(test_expired_set_of_the_instance_is_used),
    };

    return cmocka_run_group_tests_name("aws/credentials_instance", tests, NULL, NULL);
}
