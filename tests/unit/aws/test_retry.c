#include "aws/retry.h"
#include "support/fake_random.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- delays ---- */

/* The delay when the random source draws `drawn`, reduced to the range that is asked of it. */
static uint64_t delay(unsigned retry, bool throttled, uint32_t hint_ms, uint64_t drawn)
{
    struct fake_random random;

    fake_random_init_script(&random, &drawn, sizeof drawn);
    return retry_delay_ms(retry, throttled, hint_ms, &random.source);
}

static void test_delay_lies_between_nothing_and_a_doubling_limit(void **state maybe_unused)
{
    static const struct {
        unsigned retry;
        bool throttled;
        uint64_t limit_ms;
    } rows[] = {
        {1, false, 50},  {2, false, 100}, {3, false, 200},  {9, false, 12800}, {10, false, 20000},
        {1, true, 1000}, {2, true, 2000}, {5, true, 16000}, {6, true, 20000},  {4000, true, 20000},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        uint64_t limit_ms = rows[i].limit_ms;

        assert_int_equal(delay(rows[i].retry, rows[i].throttled, 0, 0), 0);
        assert_int_equal(delay(rows[i].retry, rows[i].throttled, 0, limit_ms), limit_ms);
        assert_int_equal(delay(rows[i].retry, rows[i].throttled, 0, limit_ms + 1), 0);
    }
}

static void test_hint_of_the_server_lengthens_the_delay_by_at_most_5_s(void **state maybe_unused)
{
    static const struct {
        uint32_t hint_ms;
        uint64_t drawn, delay_ms;
    } rows[] = {
        {0, 40, 40},      {39, 40, 40},     {40, 40, 40},           {41, 40, 41},  {5039, 40, 5039},
        {5040, 40, 5040}, {5041, 40, 5040}, {UINT32_MAX, 40, 5040}, {300, 0, 300},
    };

    for (size_t i = 0; i < array_length(rows); i++)
        assert_int_equal(delay(1, false, rows[i].hint_ms, rows[i].drawn), rows[i].delay_ms);
}

/* ---- the bucket ---- */

static int set_up(void **state)
{
    *state = retry_quota_new();
    return 0;
}

static int tear_down(void **state)
{
    retry_quota_free(*state);
    return 0;
}

static void test_retry_costs_14_and_a_throttled_one_5(void **state)
{
    struct retry_quota *quota = *state;

    assert_int_equal(retry_quota_left(quota), 500);
    assert_true(retry_quota_take(quota, false));
    assert_int_equal(retry_quota_left(quota), 486);
    assert_true(retry_quota_take(quota, true));
    assert_int_equal(retry_quota_left(quota), 481);
}

static void test_empty_bucket_refuses_and_stays_as_it_is(void **state)
{
    struct retry_quota *quota = *state;

    for (int i = 0; i < 35; i++)
        assert_true(retry_quota_take(quota, false));
    assert_int_equal(retry_quota_left(quota), 10);

    assert_false(retry_quota_take(quota, false));
    assert_int_equal(retry_quota_left(quota), 10);
    assert_true(retry_quota_take(quota, true));
    assert_true(retry_quota_take(quota, true));
    assert_int_equal(retry_quota_left(quota), 0);
    assert_false(retry_quota_take(quota, true));
}

static void test_success_gives_back_what_its_last_retry_cost(void **state)
{
    struct retry_quota *quota = *state;

    for (int i = 0; i < 10; i++)
        assert_true(retry_quota_take(quota, false));
    retry_quota_refund(quota, true, false);
    assert_int_equal(retry_quota_left(quota), 374);
    retry_quota_refund(quota, true, true);
    assert_int_equal(retry_quota_left(quota), 379);
}

static void test_success_without_retry_gives_back_a_little(void **state)
{
    struct retry_quota *quota = *state;

    assert_true(retry_quota_take(quota, false));
    retry_quota_refund(quota, false, false);
    retry_quota_refund(quota, false, true);
    assert_int_equal(retry_quota_left(quota), 488);
}

static void test_bucket_never_holds_more_than_at_first(void **state)
{
    struct retry_quota *quota = *state;

    retry_quota_refund(quota, false, false);
    assert_int_equal(retry_quota_left(quota), 500);
    assert_true(retry_quota_take(quota, true));
    retry_quota_refund(quota, true, false);
    assert_int_equal(retry_quota_left(quota), 500);
}

struct taker {
    struct retry_quota *quota;
    atomic_int taken;
};

static void *take_often(void *context)
{
    struct taker *taker = context;

    for (int i = 0; i < 100; i++) {
        if (retry_quota_take(taker->quota, true))
            atomic_fetch_add(&taker->taken, 1);
    }
    return NULL;
}

static void test_threads_share_one_bucket(void **state)
{
    struct taker taker = {.quota = *state};
    pthread_t threads[4];

    for (size_t i = 0; i < array_length(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_often, &taker), 0);
    for (size_t i = 0; i < array_length(threads); i++)
        pthread_join(threads[i], NULL);

    assert_int_equal(atomic_load(&taker.taken), 100);
    assert_int_equal(retry_quota_left(taker.quota), 0);
}

static void test_no_bucket_is_freed_without_harm(void **state maybe_unused)
{
    retry_quota_free(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delay_lies_between_nothing_and_a_doubling_limit),
        cmocka_unit_test(test_hint_of_the_server_lengthens_the_delay_by_at_most_5_s),
        TEST(test_retry_costs_14_and_a_throttled_one_5),
        TEST(test_empty_bucket_refuses_and_stays_as_it_is),
        TEST(test_success_gives_back_what_its_last_retry_cost),
        TEST(test_success_without_retry_gives_back_a_little),
        TEST(test_bucket_never_holds_more_than_at_first),
        TEST(test_threads_share_one_bucket),
        cmocka_unit_test(test_no_bucket_is_freed_without_harm),
    };

    return cmocka_run_group_tests_name("aws/retry", tests, NULL, NULL);
}
