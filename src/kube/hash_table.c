#include "kube/hash_table.h"

#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

enum { FIRST_BUCKET_COUNT = 16 };

static uint64_t mix(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * UINT64_C(0x100000001b3);
}

uint64_t hash_texts(const char *first, ...)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    va_list texts;

    va_start(texts, first);
    for (const char *text = first; text != NULL; text = va_arg(texts, const char *)) {
        for (; *text != '\0'; text++)
            hash = mix(hash, (unsigned char)*text);
        hash = mix(hash, 0);
    }
    va_end(texts);
    return hash;
}

static struct hash_link **bucket(const struct hash_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static void push(struct hash_table *table, struct hash_link *link)
{
    struct hash_link **head = bucket(table, link->hash);

    link->next = *head;
    *head = link;
}

static void grow(struct hash_table *table)
{
    struct hash_table larger = {
        .bucket_count = table->bucket_count > 0 ? table->bucket_count * 2 : FIRST_BUCKET_COUNT,
    };

    larger.buckets = mem_alloc_array(larger.bucket_count, sizeof(struct hash_link *));
    for (size_t i = 0; i < table->bucket_count; i++) {
        while (table->buckets[i] != NULL) {
            struct hash_link *link = table->buckets[i];

            table->buckets[i] = link->next;
            push(&larger, link);
        }
    }
    larger.count = table->count;
    free(table->buckets);
    *table = larger;
}

void hash_table_insert(struct hash_table *table, struct hash_link *link, uint64_t hash)
{
    if (table->count >= table->bucket_count)
        grow(table);
    link->hash = hash;
    push(table, link);
    table->count++;
}

struct hash_link *hash_table_find(const struct hash_table *table, uint64_t hash,
                                  bool (*matches)(const struct hash_link *link, const void *key),
                                  const void *key)
{
    if (table->bucket_count == 0)
        return NULL;
    for (struct hash_link *link = *bucket(table, hash); link != NULL; link = link->next)
        if (link->hash == hash && matches(link, key))
            return link;
    return NULL;
}

void hash_table_remove(struct hash_table *table, struct hash_link *link)
{
    struct hash_link **at = bucket(table, link->hash);

    while (*at != link) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = link->next;
    link->next = NULL;
    table->count--;
}

struct hash_link *hash_table_next(const struct hash_table *table, const struct hash_link *link)
{
    size_t i = 0;

    if (link != NULL) {
        if (link->next != NULL)
            return link->next;
        i = (link->hash & (table->bucket_count - 1)) + 1;
    }
    for (; i < table->bucket_count; i++)
        if (table->buckets[i] != NULL)
            return table->buckets[i];
    return NULL;
}

void hash_table_release(struct hash_table *table)
{
    free(table->buckets);
    *table = (struct hash_table){0};
}
