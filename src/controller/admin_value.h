/*
 * The value of a secret in AWS that holds an admin connection: a connection string, JSON with one
 * under a key, or the JSON that RDS writes.  Pure.
 */
#ifndef CONTROLLER_ADMIN_VALUE_H
#define CONTROLLER_ADMIN_VALUE_H

#include "base/error.h"
#include "base/secret.h"
#include "engine/engine.h"

#include <stdbool.h>

#define ADMIN_CONNECTION_KEY "connectionString"

/* With a key, the string under that key of the JSON.  Without one (NULL), the string under
 * ADMIN_CONNECTION_KEY; else username, password and host with port, dbname and engine as RDS writes
 * them; else, when the value is no JSON object, the value itself.  INVALID says what is missing or
 * wrong and never quotes the value. */
bool admin_value_parse(const struct secret *value, const char *key,
                       const struct engine_driver *driver, struct connection_string *ret_server,
                       struct error *err) must_check;

#endif
