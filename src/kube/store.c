#include "kube/store.h"

#include "base/document.h"
#include "base/memory.h"
#include "kube/hash_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct stored_entry {
    struct kube_entry entry; /* first: an entry is found back from what the users see */
    struct hash_link link;
    char texts[]; /* of the entry, one after the other: there may be 100 000 of them */
};

struct kube_store {
    kube_projection_free_fn free_projection;
    pthread_mutex_t lock;
    struct hash_table table; /* guarded by lock; the informer's thread reads it without */
};

struct kube_store *kube_store_new(kube_projection_free_fn free_projection)
{
    struct kube_store *store = mem_alloc(sizeof *store);

    store->free_projection = free_projection;
    pthread_mutex_init(&store->lock, NULL);
    return store;
}

/* ---- entries ---- */

static void free_projection(const struct kube_store *store, void *projection)
{
    if (store->free_projection != NULL)
        store->free_projection(projection);
}

/* Puts a text at *end, which moves behind it. */
static char *put(char **end, const char *text)
{
    char *copy = *end;
    size_t size = strlen(text) + 1;

    memcpy(copy, text, size);
    *end += size;
    return copy;
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

struct kube_entry *kube_store_make_entry(const struct kube_store *store, const json_t *object,
                                         void *projection)
{
    const json_t *metadata = document_at(object, "metadata", NULL);
    const char *name = document_string(metadata, "name");
    const char *uid = document_string(metadata, "uid");
    const char *namespace_name = or_empty(document_string(metadata, "namespace"));
    const char *version = or_empty(document_string(metadata, "resourceVersion"));
    struct stored_entry *stored;
    char *end;

    if (name == NULL || uid == NULL) {
        free_projection(store, projection);
        return NULL;
    }
    stored = mem_alloc(sizeof *stored + strlen(namespace_name) + strlen(name) + strlen(uid) +
                       strlen(version) + 4);
    end = stored->texts;
    stored->entry.namespace_name = put(&end, namespace_name);
    stored->entry.name = put(&end, name);
    stored->entry.uid = put(&end, uid);
    stored->entry.resource_version = put(&end, version);
    stored->entry.projection = projection;
    return &stored->entry;
}

static struct stored_entry *stored_around(struct kube_entry *entry)
{
    return (struct stored_entry *)entry;
}

void kube_store_free_entry(const struct kube_store *store, struct kube_entry *entry)
{
    if (entry == NULL)
        return;
    free_projection(store, entry->projection);
    free(stored_around(entry));
}

/* ---- the table ---- */

struct key {
    const char *namespace_name;
    const char *name;
};

static uint64_t hash_key(const struct key *key)
{
    return hash_texts(key->namespace_name, key->name, NULL);
}

static bool has_key(const struct hash_link *link, const void *wanted)
{
    const struct kube_entry *entry = &hash_entry(link, struct stored_entry, link)->entry;
    const struct key *key = wanted;

    return strcmp(entry->name, key->name) == 0 &&
           strcmp(entry->namespace_name, key->namespace_name) == 0;
}

static struct stored_entry *find(const struct kube_store *store, const struct key *key)
{
    struct hash_link *link = hash_table_find(&store->table, hash_key(key), has_key, key);

    return link != NULL ? hash_entry(link, struct stored_entry, link) : NULL;
}

struct kube_entry *kube_store_replace(struct kube_store *store, struct kube_entry *entry)
{
    struct key key = {entry->namespace_name, entry->name};
    struct stored_entry *former;

    pthread_mutex_lock(&store->lock);
    former = find(store, &key);
    if (former != NULL)
        hash_table_remove(&store->table, &former->link);
    hash_table_insert(&store->table, &stored_around(entry)->link, hash_key(&key));
    pthread_mutex_unlock(&store->lock);
    return former != NULL ? &former->entry : NULL;
}

struct kube_entry *kube_store_take(struct kube_store *store, const char *namespace_name,
                                   const char *name)
{
    struct stored_entry *stored;

    pthread_mutex_lock(&store->lock);
    stored = find(store, &(struct key){namespace_name, name});
    if (stored != NULL)
        hash_table_remove(&store->table, &stored->link);
    pthread_mutex_unlock(&store->lock);
    return stored != NULL ? &stored->entry : NULL;
}

void kube_store_drain(struct kube_store *store,
                      void (*on_entry)(void *context, struct kube_entry *entry), void *context)
{
    struct hash_link *link, *next;
    struct hash_table table;

    pthread_mutex_lock(&store->lock);
    table = store->table;
    store->table = (struct hash_table){0};
    pthread_mutex_unlock(&store->lock);
    for (link = hash_table_next(&table, NULL); link != NULL; link = next) {
        next = hash_table_next(&table, link);
        hash_table_remove(&table, link);
        on_entry(context, &hash_entry(link, struct stored_entry, link)->entry);
    }
    hash_table_release(&table);
}

const struct kube_entry *kube_store_next(const struct kube_store *store,
                                         const struct kube_entry *entry)
{
    const struct stored_entry *stored = (const struct stored_entry *)entry;
    const struct hash_link *link =
        hash_table_next(&store->table, stored != NULL ? &stored->link : NULL);

    return link != NULL ? &hash_entry(link, struct stored_entry, link)->entry : NULL;
}

/* `other` is the caller's alone, so that one lock is enough. */
void kube_store_swap(struct kube_store *store, struct kube_store *other)
{
    struct hash_table table = other->table;

    pthread_mutex_lock(&store->lock);
    other->table = store->table;
    store->table = table;
    pthread_mutex_unlock(&store->lock);
}

size_t kube_store_count(struct kube_store *store)
{
    size_t count;

    pthread_mutex_lock(&store->lock);
    count = store->table.count;
    pthread_mutex_unlock(&store->lock);
    return count;
}

void kube_store_for_each(struct kube_store *store,
                         void (*visit)(void *context, const struct kube_entry *entry),
                         void *context)
{
    struct hash_link *link = NULL;

    pthread_mutex_lock(&store->lock);
    while ((link = hash_table_next(&store->table, link)) != NULL)
        visit(context, &hash_entry(link, struct stored_entry, link)->entry);
    pthread_mutex_unlock(&store->lock);
}

static void free_entry(void *context, struct kube_entry *entry)
{
    kube_store_free_entry(context, entry);
}

void kube_store_free(struct kube_store *store)
{
    if (store == NULL)
        return;
    kube_store_drain(store, free_entry, store);
    pthread_mutex_destroy(&store->lock);
    free(store);
}
