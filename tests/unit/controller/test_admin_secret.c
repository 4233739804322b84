#include "controller/admin_secret.h"
#include "support/test.h"

#include <string.h>

#define ARN "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"

static struct connection_reference reference_to(const char *name, const char *region)
{
    return (struct connection_reference){
        .name = (char *)(uintptr_t)name, .region = (char *)(uintptr_t)region, .in_aws = true};
}

static void test_the_region_of_an_arn_counts_more_than_the_field(void **state maybe_unused)
{
    static const struct {
        const char *name;
        const char *field;
        const char *region;
    } rows[] = {
        {"a", "us-east-2", "us-east-2"},
        {ARN "a-AbCdEf", NULL, "eu-west-1"},
        {ARN "a-AbCdEf", "us-east-2", "eu-west-1"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct connection_reference reference = reference_to(rows[i].name, rows[i].field);
        char region[AWS_REGION_SIZE];
        struct error err;

        assert_true(admin_secret_find_region(&reference, NULL, region, &err));
        assert_string_equal(region, rows[i].region);
    }
}

static void test_what_can_name_no_secret_is_refused(void **state maybe_unused)
{
    struct connection_reference reference = reference_to("arn:aws:iam::1:role/x", "eu-west-1");
    char region[AWS_REGION_SIZE];
    struct error err;

    assert_false(admin_secret_find_region(&reference, NULL, region, &err));

    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "spec.connectionStringAWSSecretRef.secretName"));
}

static void test_it_may_be_another_secret_of_the_same_region_only(void **state maybe_unused)
{
    struct connection_reference name = reference_to("a/b", NULL);
    struct connection_reference arn = reference_to(ARN "a/b-AbCdEf", NULL);

    assert_true(admin_secret_may_be(&name, "eu-west-1", "a/b", "eu-west-1"));
    assert_true(admin_secret_may_be(&arn, "eu-west-1", "a/b", "eu-west-1"));
    assert_false(admin_secret_may_be(&name, "eu-west-1", "a/b", "us-east-1"));
    assert_false(admin_secret_may_be(&arn, "eu-west-1", "a/c", "eu-west-1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_may_be_another_secret_of_the_same_region_only),
        cmocka_unit_test(test_the_region_of_an_arn_counts_more_than_the_field),
        cmocka_unit_test(test_what_can_name_no_secret_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
