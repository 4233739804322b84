/*
 * How many resources there are by phase, and how many are not Ready by reason: kept up to date by
 * the changes that the informer tells, so that a scrape does not walk through all of them.
 *
 * Of a resource two small numbers are kept.  Reasons are text of the status, which is not proof
 * against a namespace user with wide rights: beyond a limit they are counted as "other".
 * Thread-safe.
 */
#ifndef CONTROLLER_RESOURCE_METRICS_H
#define CONTROLLER_RESOURCE_METRICS_H

#include "base/compiler.h"

#include <jansson.h>

#include <stdint.h>

struct metrics;
struct resource_metrics;

/* Where a resource stands. */
struct standing {
    uint8_t phase;
    uint8_t reason; /* 0 = it is Ready */
};

enum { STANDING_REASONS_LIMIT = 100 };

/* `metrics` NULL makes one that counts for nobody. */
struct resource_metrics *resource_metrics_new(struct metrics *metrics) returns_owned;
void resource_metrics_free(struct resource_metrics *set);

/* What the status of a resource says. */
struct standing resource_metrics_read(struct resource_metrics *set, const json_t *object);
/* A resource came (before = NULL), changed, or went (after = NULL). */
void resource_metrics_move(struct resource_metrics *set, const struct standing *before,
                           const struct standing *after);

#endif
