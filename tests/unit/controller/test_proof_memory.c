#include "controller/proof_memory.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>

static void test_a_proof_is_found_for_its_subject_only(void **state maybe_unused)
{
    struct proof_memory *memory = proof_memory_new();
    struct proof proof = {.passed = true, .tried_at_ms = 5};
    struct proof found = {0};

    proof_memory_store(memory, "u-1", "v1 h:1 d u", &proof);

    assert_true(proof_memory_find(memory, "u-1", "v1 h:1 d u", &found));
    assert_true(found.passed);
    assert_int_equal(found.tried_at_ms, 5);
    assert_false(proof_memory_find(memory, "u-1", "v2 h:1 d u", &found));
    assert_false(proof_memory_find(memory, "u-2", "v1 h:1 d u", &found));
    proof_memory_free(memory);
}

static void test_the_last_proof_of_a_resource_replaces_the_former(void **state maybe_unused)
{
    struct proof_memory *memory = proof_memory_new();
    struct proof passed = {.passed = true}, refused = {.passed = false};
    struct proof found = {.passed = true};

    proof_memory_store(memory, "u-1", "v1", &passed);
    proof_memory_store(memory, "u-1", "v2", &refused);

    assert_false(proof_memory_find(memory, "u-1", "v1", &found));
    assert_true(proof_memory_find(memory, "u-1", "v2", &found));
    assert_false(found.passed);
    proof_memory_free(memory);
}

static void test_times_are_no_proof_and_the_oldest_is_found(void **state maybe_unused)
{
    struct proof_memory *memory = proof_memory_new();
    struct credential_times oldest;
    struct proof found;

    for (int64_t i = 0; i < 50; i++) {
        char uid[16];

        snprintf(uid, sizeof uid, "u-%d", (int)(i * 7 % 50));
        proof_memory_note_times(memory, uid, &(struct credential_times){.proven_at_s = 1000 + i});
        proof_memory_note_times(memory, uid, &(struct credential_times){.stored_at_s = 900 - i});
    }
    proof_memory_find_oldest(memory, &oldest);

    assert_int_equal(oldest.proven_at_s, 1000);
    assert_int_equal(oldest.stored_at_s, 851);
    assert_false(proof_memory_find(memory, "u-0", "", &found));

    proof_memory_forget(memory, "u-0"); /* the first of the loop */
    proof_memory_note_times(memory, "u-43", &(struct credential_times){.stored_at_s = 2000});
    proof_memory_find_oldest(memory, &oldest);
    assert_int_equal(oldest.proven_at_s, 1001);
    assert_int_equal(oldest.stored_at_s, 852);
    proof_memory_free(memory);
}

static void test_what_is_forgotten_is_not_found(void **state maybe_unused)
{
    struct proof_memory *memory = proof_memory_new();
    struct proof proof = {.passed = true}, found;

    proof_memory_store(memory, "u-1", "v1", &proof);
    proof_memory_forget(memory, "u-1");
    proof_memory_forget(memory, "never stored");

    assert_false(proof_memory_find(memory, "u-1", "v1", &found));
    proof_memory_free(memory);
}

static void *churn(void *context)
{
    struct proof_memory *memory = context;

    for (int i = 0; i < 500; i++) {
        struct proof proof = {.passed = true}, found;
        char uid[16];

        snprintf(uid, sizeof uid, "u-%d", i % 50);
        proof_memory_store(memory, uid, "v", &proof);
        if (!proof_memory_find(memory, uid, "v", &found))
            continue; /* another thread forgot it */
        proof_memory_forget(memory, uid);
    }
    return NULL;
}

static void test_threads_share_it(void **state maybe_unused)
{
    struct proof_memory *memory = proof_memory_new();
    pthread_t threads[4];

    for (size_t i = 0; i < array_length(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, memory), 0);
    for (size_t i = 0; i < array_length(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    proof_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_proof_is_found_for_its_subject_only),
        cmocka_unit_test(test_the_last_proof_of_a_resource_replaces_the_former),
        cmocka_unit_test(test_times_are_no_proof_and_the_oldest_is_found),
        cmocka_unit_test(test_what_is_forgotten_is_not_found),
        cmocka_unit_test(test_threads_share_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
