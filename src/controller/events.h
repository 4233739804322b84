/*
 * What the people who use a resource are told: each thing that a pass did, and each new reason why
 * it could not, as a line of the log and an event of the resource.  Repetitions are not told.
 */
#ifndef CONTROLLER_EVENTS_H
#define CONTROLLER_EVENTS_H

#include "base/compiler.h"

#include <stdbool.h>

struct failure;
struct pass;

/* What happened; the reason and the type of the event follow from it (table in events.c). */
enum event_kind {
    EVENT_PASSWORD_STORED,    /* a secret holds the password where none was before */
    EVENT_PASSWORD_RESET,     /* as a person asked for */
    EVENT_CREATED,            /* user or database */
    EVENT_PRIVILEGES_CHANGED, /* granted, revoked */
    EVENT_SECRET_CHANGED,     /* its content, tags or description; never the password */
    EVENT_SECRET_RESTORED,
    EVENT_SECRET_MOVED,
    EVENT_TAKEN_OVER,
    EVENT_SUSPENDED,
    EVENT_READY,
    EVENT_LOCKED,   /* the user, for a deletion */
    EVENT_UNLOCKED, /* by a deletion that was given up */
    EVENT_DROPPED,  /* user or database */
    EVENT_SECRET_DELETED,
    EVENT_DELETED,   /* the resource goes */
    EVENT_ABANDONED, /* likewise, and leaves behind what it should have taken along */
    EVENT_KIND_COUNT,
};

/* One sentence, without a final full stop.  What has to be made again under a Ready resource of
 * which nothing changed is told as drift. */
void events_tell(const struct pass *pass, enum event_kind kind, const char *format, ...)
    printf_format(3, 4);

/* A new reason why a resource is not Ready, or is not deleted; for the events alone: the caller
 * logs. */
void events_tell_failure(const struct pass *pass, const struct failure *failure);

#endif
