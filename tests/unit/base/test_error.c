#include "base/error.h"
#include "support/test.h"

#include <string.h>

static void test_set_fills_kind_code_and_message_and_returns_false(void **state maybe_unused)
{
    struct error err = {.retry_after_ms = 5, .message = "old"};

    assert_false(error_set(&err, ERROR_CONFLICT, "AlreadyExists", "object '%s' exists", "a"));

    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_int_equal(err.retry_after_ms, 0);
    assert_string_equal(err.code, "AlreadyExists");
    assert_string_equal(err.message, "object 'a' exists");
}

static void test_set_without_code_leaves_it_empty(void **state maybe_unused)
{
    struct error err = {.code = "old"};

    assert_false(error_set(&err, ERROR_INVALID, NULL, "bad"));

    assert_string_equal(err.code, "");
    assert_true(error_has_code(&err, ""));
}

static void test_set_may_quote_the_error_that_it_replaces(void **state maybe_unused)
{
    struct error err = {0};

    error_set(&err, ERROR_NOT_FOUND, "NoSuch", "nothing there");
    error_set(&err, ERROR_INVALID, err.code, "cannot go on (%s)", err.message);

    assert_string_equal(err.code, "NoSuch");
    assert_string_equal(err.message, "cannot go on (nothing there)");
}

static void test_wrap_puts_the_context_before_the_cause(void **state maybe_unused)
{
    struct error err = {.kind = ERROR_DENIED, .retry_after_ms = 9, .code = "403"};

    strcpy(err.message, "access denied");
    assert_false(error_wrap(&err, "reading secret '%s'", "x"));
    assert_false(error_wrap(&err, "database '%s'", "y"));

    assert_int_equal(err.kind, ERROR_DENIED);
    assert_int_equal(err.retry_after_ms, 9);
    assert_string_equal(err.code, "403");
    assert_string_equal(err.message, "database 'y': reading secret 'x': access denied");
}

static void test_wrap_may_quote_the_cause(void **state maybe_unused)
{
    struct error err = {.message = "cause"};

    error_wrap(&err, "again %s", err.message);

    assert_string_equal(err.message, "again cause: cause");
}

static void test_long_texts_end_in_dots(void **state maybe_unused)
{
    char long_text[3 * ERROR_MESSAGE_SIZE];
    struct error err = {0};

    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    error_set(&err, ERROR_INTERNAL, long_text, "%s", long_text);
    assert_int_equal(strlen(err.code), ERROR_CODE_SIZE - 1);
    assert_string_equal(err.code + ERROR_CODE_SIZE - 5, "x...");
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
    assert_string_equal(err.message + ERROR_MESSAGE_SIZE - 5, "x...");

    error_wrap(&err, "context");
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
    assert_memory_equal(err.message, "context: xxx", 12);
    assert_string_equal(err.message + ERROR_MESSAGE_SIZE - 5, "x...");

    error_wrap(&err, "%s", long_text);
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
    assert_string_equal(err.message + ERROR_MESSAGE_SIZE - 5, "x...");
}

static void test_a_context_that_just_fills_the_message_is_marked(void **state maybe_unused)
{
    for (size_t left = 0; left <= 6; left++) {
        char context[ERROR_MESSAGE_SIZE];
        size_t length = ERROR_MESSAGE_SIZE - 1 - left;
        struct error err = {.message = "the cause of it all"};

        memset(context, 'c', length);
        context[length] = '\0';
        error_wrap(&err, "%s", context);
        assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
        assert_string_equal(err.message + ERROR_MESSAGE_SIZE - 4, "...");
    }
}

static void test_a_message_is_not_cut_inside_a_character(void **state maybe_unused)
{
    char text[2 * ERROR_MESSAGE_SIZE + 2] = "x";
    struct error err = {0};

    for (size_t i = 0; i < ERROR_MESSAGE_SIZE; i++)
        memcpy(text + 1 + 2 * i, "\xc3\xa4", 3);
    error_set(&err, ERROR_INTERNAL, NULL, "%s", text);
    assert_string_equal(err.message + strlen(err.message) - 5, "\xc3\xa4...");

    error_set(&err, ERROR_INTERNAL, NULL, "x%s", text);
    assert_string_equal(err.message + strlen(err.message) - 5, "\xc3\xa4...");
}

static void test_every_kind_has_a_name_of_its_own(void **state maybe_unused)
{
    for (int a = ERROR_NONE; a <= ERROR_INTERNAL; a++) {
        assert_string_not_equal(error_kind_name((enum error_kind)a), "unknown");
        for (int b = ERROR_NONE; b < a; b++)
            assert_string_not_equal(error_kind_name((enum error_kind)a),
                                    error_kind_name((enum error_kind)b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_fills_kind_code_and_message_and_returns_false),
        cmocka_unit_test(test_set_without_code_leaves_it_empty),
        cmocka_unit_test(test_set_may_quote_the_error_that_it_replaces),
        cmocka_unit_test(test_wrap_puts_the_context_before_the_cause),
        cmocka_unit_test(test_wrap_may_quote_the_cause),
        cmocka_unit_test(test_long_texts_end_in_dots),
        cmocka_unit_test(test_a_context_that_just_fills_the_message_is_marked),
        cmocka_unit_test(test_a_message_is_not_cut_inside_a_character),
        cmocka_unit_test(test_every_kind_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
