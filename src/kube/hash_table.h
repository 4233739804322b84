/*
 * An intrusive hash table: whatever it holds embeds a struct hash_link, so that an entry costs no
 * allocation of its own.  It does not own its entries and does not know their keys.
 * Not thread-safe.
 */
#ifndef KUBE_HASH_TABLE_H
#define KUBE_HASH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_link {
    struct hash_link *next;
    uint64_t hash;
};

/* {0} is the empty table. */
struct hash_table {
    struct hash_link **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
};

/* FNV-1a over the texts' bytes and the borders between them; NULL ends the list. */
uint64_t hash_texts(const char *first, ...) __attribute__((sentinel));

void hash_table_insert(struct hash_table *table, struct hash_link *link, uint64_t hash);
/* The link with this hash for which `matches` is true, or NULL. */
struct hash_link *hash_table_find(const struct hash_table *table, uint64_t hash,
                                  bool (*matches)(const struct hash_link *link, const void *key),
                                  const void *key);
/* It must be in the table. */
void hash_table_remove(struct hash_table *table, struct hash_link *link);
/* The link after this one (NULL = the first) in an arbitrary order, or NULL at the end.  Nothing
 * may be inserted meanwhile; a link may be removed once its successor is known. */
struct hash_link *hash_table_next(const struct hash_table *table, const struct hash_link *link);
/* Forgets all links and frees the table's own memory. */
void hash_table_release(struct hash_table *table);

/* The struct around a link. */
#define hash_entry(link, type, member) ((type *)((uintptr_t)(link)-offsetof(type, member)))

#endif
