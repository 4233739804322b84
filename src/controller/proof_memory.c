#include "controller/proof_memory.h"

#include "base/memory.h"

#include <pthread.h>
#include <search.h>
#include <string.h>

struct proof_entry {
    char *uid;
    char *subject; /* NULL = no proof yet */
    struct proof proof;
    struct credential_times times;
};

struct proof_memory {
    pthread_mutex_t lock;
    void *root; /* tree of entries by uid (tsearch) */
};

struct proof_memory *proof_memory_new(void)
{
    struct proof_memory *memory = mem_alloc(sizeof *memory);

    pthread_mutex_init(&memory->lock, NULL);
    return memory;
}

static void free_proof_entry(void *pointer)
{
    struct proof_entry *entry = pointer;

    free(entry->uid);
    free(entry->subject);
    free(entry);
}

void proof_memory_free(struct proof_memory *memory)
{
    if (memory == NULL)
        return;
    tdestroy(memory->root, free_proof_entry);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

static int compare(const void *a, const void *b)
{
    const struct proof_entry *left = a, *right = b;

    return strcmp(left->uid, right->uid);
}

static struct proof_entry *find(struct proof_memory *memory, const char *uid)
{
    struct proof_entry wanted = {.uid = (char *)(uintptr_t)uid};
    struct proof_entry **node = tfind(&wanted, &memory->root, compare);

    return node != NULL ? *node : NULL;
}

bool proof_memory_find(struct proof_memory *memory, const char *uid, const char *subject,
                       struct proof *ret_proof)
{
    const struct proof_entry *entry;
    bool found;

    pthread_mutex_lock(&memory->lock);
    entry = find(memory, uid);
    found = entry != NULL && entry->subject != NULL && strcmp(entry->subject, subject) == 0;
    if (found)
        *ret_proof = entry->proof;
    pthread_mutex_unlock(&memory->lock);
    return found;
}

/* Called under the lock. */
static struct proof_entry *find_or_make(struct proof_memory *memory, const char *uid)
{
    struct proof_entry *entry = find(memory, uid);

    if (entry == NULL) {
        entry = mem_alloc(sizeof *entry);
        entry->uid = mem_strdup(uid);
        if (tsearch(entry, &memory->root, compare) == NULL)
            abort(); /* out of memory */
    }
    return entry;
}

void proof_memory_store(struct proof_memory *memory, const char *uid, const char *subject,
                        const struct proof *proof)
{
    struct proof_entry *entry;

    pthread_mutex_lock(&memory->lock);
    entry = find_or_make(memory, uid);
    free(entry->subject);
    entry->subject = mem_strdup(subject);
    entry->proof = *proof;
    pthread_mutex_unlock(&memory->lock);
}

void proof_memory_note_times(struct proof_memory *memory, const char *uid,
                             const struct credential_times *times)
{
    struct proof_entry *entry;

    pthread_mutex_lock(&memory->lock);
    entry = find_or_make(memory, uid);
    if (times->proven_at_s != 0)
        entry->times.proven_at_s = times->proven_at_s;
    if (times->stored_at_s != 0)
        entry->times.stored_at_s = times->stored_at_s;
    pthread_mutex_unlock(&memory->lock);
}

static void take_older(int64_t *oldest, int64_t seconds)
{
    if (seconds != 0 && (*oldest == 0 || seconds < *oldest))
        *oldest = seconds;
}

static void visit(const void *node, VISIT visit, void *context)
{
    const struct proof_entry *entry = *(const struct proof_entry *const *)node;
    struct credential_times *oldest = context;

    if (visit != postorder && visit != leaf)
        return;
    take_older(&oldest->proven_at_s, entry->times.proven_at_s);
    take_older(&oldest->stored_at_s, entry->times.stored_at_s);
}

void proof_memory_find_oldest(struct proof_memory *memory, struct credential_times *ret_oldest)
{
    *ret_oldest = (struct credential_times){0};
    pthread_mutex_lock(&memory->lock);
    twalk_r(memory->root, visit, ret_oldest);
    pthread_mutex_unlock(&memory->lock);
}

void proof_memory_forget(struct proof_memory *memory, const char *uid)
{
    struct proof_entry *entry;

    pthread_mutex_lock(&memory->lock);
    entry = find(memory, uid);
    if (entry != NULL) {
        tdelete(entry, &memory->root, compare);
        free_proof_entry(entry);
    }
    pthread_mutex_unlock(&memory->lock);
}
