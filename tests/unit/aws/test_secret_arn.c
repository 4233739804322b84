#include "aws/secret_arn.h"
#include "support/test.h"

#include <string.h>

#define ARN "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"

static void test_names_and_arns_are_told_apart(void **state maybe_unused)
{
    static const struct {
        const char *text;
        const char *region;
        const char *name;
    } rows[] = {
        {"rds/admin/main", "", "rds/admin/main"},
        {"rds!db-0f4c", "", "rds!db-0f4c"},
        {ARN "rds/admin/main-AbCdEf", "eu-west-1", "rds/admin/main-AbCdEf"},
        {"arn:aws-cn:secretsmanager:cn-north-1:210987654321:secret:x-AbCdEf", "cn-north-1",
         "x-AbCdEf"},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct secret_id id = {0};
        struct error err;

        if (!secret_id_parse(rows[i].text, &id, &err))
            fail_msg("'%s': %s", rows[i].text, err.message);
        assert_string_equal(id.region, rows[i].region);
        assert_string_equal(id.name, rows[i].name);
        assert_int_equal(id.is_arn, rows[i].region[0] != '\0');
    }
}

static void test_what_can_be_neither_is_refused(void **state maybe_unused)
{
    static const char *const texts[] = {
        "",
        "a b",
        "a:b",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret",
        "arn:aws:secretsmanager::123456789012:secret:x",
        "arn:aws:secretsmanager:evil.example.com/:123456789012:secret:x",
        "arn:aws:secretsmanager:eu-west-1:account:secret:x",
        "arn:aws:iam:eu-west-1:123456789012:secret:x",
        "arn:aws:secretsmanager:eu-west-1:123456789012:key:x",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a:b",
    };

    for (size_t i = 0; i < array_length(texts); i++) {
        struct secret_id id = {0};
        struct error err;

        if (secret_id_parse(texts[i], &id, &err))
            fail_msg("'%s' was taken", texts[i]);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_null(id.name);
    }
}

static void test_an_arn_names_a_secret_with_and_without_its_suffix(void **state maybe_unused)
{
    static const struct {
        const char *text;
        const char *name;
        bool may;
    } rows[] = {
        {"a/b", "a/b", true},
        {"a/b", "a/c", false},
        {"a/b-AbCdEf", "a/b", false},
        {"a/b", "a/b-AbCdEf", false},
        {ARN "a/b-AbCdEf", "a/b", true},
        {ARN "a/b", "a/b", true},
        {ARN "a/b-AbCdE", "a/b", false},
        {ARN "a/bcAbCdEf", "a/b", false},
        {ARN "a/b-more-AbCdEf", "a/b", false},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct secret_id id = {0};
        struct error err;

        assert_true(secret_id_parse(rows[i].text, &id, &err));
        if (secret_id_may_name(&id, rows[i].name) != rows[i].may)
            fail_msg("row %zu: '%s' and '%s'", i, rows[i].text, rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_arn_names_a_secret_with_and_without_its_suffix),
        cmocka_unit_test(test_names_and_arns_are_told_apart),
        cmocka_unit_test(test_what_can_be_neither_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
