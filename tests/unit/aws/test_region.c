#include "aws/region.h"
#include "base/compiler.h"
#include "support/test.h"

#include <string.h>

static void test_regions_of_every_partition_are_well_formed(void **state maybe_unused)
{
    static const char *const regions[] = {
        "us-east-1",      "eu-west-3",      "ap-southeast-15", "cn-northwest-1", "us-gov-west-1",
        "us-isob-east-1", "eusc-de-east-1", "eu-isoe-west-1",  "mx-central-1",   "a-1",
        "a-1234567890",
    };

    for (size_t i = 0; i < array_length(regions); i++) {
        if (!aws_region_is_well_formed(regions[i]))
            fail_msg("refused: %s", regions[i]);
    }
}

static void test_what_must_not_become_part_of_a_host_name_is_refused(void **state maybe_unused)
{
    static const char *const texts[] = {
        "",           "1",           "-1",          "us",          "us-east",       "us-east-",
        "us-east-1a", "us-east-1-",  "US-EAST-1",   "us_east-1",   "us--east-1",    "-us-east-1",
        "us-1-east",  " us-east-1",  "us-east-1 ",  "us-east-1\n", "us-east-1\r\n", "us-east-1.",
        "us-east-1/", "us-east-1@h", "h/us-east-1", "us-east-1#",  "us.evil-1",     "us-\xc3\xa9-1",
        "a\nb-1",
    };

    for (size_t i = 0; i < array_length(texts); i++) {
        if (aws_region_is_well_formed(texts[i]))
            fail_msg("accepted: '%s'", texts[i]);
    }
}

static void test_region_is_at_most_as_long_as_a_label_of_dns(void **state maybe_unused)
{
    char region[65];

    memset(region, 'a', sizeof region);
    memcpy(region + 61, "-1", 3);
    assert_true(aws_region_is_well_formed(region));

    memset(region, 'a', sizeof region);
    memcpy(region + 62, "-1", 3);
    assert_false(aws_region_is_well_formed(region));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions_of_every_partition_are_well_formed),
        cmocka_unit_test(test_what_must_not_become_part_of_a_host_name_is_refused),
        cmocka_unit_test(test_region_is_at_most_as_long_as_a_label_of_dns),
    };

    return cmocka_run_group_tests_name("aws/region", tests, NULL, NULL);
}
