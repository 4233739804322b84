/*
 * Which host is asked when, and how long anything is waited for: the same for connections of the
 * libraries of the databases and for our own.
 *
 * Inside the drivers only.
 */
#ifndef ENGINE_HOSTS_H
#define ENGINE_HOSTS_H

#include "engine/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tries one host until the deadline. */
typedef bool (*engine_attempt_fn)(void *context, const struct engine_host *host,
                                  int64_t deadline_ms, struct error *err);

/* One host after the other, each with its share of the request's time.  As with libpq, only a host
 * that cannot be used now (UNAVAILABLE) is a reason to ask the next one; the error is the last
 * host's. */
bool engine_try_hosts(const struct engine_connect_request *request, engine_attempt_fn attempt,
                      void *context, struct error *err) must_check;
/* When the first of so many attempts that are left has to end. */
int64_t engine_share_deadline_ms(const struct timesource *timesource, int64_t deadline_ms,
                                 size_t attempts_left);

/* "host:port", for messages. */
char *engine_host_label(const struct engine_host *host) returns_owned;

/* Right before anything is sent that may change something: false, CANCELLED, when it must not be
 * sent any more, though nothing has to be waited for. */
bool engine_may_send(const struct cancellation *cancellation, struct error *err) must_check;

enum engine_wait { ENGINE_WAIT_READY, ENGINE_WAIT_TIMEOUT, ENGINE_WAIT_CANCELLED };

/* Blocks until the socket is ready for the poll() events. */
enum engine_wait engine_wait_for_socket(int fd, short events, int64_t deadline_ms,
                                        const struct timesource *timesource,
                                        const struct cancellation *cancellation);
/* Sets the error of a wait that was in vain; `server` is what the label names, such as "server".
 * Returns false. */
bool engine_wait_failed(enum engine_wait result, const char *doing, const char *server,
                        const char *label, struct error *err);

#endif
