#include "base/heartbeat.h"

#include "base/memory.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { IDLE = -1 };

struct heartbeat {
    const struct timesource *timesource;
    _Atomic int64_t last_ms; /* monotonic; IDLE = not at work */
};

struct heartbeats {
    struct heartbeat *places;
    size_t count;
    _Atomic size_t taken;
};

/* What waits is far below what works, and much of it inside of libraries that hand on no context.
 * The model is that of programs: that of shared libraries, which static libraries get too, would
 * link the dynamic linker as a library. */
static _Thread_local struct heartbeat *own_place __attribute__((tls_model("initial-exec")));

struct heartbeats *heartbeats_new(size_t thread_count, const struct timesource *timesource)
{
    struct heartbeats *board = mem_alloc(sizeof *board);

    board->places = mem_alloc_array(thread_count, sizeof *board->places);
    board->count = thread_count;
    for (size_t i = 0; i < thread_count; i++) {
        board->places[i].timesource = timesource;
        atomic_init(&board->places[i].last_ms, IDLE);
    }
    return board;
}

void heartbeats_free(struct heartbeats *board)
{
    if (board == NULL)
        return;
    free(board->places);
    free(board);
}

void heartbeats_join(struct heartbeats *board)
{
    size_t place = atomic_fetch_add(&board->taken, 1);

    assert(place < board->count);
    own_place = &board->places[place];
}

void heartbeat_begin(void)
{
    if (own_place != NULL)
        atomic_store(&own_place->last_ms, timesource_monotonic_ms(own_place->timesource));
}

void heartbeat_touch(void)
{
    if (own_place != NULL && atomic_load(&own_place->last_ms) != IDLE)
        heartbeat_begin();
}

void heartbeat_end(void)
{
    if (own_place != NULL)
        atomic_store(&own_place->last_ms, IDLE);
}

int64_t heartbeats_longest_silence_ms(const struct heartbeats *board)
{
    int64_t longest_ms = 0;

    for (size_t i = 0; i < board->count; i++) {
        int64_t last_ms = atomic_load(&board->places[i].last_ms);
        int64_t silent_ms = timesource_monotonic_ms(board->places[i].timesource) - last_ms;

        if (last_ms != IDLE && silent_ms > longest_ms)
            longest_ms = silent_ms;
    }
    return longest_ms;
}
