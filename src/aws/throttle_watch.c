#include "aws/throttle_watch.h"

#include "base/memory.h"

#include <pthread.h>

struct throttle_watch {
    pthread_mutex_t lock;
    /* Guarded by lock. */
    uint64_t requests; /* 0 = no storm */
    int64_t begun_ms;
    int64_t last_ms;
};

struct throttle_watch *throttle_watch_new(void)
{
    struct throttle_watch *watch = mem_alloc(sizeof *watch);

    pthread_mutex_init(&watch->lock, NULL);
    return watch;
}

void throttle_watch_free(struct throttle_watch *watch)
{
    if (watch == NULL)
        return;
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

bool throttle_watch_note(struct throttle_watch *watch, int64_t now_ms)
{
    bool begins;

    pthread_mutex_lock(&watch->lock);
    begins = watch->requests == 0;
    if (begins)
        watch->begun_ms = now_ms;
    watch->requests++;
    watch->last_ms = now_ms;
    pthread_mutex_unlock(&watch->lock);
    return begins;
}

bool throttle_watch_succeed(struct throttle_watch *watch, int64_t now_ms, uint64_t *ret_requests,
                            int64_t *ret_duration_ms)
{
    bool ends;

    pthread_mutex_lock(&watch->lock);
    ends = watch->requests > 0 && now_ms - watch->last_ms >= THROTTLE_QUIET_MS;
    if (ends) {
        *ret_requests = watch->requests;
        *ret_duration_ms = watch->last_ms - watch->begun_ms;
        watch->requests = 0;
    }
    pthread_mutex_unlock(&watch->lock);
    return ends;
}
