#include "engine/mysql_operations.h"
#include "engine/name_rules.h"

#include <string.h>

/* The server's own, and those of the big hosting providers. */
static const char *const databases[] = {
    "mysql",   "sys",    "information_schema", "performance_schema",
    "ndbinfo", "innodb", "rdsadmin",           NULL,
};

static const char *const users[] = {
    "root",          "admin",         "mysql",           "rdsadmin", "rdsrepladmin",
    "rdsproxyadmin", "mariadb.sys",   "public",          "none",     "current_user",
    "session_user",  "cloudsqladmin", "azure_superuser", NULL,
};

static const char *const user_prefixes[] = {"mysql.", "rds_superuser", NULL};
static const char *const no_prefixes[] = {NULL};

/* What an engine word promises; the server behind it may take more or less. */
static const struct {
    const char *engine;
    struct name_rules rules;
} table[] = {
    {"mysql",
     {
         .family = "MySQL",
         .database_limit = 64,
         .user_limit = 32,
         .databases = databases,
         .users = users,
         .database_prefixes = no_prefixes,
         .user_prefixes = user_prefixes,
     }},
    {"mariadb",
     {
         .family = "MariaDB",
         .database_limit = 64,
         .user_limit = 80,
         .databases = databases,
         .users = users,
         .database_prefixes = no_prefixes,
         .user_prefixes = user_prefixes,
     }},
};

bool engine_mysql_check_names(const struct engine_target *target, const char *admin_username,
                              struct error *err)
{
    for (size_t i = 0; i < array_length(table); i++) {
        if (strcmp(table[i].engine, target->engine) == 0)
            return name_rules_check(&table[i].rules, target, admin_username, err);
    }
    return error_set(err, ERROR_INTERNAL, NULL, "no names are known for engine '%s'",
                     target->engine);
}
