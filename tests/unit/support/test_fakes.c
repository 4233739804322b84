#include "support/fake_random.h"
#include "support/fake_timesource.h"
#include "support/test.h"

static void test_the_clock_moves_only_when_told(void **state maybe_unused)
{
    struct fake_timesource clock;
    int64_t start;

    fake_timesource_init(&clock, 1000000);
    start = timesource_monotonic_ms(&clock.source);
    assert_true(start > 0);
    assert_int_equal(timesource_realtime_us(&clock.source), 1000000);

    fake_timesource_advance_ms(&clock, 1500);
    assert_int_equal(timesource_realtime_us(&clock.source), 2500000);
    assert_int_equal(timesource_monotonic_ms(&clock.source), start + 1500);

    fake_timesource_set_realtime_us(&clock, 7);
    assert_int_equal(timesource_realtime_us(&clock.source), 7);
    assert_int_equal(timesource_monotonic_ms(&clock.source), start + 1500);
}

static void test_a_seed_gives_one_stream_however_it_is_read(void **state maybe_unused)
{
    unsigned char whole[40], parts[40], other[40];
    struct fake_random random;

    fake_random_init(&random, 5);
    random_fill(&random.source, whole, sizeof whole);
    fake_random_init(&random, 5);
    random_fill(&random.source, parts, 3);
    random_fill(&random.source, parts + 3, sizeof parts - 3);
    fake_random_init(&random, 6);
    random_fill(&random.source, other, sizeof other);

    assert_memory_equal(whole, parts, sizeof whole);
    assert_memory_not_equal(whole, other, sizeof whole);
    assert_memory_not_equal(whole, whole + 8, 8);
}

static void test_a_script_repeats(void **state maybe_unused)
{
    char bytes[7];
    struct fake_random random;

    fake_random_init_script(&random, "abc", 3);
    random_fill(&random.source, bytes, 2);
    random_fill(&random.source, bytes + 2, 5);

    assert_memory_equal(bytes, "abcabca", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_clock_moves_only_when_told),
        cmocka_unit_test(test_a_seed_gives_one_stream_however_it_is_read),
        cmocka_unit_test(test_a_script_repeats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
