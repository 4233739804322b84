#include "aws/credentials_cache.h"
#include "base/memory.h"
#include "chain_fixture.h"
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60 * 1000, HOUR_MS = 60 * 60 * 1000 };

/* A source that hands out "KEY1", "KEY2", ... for so long each, or fails. */
struct fake_source {
    struct aws_credentials_provider provider; /* first: the seam is cast back */
    struct client_fixture *client;
    atomic_int fetches;
    atomic_int_least64_t life_s; /* 0 = without an end */
    atomic_bool fails;
    const struct cancellation *gate; /* a fetch waits until this is requested */
    atomic_int running, most_running;
};

static bool fetch(struct aws_credentials_provider *provider,
                  struct aws_credentials *ret_credentials, struct error *err)
{
    struct fake_source *source = (struct fake_source *)(void *)provider;
    int number = atomic_fetch_add(&source->fetches, 1) + 1;
    int running = atomic_fetch_add(&source->running, 1) + 1;
    int64_t life_s = atomic_load(&source->life_s);

    if (running > atomic_load(&source->most_running))
        atomic_store(&source->most_running, running);
    if (source->gate != NULL)
        cancellation_wait(source->gate, 10 * SECOND_MS);
    atomic_fetch_sub(&source->running, 1);
    if (atomic_load(&source->fails))
        return error_set(err, ERROR_UNAVAILABLE, "Down", "it is down");
    *ret_credentials = (struct aws_credentials){0};
    snprintf(ret_credentials->access_key_id, sizeof ret_credentials->access_key_id, "KEY%d",
             number);
    secret_set_text(&ret_credentials->secret_access_key, "key");
    if (life_s != 0)
        ret_credentials->expires_us =
            timesource_realtime_us(&source->client->clock.source) + life_s * 1000000;
    return true;
}

static void keep(struct aws_credentials_provider *provider maybe_unused)
{
}

struct report {
    atomic_int successes, failures;
    _Atomic(const char *) source;
};

static void note(void *context, const char *source, int64_t expires_us maybe_unused,
                 const struct error *failure)
{
    struct report *report = context;

    atomic_fetch_add(failure == NULL ? &report->successes : &report->failures, 1);
    atomic_store(&report->source, source);
}

struct state {
    struct client_fixture client;
    struct fake_setting settings[1];
    struct fake_source source;
    struct report report;
    struct aws_session *session;
    struct aws_credentials_provider *cache;
};

static const struct aws_credentials_provider_operations operations = {
    .name = "fake",
    .get = fetch,
    .invalidate = aws_credentials_keep_nothing,
    .free = keep,
};

static int set_up(void **context)
{
    struct state *state = mem_alloc(sizeof *state);

    client_fixture_init(&state->client);
    state->session = client_fixture_session(&state->client, state->settings);
    state->session->options.report = note;
    state->session->options.report_context = &state->report;
    state->source.provider.operations = &operations;
    state->source.client = &state->client;
    atomic_store(&state->source.life_s, 3600);
    state->cache =
        aws_credentials_cache_new(state->session, &state->source.provider, STALE_IS_USELESS);
    *context = state;
    return 0;
}

static int tear_down(void **context)
{
    struct state *state = *context;

    aws_credentials_provider_free(state->cache);
    aws_session_free(state->session);
    client_fixture_release(&state->client);
    free(state);
    return 0;
}

static void advance_ms(struct state *state, int64_t milliseconds)
{
    fake_timesource_advance_ms(&state->client.clock, milliseconds);
}

static void expect_key(struct state *state, const char *key)
{
    auto_aws_credentials struct aws_credentials credentials = {0};
    struct error err = {0};

    if (!aws_credentials_get(state->cache, &credentials, &err))
        fail_msg("%s", err.message);
    assert_string_equal(credentials.access_key_id, key);
}

static void expect_failure(struct state *state, enum error_kind kind)
{
    struct aws_credentials credentials = {0};
    struct error err = {0};

    assert_false(aws_credentials_get(state->cache, &credentials, &err));
    assert_int_equal(err.kind, kind);
    assert_non_null(strstr(err.message, "AWS credentials from fake: "));
}

static void invalidate(struct state *state, const char *key)
{
    struct aws_credentials refused = {0};

    snprintf(refused.access_key_id, sizeof refused.access_key_id, "%s", key);
    aws_credentials_invalidate(state->cache, &refused);
}

static int fetches(struct state *state)
{
    return atomic_load(&state->source.fetches);
}

