/*
 * The account 'name'@'%' as the server's own tables show it.  Inside the MySQL driver only.
 */
#ifndef ENGINE_MYSQL_ACCOUNT_H
#define ENGINE_MYSQL_ACCOUNT_H

#include "engine/mysql_session.h"

/* Owned; {0} is "absent". */
struct engine_mysql_account {
    bool present;
    bool locked;
    bool password_expired;
    char *plugin;
    struct secret kept;       /* what the server keeps of the password */
    bool has_second_password; /* MySQL's "dual password": another one logs in as well */
    char *privileged_as;      /* the first privilege that it has beyond databases; NULL = none */
    char *other_accounts;     /* "'u'@'localhost', ''@'%'": they may win over ours; NULL = none */
    char *attribute;          /* MySQL: the JSON that the operator left; NULL = none */
};

void engine_mysql_account_release(struct engine_mysql_account *account);
#define auto_mysql_account run_at_scope_end(engine_mysql_account_release)

bool engine_mysql_account_read(struct engine_session *session, const char *username,
                               struct engine_mysql_account *ret_account, struct error *err)
    must_check;

/* Compares a password (NULL = not known) with what the server keeps. */
enum engine_password engine_mysql_account_compare(const struct engine_mysql_account *account,
                                                  const struct secret *password);

#endif
