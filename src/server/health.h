/*
 * /healthz, /livez and /readyz as controller-runtime serves them: named checks, all of which must
 * hold; ?verbose lists them, /readyz/<name> asks for one.
 */
#ifndef SERVER_HEALTH_H
#define SERVER_HEALTH_H

#include "server/http_server.h"

#include <stdbool.h>

struct health_check {
    const char *name;
    bool (*holds)(void *context); /* thread-safe, never blocks */
    void *context;
};

enum { HEALTH_CHECKS_LIMIT = 8 };

/* The checks of one path; constant while it is served. */
struct health {
    struct health_check checks[HEALTH_CHECKS_LIMIT];
    size_t count;
};

void health_add(struct health *health, const struct health_check *check);
/* The handler; context is a struct health. */
void health_answer(void *context, const char *rest, bool is_verbose, struct http_answer *answer);

#endif
