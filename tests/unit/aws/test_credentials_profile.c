#include "aws/credentials_profile.h"
#include "base/memory.h"
#include "chain_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define STS_URL "https://sts.eu-west-1.amazonaws.com"

static void set_config(struct chain_fixture *fixture, const char *text)
{
    chain_fixture_set(fixture, "AWS_REGION", "eu-west-1");
    chain_fixture_set(fixture, "AWS_CONFIG_FILE", scratch_write(&fixture->scratch, "config", text));
    chain_fixture_set(fixture, "HOSTNAME", "pod-1");
}

static void test_static_keys_are_handed_out_and_read_again(void **state)
{
    struct chain_fixture *fixture = *state;

    set_config(fixture, "[default]\naws_access_key_id = AKIDONE\naws_secret_access_key = canary\n"
                        "aws_session_token = canary\n");
    chain_fixture_get(fixture, "AKIDONE");
    assert_string_equal(aws_credentials_source(fixture->session->credentials), "profile");

    scratch_write(&fixture->scratch, "config",
                  "[default]\naws_access_key_id = AKIDTWO\naws_secret_access_key = canary\n");
    chain_fixture_advance_ms(fixture, 5 * 60 * 1000);
    chain_fixture_get(fixture, "AKIDTWO");
}

static void test_role_over_a_profile_is_taken_with_a_signed_request(void **state)
{
    struct chain_fixture *fixture = *state;

    set_config(fixture, "[profile app]\nrole_arn = " ROLE_ARN "\nsource_profile = keys\n"
                        "external_id = x/1\nduration_seconds = 900\n"
                        "[profile keys]\naws_access_key_id = AKID\n"
                        "aws_secret_access_key = first-key\naws_session_token = first-token\n");
    chain_fixture_set(fixture, "AWS_PROFILE", "app");
    chain_fixture_expect(
        fixture,
        &(struct scripted_exchange){
            .method = "POST",
            .url = STS_URL,
            .headers =
                {{"Content-Type", "application/x-www-form-urlencoded"},
                 {"Host", "sts.eu-west-1.amazonaws.com"},
                 {"X-Amz-Date", "20260304T050607Z"},
                 {"X-Amz-Security-Token", "first-token"},
                 /* By botocore 1.44.5 over the same request. */
                 {"Authorization",
                  "AWS4-HMAC-SHA256 Credential=AKID/20260304/eu-west-1/sts/aws4_request, "
                  "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
                  "Signature=47da3d97a60b63b70a116f7e62a167772173f94eacc4d38711b25a54265fca6b"}},
            .body = "Action=AssumeRole&Version=2011-06-15&"
                    "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Foperator&"
                    "RoleSessionName=database-user-operator-pod-1&ExternalId=x%2F1&"
                    "DurationSeconds=900",
            .answer = chain_fixture_xml("AssumeRole", "ASIAROLE", 900)});

    chain_fixture_get(fixture, "ASIAROLE");
}

static void test_roles_are_taken_one_over_the_other(void **state)
{
    struct chain_fixture *fixture = *state;

    set_config(fixture, "[default]\nrole_arn = arn:aws:iam::1:role/last\nsource_profile = middle\n"
                        "[profile middle]\nrole_arn = arn:aws:iam::1:role/middle\n"
                        "source_profile = middle\naws_access_key_id = AKID\n"
                        "aws_secret_access_key = canary\n");
    chain_fixture_expect(
        fixture,
        &(struct scripted_exchange){.answer = chain_fixture_xml("AssumeRole", "ASIAMIDDLE", 3600)});
    chain_fixture_expect(fixture, &(struct scripted_exchange){
                                      .headers = {{"X-Amz-Security-Token", "canary/token=="}},
                                      .answer = chain_fixture_xml("AssumeRole", "ASIALAST", 3600)});

    chain_fixture_get(fixture, "ASIALAST");

    assert_non_null(strstr(chain_fixture_request(fixture, 0)->body, "role%2Fmiddle"));
    assert_non_null(strstr(chain_fixture_request(fixture, 1)->body, "role%2Flast"));
    assert_non_null(
        strstr(scripted_request_header(chain_fixture_request(fixture, 1), "Authorization"),
               "ASIAMIDDLE/"));
}

