/*
 * All times of the sets are by AWS's clock (clock.h), since that decides when they expire; pauses
 * are by the monotonic one.
 */
#include "aws/credentials_cache.h"

#include "aws/session.h"
#include "base/backoff.h"
#include "base/memory.h"

#include <pthread.h>
#include <string.h>

#define MINUTE_US (INT64_C(60) * 1000000)

/* Ahead of the end: 10 to 15 minutes, so that the operators of a cluster do not ask together; half
 * of the lifetime where that is shorter. */
#define AHEAD_US       (10 * MINUTE_US)
#define AHEAD_SPREAD_S UINT64_C(300)
#define SHORT_LIFE_US  (30 * MINUTE_US)
/* A set without an end came from a file, which may have been replaced. */
#define LOOK_AGAIN_US  (5 * MINUTE_US)
/* How long a set is used that came expired. */
#define STALE_LIFE_US  (15 * MINUTE_US)

/* A set that is younger was not made any better by fetching it again. */
enum { FRESH_MS = 5000 };

struct credentials_cache {
    struct aws_credentials_provider provider;              /* first: the seam is cast back */
    struct aws_credentials_provider_operations operations; /* ours, under the source's name */
    struct aws_session *session;
    struct aws_credentials_provider *source;
    enum credentials_staleness staleness;

    pthread_mutex_t lock;
    pthread_cond_t refreshed;
    /* Guarded by lock. */
    bool is_refreshing;
    bool has_set;
    struct aws_credentials set;
    int64_t valid_until_us; /* INT64_MAX = without an end */
    int64_t due_us;
    int64_t fetched_ms;
    unsigned failures; /* in a row */
    int64_t pause_until_ms;
    struct error failure; /* the last one */
};

static struct credentials_cache *from(struct aws_credentials_provider *provider)
{
    return (struct credentials_cache *)(void *)provider;
}

static int64_t now_us(const struct credentials_cache *cache)
{
    return aws_clock_now_us(&cache->session->clock);
}

static int64_t now_ms(const struct credentials_cache *cache)
{
    return timesource_monotonic_ms(cache->session->options.timesource);
}

/* --- Decisions; all with the lock held ------------------------------------------------------- */

enum decision { DECISION_USE, DECISION_FAIL, DECISION_WAIT, DECISION_REFRESH };

static bool has_valid_set(const struct credentials_cache *cache)
{
    return cache->has_set && now_us(cache) < cache->valid_until_us;
}

static enum decision decide(const struct credentials_cache *cache)
{
    bool is_pausing = cache->failures > 0 && now_ms(cache) < cache->pause_until_ms;

    if (has_valid_set(cache))
        return now_us(cache) < cache->due_us || cache->is_refreshing || is_pausing
                   ? DECISION_USE
                   : DECISION_REFRESH;
    if (cache->is_refreshing)
        return DECISION_WAIT;
    return is_pausing ? DECISION_FAIL : DECISION_REFRESH;
}

/* --- Results of a fetch; all with the lock held ---------------------------------------------- */

static void plan_refresh(struct credentials_cache *cache)
{
    const struct random_source *random = cache->session->options.random;
    int64_t now = now_us(cache), end = cache->set.expires_us;

    if (end == 0) {
        cache->valid_until_us = INT64_MAX;
        cache->due_us = now + LOOK_AGAIN_US;
    } else if (end <= now) { /* only where that is usable */
        cache->valid_until_us = INT64_MAX;
        cache->due_us = now + STALE_LIFE_US;
    } else {
        cache->valid_until_us = end;
        cache->due_us =
            end - now < SHORT_LIFE_US
                ? now + (end - now) / 2
                : end - AHEAD_US - (int64_t)random_below(random, AHEAD_SPREAD_S + 1) * 1000000;
    }
}

/* True when the set is another than before, or one with an end. */
static bool take_set(struct credentials_cache *cache, struct aws_credentials *fresh)
{
    bool is_news = !cache->has_set || fresh->expires_us != 0 ||
                   strcmp(fresh->access_key_id, cache->set.access_key_id) != 0;

    aws_credentials_release(&cache->set);
    cache->set = *fresh;
    *fresh = (struct aws_credentials){0};
    cache->has_set = true;
    cache->fetched_ms = now_ms(cache);
    cache->failures = 0;
    plan_refresh(cache);
    return is_news;
}

static void take_failure(struct credentials_cache *cache, const struct error *failure)
{
    static const struct backoff_policy policy = {
        .first_ms = 1000, .limit_ms = 60 * 1000, .jitter_percent = 25};

    if (failure->kind == ERROR_CANCELLED)
        return;
    cache->failure = *failure;
    cache->failures++;
    cache->pause_until_ms =
        now_ms(cache) +
        (int64_t)backoff_delay_ms(&policy, cache->failures, cache->session->options.random);
}

/* --- Fetching -------------------------------------------------------------------------------- */

/* What is wrong with the set-up is not corrected at the resource that happened to notice it. */
static enum error_kind kind_for_callers(enum error_kind kind)
{
    return kind == ERROR_INVALID || kind == ERROR_NOT_FOUND ? ERROR_DENIED : kind;
}

