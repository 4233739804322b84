#include "aws/region.h"
#include "aws/session.h"
#include "base/memory.h"
#include "chain_fixture.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static void set_config(struct chain_fixture *fixture, const char *text)
{
    chain_fixture_set(fixture, "AWS_CONFIG_FILE", scratch_write(&fixture->scratch, "config", text));
}

static void expect_region(struct chain_fixture *fixture, const char *expected)
{
    char region[AWS_REGION_SIZE];
    struct error err = {0};

    if (!aws_region_get(fixture->session->region, region, &err))
        fail_msg("%s", err.message);
    assert_string_equal(region, expected);
}

static void expect_no_region(struct chain_fixture *fixture, const char *text)
{
    char region[AWS_REGION_SIZE] = "untouched";
    struct error err = {0};

    assert_false(aws_region_get(fixture->session->region, region, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    if (strstr(err.message, text) == NULL)
        fail_msg("%s", err.message);
    assert_string_equal(region, "untouched");
}

/* ---- region ---- */

static void test_region_is_the_first_of_settings_and_profile(void **state)
{
    struct chain_fixture *fixture = *state;

    set_config(fixture, "[default]\nregion = eu-west-3\n");
    chain_fixture_start(fixture);
    expect_region(fixture, "eu-west-3");
    assert_string_equal(aws_region_known(fixture->session->region), "eu-west-3");

    chain_fixture_set(fixture, "AWS_DEFAULT_REGION", "eu-west-2");
    chain_fixture_start(fixture);
    expect_region(fixture, "eu-west-2");

    chain_fixture_set(fixture, "AWS_REGION", "xx-new-9");
    chain_fixture_start(fixture);
    expect_region(fixture, "xx-new-9");

    chain_fixture_set(fixture, "AWS_REGION", "");
    chain_fixture_start(fixture);
    expect_region(fixture, "eu-west-2");
}

static void test_region_of_the_instance_is_asked_for_when_it_is_needed(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_start(fixture);
    assert_null(aws_region_known(fixture->session->region));
    chain_fixture_expect(fixture, &(struct scripted_exchange){.method = "PUT", .answer = "t"});
    chain_fixture_expect(fixture, &(struct scripted_exchange){
                                      .url = "http://169.254.169.254/latest/meta-data/placement/"
                                             "region",
                                      .headers = {{"X-aws-ec2-metadata-token", "t"}},
                                      .answer = "us-gov-west-1"});

    expect_region(fixture, "us-gov-west-1");
    expect_region(fixture, "us-gov-west-1");
}

static void test_failure_of_the_instance_is_believed_for_a_minute(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_start(fixture);
    chain_fixture_expect(fixture,
                         &(struct scripted_exchange){.failure = {.kind = ERROR_UNAVAILABLE}});
    expect_no_region(fixture, "no AWS region is known");
    expect_no_region(fixture, "no AWS region is known");

    chain_fixture_advance_ms(fixture, 60 * 1000);
    chain_fixture_expect(fixture, &(struct scripted_exchange){.method = "PUT", .answer = "t"});
    chain_fixture_expect(fixture, &(struct scripted_exchange){.answer = "evil.example/"});
    expect_no_region(fixture, "no AWS region is known");
}

static void test_instance_is_not_asked_when_it_is_disabled(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set(fixture, "AWS_EC2_METADATA_DISABLED", "TRUE");
    chain_fixture_start(fixture);
    expect_no_region(fixture, "no AWS region is known");
}

static void test_text_that_is_no_region_is_an_error_that_names_its_place(void **state)
{
    struct chain_fixture *fixture = *state;

    set_config(fixture, "[default]\nregion = evil.example/\n");
    chain_fixture_start(fixture);
    expect_no_region(fixture, "correct the profile");
    chain_fixture_fail(fixture, ERROR_DENIED, "correct the profile");

    chain_fixture_set(fixture, "AWS_DEFAULT_REGION", "eu west");
    chain_fixture_start(fixture);
    expect_no_region(fixture, "correct AWS_DEFAULT_REGION");
}

/* ---- endpoints ---- */

static void expect_endpoints(struct chain_fixture *fixture, const char *secrets_manager,
                             const char *sts)
{
    const struct aws_configuration *configuration;

    chain_fixture_start(fixture);
    configuration = &fixture->session->configuration;
    if (configuration->problem.kind != ERROR_NONE)
        fail_msg("%s", configuration->problem.message);
    assert_string_equal(
        configuration->secrets_manager_url != NULL ? configuration->secrets_manager_url : "-",
        secrets_manager);
    assert_string_equal(configuration->sts_url != NULL ? configuration->sts_url : "-", sts);
}

static void test_endpoints_follow_the_order_of_the_sdks(void **state)
{
    struct chain_fixture *fixture = *state;

    expect_endpoints(fixture, "-", "-");
    set_config(fixture, "[default]\nendpoint_url = http://4\nservices = s\n");
    expect_endpoints(fixture, "http://4", "http://4");
    set_config(fixture, "[default]\nendpoint_url = http://4\nservices = s\n[services s]\n"
                        "secrets_manager =\n  endpoint_url = http://3\n");
    expect_endpoints(fixture, "http://3", "http://4");
    chain_fixture_set(fixture, "AWS_ENDPOINT_URL", "http://2");
    expect_endpoints(fixture, "http://2", "http://2");
    chain_fixture_set(fixture, "AWS_ENDPOINT_URL_STS", "http://1");
    expect_endpoints(fixture, "http://2", "http://1");
    chain_fixture_set(fixture, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    expect_endpoints(fixture, "-", "-");
}

static void test_switches_and_numbers_come_from_settings_and_profile(void **state)
{
    struct chain_fixture *fixture = *state;
    const struct aws_configuration *configuration;

    set_config(fixture, "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = True\n"
                        "max_attempts = 5\nca_bundle = /a\n");
    chain_fixture_start(fixture);
    configuration = &fixture->session->configuration;
    assert_true(configuration->endpoints.fips);
    assert_true(configuration->endpoints.dual_stack);
    assert_int_equal(configuration->attempts_limit, 5);
    assert_string_equal(configuration->ca_file, "/a");

    chain_fixture_set(fixture, "AWS_USE_FIPS_ENDPOINT", "false");
    chain_fixture_set(fixture, "AWS_MAX_ATTEMPTS", "1");
    chain_fixture_set(fixture, "AWS_CA_BUNDLE", "/b");
    chain_fixture_start(fixture);
    configuration = &fixture->session->configuration;
    assert_false(configuration->endpoints.fips);
    assert_int_equal(configuration->attempts_limit, 1);
    assert_string_equal(configuration->ca_file, "/b");
}

static void test_there_is_one_retry_mode_and_the_others_count_as_it(void **state)
{
    struct chain_fixture *fixture = *state;

    set_config(fixture, "[default]\nretry_mode = adaptive\n");
    chain_fixture_start(fixture);
    assert_string_equal(fixture->session->configuration.other_retry_mode, "adaptive");

    chain_fixture_set(fixture, "AWS_RETRY_MODE", "legacy");
    chain_fixture_start(fixture);
    assert_string_equal(fixture->session->configuration.other_retry_mode, "legacy");

    chain_fixture_set(fixture, "AWS_RETRY_MODE", "standard");
    chain_fixture_start(fixture);
    assert_null(fixture->session->configuration.other_retry_mode);
    assert_int_equal(fixture->session->configuration.problem.kind, ERROR_NONE);
}

static void test_settings_that_cannot_be_read_stop_everything_and_are_named(void **state)
{
    static const struct {
        const char *name, *value, *expected;
    } rows[] = {
        {"AWS_USE_FIPS_ENDPOINT", "yes", "AWS_USE_FIPS_ENDPOINT must be true or false"},
        {"AWS_USE_DUALSTACK_ENDPOINT", "1", "AWS_USE_DUALSTACK_ENDPOINT must be"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "x", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS must be"},
        {"AWS_MAX_ATTEMPTS", "0", "AWS_MAX_ATTEMPTS must be a number from 1 to 10"},
        {"AWS_MAX_ATTEMPTS", "3x", "AWS_MAX_ATTEMPTS must be"},
        {"AWS_MAX_ATTEMPTS", "99999999999999999999", "AWS_MAX_ATTEMPTS must be"},
        {"AWS_RETRY_MODE", "fast", "AWS_RETRY_MODE must be standard (legacy and adaptive count"},
        {"AWS_PROFILE", "absent", "AWS_PROFILE names the profile 'absent'"},
    };
    struct chain_fixture *fixture = *state;

    chain_fixture_set(fixture, "AWS_ACCESS_KEY_ID", "AKID");
    chain_fixture_set(fixture, "AWS_SECRET_ACCESS_KEY", "canary");
    for (size_t i = 0; i < array_length(rows); i++) {
        chain_fixture_set(fixture, rows[i].name, rows[i].value);
        chain_fixture_start(fixture);
        chain_fixture_fail(fixture, ERROR_DENIED, rows[i].expected);
        expect_no_region(fixture, rows[i].expected);
        chain_fixture_set(fixture, rows[i].name, NULL);
    }
}

static void test_own_endpoint_and_fips_exclude_each_other(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set(fixture, "AWS_ENDPOINT_URL", "https://user:canary@host");
    chain_fixture_set(fixture, "AWS_USE_FIPS_ENDPOINT", "true");
    chain_fixture_fail(fixture, ERROR_DENIED, "cannot be combined");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CHAIN_TEST(test_region_is_the_first_of_settings_and_profile),
        CHAIN_TEST(test_region_of_the_instance_is_asked_for_when_it_is_needed),
        CHAIN_TEST(test_failure_of_the_instance_is_believed_for_a_minute),
        CHAIN_TEST(test_instance_is_not_asked_when_it_is_disabled),
        CHAIN_TEST(test_text_that_is_no_region_is_an_error_that_names_its_place),
        CHAIN_TEST(test_endpoints_follow_the_order_of_the_sdks),
        CHAIN_TEST(test_switches_and_numbers_come_from_settings_and_profile),
        CHAIN_TEST(test_there_is_one_retry_mode_and_the_others_count_as_it),
        CHAIN_TEST(test_settings_that_cannot_be_read_stop_everything_and_are_named),
        CHAIN_TEST(test_own_endpoint_and_fips_exclude_each_other),
    };

    return cmocka_run_group_tests_name("aws/session", tests, NULL, NULL);
}
