#include "base/random.h"
#include "support/fake_random.h"
#include "support/test.h"

#include <stdbool.h>
#include <string.h>

static void test_a_uuid_has_the_form_of_version_4(void **state maybe_unused)
{
    for (int i = 0; i < 200; i++) {
        char text[RANDOM_UUID_SIZE];

        random_uuid(&random_system, text);
        assert_int_equal(strlen(text), 36);
        for (size_t k = 0; k < 36; k++) {
            if (k == 8 || k == 13 || k == 18 || k == 23)
                assert_int_equal(text[k], '-');
            else
                assert_non_null(strchr("0123456789abcdef", text[k]));
        }
        assert_int_equal(text[14], '4');
        assert_non_null(strchr("89ab", text[19]));
    }
}

static void test_a_uuid_keeps_all_other_bits(void **state maybe_unused)
{
    static const unsigned char zeros[] = {0x00}, ones[] = {0xff};
    char text[RANDOM_UUID_SIZE];
    struct fake_random random;

    fake_random_init_script(&random, zeros, 1);
    random_uuid(&random.source, text);
    assert_string_equal(text, "00000000-0000-4000-8000-000000000000");
    fake_random_init_script(&random, ones, 1);
    random_uuid(&random.source, text);
    assert_string_equal(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

static void test_the_system_source_never_repeats(void **state maybe_unused)
{
    unsigned char a[32], b[32];

    random_fill(&random_system, a, sizeof a);
    random_fill(&random_system, b, sizeof b);
    random_fill(&random_system, b, 0);

    assert_memory_not_equal(a, b, sizeof a);
}

static void test_numbers_stay_below_the_limit_and_reach_each(void **state maybe_unused)
{
    bool seen[5] = {false};
    struct fake_random random;

    fake_random_init(&random, 11);
    for (int i = 0; i < 500; i++) {
        uint64_t number = random_below(&random.source, array_length(seen));

        assert_true(number < array_length(seen));
        seen[number] = true;
    }
    for (size_t i = 0; i < array_length(seen); i++)
        assert_true(seen[i]);
    assert_int_equal(random_below(&random_system, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_uuid_has_the_form_of_version_4),
        cmocka_unit_test(test_a_uuid_keeps_all_other_bits),
        cmocka_unit_test(test_the_system_source_never_repeats),
        cmocka_unit_test(test_numbers_stay_below_the_limit_and_reach_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
