#include "base/strbuf.h"
#include "controller/secret_index.h"
#include "support/test.h"

static void collect(void *context, const char *database_key)
{
    strbuf_append_format(context, "%s ", database_key);
}

static void assert_users(struct secret_index *index, const char *secret_key, const char *expected)
{
    auto_strbuf struct strbuf users = {0};

    secret_index_visit(index, secret_key, collect, &users);
    assert_string_equal(strbuf_text(&users), expected);
}

static void test_a_secret_wakes_exactly_its_resources(void **state maybe_unused)
{
    struct secret_index *index = secret_index_new();

    secret_index_add(index, "n/admin", "n/one");
    secret_index_add(index, "n/admin", "n/two");
    secret_index_add(index, "n/admin", "n/two");
    secret_index_add(index, "m/admin", "m/three");

    assert_users(index, "n/admin", "n/one n/two ");
    assert_users(index, "m/admin", "m/three ");
    assert_users(index, "n/other", "");
    secret_index_free(index);
}

static void test_a_removed_resource_is_not_woken(void **state maybe_unused)
{
    struct secret_index *index = secret_index_new();

    secret_index_add(index, "n/admin", "n/one");
    secret_index_add(index, "n/admin", "n/two");
    secret_index_remove(index, "n/admin", "n/one");
    secret_index_remove(index, "n/admin", "n/never");
    secret_index_remove(index, "n/never", "n/one");

    assert_users(index, "n/admin", "n/two ");
    secret_index_remove(index, "n/admin", "n/two");
    assert_users(index, "n/admin", "");
    secret_index_add(index, "n/admin", "n/three");
    assert_users(index, "n/admin", "n/three ");
    secret_index_free(index);
}

static void add_again(void *context, const char *database_key)
{
    secret_index_add(context, "n/admin", database_key);
}

static void test_a_visitor_may_change_the_index(void **state maybe_unused)
{
    struct secret_index *index = secret_index_new();

    secret_index_add(index, "n/admin", "n/one");
    secret_index_visit(index, "n/admin", add_again, index);

    assert_users(index, "n/admin", "n/one ");
    secret_index_free(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_secret_wakes_exactly_its_resources),
        cmocka_unit_test(test_a_removed_resource_is_not_woken),
        cmocka_unit_test(test_a_visitor_may_change_the_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
