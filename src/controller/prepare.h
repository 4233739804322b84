/*
 * What a pass needs before it can ask anything outside Kubernetes: the spec, the region, the driver
 * and the admin connection.
 */
#ifndef CONTROLLER_PREPARE_H
#define CONTROLLER_PREPARE_H

#include <stdbool.h>

struct admin_connection;
struct failure;
struct pass;

/* Reads the spec and its template; before anything else but a deletion. */
bool prepare_spec(struct pass *pass, struct failure *ret_failure);
/* For a pass that makes and keeps, with its spec: also refuses what this version cannot do. */
bool prepare_for_making(struct pass *pass, struct failure *ret_failure);
/* For a pass that takes away. */
bool prepare_for_deletion(struct pass *pass, struct failure *ret_failure);

/* The admin connection of a prepared pass as it is now. */
bool prepare_admin(struct pass *pass, struct admin_connection *ret_admin,
                   struct failure *ret_failure);

#endif
