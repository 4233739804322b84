/*
 * /metrics: the registry, and what the kernel knows of this process under the names that every
 * Prometheus client library uses.
 */
#ifndef SERVER_METRICS_PAGE_H
#define SERVER_METRICS_PAGE_H

#include "server/http_server.h"

/* The handler; context is a struct metrics. */
void metrics_page_answer(void *context, const char *rest, bool is_verbose,
                         struct http_answer *answer);

#endif
