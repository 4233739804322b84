/*
 * One entry a key.  Each entry is in exactly one place: nowhere, in the heap of ready ones, in the
 * heap of those whose time has not come, or (while a worker has its key) set aside for afterwards.
 * That is the whole trick: a key cannot be in two places, so it cannot run twice at once, and what
 * is asked for during a run is not lost.
 *
 * An entry lives while it is placed, being processed, or has failures to remember.
 *
 * Lock order: the queue's lock, then that of the metrics, which never call back.
 */
#include "kube/workqueue.h"

#include "base/condition_variable.h"
#include "base/memory.h"
#include "kube/hash_table.h"
#include "kube/work_item.h"
#include "kube/workqueue_metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A wait is cut into pieces, because the queue's clock counts the time that the machine slept and
 * the clock of the condition variable does not. */
enum { LONGEST_WAIT_MS = 10 * 1000 };

struct kube_workqueue {
    struct backoff_policy backoff;
    const struct timesource *timesource;
    const struct random_source *random;
    struct workqueue_metrics metrics;
    pthread_mutex_t lock;
    pthread_cond_t changed;

    /* Below: guarded by lock. */
    struct hash_table items;
    struct work_heap ready, waiting;
    struct work_item **processing;
    size_t processing_count, processing_capacity;
    uint64_t next_sequence;
    bool is_shut_down;
};

struct kube_workqueue *kube_workqueue_new(const struct kube_workqueue_options *options)
{
    static const struct backoff_policy default_backoff = {
        .first_ms = 5,
        .limit_ms = 5 * 60 * 1000,
        .jitter_percent = 20,
    };
    struct kube_workqueue *queue = mem_alloc(sizeof *queue);

    queue->backoff = options->backoff.first_ms != 0 ? options->backoff : default_backoff;
    queue->timesource = options->timesource;
    queue->random = options->random;
    queue->ready.comes_before = work_ready_before;
    queue->waiting.comes_before = work_due_before;
    workqueue_metrics_init(&queue->metrics, options->metrics, options->name);
    pthread_mutex_init(&queue->lock, NULL);
    condition_variable_init(&queue->changed);
    return queue;
}

