#include "aws/retry.h"

#include "base/memory.h"

#include <pthread.h>

enum { BUCKET_SIZE = 500, PRICE_TRANSIENT = 14, PRICE_THROTTLED = 5, REFUND_WITHOUT_RETRY = 1 };
enum { BASE_TRANSIENT_MS = 50, BASE_THROTTLED_MS = 1000, DELAY_LIMIT_MS = 20000 };
enum { HINT_SLACK_MS = 5000 };

struct retry_quota {
    pthread_mutex_t lock;
    int left; /* guarded by lock */
};

struct retry_quota *retry_quota_new(void)
{
    struct retry_quota *quota = mem_alloc(sizeof *quota);

    pthread_mutex_init(&quota->lock, NULL);
    quota->left = BUCKET_SIZE;
    return quota;
}

void retry_quota_free(struct retry_quota *quota)
{
    if (quota == NULL)
        return;
    pthread_mutex_destroy(&quota->lock);
    free(quota);
}

static int price_of(bool throttled)
{
    return throttled ? PRICE_THROTTLED : PRICE_TRANSIENT;
}

bool retry_quota_take(struct retry_quota *quota, bool throttled)
{
    bool enough;

    pthread_mutex_lock(&quota->lock);
    enough = quota->left >= price_of(throttled);
    if (enough)
        quota->left -= price_of(throttled);
    pthread_mutex_unlock(&quota->lock);
    return enough;
}

void retry_quota_refund(struct retry_quota *quota, bool was_retried, bool was_throttled)
{
    pthread_mutex_lock(&quota->lock);
    quota->left += was_retried ? price_of(was_throttled) : REFUND_WITHOUT_RETRY;
    if (quota->left > BUCKET_SIZE)
        quota->left = BUCKET_SIZE;
    pthread_mutex_unlock(&quota->lock);
}

int retry_quota_left(struct retry_quota *quota)
{
    int left;

    pthread_mutex_lock(&quota->lock);
    left = quota->left;
    pthread_mutex_unlock(&quota->lock);
    return left;
}

uint64_t retry_delay_ms(unsigned retry, bool throttled, uint32_t hint_ms,
                        const struct random_source *random)
{
    uint64_t limit = throttled ? BASE_THROTTLED_MS : BASE_TRANSIENT_MS;
    uint64_t delay;

    for (unsigned i = 1; i < retry && limit < DELAY_LIMIT_MS; i++)
        limit *= 2;
    if (limit > DELAY_LIMIT_MS)
        limit = DELAY_LIMIT_MS;
    delay = random_below(random, limit + 1);
    if (hint_ms <= delay)
        return delay;
    return hint_ms < delay + HINT_SLACK_MS ? hint_ms : delay + HINT_SLACK_MS;
}