static void test_set_is_kept_until_ten_minutes_before_its_end(void **context)
{
    struct state *state = *context;

    expect_key(state, "KEY1");
    advance_ms(state, HOUR_MS - 10 * MINUTE_MS - 1);
    expect_key(state, "KEY1");
    assert_int_equal(fetches(state), 1);

    advance_ms(state, 1);
    expect_key(state, "KEY2");
    assert_int_equal(atomic_load(&state->report.successes), 2);
    assert_string_equal(atomic_load(&state->report.source), "fake");
    assert_string_equal(aws_credentials_source(state->cache), "fake");
}

static void test_short_life_is_used_by_half(void **context)
{
    struct state *state = *context;

    atomic_store(&state->source.life_s, 900);
    expect_key(state, "KEY1");
    advance_ms(state, 450 * SECOND_MS - 1);
    expect_key(state, "KEY1");
    advance_ms(state, 1);
    expect_key(state, "KEY2");
}

static void test_set_without_an_end_is_looked_at_every_five_minutes(void **context)
{
    struct state *state = *context;

    atomic_store(&state->source.life_s, 0);
    expect_key(state, "KEY1");
    advance_ms(state, 5 * MINUTE_MS - 1);
    expect_key(state, "KEY1");
    advance_ms(state, 1);
    expect_key(state, "KEY2");
    atomic_store(&state->source.fails, true);
    advance_ms(state, 24 * HOUR_MS);
    expect_key(state, "KEY2");
}

static void test_failed_refresh_goes_on_with_the_old_set_until_its_end(void **context)
{
    struct state *state = *context;
    int before;

    expect_key(state, "KEY1");
    atomic_store(&state->source.fails, true);
    advance_ms(state, HOUR_MS - 10 * MINUTE_MS);
    expect_key(state, "KEY1");
    expect_key(state, "KEY1");
    assert_int_equal(fetches(state), 2); /* a pause follows a failure */
    advance_ms(state, 2 * SECOND_MS);
    expect_key(state, "KEY1");
    assert_int_equal(fetches(state), 3);
    assert_int_equal(atomic_load(&state->report.failures), 2);

    advance_ms(state, 10 * MINUTE_MS);
    expect_failure(state, ERROR_UNAVAILABLE);
    before = fetches(state);
    expect_failure(state, ERROR_UNAVAILABLE);
    assert_int_equal(fetches(state), before);
    assert_int_equal(atomic_load(&state->report.failures), 2); /* the callers tell */

    atomic_store(&state->source.fails, false);
    advance_ms(state, 90 * SECOND_MS);
    expect_key(state, "KEY5");
}

static void test_refused_set_is_replaced_at_once(void **context)
{
    struct state *state = *context;

    expect_key(state, "KEY1");
    advance_ms(state, MINUTE_MS);
    invalidate(state, "KEY1");
    expect_key(state, "KEY2");

    invalidate(state, "KEY1"); /* a thread that had the old one */
    expect_key(state, "KEY2");
    assert_int_equal(fetches(state), 2);
}

static void test_set_that_was_just_fetched_is_not_fetched_again(void **context)
{
    struct state *state = *context;

    expect_key(state, "KEY1");
    invalidate(state, "KEY1");
    expect_key(state, "KEY1");
    advance_ms(state, 5 * SECOND_MS);
    invalidate(state, "KEY1");
    expect_key(state, "KEY2");
}

static void test_refused_set_is_not_used_when_there_is_no_other(void **context)
{
    struct state *state = *context;

    expect_key(state, "KEY1");
    advance_ms(state, MINUTE_MS);
    atomic_store(&state->source.fails, true);
    invalidate(state, "KEY1");
    expect_failure(state, ERROR_UNAVAILABLE);
}

static void test_end_is_by_the_clock_of_aws(void **context)
{
    struct state *state = *context;

    expect_key(state, "KEY1");
    aws_clock_correct(&state->session->clock, FIXTURE_NOW_US + INT64_C(3600) * 1000000);
    atomic_store(&state->source.life_s, 7200);

    expect_key(state, "KEY2"); /* our clock says that KEY1 has an hour left */
}

static void test_set_that_comes_expired_is_an_error(void **context)
{
    struct state *state = *context;

    atomic_store(&state->source.life_s, -1);
    expect_failure(state, ERROR_UNAVAILABLE);
}

