#include "base/compiler.h"
#include "base/condition_variable.h"
#include "support/test.h"

#include <errno.h>

static int64_t monotonic_ns(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static void test_a_deadline_is_so_far_from_now(void **state maybe_unused)
{
    static const int64_t waits_ms[] = {0, 1, 999, 1000, 123456};

    for (size_t i = 0; i < array_length(waits_ms); i++) {
        struct timespec before, deadline, after;
        int64_t wait_ns = waits_ms[i] * 1000000;

        clock_gettime(CLOCK_MONOTONIC, &before);
        deadline = condition_variable_deadline(waits_ms[i]);
        clock_gettime(CLOCK_MONOTONIC, &after);
        assert_true(monotonic_ns(&deadline) >= monotonic_ns(&before) + wait_ns);
        assert_true(monotonic_ns(&deadline) <= monotonic_ns(&after) + wait_ns);
        assert_true(deadline.tv_nsec >= 0 && deadline.tv_nsec < 1000000000);
    }
}

static void test_a_wait_ends_at_its_deadline(void **state maybe_unused)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct timespec deadline, now;
    pthread_cond_t condition;

    condition_variable_init(&condition);
    deadline = condition_variable_deadline(5);
    pthread_mutex_lock(&lock);
    while (pthread_cond_timedwait(&condition, &lock, &deadline) != ETIMEDOUT)
        continue;
    pthread_mutex_unlock(&lock);
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_true(monotonic_ns(&now) >= monotonic_ns(&deadline));
    pthread_cond_destroy(&condition);
    pthread_mutex_destroy(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_deadline_is_so_far_from_now),
        cmocka_unit_test(test_a_wait_ends_at_its_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
