#include "aws/endpoint.h"
#include "base/memory.h"
#include "fake_settings.h"
#include "support/test.h"

#include <string.h>

static const struct aws_endpoint_variant ordinary = {0};

/* One region of each partition of botocore's partitions.json, and regions that may come. */
static void test_host_follows_from_the_partition(void **state maybe_unused)
{
    static const struct {
        const char *region, *url;
    } rows[] = {
        {"eu-west-1", "https://secretsmanager.eu-west-1.amazonaws.com"},
        {"us-east-1", "https://secretsmanager.us-east-1.amazonaws.com"},
        {"mx-central-1", "https://secretsmanager.mx-central-1.amazonaws.com"},
        {"xx-new-9", "https://secretsmanager.xx-new-9.amazonaws.com"},
        {"us-gov-west-1", "https://secretsmanager.us-gov-west-1.amazonaws.com"},
        {"cn-north-1", "https://secretsmanager.cn-north-1.amazonaws.com.cn"},
        {"eusc-de-east-1", "https://secretsmanager.eusc-de-east-1.amazonaws.eu"},
        {"us-iso-east-1", "https://secretsmanager.us-iso-east-1.c2s.ic.gov"},
        {"us-isob-east-1", "https://secretsmanager.us-isob-east-1.sc2s.sgov.gov"},
        {"us-isof-south-1", "https://secretsmanager.us-isof-south-1.csp.hci.ic.gov"},
        {"eu-isoe-west-1", "https://secretsmanager.eu-isoe-west-1.cloud.adc-e.uk"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_free char *url = aws_endpoint_make(&ordinary, "secretsmanager", rows[i].region);

        assert_string_equal(url, rows[i].url);
    }
}

/* By botocore 1.44.5 from partitions.json and the rule sets of both services. */
static void test_variants_have_the_hosts_of_the_rule_sets(void **state maybe_unused)
{
    static const struct {
        const char *service, *region;
        bool fips, dual_stack;
        const char *url;
    } rows[] = {
        {"sts", "eu-west-1", false, false, "https://sts.eu-west-1.amazonaws.com"},
        {"sts", "eu-west-1", false, true, "https://sts.eu-west-1.api.aws"},
        {"sts", "eu-west-1", true, false, "https://sts-fips.eu-west-1.amazonaws.com"},
        {"sts", "eu-west-1", true, true, "https://sts-fips.eu-west-1.api.aws"},
        {"sts", "us-gov-west-1", true, false, "https://sts.us-gov-west-1.amazonaws.com"},
        {"sts", "us-gov-west-1", true, true, "https://sts-fips.us-gov-west-1.api.aws"},
        {"sts", "cn-north-1", false, false, "https://sts.cn-north-1.amazonaws.com.cn"},
        {"sts", "cn-north-1", true, true,
         "https://sts-fips.cn-north-1.api.amazonwebservices.com.cn"},
        {"sts", "eusc-de-east-1", false, true,
         "https://sts.eusc-de-east-1.api.amazonwebservices.eu"},
        {"sts", "us-iso-east-1", false, true, "https://sts.us-iso-east-1.api.aws.ic.gov"},
        {"sts", "us-isob-east-1", false, true, "https://sts.us-isob-east-1.api.aws.scloud"},
        {"sts", "us-isof-south-1", false, true, "https://sts.us-isof-south-1.api.aws.hci.ic.gov"},
        {"sts", "eu-isoe-west-1", true, true,
         "https://sts-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"},
        {"secretsmanager", "eu-west-1", false, true,
         "https://secretsmanager.eu-west-1.amazonaws.com"},
        {"secretsmanager", "eu-west-1", true, false,
         "https://secretsmanager-fips.eu-west-1.amazonaws.com"},
        {"secretsmanager", "eu-west-1", true, true,
         "https://secretsmanager-fips.eu-west-1.amazonaws.com"},
        {"secretsmanager", "us-gov-west-1", true, true,
         "https://secretsmanager-fips.us-gov-west-1.amazonaws.com"},
        {"secretsmanager", "cn-north-1", false, true,
         "https://secretsmanager.cn-north-1.amazonaws.com.cn"},
        {"secretsmanager", "cn-north-1", true, true,
         "https://secretsmanager-fips.cn-north-1.api.amazonwebservices.com.cn"},
        {"secretsmanager", "eusc-de-east-1", false, true,
         "https://secretsmanager.eusc-de-east-1.api.amazonwebservices.eu"},
        {"secretsmanager", "us-iso-east-1", true, true,
         "https://secretsmanager-fips.us-iso-east-1.api.aws.ic.gov"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct aws_endpoint_variant variant = {rows[i].fips, rows[i].dual_stack};
        auto_free char *url = aws_endpoint_make(&variant, rows[i].service, rows[i].region);

        assert_string_equal(url, rows[i].url);
    }
}

static void test_endpoint_of_the_user_s_own_is_a_scheme_and_a_host(void **state maybe_unused)
{
    static const struct {
        const char *endpoint, *url, *host;
    } rows[] = {
        {NULL, "https://sts.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"},
        {"http://127.0.0.1:4566/", "http://127.0.0.1:4566", "127.0.0.1:4566"},
        {"https://[::1]:1", "https://[::1]:1", "[::1]:1"},
        {"https://user:canary@host", NULL, NULL},
        {"https://host/path", NULL, NULL},
        {"https://host?x", NULL, NULL},
        {"https://", NULL, NULL},
        {"host:1", NULL, NULL},
        {"", NULL, NULL},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        auto_free char *url = NULL;
        const char *host = NULL;
        struct error err = {0};
        bool found =
            aws_endpoint_find(rows[i].endpoint, &ordinary, "sts", "eu-west-1", &url, &host, &err);

        assert_int_equal(found, rows[i].url != NULL);
        if (found) {
            assert_string_equal(url, rows[i].url);
            assert_string_equal(host, rows[i].host);
        } else {
            assert_string_equal(err.code, "EndpointInvalid");
            assert_null(strstr(err.message, "canary"));
        }
    }
}

static const char *find(struct fake_setting *list)
{
    struct aws_settings settings = {.read = fake_settings_read, .context = list};

    return aws_endpoint_find_override(&settings, "AWS_ENDPOINT_URL_SECRETS_MANAGER");
}

static void test_override_for_the_service_wins(void **state maybe_unused)
{
    struct fake_setting both[] = {{"AWS_ENDPOINT_URL", "http://all"},
                                  {"AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://one"},
                                  {0}};
    struct fake_setting general[] = {{"AWS_ENDPOINT_URL", "http://all"}, {0}};
    struct fake_setting other[] = {{"AWS_ENDPOINT_URL_STS", "http://sts"}, {0}};
    struct fake_setting none[] = {{0}};

    assert_string_equal(find(both), "http://one");
    assert_string_equal(find(general), "http://all");
    assert_null(find(other));
    assert_null(find(none));
}

static void test_empty_override_is_none(void **state maybe_unused)
{
    struct fake_setting first[] = {
        {"AWS_ENDPOINT_URL_SECRETS_MANAGER", ""}, {"AWS_ENDPOINT_URL", "http://all"}, {0}};
    struct fake_setting all[] = {
        {"AWS_ENDPOINT_URL_SECRETS_MANAGER", ""}, {"AWS_ENDPOINT_URL", ""}, {0}};

    assert_string_equal(find(first), "http://all");
    assert_null(find(all));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_follows_from_the_partition),
        cmocka_unit_test(test_variants_have_the_hosts_of_the_rule_sets),
        cmocka_unit_test(test_endpoint_of_the_user_s_own_is_a_scheme_and_a_host),
        cmocka_unit_test(test_override_for_the_service_wins),
        cmocka_unit_test(test_empty_override_is_none),
    };

    return cmocka_run_group_tests_name("aws/endpoint", tests, NULL, NULL);
}
