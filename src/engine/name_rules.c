#include "engine/name_rules.h"

#include <string.h>
#include <strings.h>

static bool is_listed(const char *const *names, const char *name)
{
    for (; *names != NULL; names++) {
        if (strcasecmp(*names, name) == 0)
            return true;
    }
    return false;
}

static bool has_prefix(const char *const *prefixes, const char *name)
{
    for (; *prefixes != NULL; prefixes++) {
        if (strncasecmp(*prefixes, name, strlen(*prefixes)) == 0)
            return true;
    }
    return false;
}

static bool refuse(struct error *err, const char *what, const char *name, const char *why)
{
    return error_set(err, ERROR_INVALID, "ReservedName",
                     "%s '%s' %s: create a new resource with another name", what, name, why);
}

static bool check_length(const struct name_rules *rules, const char *what, const char *field,
                         const char *name, size_t limit, struct error *err)
{
    if (strlen(name) <= limit)
        return true;
    return error_set(
        err, ERROR_INVALID, "NameTooLong",
        "%s names of %s end at %zu characters, and '%s' has %zu: create a new resource "
        "with a shorter spec.%s",
        what, rules->family, limit, name, strlen(name), field);
}

bool name_rules_check(const struct name_rules *rules, const struct engine_target *target,
                      const char *admin_username, struct error *err)
{
    if (!check_length(rules, "database", "databaseName", target->database, rules->database_limit,
                      err) ||
        !check_length(rules, "user", "username", target->username, rules->user_limit, err))
        return false;
    if (is_listed(rules->databases, target->database) ||
        has_prefix(rules->database_prefixes, target->database))
        return refuse(err, "database", target->database, "is reserved");
    if (is_listed(rules->users, target->username) ||
        has_prefix(rules->user_prefixes, target->username))
        return refuse(err, "user", target->username, "is reserved");
    if (admin_username != NULL && strcmp(target->username, admin_username) == 0)
        return refuse(err, "user", target->username, "is the admin user of the connection");
    return true;
}
