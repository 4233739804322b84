/*
 * What was told of each object lately, so that a repetition continues a series and nobody floods
 * the API server.  The 4096 objects of which something was told last are known.
 * Not thread-safe; of the event recorder alone.
 */
#ifndef KUBE_EVENT_MEMORY_H
#define KUBE_EVENT_MEMORY_H

#include "base/compiler.h"

#include <stdint.h>

struct event_memory;
struct kube_event;

/* One event as the API server has it. */
struct event_series {
    uint64_t digest; /* of all that makes it the same event */
    char *name;      /* of the event object; NULL until it was posted.  Owned by the memory. */
    unsigned count;
    int64_t last_ms;
};

struct event_memory *event_memory_new(void) returns_owned;
void event_memory_free(struct event_memory *memory);

/* The series that this event belongs to, counting it: 1 for the first one.  NULL when the object
 * has used up what it may tell.  Valid until the next call. */
struct event_series *event_memory_count(struct event_memory *memory, const struct kube_event *event,
                                        int64_t now_ms);

#endif