static bool fetch(struct credentials_cache *cache, struct aws_credentials *ret_fresh,
                  struct error *err)
{
    const char *name = cache->operations.name;

    if (!aws_credentials_get(cache->source, ret_fresh, err)) {
        err->kind = kind_for_callers(err->kind);
        return err->kind != ERROR_CANCELLED && error_wrap(err, "AWS credentials from %s", name);
    }
    if (ret_fresh->expires_us == 0 || ret_fresh->expires_us > now_us(cache) ||
        cache->staleness == STALE_IS_USABLE)
        return true;
    aws_credentials_release(ret_fresh);
    return error_set(err, ERROR_UNAVAILABLE, "CredentialsExpired",
                     "AWS credentials from %s: they had expired when they were handed out; is the "
                     "clock of this machine right?",
                     name);
}

static void report(const struct credentials_cache *cache, int64_t expires_us,
                   const struct error *failure)
{
    const struct aws_session_options *options = &cache->session->options;

    if (options->report != NULL)
        options->report(options->report_context, cache->operations.name, expires_us, failure);
}

/* By one thread at a time; begins and ends with the lock held, and lets it go in between. */
static bool refresh(struct credentials_cache *cache, struct aws_credentials *ret_credentials,
                    struct error *err)
{
    auto_aws_credentials struct aws_credentials fresh = {0};
    int64_t expires_us;
    bool succeeded, is_news;

    cache->is_refreshing = true;
    pthread_mutex_unlock(&cache->lock);
    succeeded = fetch(cache, &fresh, err);
    expires_us = fresh.expires_us;

    pthread_mutex_lock(&cache->lock);
    cache->is_refreshing = false;
    if (succeeded) {
        is_news = take_set(cache, &fresh);
        aws_credentials_copy(ret_credentials, &cache->set);
    } else {
        take_failure(cache, err);
        is_news = has_valid_set(cache) && err->kind != ERROR_CANCELLED;
    }
    pthread_cond_broadcast(&cache->refreshed);
    pthread_mutex_unlock(&cache->lock);

    if (is_news)
        report(cache, expires_us, succeeded ? NULL : err);
    pthread_mutex_lock(&cache->lock);
    return succeeded;
}

/* With the lock held. */
static bool get_locked(struct credentials_cache *cache, struct aws_credentials *ret_credentials,
                       struct error *err)
{
    enum decision decision = decide(cache);
    struct error failure;

    while (decision == DECISION_WAIT) {
        pthread_cond_wait(&cache->refreshed, &cache->lock);
        decision = decide(cache);
    }
    if (decision == DECISION_REFRESH) {
        if (refresh(cache, ret_credentials, &failure))
            return true;
        decision = has_valid_set(cache) ? DECISION_USE : DECISION_FAIL;
    } else if (decision == DECISION_FAIL) {
        failure = cache->failure;
    }
    if (decision == DECISION_FAIL) {
        *err = failure;
        return false;
    }
    aws_credentials_copy(ret_credentials, &cache->set);
    return true;
}

static bool get(struct aws_credentials_provider *provider, struct aws_credentials *ret_credentials,
                struct error *err)
{
    struct credentials_cache *cache = from(provider);
    bool succeeded;

    pthread_mutex_lock(&cache->lock);
    succeeded = get_locked(cache, ret_credentials, err);
    pthread_mutex_unlock(&cache->lock);
    return succeeded;
}

static void invalidate(struct aws_credentials_provider *provider,
                       const struct aws_credentials *refused)
{
    struct credentials_cache *cache = from(provider);

    pthread_mutex_lock(&cache->lock);
    /* Another thread may have replaced it meanwhile. */
    if (cache->has_set && strcmp(cache->set.access_key_id, refused->access_key_id) == 0 &&
        now_ms(cache) - cache->fetched_ms >= FRESH_MS) {
        aws_credentials_release(&cache->set);
        cache->has_set = false;
        cache->failures = 0;
    }
    pthread_mutex_unlock(&cache->lock);
    aws_credentials_invalidate(cache->source, refused);
}

static void release(struct aws_credentials_provider *provider)
{
    struct credentials_cache *cache = from(provider);

    aws_credentials_release(&cache->set);
    aws_credentials_provider_free(cache->source);
    pthread_cond_destroy(&cache->refreshed);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

struct aws_credentials_provider *aws_credentials_cache_new(struct aws_session *session,
                                                           struct aws_credentials_provider *source,
                                                           enum credentials_staleness staleness)
{
    struct credentials_cache *cache = mem_alloc(sizeof *cache);

    cache->operations = (struct aws_credentials_provider_operations){
        .name = aws_credentials_source(source),
        .get = get,
        .invalidate = invalidate,
        .free = release,
    };
    cache->provider.operations = &cache->operations;
    cache->session = session;
    cache->source = source;
    cache->staleness = staleness;
    pthread_mutex_init(&cache->lock, NULL);
    pthread_cond_init(&cache->refreshed, NULL);
    return &cache->provider;
}
