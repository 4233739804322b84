/*
 * Signs of life of threads that work.  Every wait that they may enter (for a socket, an answer, a
 * back-off) has an end of its own, at most a minute later, and begins with a sign of life; so a
 * thread without one for much longer hangs where nothing ends it.  How long a piece of work takes
 * as a whole tells nothing: a slow server makes it long.
 */
#ifndef BASE_HEARTBEAT_H
#define BASE_HEARTBEAT_H

#include "base/compiler.h"
#include "base/timesource.h"

#include <stddef.h>
#include <stdint.h>

struct heartbeats;

/* For as many threads as given; the timesource is borrowed. */
struct heartbeats *heartbeats_new(size_t thread_count,
                                  const struct timesource *timesource) returns_owned;
/* After the threads have ended. */
void heartbeats_free(struct heartbeats *board);

/* Takes a place for the calling thread, which keeps it until it ends. */
void heartbeats_join(struct heartbeats *board);

/* The calling thread works from now on, still works, works no longer.  They do nothing on a thread
 * that has no place, and heartbeat_touch() nothing on one that does not work. */
void heartbeat_begin(void);
void heartbeat_touch(void);
void heartbeat_end(void);

/* For how long the most silent of those that work has given no sign; 0 when none works.  From any
 * thread. */
int64_t heartbeats_longest_silence_ms(const struct heartbeats *board);

#endif
