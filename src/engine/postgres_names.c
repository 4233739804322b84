#include "engine/postgres_names.h"

#include <string.h>
#include <strings.h>

enum { NAME_LIMIT = 63 }; /* NAMEDATALEN - 1; longer names are cut with a mere notice */

/* The server's own, and those of the big hosting providers. */
static const char *const databases[] = {
    "postgres",      "template0",         "template1", "rdsadmin",
    "cloudsqladmin", "azure_maintenance", "azure_sys", NULL,
};

static const char *const users[] = {
    "postgres",
    "root",
    "admin",
    "rdsadmin",
    "rds_superuser",
    "cloudsqladmin",
    "cloudsqlsuperuser",
    "azuresu",
    "azure_superuser",
    "azure_pg_admin",
    "public",
    "none",
    "current_user",
    "session_user",
    "current_role",
    NULL,
};

/* What the operator uses for a database that is not finished. */
#define TEMPORARY_PREFIX "dbuo_"

static bool is_listed(const char *const *names, const char *name)
{
    for (; *names != NULL; names++) {
        if (strcasecmp(*names, name) == 0)
            return true;
    }
    return false;
}

static bool refuse(struct error *err, const char *what, const char *name, const char *why)
{
    return error_set(err, ERROR_INVALID, "ReservedName",
                     "%s '%s' %s: create a new resource with another name", what, name, why);
}

bool postgres_check_names(const struct engine_target *target, const char *admin_username,
                          struct error *err)
{
    if (strlen(target->database) > NAME_LIMIT || strlen(target->username) > NAME_LIMIT)
        return error_set(err, ERROR_INVALID, "NameTooLong",
                         "PostgreSQL names end at 63 characters: create a new resource with "
                         "shorter names");
    if (is_listed(databases, target->database) ||
        strncmp(target->database, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0)
        return refuse(err, "database", target->database, "is reserved");
    if (is_listed(users, target->username) || strncasecmp(target->username, "pg_", 3) == 0)
        return refuse(err, "user", target->username, "is reserved");
    if (admin_username != NULL && strcmp(target->username, admin_username) == 0)
        return refuse(err, "user", target->username, "is the admin user of the connection");
    return true;
}
