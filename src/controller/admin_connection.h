/*
 * The admin connection of a resource: read from the referenced Secret on every use and never
 * cached, so that a rotated password is seen at once.
 */
#ifndef CONTROLLER_ADMIN_CONNECTION_H
#define CONTROLLER_ADMIN_CONNECTION_H

#include "controller/database.h"
#include "engine/engine.h"

#include <stdbool.h>

/* {0} is empty. */
struct admin_connection {
    struct connection_string server;
    char *ca_pem; /* key ca.crt of the Secret; NULL = none */
};

void admin_connection_release(struct admin_connection *connection);
#define auto_admin_connection run_at_scope_end(admin_connection_release)

/* Reads Secret and key that the spec names.  NOT_FOUND and INVALID name Secret and key and never
 * quote the value; errors of the API server keep their kind. */
bool admin_connection_read(struct kube_client *client, const struct database *database,
                           const struct engine_driver *driver,
                           struct admin_connection *ret_connection, struct error *err) must_check;

#endif
