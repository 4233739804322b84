/*
 * The threads that take keys out of the work queue, reconcile what they name and put them back for
 * when it shall be looked at again.  They own nothing but the pass that they are in.
 */
#ifndef CONTROLLER_WORKERS_H
#define CONTROLLER_WORKERS_H

#include "base/cancellation.h"
#include "base/compiler.h"
#include "controller/reconcile.h"
#include "kube/workqueue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metrics;
struct workers;

enum { WORKERS_DEFAULT = 8 };

/* All borrowed.  As many threads as the queue wants for `count` > 0 workers. */
struct workers *workers_new(const struct reconciler *reconciler, struct kube_workqueue *queue,
                            struct metrics *metrics, size_t count) returns_owned;
/* Does nothing once they were stopped; may be called from another thread than that. */
void workers_start(struct workers *workers);
/* Takes no more keys and waits for the passes that run.  True when they ended within drain_ms;
 * otherwise `abort_passes` is requested, and they are waited for as well. */
bool workers_stop(struct workers *workers, struct cancellation *abort_passes, int64_t drain_ms);
/* NULL is fine.  They must be stopped, or never have been started. */
void workers_free(struct workers *workers);
/* For how long the worker that is silent longest has given no sign of life; 0 = all are well. */
int64_t workers_longest_silence_ms(struct workers *workers);

#endif
