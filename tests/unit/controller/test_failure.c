#include "controller/failure.h"
#include "engine/engine.h"
#include "support/test.h"

#include <ctype.h>
#include <string.h>

/* Kubernetes' rule for condition reasons, in the strict form that we use. */
static void assert_camel_case(const char *reason)
{
    assert_true(isupper((unsigned char)reason[0]));
    for (const char *c = reason; *c != '\0'; c++)
        assert_true(isalnum((unsigned char)*c));
    assert_true(strlen(reason) < 64);
}

static void test_every_stage_and_kind_has_a_reason(void **state maybe_unused)
{
    for (enum stage stage = STAGE_SPEC; stage < STAGE_COUNT; stage++) {
        for (enum error_kind kind = ERROR_INVALID; kind <= ERROR_INTERNAL; kind++) {
            struct failure failure = {0};
            struct error err;

            error_set(&err, kind, "X1", "it broke");
            failure_of_stage(&failure, stage, &err);

            assert_true(failure_is_set(&failure));
            assert_camel_case(failure.reason);
            assert_string_equal(failure.error.message, "it broke");
            assert_string_equal(failure.error.code, "X1");
        }
    }
}

static void test_stages_tell_apart_what_users_must_do(void **state maybe_unused)
{
    struct failure connect = {0}, server = {0};
    struct error err;

    error_set(&err, ERROR_DENIED, "28P01", "refused");
    failure_of_stage(&connect, STAGE_CONNECT, &err);
    failure_of_stage(&server, STAGE_SERVER, &err);

    assert_string_equal(connect.reason, "AdminLoginFailed");
    assert_string_equal(server.reason, "InsufficientRights");
}

/* What blocks a deletion has the same reason on every engine, whatever kind of error it is. */
static void test_what_a_driver_found_out_is_the_reason(void **state maybe_unused)
{
    static const char *const codes[] = {
        ENGINE_BLOCKED_BY_SESSIONS,     ENGINE_BLOCKED_BY_OWNER,      ENGINE_BLOCKED_BY_TEMPLATE,
        ENGINE_BLOCKED_BY_DEPENDENCIES, ENGINE_ADMIN_INSIDE_DATABASE,
    };

    for (size_t i = 0; i < array_length(codes); i++) {
        struct failure failure = {0};
        struct error err;

        error_set(&err, i % 2 == 0 ? ERROR_DENIED : ERROR_UNAVAILABLE, codes[i], "blocked");
        failure_of_stage(&failure, STAGE_SERVER, &err);

        assert_string_equal(failure.reason, codes[i]);
        assert_camel_case(failure.reason);
    }
}

static void test_an_empty_failure_is_none(void **state maybe_unused)
{
    struct failure failure = {0};

    assert_false(failure_is_set(&failure));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_stage_and_kind_has_a_reason),
        cmocka_unit_test(test_stages_tell_apart_what_users_must_do),
        cmocka_unit_test(test_what_a_driver_found_out_is_the_reason),
        cmocka_unit_test(test_an_empty_failure_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
