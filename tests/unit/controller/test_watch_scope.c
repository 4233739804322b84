#include "base/document.h"
#include "base/strbuf.h"
#include "controller/watch_scope.h"
#include "support/test.h"

#include <string.h>

/* The namespaces, each followed by a space; "*" stands for all. */
static void assert_watches(const char *namespaces, const char *expected)
{
    auto_strbuf struct strbuf list = {0};
    struct watch_scope *scope = NULL;
    struct error err;

    assert_true(watch_scope_parse(namespaces, NULL, &scope, &err));
    for (size_t i = 0; i < watch_scope_count(scope); i++) {
        const char *name = watch_scope_namespace(scope, i);

        strbuf_append_format(&list, "%s ", name != NULL ? name : "*");
    }
    watch_scope_free(scope);
    assert_string_equal(strbuf_text(&list), expected);
}

static void test_which_namespaces_are_watched(void **state maybe_unused)
{
    assert_watches(NULL, "* ");
    assert_watches("", "* ");
    assert_watches("team", "team ");
    assert_watches("team-a,team-b", "team-a team-b ");
    assert_watches(" team-a , team-b ", "team-a team-b ");
    assert_watches("b,a,b,a", "b a ");
    assert_watches("a,aa", "a aa ");
}

static void assert_refused(const char *namespaces, const char *selector, const char *says)
{
    struct watch_scope *scope = NULL;
    struct error err;

    if (watch_scope_parse(namespaces, selector, &scope, &err))
        fail_msg("'%s' and '%s' were accepted", namespaces, selector);
    assert_int_equal(err.kind, ERROR_INVALID);
    if (strstr(err.message, says) == NULL)
        fail_msg("%s", err.message);
}

static void test_what_is_no_namespace_is_refused(void **state maybe_unused)
{
    static const char *const wrong[] = {
        " ",    "a,,b",
        "a,",   ",a",
        "Team", "a b",
        "a/b",  "-a",
        "a-",   "a.b",
        "../a", "a%2fb",
        "*",    "a12345678901234567890123456789012345678901234567890123456789012x",
    };

    for (size_t i = 0; i < array_length(wrong); i++)
        assert_refused(wrong[i], NULL, "--namespace must be names of namespaces separated by ','");
    assert_refused("good,Bad,good", NULL, "'Bad' is none");
}

static void test_a_bad_selector_is_refused_by_the_name_of_its_option(void **state maybe_unused)
{
    assert_refused(NULL, "shard in 1", "--selector: 'shard in 1' is no label selector");
}

static void test_what_the_selector_selects(void **state maybe_unused)
{
    auto_json json_t *object = json_pack("{s{s{ss}}}", "metadata", "labels", "shard", "1");
    struct watch_scope *scope = NULL;
    struct error err;

    assert_true(watch_scope_parse("a", "shard=1", &scope, &err));
    assert_string_equal(watch_scope_selector(scope), "shard=1");
    assert_true(watch_scope_selects(scope, object));
    watch_scope_free(scope);

    assert_true(watch_scope_parse("a", "shard!=1", &scope, &err));
    assert_false(watch_scope_selects(scope, object));
    watch_scope_free(scope);

    assert_true(watch_scope_parse("a", "", &scope, &err));
    assert_null(watch_scope_selector(scope));
    assert_true(watch_scope_selects(scope, object));
    watch_scope_free(scope);
    watch_scope_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_namespaces_are_watched),
        cmocka_unit_test(test_what_is_no_namespace_is_refused),
        cmocka_unit_test(test_a_bad_selector_is_refused_by_the_name_of_its_option),
        cmocka_unit_test(test_what_the_selector_selects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
