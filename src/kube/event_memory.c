#include "kube/event_memory.h"

#include "base/memory.h"
#include "kube/event_recorder.h"
#include "kube/hash_table.h"

#include <stdlib.h>
#include <string.h>

enum {
    OBJECTS_LIMIT = 4096,
    SERIES_LIMIT = 8, /* of one object; the oldest makes room */
    SERIES_IDLE_MS = 6 * 60 * 1000,
    BUDGET = 25,
    BUDGET_REFILL_MS = 5 * 60 * 1000, /* for one more */
};

/* An object that something was told of. */
struct subject {
    struct hash_link link;
    char *uid;
    int64_t used_ms;
    unsigned budget;
    int64_t refilled_ms;
    struct event_series series[SERIES_LIMIT];
};

struct event_memory {
    struct hash_table subjects;
};

struct event_memory *event_memory_new(void)
{
    return mem_alloc(sizeof(struct event_memory));
}

static void drop(struct event_memory *memory, struct subject *subject)
{
    hash_table_remove(&memory->subjects, &subject->link);
    for (size_t i = 0; i < SERIES_LIMIT; i++)
        free(subject->series[i].name);
    free(subject->uid);
    free(subject);
}

void event_memory_free(struct event_memory *memory)
{
    struct hash_link *link, *next;

    if (memory == NULL)
        return;
    for (link = hash_table_next(&memory->subjects, NULL); link != NULL; link = next) {
        next = hash_table_next(&memory->subjects, link);
        drop(memory, hash_entry(link, struct subject, link));
    }
    hash_table_release(&memory->subjects);
    free(memory);
}

static void drop_oldest(struct event_memory *memory)
{
    struct subject *oldest = NULL;

    for (struct hash_link *link = hash_table_next(&memory->subjects, NULL); link != NULL;
         link = hash_table_next(&memory->subjects, link)) {
        struct subject *subject = hash_entry(link, struct subject, link);

        if (oldest == NULL || subject->used_ms < oldest->used_ms)
            oldest = subject;
    }
    if (oldest != NULL)
        drop(memory, oldest);
}

static bool has_uid(const struct hash_link *link, const void *uid)
{
    return strcmp(hash_entry(link, struct subject, link)->uid, uid) == 0;
}

static struct subject *find_or_make(struct event_memory *memory, const char *uid, int64_t now_ms)
{
    uint64_t hash = hash_texts(uid, NULL);
    struct hash_link *link = hash_table_find(&memory->subjects, hash, has_uid, uid);
    struct subject *subject;

    if (link != NULL)
        return hash_entry(link, struct subject, link);
    if (memory->subjects.count >= OBJECTS_LIMIT)
        drop_oldest(memory);
    subject = mem_alloc(sizeof *subject);
    subject->uid = mem_strdup(uid);
    subject->budget = BUDGET;
    subject->refilled_ms = now_ms;
    hash_table_insert(&memory->subjects, &subject->link, hash);
    return subject;
}

static bool spend(struct subject *subject, int64_t now_ms)
{
    int64_t earned = (now_ms - subject->refilled_ms) / BUDGET_REFILL_MS;

    subject->refilled_ms += earned * BUDGET_REFILL_MS;
    subject->budget = earned < BUDGET ? subject->budget + (unsigned)earned : BUDGET;
    if (subject->budget > BUDGET)
        subject->budget = BUDGET;
    if (subject->budget == 0)
        return false;
    subject->budget--;
    return true;
}

/* The series with this digest that has not ended, or a new one in place of the oldest. */
static struct event_series *choose_series(struct subject *subject, uint64_t digest, int64_t now_ms)
{
    struct event_series *chosen = &subject->series[0];

    for (size_t i = 0; i < SERIES_LIMIT; i++) {
        struct event_series *series = &subject->series[i];

        if (series->count > 0 && series->digest == digest &&
            now_ms - series->last_ms < SERIES_IDLE_MS)
            return series;
        if (chosen->count > 0 && (series->count == 0 || series->last_ms < chosen->last_ms))
            chosen = series;
    }
    free(chosen->name);
    *chosen = (struct event_series){.digest = digest};
    return chosen;
}

struct event_series *event_memory_count(struct event_memory *memory, const struct kube_event *event,
                                        int64_t now_ms)
{
    uint64_t digest = hash_texts(event->is_warning ? "Warning" : "Normal", event->reason,
                                 event->action, event->note, NULL);
    struct subject *subject = find_or_make(memory, event->uid, now_ms);
    struct event_series *series;

    subject->used_ms = now_ms;
    if (!spend(subject, now_ms))
        return NULL;
    series = choose_series(subject, digest, now_ms);
    series->count++;
    series->last_ms = now_ms;
    return series;
}
