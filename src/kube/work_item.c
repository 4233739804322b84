#include "kube/work_item.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

enum {
    /* A point of priority is worth so much waiting.  With it the lowest priority that we use (-100)
     * overtakes live events after five minutes: constant load cannot starve it. */
    MILLISECONDS_PER_PRIORITY = 3000,
};

static int64_t rank_of(const struct work_item *item)
{
    return item->due_ms - (int64_t)item->priority * MILLISECONDS_PER_PRIORITY;
}

bool work_ready_before(const struct work_item *a, const struct work_item *b)
{
    int64_t rank_a = rank_of(a), rank_b = rank_of(b);

    return rank_a != rank_b ? rank_a < rank_b : a->sequence < b->sequence;
}

void work_item_raise(struct work_item *item, int priority, int64_t now_ms)
{
    int64_t rank = rank_of(item), due_ms;

    item->priority = priority;
    due_ms = rank + (int64_t)priority * MILLISECONDS_PER_PRIORITY; /* the same rank as before */
    if (item->due_ms < now_ms)
        item->due_ms = due_ms < now_ms ? due_ms : now_ms;
}

bool work_due_before(const struct work_item *a, const struct work_item *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->sequence < b->sequence;
}

static void put(struct work_heap *heap, size_t index, struct work_item *item)
{
    heap->items[index] = item;
    item->heap_index = index;
}

static void move_up(struct work_heap *heap, size_t index, struct work_item *item)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;

        if (!heap->comes_before(item, heap->items[parent]))
            break;
        put(heap, index, heap->items[parent]);
        index = parent;
    }
    put(heap, index, item);
}

static void move_down(struct work_heap *heap, size_t index, struct work_item *item)
{
    for (;;) {
        size_t child = 2 * index + 1;

        if (child >= heap->count)
            break;
        if (child + 1 < heap->count &&
            heap->comes_before(heap->items[child + 1], heap->items[child]))
            child++;
        if (!heap->comes_before(heap->items[child], item))
            break;
        put(heap, index, heap->items[child]);
        index = child;
    }
    put(heap, index, item);
}

void work_heap_insert(struct work_heap *heap, struct work_item *item)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity > 0 ? heap->capacity * 2 : 16;
        heap->items = mem_resize_array(heap->items, heap->capacity, sizeof(struct work_item *));
    }
    heap->count++;
    move_up(heap, heap->count - 1, item);
}

void work_heap_remove(struct work_heap *heap, struct work_item *item)
{
    size_t index = item->heap_index;
    struct work_item *last;

    assert(index < heap->count && heap->items[index] == item);
    last = heap->items[--heap->count];
    if (last == item)
        return;
    put(heap, index, last);
    move_up(heap, index, last);
    move_down(heap, last->heap_index, last);
}

struct work_item *work_heap_top(const struct work_heap *heap)
{
    return heap->count > 0 ? heap->items[0] : NULL;
}

void work_heap_release(struct work_heap *heap)
{
    free(heap->items);
    heap->items = NULL;
    heap->count = heap->capacity = 0;
}