static void test_role_over_a_source_outside_the_files(void **state)
{
    struct chain_fixture *fixture = *state;

    set_config(fixture, "[default]\nrole_arn = " ROLE_ARN "\ncredential_source = EcsContainer\n");
    chain_fixture_set(fixture, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/c");
    chain_fixture_expect(
        fixture, &(struct scripted_exchange){.url = "http://127.0.0.1/c",
                                             .answer = chain_fixture_json("ASIABASE", 3600)});
    chain_fixture_expect(
        fixture, &(struct scripted_exchange){
                     .url = STS_URL, .answer = chain_fixture_xml("AssumeRole", "ASIAROLE", 3600)});

    chain_fixture_get(fixture, "ASIAROLE");
}

static void test_web_identity_of_a_profile(void **state)
{
    struct chain_fixture *fixture = *state;
    auto_free char *text = NULL;

    text = mem_printf("[default]\nrole_arn = %s\nrole_session_name = me@x\n"
                      "web_identity_token_file = %s\n",
                      ROLE_ARN, scratch_write(&fixture->scratch, "token", CANARY_TOKEN));
    set_config(fixture, text);
    chain_fixture_expect(
        fixture, &(struct scripted_exchange){
                     .url = STS_URL,
                     .headers = {{"Authorization", NULL}},
                     .answer = chain_fixture_xml("AssumeRoleWithWebIdentity", "ASIAWEB", 3600)});

    chain_fixture_get(fixture, "ASIAWEB");

    assert_non_null(strstr(chain_fixture_request(fixture, 0)->body, "RoleSessionName=me%40x&"));
}

static void test_clock_is_corrected_by_sts_once(void **state)
{
    static const char refusal[] = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code>"
                                  "<Message>Signature expired: canary</Message></Error>"
                                  "</ErrorResponse>";
    struct chain_fixture *fixture = *state;

    set_config(fixture, "[default]\nrole_arn = " ROLE_ARN "\nsource_profile = default\n"
                        "aws_access_key_id = AKID\naws_secret_access_key = canary\n");
    chain_fixture_expect(
        fixture, &(struct scripted_exchange){.status = 403,
                                             .date_us = FIXTURE_NOW_US + INT64_C(3600) * 1000000,
                                             .answer = refusal});
    chain_fixture_expect(fixture, &(struct scripted_exchange){
                                      .headers = {{"X-Amz-Date", "20260304T060607Z"}},
                                      .date_us = FIXTURE_NOW_US + INT64_C(3600) * 1000000,
                                      .answer = chain_fixture_xml("AssumeRole", "ASIA", 7200)});
    chain_fixture_get(fixture, "ASIA");

    chain_fixture_start(fixture);
    chain_fixture_expect(fixture, &(struct scripted_exchange){.status = 403, .answer = refusal});
    chain_fixture_fail(fixture, ERROR_DENIED, "wrong secret key, or a wrong clock");
}

/* The file, and what the message must say beside its path. */
static void test_profiles_that_cannot_be_used_are_errors_that_name_profile_and_file(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"[default]\naws_access_key_id = AKID\n",
         "aws_access_key_id is set, but aws_secret_access_key is not"},
        {"[default]\naws_secret_access_key = canary\n", "aws_access_key_id is not"},
        {"[default]\naws_access_key_id = AKID\naws_secret_access_key = can ary\n",
         "aws_secret_access_key holds a blank"},
        {"[default]\nrole_arn = r\n", "has a role_arn, but neither"},
        {"[default]\nrole_arn = r\nsource_profile = a\ncredential_source = Environment\n",
         "has both source_profile and credential_source"},
        {"[default]\nsource_profile = a\n[profile a]\n", "has neither keys nor a role"},
        {"[default]\nrole_arn = r\nsource_profile = nobody\n", "that does not exist"},
        {"[default]\nrole_arn = r\nsource_profile = a\n[profile a]\nrole_arn = r\n"
         "source_profile = default\n",
         "leads back to itself"},
        {"[default]\nrole_arn = r\nsource_profile = a\n[profile a]\nrole_arn = r\n"
         "source_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a\n",
         "leads back to itself"},
        {"[default]\nrole_arn = r\nsource_profile = default\n", "has neither keys nor a role"},
        {"[default]\nrole_arn = r\ncredential_source = Nowhere\n", "is none of Environment"},
        {"[default]\nrole_arn = r\ncredential_source = Environment\n",
         "AWS_ACCESS_KEY_ID is not set"},
        {"[default]\nrole_arn = r\ncredential_source = EcsContainer\n",
         "AWS_CONTAINER_CREDENTIALS_FULL_URI is set"},
        {"[default]\nrole_arn = r\ncredential_source = Ec2InstanceMetadata\n",
         "AWS_EC2_METADATA_DISABLED is set"},
        {"[default]\nweb_identity_token_file = /nowhere\n", "has no role_arn"},
        {"[default]\nrole_arn = r\nweb_identity_token_file = /nowhere\n", "'/nowhere'"},
        {"[default]\nrole_arn = r\nsource_profile = default\nrole_session_name = a b\n",
         "role_session_name"},
        {"[default]\nrole_arn = r\nsource_profile = default\nduration_seconds = 60\n",
         "duration_seconds must be a number from 900 to 43200"},
        {"[default]\ncredential_process = /bin/canary\n", "needs credential_process, which is not"},
        {"[default]\nsso_session = canary\n", "needs sso_session, which is not supported"},
        {"[default]\nsso_start_url = canary\n", "needs sso_start_url, which is not supported"},
        {"[default]\nrole_arn = r\nsource_profile = default\nmfa_serial = canary\n",
         "needs mfa_serial, which is not supported"},
    };
    struct chain_fixture *fixture = *state;

    for (size_t i = 0; i < array_length(rows); i++) {
        set_config(fixture, rows[i].text);
        chain_fixture_set(fixture, "AWS_EC2_METADATA_DISABLED", "true");
        chain_fixture_start(fixture);
        chain_fixture_fail(fixture, ERROR_DENIED, rows[i].expected);
        chain_fixture_fail(fixture, ERROR_DENIED,
                           "AWS credentials from profile: the AWS profile '");
        chain_fixture_fail(fixture, ERROR_DENIED, fixture->scratch.paths[0]);
    }
}