void kube_workqueue_free(struct kube_workqueue *queue)
{
    struct hash_link *link, *next;

    if (queue == NULL)
        return;
    for (link = hash_table_next(&queue->items, NULL); link != NULL; link = next) {
        next = hash_table_next(&queue->items, link);
        hash_table_remove(&queue->items, link);
        free(hash_entry(link, struct work_item, link));
    }
    hash_table_release(&queue->items);
    work_heap_release(&queue->ready);
    work_heap_release(&queue->waiting);
    free(queue->processing);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

/* ---- items; the lock is held ---- */

static bool has_key(const struct hash_link *link, const void *key)
{
    return strcmp(hash_entry(link, struct work_item, link)->key, key) == 0;
}

static struct work_item *find(const struct kube_workqueue *queue, const char *key)
{
    struct hash_link *link = hash_table_find(&queue->items, hash_texts(key, NULL), has_key, key);

    return link != NULL ? hash_entry(link, struct work_item, link) : NULL;
}

static struct work_item *find_or_make(struct kube_workqueue *queue, const char *key)
{
    struct work_item *item = find(queue, key);
    size_t size = strlen(key) + 1;

    if (item != NULL)
        return item;
    item = mem_alloc(sizeof *item + size);
    memcpy(item->key, key, size);
    hash_table_insert(&queue->items, &item->link, hash_texts(key, NULL));
    return item;
}

static void drop_when_useless(struct kube_workqueue *queue, struct work_item *item)
{
    if (item->place != WORK_NOWHERE || item->is_processing || item->failures > 0)
        return;
    hash_table_remove(&queue->items, &item->link);
    free(item);
}

/* ---- places; the lock is held ---- */

static int64_t now_ms(const struct kube_workqueue *queue)
{
    return timesource_monotonic_ms(queue->timesource);
}

static void unplace(struct kube_workqueue *queue, struct work_item *item)
{
    if (item->place == WORK_READY) {
        work_heap_remove(&queue->ready, item);
        workqueue_metrics_depth(&queue->metrics, item->priority, -1);
    } else if (item->place == WORK_WAITING) {
        work_heap_remove(&queue->waiting, item);
    }
    item->place = WORK_NOWHERE;
}

/* Puts an unplaced item where its time and its worker allow. */
static void place(struct kube_workqueue *queue, struct work_item *item, int64_t now)
{
    item->sequence = queue->next_sequence++;
    if (item->is_processing) {
        item->place = WORK_AFTERWARDS;
    } else if (item->due_ms <= now) {
        item->place = WORK_READY;
        work_heap_insert(&queue->ready, item);
        workqueue_metrics_depth(&queue->metrics, item->priority, 1);
        pthread_cond_signal(&queue->changed);
    } else {
        item->place = WORK_WAITING;
        work_heap_insert(&queue->waiting, item);
        if (work_heap_top(&queue->waiting) == item)
            pthread_cond_signal(&queue->changed); /* somebody must wait less long */
    }
}

/* One entry a key: the earlier time and the higher priority win; an item that rises in priority
 * goes to the end of its new class. */
static void ask_for(struct kube_workqueue *queue, const char *key, int priority, int64_t due_ms,
                    int64_t now)
{
    struct work_item *item = find_or_make(queue, key);

    if (item->place == WORK_NOWHERE) {
        workqueue_metrics_added(&queue->metrics);
        item->priority = priority;
        item->due_ms = due_ms;
        place(queue, item, now);
        return;
    }
    if (due_ms >= item->due_ms && priority <= item->priority)
        return;
    unplace(queue, item);
    if (due_ms < item->due_ms)
        item->due_ms = due_ms;
    if (priority > item->priority)
        work_item_raise(item, priority, now);
    place(queue, item, now);
}

static void move_due_to_ready(struct kube_workqueue *queue, int64_t now)
{
    struct work_item *item;

    while ((item = work_heap_top(&queue->waiting)) != NULL && item->due_ms <= now) {
        unplace(queue, item);
        place(queue, item, now);
    }
}

/* ---- adding ---- */

void kube_workqueue_add_after(struct kube_workqueue *queue, const char *key, int priority,
                              uint64_t delay_ms)
{
    pthread_mutex_lock(&queue->lock);
    if (!queue->is_shut_down) {
        int64_t now = now_ms(queue);

        ask_for(queue, key, priority, now + (int64_t)delay_ms, now);
    }
    pthread_mutex_unlock(&queue->lock);
}

void kube_workqueue_add(struct kube_workqueue *queue, const char *key, int priority)
{
    kube_workqueue_add_after(queue, key, priority, 0);
}

uint64_t kube_workqueue_add_with_backoff(struct kube_workqueue *queue, const char *key,
                                         int priority, uint64_t at_least_ms)
{
    uint64_t delay_ms = at_least_ms;

    pthread_mutex_lock(&queue->lock);
    if (!queue->is_shut_down) {
        struct work_item *item = find_or_make(queue, key);
        int64_t now = now_ms(queue);
        uint64_t backoff_ms;

        item->failures++;
        backoff_ms = backoff_delay_ms(&queue->backoff, item->failures, queue->random);
        if (delay_ms < backoff_ms)
            delay_ms = backoff_ms;
        workqueue_metrics_retried(&queue->metrics);
        ask_for(queue, key, priority, now + (int64_t)delay_ms, now);
    }
    pthread_mutex_unlock(&queue->lock);
    return delay_ms;
}

void kube_workqueue_forget(struct kube_workqueue *queue, const char *key)
{
    struct work_item *item;

    pthread_mutex_lock(&queue->lock);
    item = find(queue, key);
    if (item != NULL) {
        item->failures = 0;
        drop_when_useless(queue, item);
    }
    pthread_mutex_unlock(&queue->lock);
}

/* ---- taking ---- */

static void begin(struct kube_workqueue *queue, struct work_item *item, int64_t now)
{
    unplace(queue, item);
    item->is_processing = true;
    item->started_ms = now;
    if (queue->processing_count == queue->processing_capacity) {
        queue->processing_capacity += 8;
        queue->processing = mem_resize_array(queue->processing, queue->processing_capacity,
                                             sizeof(struct work_item *));
    }
    queue->processing[queue->processing_count++] = item;
    workqueue_metrics_begun(&queue->metrics, now - item->due_ms);
}

static void end(struct kube_workqueue *queue, struct work_item *item, int64_t now)
{
    size_t i = 0;

    while (queue->processing[i] != item)
        i++;
    queue->processing[i] = queue->processing[--queue->processing_count];
    item->is_processing = false;
    workqueue_metrics_done(&queue->metrics, now - item->started_ms);
}

/* Waits until something changes or the next waiting item is due. */
static void wait_for_change(struct kube_workqueue *queue, int64_t now)
{
    const struct work_item *next = work_heap_top(&queue->waiting);
    int64_t wait_ms = LONGEST_WAIT_MS;
    struct timespec deadline;

    if (next == NULL) {
        pthread_cond_wait(&queue->changed, &queue->lock);
        return;
    }
    if (next->due_ms - now < wait_ms)
        wait_ms = next->due_ms - now;
    deadline = condition_variable_deadline(wait_ms);
    pthread_cond_timedwait(&queue->changed, &queue->lock, &deadline);
}

char *kube_workqueue_get(struct kube_workqueue *queue)
{
    char *key = NULL;

    pthread_mutex_lock(&queue->lock);
    while (!queue->is_shut_down) {
        int64_t now = now_ms(queue);
        struct work_item *item;

        move_due_to_ready(queue, now);
        item = work_heap_top(&queue->ready);
        if (item != NULL) {
            key = mem_strdup(item->key);
            begin(queue, item, now);
            break;
        }
        wait_for_change(queue, now);
    }
    pthread_mutex_unlock(&queue->lock);
    return key;
}

void kube_workqueue_done(struct kube_workqueue *queue, const char *key)
{
    struct work_item *item;
    int64_t now;

    pthread_mutex_lock(&queue->lock);
    now = now_ms(queue);
    item = find(queue, key);
    assert(item != NULL && item->is_processing);
    end(queue, item, now);
    if (item->place == WORK_AFTERWARDS)
        place(queue, item, now);
    else
        drop_when_useless(queue, item);
    pthread_mutex_unlock(&queue->lock);
}

/* ---- the rest ---- */

void kube_workqueue_shut_down(struct kube_workqueue *queue)
{
    struct work_item *item;

    pthread_mutex_lock(&queue->lock);
    queue->is_shut_down = true;
    while ((item = work_heap_top(&queue->ready)) != NULL)
        unplace(queue, item);
    while ((item = work_heap_top(&queue->waiting)) != NULL)
        unplace(queue, item);
    for (size_t i = 0; i < queue->processing_count; i++)
        unplace(queue, queue->processing[i]);
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

size_t kube_workqueue_length(struct kube_workqueue *queue)
{
    size_t length;

    pthread_mutex_lock(&queue->lock);
    length = queue->ready.count + queue->waiting.count;
    for (size_t i = 0; i < queue->processing_count; i++)
        if (queue->processing[i]->place == WORK_AFTERWARDS)
            length++;
    pthread_mutex_unlock(&queue->lock);
    return length;
}

void kube_workqueue_update_metrics(struct kube_workqueue *queue)
{
    int64_t sum_ms = 0, longest_ms = 0, now;

    pthread_mutex_lock(&queue->lock);
    now = now_ms(queue);
    for (size_t i = 0; i < queue->processing_count; i++) {
        int64_t worked_ms = now - queue->processing[i]->started_ms;

        sum_ms += worked_ms;
        if (worked_ms > longest_ms)
            longest_ms = worked_ms;
    }
    workqueue_metrics_unfinished(&queue->metrics, sum_ms, longest_ms);
    pthread_mutex_unlock(&queue->lock);
}
