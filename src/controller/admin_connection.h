/*
 * The admin connection of a resource: read from the Kubernetes Secret or the secret in AWS that the
 * spec names, on every use and never cached, so that a rotated password is seen at once.
 */
#ifndef CONTROLLER_ADMIN_CONNECTION_H
#define CONTROLLER_ADMIN_CONNECTION_H

#include "aws/secrets_manager.h"
#include "controller/database.h"
#include "engine/engine.h"
#include "kube/client.h"

#include <stdbool.h>

struct secret_index;

/* {0} is empty. */
struct admin_connection {
    struct connection_string server;
    char *ca_pem; /* key ca.crt of the Kubernetes Secret; NULL = none */
};

void admin_connection_release(struct admin_connection *connection);
#define auto_admin_connection run_at_scope_end(admin_connection_release)

/* Everything borrowed. */
struct admin_connection_request {
    struct kube_client *kube;
    struct secrets_manager *secrets;
    struct secret_index *index; /* is told which version of the Kubernetes Secret was read */
    const struct database *database;
    const struct engine_driver *driver;
    const char *region; /* of the secret in AWS; NULL = it is not there */
};

/* NOT_FOUND and INVALID name secret and key and never quote the value; other errors of the API
 * server and of AWS keep their kind. */
bool admin_connection_read(const struct admin_connection_request *request,
                           struct admin_connection *ret_connection, struct error *err) must_check;

/* True when both log in alike: same user, same password. */
bool admin_connection_logs_in_like(const struct admin_connection *connection,
                                   const struct admin_connection *other) must_check;

#endif
