/*
 * The privileges that MySQL and MariaDB have on a database: their words, and the columns of
 * mysql.db that hold them.  Inside the MySQL driver only.
 */
#ifndef ENGINE_MYSQL_PRIVILEGES_H
#define ENGINE_MYSQL_PRIVILEGES_H

#include "engine/mysql_session.h"

#include <stdint.h>

extern const struct engine_privilege_table engine_mysql_privilege_table;

/* What a server has, what the admin may give, and what a user has, as bits of the table. */
struct engine_mysql_privileges {
    uint32_t server;    /* columns that mysql.db has here */
    uint32_t grantable; /* by the admin */
    uint32_t held;      /* by the user, on exactly this database */
    /* By the user, through a grant that does not escape the name and so means others as well: the
     * first one on exactly this database hides it.  0 once there is one. */
    uint32_t hidden;
    char *pattern; /* how the database is spelled in GRANT here */
};

void engine_mysql_privileges_release(struct engine_mysql_privileges *privileges);

/* Reads them for the target. */
bool engine_mysql_privileges_read(struct engine_session *session,
                                  const struct engine_target *target,
                                  struct engine_mysql_privileges *ret_privileges, struct error *err)
    must_check;

/* The words that the target shall have: its list, or for ALL whatever the server has and the admin
 * may give. */
uint32_t engine_mysql_privileges_wanted(const struct engine_mysql_privileges *privileges,
                                        const struct engine_target *target);
/* "SELECT, INSERT"; NULL for the empty set. */
char *engine_mysql_privileges_render(uint32_t words) must_check;

#endif
