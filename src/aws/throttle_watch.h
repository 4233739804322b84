/*
 * When a service throttles, and when it has stopped: so that a storm is told twice, at its begin
 * and at its end, however many requests it hits.  Thread-safe.
 */
#ifndef AWS_THROTTLE_WATCH_H
#define AWS_THROTTLE_WATCH_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

/* A success so long after the last throttled request ends a storm. */
enum { THROTTLE_QUIET_MS = 30 * 1000 };

struct throttle_watch;

struct throttle_watch *throttle_watch_new(void) returns_owned;
/* NULL is fine. */
void throttle_watch_free(struct throttle_watch *watch);

/* A request was throttled; true when that begins a storm. */
bool throttle_watch_note(struct throttle_watch *watch, int64_t now_ms) must_check;
/* A request succeeded; true when that ends a storm, which had so many throttled requests in so many
 * milliseconds. */
bool throttle_watch_succeed(struct throttle_watch *watch, int64_t now_ms, uint64_t *ret_requests,
                            int64_t *ret_duration_ms) must_check;

#endif
