#include "controller/allow_list.h"
#include "support/test.h"

#include <string.h>

static void test_an_entry_of_the_namespace_must_fit(void **state maybe_unused)
{
    static const struct {
        const char *list;
        const char *namespace_name;
        const char *value;
        bool allowed;
    } rows[] = {
        {NULL, "a", "anything", true},
        {"", "a", "anything", true},
        {"a=x", "a", "x", true},
        {"a=x", "a", "xx", false},
        {"a=x", "b", "x", false},
        {"a=x,b=y", "b", "y", true},
        {"a=x,b=y", "a", "y", false},
        {"*=rds/*", "any", "rds/admin", true},
        {"*=rds/*", "any", "rds/", true},
        {"*=rds/*", "any", "/rds/x", false},
        {"team-*=x", "team-a", "x", true},
        {"team-*=x", "steam-a", "x", false},
        {"a=*/admin/*-main", "a", "rds/admin/b/admin/c-main", true},
        {"a=*/admin/*-main", "a", "rds/admin/main", false},
        {"a=*ab*ab", "a", "abab", true},
        {"a=*ab*ab", "a", "ab", false},
        {"a=k=v", "a", "k=v", true},
        {"a=[x]", "a", "x", false},
        {"a=?", "a", "x", false},
        {"a=x,", "a", "x", true},
        {"a=*/main", "a", "arn:aws:secretsmanager:eu-west-1:1:secret:rds/main", false},
        {"a=ar*", "a", "arn:aws:secretsmanager:eu-west-1:1:secret:rds/main", false},
        {"a=arn:aws:secretsmanager:*:1:secret:rds/*", "a",
         "arn:aws:secretsmanager:eu-west-1:1:secret:rds/main", true},
        {"a=*", "a", "arn:aws:secretsmanager:eu-west-1:1:secret:rds/main", true},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct allow_list list = {0};
        struct error err;

        assert_true(allow_list_parse(rows[i].list, &list, &err));
        if (allow_list_allows(&list, rows[i].namespace_name, rows[i].value) != rows[i].allowed)
            fail_msg("row %zu: '%s', %s, %s", i, rows[i].list, rows[i].namespace_name,
                     rows[i].value);
        allow_list_release(&list);
    }
}

static void test_an_entry_that_is_none_is_named(void **state maybe_unused)
{
    static const char *const texts[] = {"x", "a=x,oops", "a=x,,b=y", "=x", "a=", ","};

    for (size_t i = 0; i < array_length(texts); i++) {
        struct allow_list list = {0};
        struct error err;

        if (allow_list_parse(texts[i], &list, &err))
            fail_msg("'%s' was taken", texts[i]);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_non_null(strstr(err.message, "is not of the form NAMESPACE=PATTERN"));
        assert_int_equal(list.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_entry_of_the_namespace_must_fit),
        cmocka_unit_test(test_an_entry_that_is_none_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
