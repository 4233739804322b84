/*
 * The entries of the work queue and the heaps that order them.  Used by workqueue.c alone, under
 * its lock.
 */
#ifndef KUBE_WORK_ITEM_H
#define KUBE_WORK_ITEM_H

#include "kube/hash_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum work_place {
    WORK_NOWHERE,    /* not asked for */
    WORK_READY,      /* in the heap of ready items */
    WORK_WAITING,    /* in the heap of items whose time has not come */
    WORK_AFTERWARDS, /* asked for while it is being processed: placed when that is done */
};

struct work_item {
    struct hash_link link;
    enum work_place place;
    bool is_processing;
    int priority;
    unsigned failures;  /* in a row */
    int64_t due_ms;     /* ready since or from then on; while it is placed somewhere */
    int64_t started_ms; /* while it is being processed */
    uint64_t sequence;  /* breaks ties: first come, first served */
    size_t heap_index;  /* while it is in a heap */
    char key[];
};

/* A binary heap whose top comes before all others. */
struct work_heap {
    struct work_item **items;
    size_t count;
    size_t capacity;
    bool (*comes_before)(const struct work_item *a, const struct work_item *b);
};

/* For ready items: the higher priority first, unless the lower one has waited so much longer. */
bool work_ready_before(const struct work_item *a, const struct work_item *b);
/* Gives an item that is in no heap a higher priority.  A ready one goes to the end of its new
 * class, but never behind where it was. */
void work_item_raise(struct work_item *item, int priority, int64_t now_ms);
/* For waiting items: the earlier time first. */
bool work_due_before(const struct work_item *a, const struct work_item *b);

void work_heap_insert(struct work_heap *heap, struct work_item *item);
void work_heap_remove(struct work_heap *heap, struct work_item *item);
/* The first one, or NULL. */
struct work_item *work_heap_top(const struct work_heap *heap);
void work_heap_release(struct work_heap *heap);

#endif
