/*
 * Names that are never ours to make, whatever state the server is in.  Pure.
 */
#ifndef ENGINE_POSTGRES_NAMES_H
#define ENGINE_POSTGRES_NAMES_H

#include "engine/engine.h"

bool postgres_check_names(const struct engine_target *target, const char *admin_username,
                          struct error *err) must_check;

#endif
