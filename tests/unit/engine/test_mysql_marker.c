#include "engine/mysql_marker.h"
#include "support/test.h"

#include <string.h>

#define auto_mark run_at_scope_end(engine_mysql_mark_release)
#define OURS      "\"managed-by\":\"database-user-operator\""

static void check(const char *attribute, enum engine_marker_kind kind, const char *database,
                  const char *creating)
{
    auto_mark struct engine_mysql_mark mark = {0};

    engine_mysql_mark_parse(attribute, &mark);

    if (mark.marker.kind != kind)
        fail_msg("%s: kind %d", attribute, (int)mark.marker.kind);
    if ((mark.creating == NULL) != (creating == NULL) ||
        (creating != NULL && strcmp(mark.creating, creating) != 0))
        fail_msg("%s: creating '%s'", attribute, mark.creating);
    if (database != NULL && strcmp(mark.marker.database, database) != 0)
        fail_msg("%s: database '%s'", attribute, mark.marker.database);
}

static void test_mark_says_for_which_database_the_user_was_made(void **state maybe_unused)
{
    check("{" OURS "}", ENGINE_MARKER_OURS, "", NULL);
    check("{" OURS ",\"database\":\"orders\"}", ENGINE_MARKER_OURS, "orders", NULL);
}

/* As the server gives it back: other order, blanks. */
static void test_mark_says_what_was_begun(void **state maybe_unused)
{
    check("{\"uid\": \"u\", \"name\": \"n\", \"creating\": \"orders\", \"managed-by\": "
          "\"database-user-operator\"}",
          ENGINE_MARKER_OURS, "", "orders");
    check("{" OURS ",\"creating\":\"a\",\"database\":\"b\"}", ENGINE_MARKER_OURS, "b", "a");
}

static void test_nothing_is_begun_where_the_mark_does_not_say_so(void **state maybe_unused)
{
    check("{" OURS ",\"creating\":null}", ENGINE_MARKER_OURS, "", NULL);
    check("{" OURS ",\"creating\":1}", ENGINE_MARKER_OURS, "", NULL);
    check("{" OURS ",\"creating\":[\"orders\"]}", ENGINE_MARKER_OURS, "", NULL);
    check("{" OURS ",\"Creating\":\"orders\"}", ENGINE_MARKER_OURS, "", NULL);
}

static void test_attributes_of_others_are_no_mark(void **state maybe_unused)
{
    static const char *const attributes[] = {
        NULL,
        "",
        "{}",
        "null",
        "{",
        "{\"creating\":\"orders\"}",
        "{\"creating\":\"orders\",\"database\":\"orders\"}",
        "{\"managed-by\":\"another-operator\",\"creating\":\"orders\"}",
        "{\"comment\":\"{"
        "}\"}",
        "{" OURS ",\"creating\":\"a\",\"creating\":\"b\"}",
    };

    for (size_t i = 0; i < array_length(attributes); i++)
        check(attributes[i], ENGINE_MARKER_NONE, NULL, NULL);
}

static void test_mark_may_be_released_empty_full_and_twice(void **state maybe_unused)
{
    struct engine_mysql_mark mark = {0};

    engine_mysql_mark_release(&mark);
    engine_mysql_mark_parse("{" OURS ",\"creating\":\"orders\"}", &mark);
    engine_mysql_mark_release(&mark);
    engine_mysql_mark_release(&mark);

    assert_null(mark.creating);
    assert_int_equal(mark.marker.kind, ENGINE_MARKER_NONE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mark_says_for_which_database_the_user_was_made),
        cmocka_unit_test(test_mark_says_what_was_begun),
        cmocka_unit_test(test_nothing_is_begun_where_the_mark_does_not_say_so),
        cmocka_unit_test(test_attributes_of_others_are_no_mark),
        cmocka_unit_test(test_mark_may_be_released_empty_full_and_twice),
    };

    return cmocka_run_group_tests_name("engine/mysql_marker", tests, NULL, NULL);
}
