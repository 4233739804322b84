/*
 * Why a pass stopped: an error with the CamelCase reason under which users and alerts know it.
 * The reason follows from the stage of the pass and the kind of the error, by one table.
 */
#ifndef CONTROLLER_FAILURE_H
#define CONTROLLER_FAILURE_H

#include "base/error.h"

#include <stdbool.h>

/* Where in a pass an error arose. */
enum stage {
    STAGE_SPEC,         /* reading the resource */
    STAGE_ADMIN_SECRET, /* reading the admin connection from its Kubernetes Secret */
    STAGE_ADMIN_IN_AWS, /* reading the admin connection from its secret in AWS */
    STAGE_CONNECT,      /* connecting to the database server as admin */
    STAGE_SERVER,       /* asking or changing the database server */
    STAGE_SECRETS,      /* AWS Secrets Manager */
    STAGE_LOGIN,        /* proving the stored password */
    STAGE_KUBERNETES,   /* writing to the API server */
    STAGE_COUNT,
};

/* {0} is "no failure". */
struct failure {
    struct error error;
    const char *reason; /* static text; NULL = no failure */
};

/* Makes a failure of an error of a stage.  Always returns false, as failure_set(). */
bool failure_of_stage(struct failure *failure, enum stage stage, const struct error *err);
/* Makes one with a reason of its own.  Always returns false, so that a check can `return
 * failure_set(...)`. */
bool failure_set(struct failure *failure, enum error_kind kind, const char *reason,
                 const char *format, ...) printf_format(4, 5);
/* Adds to the message. */
void failure_append(struct failure *failure, const char *text);
bool failure_is_set(const struct failure *failure);

#endif
