/*
 * Which host is asked when, and how long anything is waited for: the same for connections of libpq
 * and for our own.
 *
 * Inside the PostgreSQL driver only.
 */
#ifndef ENGINE_POSTGRES_HOSTS_H
#define ENGINE_POSTGRES_HOSTS_H

#include "engine/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tries one host until the deadline. */
typedef bool (*postgres_attempt_fn)(void *context, const struct engine_host *host,
                                    int64_t deadline_ms, struct error *err);

/* One host after the other, each with its share of the request's time.  As with libpq, only a host
 * that cannot be used now (UNAVAILABLE) is a reason to ask the next one; the error is the last
 * host's. */
bool postgres_try_hosts(const struct engine_connect_request *request, postgres_attempt_fn attempt,
                        void *context, struct error *err) must_check;
/* When the first of so many attempts that are left has to end. */
int64_t postgres_share_deadline_ms(const struct timesource *timesource, int64_t deadline_ms,
                                   size_t attempts_left);

/* "host:port", for messages. */
char *postgres_host_label(const struct engine_host *host) returns_owned;

enum postgres_wait { POSTGRES_WAIT_READY, POSTGRES_WAIT_TIMEOUT, POSTGRES_WAIT_CANCELLED };

/* Blocks until the socket is ready for the poll() events, sometimes for no reason. */
enum postgres_wait postgres_wait_for_socket(int fd, short events, int64_t deadline_ms,
                                            const struct timesource *timesource,
                                            const struct cancellation *cancellation);
/* Sets the error of a wait that was in vain; returns false. */
bool postgres_wait_failed(enum postgres_wait result, const char *doing, const char *label,
                          struct error *err);

#endif
