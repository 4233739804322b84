/*
 * Condition variables on the clock that does not jump, and their deadlines.
 */
#ifndef BASE_CONDITION_VARIABLE_H
#define BASE_CONDITION_VARIABLE_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* Initialises one whose timed waits are on CLOCK_MONOTONIC; destroyed with
 * pthread_cond_destroy(). */
void condition_variable_init(pthread_cond_t *condition);
/* The time, for pthread_cond_timedwait() on such a one, that is `ms` (>= 0) from now. */
struct timespec condition_variable_deadline(int64_t ms);

#endif
