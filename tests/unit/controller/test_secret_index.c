#include "base/document.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/secret_index.h"
#include "support/test.h"

#include <string.h>

enum { FIRST = 100, SECOND, THIRD }; /* versions */

static void collect(void *context, const char *database_key)
{
    strbuf_append_format(context, "%s ", database_key);
}

static void assert_woken(struct secret_index *index, const char *secret_key, secret_version version,
                         const char *expected)
{
    auto_strbuf struct strbuf woken = {0};

    secret_index_see(index, secret_key, version, 1, collect, &woken);
    assert_string_equal(strbuf_text(&woken), expected);
}

static void assert_woken_by_list(struct secret_index *index, const char *namespace_name,
                                 uint32_t round, const char *expected)
{
    auto_strbuf struct strbuf woken = {0};

    secret_index_finish_round(index, namespace_name, round, collect, &woken);
    assert_string_equal(strbuf_text(&woken), expected);
}

static void add(struct secret_index *index, const char *secret_key, const char *database_key,
                secret_version read)
{
    secret_index_add(index, secret_key, database_key);
    secret_index_note_read(index, secret_key, database_key, read);
}

static int set_up(void **state)
{
    *state = secret_index_new();
    return 0;
}

static int tear_down(void **state)
{
    secret_index_free(*state);
    return 0;
}

static void test_a_secret_wakes_exactly_its_resources(void **state)
{
    struct secret_index *index = *state;

    add(index, "n/admin", "n/one", FIRST);
    add(index, "n/admin", "n/two", FIRST);
    secret_index_add(index, "n/admin", "n/two");
    add(index, "m/admin", "m/three", FIRST);

    assert_woken(index, "n/admin", SECOND, "n/two n/one ");
    assert_woken(index, "m/admin", SECOND, "m/three ");
    assert_woken(index, "n/other", SECOND, "");
}

static void test_who_has_read_a_version_is_not_woken_by_it(void **state)
{
    struct secret_index *index = *state;

    add(index, "n/admin", "n/knows", SECOND);
    add(index, "n/admin", "n/behind", FIRST);
    add(index, "n/admin", "n/waits", SECRET_ABSENT);
    add(index, "n/admin", "n/new", SECRET_NEVER_READ);

    assert_woken(index, "n/admin", SECOND, "n/waits n/behind ");
    assert_woken(index, "n/admin", SECRET_ABSENT, "n/behind n/knows ");
    secret_index_note_read(index, "n/admin", "n/behind", THIRD);
    assert_woken(index, "n/admin", THIRD, "n/waits n/knows ");
}

static void test_a_removed_resource_is_not_woken(void **state)
{
    struct secret_index *index = *state;

    add(index, "n/admin", "n/one", FIRST);
    add(index, "n/admin", "n/two", FIRST);
    add(index, "n/admin", "n/three", FIRST);
    secret_index_remove(index, "n/admin", "n/two");
    secret_index_remove(index, "n/admin", "n/two");
    secret_index_remove(index, "n/admin", "n/never");
    secret_index_remove(index, "n/never", "n/one");
    secret_index_note_read(index, "n/admin", "n/two", FIRST);
    secret_index_note_read(index, "n/never", "n/one", FIRST);

    assert_woken(index, "n/admin", SECOND, "n/three n/one ");
    secret_index_remove(index, "n/admin", "n/three");
    assert_woken(index, "n/admin", SECOND, "n/one ");
    secret_index_remove(index, "n/admin", "n/one");
    assert_woken(index, "n/admin", SECOND, "");
    add(index, "n/admin", "n/two", FIRST);
    assert_woken(index, "n/admin", SECOND, "n/two ");
}

static void test_one_that_was_added_again_has_read_nothing(void **state)
{
    struct secret_index *index = *state;

    add(index, "n/admin", "n/one", FIRST);
    secret_index_remove(index, "n/admin", "n/one");
    secret_index_add(index, "n/admin", "n/one");

    assert_woken(index, "n/admin", SECOND, "");
}

static void test_what_a_complete_list_does_not_have_is_absent(void **state)
{
    struct secret_index *index = *state;
    auto_strbuf struct strbuf woken = {0};

    add(index, "n/there", "n/one", FIRST);
    add(index, "n/gone", "n/two", FIRST);
    add(index, "n/missing", "n/three", SECRET_ABSENT);
    secret_index_add(index, "n/new", "n/four");
    add(index, "n-2/gone", "n-2/five", FIRST);

    secret_index_see(index, "n/there", FIRST, 7, collect, &woken);
    assert_woken_by_list(index, "n", 7, "n/two ");
    assert_string_equal(strbuf_text(&woken), "");
}

static void test_a_list_of_all_namespaces_is_about_each(void **state)
{
    struct secret_index *index = *state;

    add(index, "n/gone", "n/one", FIRST);
    assert_woken_by_list(index, "m", 1, "");
    assert_woken_by_list(index, NULL, 1, "n/one ");
}

static void add_again(void *context, const char *database_key)
{
    secret_index_add(context, "n/admin", database_key);
    secret_index_note_read(context, "n/admin", database_key, SECOND);
}

static void test_a_woken_resource_may_change_the_index(void **state)
{
    struct secret_index *index = *state;

    add(index, "n/admin", "n/one", FIRST);
    secret_index_see(index, "n/admin", SECOND, 1, add_again, index);

    assert_woken(index, "n/admin", SECOND, "");
}

static void test_many_resources_name_one_secret(void **state)
{
    enum { MANY = 20000 };
    struct secret_index *index = *state;
    auto_strbuf struct strbuf woken = {0};

    for (int i = 0; i < MANY; i++) {
        auto_free char *key = mem_printf("n/database-%d", i);

        add(index, "n/admin", key, i % 1000 == 0 ? FIRST : SECOND);
    }
    secret_index_see(index, "n/admin", SECOND, 1, collect, &woken);
    assert_int_equal(woken.length, strlen("n/database-0 ") + 9 * strlen("n/database-1000 ") +
                                       10 * strlen("n/database-10000 "));
}

static secret_version version_of(const char *text)
{
    auto_json json_t *object = NULL;
    struct error err;

    assert_true(document_parse(text, strlen(text), &object, &err));
    return secret_version_of(object);
}

static void test_a_version_is_the_uid_and_the_resource_version(void **state maybe_unused)
{
    secret_version version =
        version_of("{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"1\",\"name\":\"a\"}}");

    assert_int_equal(version,
                     version_of("{\"data\":{\"x\":\"\"},"
                                "\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"1\"}}"));
    assert_int_not_equal(version,
                         version_of("{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"2\"}}"));
    assert_int_not_equal(version,
                         version_of("{\"metadata\":{\"uid\":\"v\",\"resourceVersion\":\"1\"}}"));
    assert_true(version_of("{}") > SECRET_ABSENT);
}

#define SECRET_INDEX_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SECRET_INDEX_TEST(test_a_secret_wakes_exactly_its_resources),
        SECRET_INDEX_TEST(test_who_has_read_a_version_is_not_woken_by_it),
        SECRET_INDEX_TEST(test_a_removed_resource_is_not_woken),
        SECRET_INDEX_TEST(test_one_that_was_added_again_has_read_nothing),
        SECRET_INDEX_TEST(test_what_a_complete_list_does_not_have_is_absent),
        SECRET_INDEX_TEST(test_a_list_of_all_namespaces_is_about_each),
        SECRET_INDEX_TEST(test_a_woken_resource_may_change_the_index),
        SECRET_INDEX_TEST(test_many_resources_name_one_secret),
        SECRET_INDEX_TEST(test_a_version_is_the_uid_and_the_resource_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
