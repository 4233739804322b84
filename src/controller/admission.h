/*
 * What a spec may ask for, decided before anything outside is asked: fields that this version does
 * not act on yet, fields that must not change, names and tags that are reserved.  Nothing is ever
 * silently ignored.
 */
#ifndef CONTROLLER_ADMISSION_H
#define CONTROLLER_ADMISSION_H

#include "controller/database.h"
#include "controller/database_status.h"
#include "controller/failure.h"

#include <stdbool.h>

/* True when the operator may act on this spec. */
bool admission_check(const struct database *database, const struct database_status *status,
                     struct failure *ret_failure) must_check;

/* The part of it that a deletion needs: the same names as before, and a way to the server. */
bool admission_check_identity(const struct database *database, const struct database_status *status,
                              struct failure *ret_failure) must_check;

#endif
