/*
 * Names that are never ours to make, whatever state the server is in: one table for each family.
 * Pure.
 */
#ifndef ENGINE_NAME_RULES_H
#define ENGINE_NAME_RULES_H

#include "engine/engine.h"

struct name_rules {
    const char *family;
    size_t database_limit, user_limit; /* longest names, in bytes */
    const char *const *databases;      /* reserved, in any case; ended by NULL */
    const char *const *users;
    const char *const *database_prefixes; /* reserved beginnings, in any case; ended by NULL */
    const char *const *user_prefixes;
};

/* INVALID with the code ReservedName or NameTooLong, and the way out. */
bool name_rules_check(const struct name_rules *rules, const struct engine_target *target,
                      const char *admin_username, struct error *err) must_check;

#endif