static void test_endless_chain_is_an_error(void **state)
{
    struct chain_fixture *fixture = *state;
    auto_strbuf struct strbuf text = {0};

    strbuf_append_text(&text, "[default]\nrole_arn = r\nsource_profile = p0\n");
    for (int i = 0; i < 50; i++)
        strbuf_append_format(&text, "[profile p%d]\nrole_arn = r\nsource_profile = p%d\n", i,
                             i + 1);
    set_config(fixture, strbuf_text(&text));

    chain_fixture_fail(fixture, ERROR_DENIED, "on without end");
}

static void test_file_that_breaks_later_is_an_error_then(void **state)
{
    struct chain_fixture *fixture = *state;

    set_config(fixture, "[default]\naws_access_key_id = AKID\naws_secret_access_key = canary\n");
    chain_fixture_start(fixture);
    scratch_write(&fixture->scratch, "config", "[default]\ncanary\n");

    chain_fixture_fail(fixture, ERROR_DENIED, "line 2 of the AWS file");
}

static void test_profile_without_credentials_is_no_source(void **state)
{
    struct chain_fixture *fixture = *state;

    set_config(fixture, "[default]\nregion = eu-west-3\n");
    chain_fixture_set(fixture, "AWS_EC2_METADATA_DISABLED", "true");
    chain_fixture_fail(fixture, ERROR_DENIED, "no AWS credentials are configured");
}

static void test_broken_file_stops_every_source(void **state)
{
    struct chain_fixture *fixture = *state;

    set_config(fixture, "[default\n");
    chain_fixture_set(fixture, "AWS_ACCESS_KEY_ID", "AKID");
    chain_fixture_set(fixture, "AWS_SECRET_ACCESS_KEY", "canary");

    chain_fixture_fail(fixture, ERROR_DENIED, "line 1 of the AWS file");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CHAIN_TEST(test_static_keys_are_handed_out_and_read_again),
        CHAIN_TEST(test_role_over_a_profile_is_taken_with_a_signed_request),
        CHAIN_TEST(test_roles_are_taken_one_over_the_other),
        CHAIN_TEST(test_role_over_a_source_outside_the_files),
        CHAIN_TEST(test_web_identity_of_a_profile),
        CHAIN_TEST(test_clock_is_corrected_by_sts_once),
        CHAIN_TEST(test_profiles_that_cannot_be_used_are_errors_that_name_profile_and_file),
        CHAIN_TEST(test_endless_chain_is_an_error),
        CHAIN_TEST(test_file_that_breaks_later_is_an_error_then),
        CHAIN_TEST(test_profile_without_credentials_is_no_source),
        CHAIN_TEST(test_broken_file_stops_every_source),
    };

    return cmocka_run_group_tests_name("aws/credentials_profile", tests, NULL, NULL);
}