static void test_instance_may_hand_out_an_expired_set(void **context)
{
    struct state *state = *context;

    aws_credentials_provider_free(state->cache);
    state->cache =
        aws_credentials_cache_new(state->session, &state->source.provider, STALE_IS_USABLE);
    atomic_store(&state->source.life_s, -1);
    expect_key(state, "KEY1");
    advance_ms(state, 15 * MINUTE_MS - 1);
    expect_key(state, "KEY1");
    advance_ms(state, 1);
    expect_key(state, "KEY2");
}

/* --- Several threads ------------------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 400 };

struct worker {
    struct state *state;
    pthread_t thread;
    atomic_int *succeeded;
    char key[16];
    bool storms; /* moves the clock and refuses sets, or asks once */
};

static void *work(void *context)
{
    struct worker *worker = context;

    for (int i = 0; i < (worker->storms ? ROUNDS : 1); i++) {
        auto_aws_credentials struct aws_credentials credentials = {0};
        struct error err = {0};

        if (!aws_credentials_get(worker->state->cache, &credentials, &err))
            continue;
        atomic_fetch_add(worker->succeeded, 1);
        snprintf(worker->key, sizeof worker->key, "%.15s", credentials.access_key_id);
        if (worker->storms && i % 5 == 0)
            advance_ms(worker->state, 10 * MINUTE_MS);
        if (worker->storms && i % 7 == 0)
            aws_credentials_invalidate(worker->state->cache, &credentials);
    }
    return NULL;
}

static void start(struct state *state, struct worker *workers, size_t count, atomic_int *succeeded,
                  bool storms)
{
    for (size_t i = 0; i < count; i++) {
        workers[i] = (struct worker){.state = state, .succeeded = succeeded, .storms = storms};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
}

static void join(struct worker *workers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
}

static void wait_for_fetches(struct state *state, int count)
{
    for (int i = 0; i < 1000 && fetches(state) < count; i++)
        cancellation_wait(state->client.cancellation, 5);
    assert_int_equal(fetches(state), count);
}

static void test_first_set_is_fetched_by_one_thread_for_all(void **context)
{
    struct state *state = *context;
    struct cancellation *gate = cancellation_new();
    struct worker workers[THREADS];
    atomic_int succeeded = 0;

    state->source.gate = gate;
    start(state, workers, THREADS, &succeeded, false);
    wait_for_fetches(state, 1);
    cancellation_request(gate);
    join(workers, THREADS);

    assert_int_equal(fetches(state), 1);
    assert_int_equal(atomic_load(&succeeded), THREADS);
    cancellation_free(gate);
}

static void test_others_go_on_with_the_old_set_while_one_refreshes(void **context)
{
    struct state *state = *context;
    struct cancellation *gate = cancellation_new();
    struct worker refresher[1];
    atomic_int succeeded = 0;

    expect_key(state, "KEY1");
    advance_ms(state, HOUR_MS - 5 * MINUTE_MS);
    state->source.gate = gate;
    start(state, refresher, 1, &succeeded, false);
    wait_for_fetches(state, 2);
    expect_key(state, "KEY1"); /* does not wait */
    cancellation_request(gate);
    join(refresher, 1);

    assert_string_equal(refresher[0].key, "KEY2");
    expect_key(state, "KEY2");
    cancellation_free(gate);
}

static void test_threads_never_fetch_at_the_same_time(void **context)
{
    struct state *state = *context;
    struct worker workers[THREADS];
    atomic_int succeeded = 0;

    start(state, workers, THREADS, &succeeded, true);
    join(workers, THREADS);

    assert_int_equal(atomic_load(&succeeded), THREADS * ROUNDS);
    assert_int_equal(atomic_load(&state->source.most_running), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_set_is_kept_until_ten_minutes_before_its_end),
        TEST(test_short_life_is_used_by_half),
        TEST(test_set_without_an_end_is_looked_at_every_five_minutes),
        TEST(test_failed_refresh_goes_on_with_the_old_set_until_its_end),
        TEST(test_refused_set_is_replaced_at_once),
        TEST(test_set_that_was_just_fetched_is_not_fetched_again),
        TEST(test_refused_set_is_not_used_when_there_is_no_other),
        TEST(test_end_is_by_the_clock_of_aws),
        TEST(test_set_that_comes_expired_is_an_error),
        TEST(test_instance_may_hand_out_an_expired_set),
        TEST(test_first_set_is_fetched_by_one_thread_for_all),
        TEST(test_others_go_on_with_the_old_set_while_one_refreshes),
        TEST(test_threads_never_fetch_at_the_same_time),
    };

    return cmocka_run_group_tests_name("aws/credentials_cache", tests, NULL, NULL);
}
