#include "base/backoff.h"
#include "support/fake_random.h"
#include "support/test.h"

#include <limits.h>
#include <stdbool.h>

static const struct backoff_policy exact = {.first_ms = 800, .limit_ms = 30000};

static void test_the_delay_doubles_until_the_limit(void **state maybe_unused)
{
    static const uint64_t expected[] = {800, 1600, 3200, 6400, 12800, 25600, 30000, 30000};
    struct fake_random random;

    fake_random_init(&random, 1);
    for (unsigned i = 0; i < array_length(expected); i++)
        assert_int_equal(backoff_delay_ms(&exact, i + 1, &random.source), expected[i]);
    assert_int_equal(backoff_delay_ms(&exact, UINT_MAX, &random.source), 30000);
}

static void test_a_first_delay_over_the_limit_is_cut(void **state maybe_unused)
{
    const struct backoff_policy policy = {.first_ms = 500, .limit_ms = 100};

    assert_int_equal(backoff_delay_ms(&policy, 1, &random_system), 100);
}

static void test_a_policy_without_delay_stays_without_and_returns_at_once(void **state maybe_unused)
{
    const struct backoff_policy policy = {.limit_ms = 30000, .jitter_percent = 50};

    assert_int_equal(backoff_delay_ms(&policy, UINT_MAX, &random_system), 0);
}

static void test_a_huge_limit_does_not_wrap_around(void **state maybe_unused)
{
    const struct backoff_policy policy = {.first_ms = 3, .limit_ms = UINT64_MAX};

    assert_true(backoff_delay_ms(&policy, 500, &random_system) == UINT64_MAX);
}

static void test_jitter_reaches_both_bounds_and_nothing_beyond(void **state maybe_unused)
{
    const struct backoff_policy policy = {.first_ms = 10, .limit_ms = 10, .jitter_percent = 20};
    bool seen[32] = {false};
    struct fake_random random;

    fake_random_init(&random, 7);
    for (int i = 0; i < 1000; i++) {
        uint64_t delay = backoff_delay_ms(&policy, 3, &random.source);

        assert_in_range(delay, 8, 12);
        seen[delay] = true;
    }
    for (size_t delay = 8; delay <= 12; delay++)
        assert_true(seen[delay]);
}

static void test_full_jitter_may_be_zero_or_double(void **state maybe_unused)
{
    static const unsigned char lowest[] = {0};
    static const unsigned char highest[] = {200, 0, 0, 0, 0, 0, 0, 0};
    const struct backoff_policy policy = {.first_ms = 100, .limit_ms = 100, .jitter_percent = 100};
    struct fake_random random;

    fake_random_init_script(&random, lowest, sizeof lowest);
    assert_int_equal(backoff_delay_ms(&policy, 1, &random.source), 0);
    fake_random_init_script(&random, highest, sizeof highest);
    assert_int_equal(backoff_delay_ms(&policy, 1, &random.source), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_delay_doubles_until_the_limit),
        cmocka_unit_test(test_a_first_delay_over_the_limit_is_cut),
        cmocka_unit_test(test_a_policy_without_delay_stays_without_and_returns_at_once),
        cmocka_unit_test(test_a_huge_limit_does_not_wrap_around),
        cmocka_unit_test(test_jitter_reaches_both_bounds_and_nothing_beyond),
        cmocka_unit_test(test_full_jitter_may_be_zero_or_double),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
