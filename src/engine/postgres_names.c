#include "engine/postgres_names.h"

#include "engine/name_rules.h"

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

/* The second is what the operator calls the role that keeps what is in a database. */
static const char *const user_prefixes[] = {"pg_", "dbuo_keeper_", NULL};
/* What the operator calls a database that is not finished. */
static const char *const database_prefixes[] = {"dbuo_", NULL};

/* NAMEDATALEN - 1; the server cuts longer names with a mere notice. */
static const struct name_rules rules = {
    .family = "PostgreSQL",
    .database_limit = 63,
    .user_limit = 63,
    .databases = databases,
    .users = users,
    .database_prefixes = database_prefixes,
    .user_prefixes = user_prefixes,
};

bool postgres_check_names(const struct engine_target *target, const char *admin_username,
                          struct error *err)
{
    return name_rules_check(&rules, target, admin_username, err);
}
