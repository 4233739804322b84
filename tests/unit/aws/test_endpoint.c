#include "aws/endpoint.h"
#include "base/memory.h"
#include "fake_settings.h"
#include "support/test.h"

#include <string.h>

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
        auto_free char *url = aws_endpoint_make("secretsmanager", rows[i].region);

        assert_string_equal(url, rows[i].url);
    }
}

static void test_service_is_the_first_label(void **state maybe_unused)
{
    auto_free char *url = aws_endpoint_make("sts", "cn-north-1");

    assert_string_equal(url, "https://sts.cn-north-1.amazonaws.com.cn");
}

static const char *find(struct fake_setting *settings)
{
    return aws_endpoint_find_override(fake_settings_read, settings,
                                      "AWS_ENDPOINT_URL_SECRETS_MANAGER");
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
        cmocka_unit_test(test_service_is_the_first_label),
        cmocka_unit_test(test_override_for_the_service_wins),
        cmocka_unit_test(test_empty_override_is_none),
    };

    return cmocka_run_group_tests_name("aws/endpoint", tests, NULL, NULL);
}
