/*
 * Handing everything over to another resource, as the annotation transfer-to of the old one asks:
 * the secret gets a tag of that name, and whoever it names may take over.  Pure.
 */
#ifndef CONTROLLER_TRANSFER_H
#define CONTROLLER_TRANSFER_H

#include "base/document.h"

#include <stdbool.h>

struct database;
struct failure;
struct plan_input;

/* "namespace/name" of the heir; NULL = nothing is handed over.  Borrowed. */
const char *transfer_target(const struct database *database);
/* False, "InvalidAnnotation", when it names no other resource. */
bool transfer_check_target(const struct database *database, struct failure *ret_refusal) must_check;
/* False, "Transferred", when the heir has begun to take over: nothing is done here any more. */
bool transfer_check_pending(const struct plan_input *input, struct failure *ret_refusal) must_check;

/* Adds to the tags to set (object) and the keys to remove (array) what the annotation means.  Only
 * a tag that the operator has set is removed: a person may set one in AWS. */
void transfer_add_tag_changes(const struct plan_input *input, json_t *set, json_t *remove);

#endif
