/*
 * The move of a database and of what is in it between the owner of ALL, which is the user, and that
 * of a list, which is the admin.  Inside the PostgreSQL driver only.
 *
 * With a list, what the user had made is kept by a role of its own that nobody can log in as, never
 * by the admin: triggers, functions and index expressions run with the rights of an owner, and
 * those were written by somebody else.
 */
#ifndef ENGINE_POSTGRES_OWNER_H
#define ENGINE_POSTGRES_OWNER_H

#include "engine/postgres_session.h"

#define POSTGRES_KEEPER_PREFIX "dbuo_keeper_" /* and the OID of the database */

/* What the user owns that its privileges do not let it have. */
struct postgres_owned {
    bool database;
    bool objects; /* in the database; whoever may CREATE may have some */
};

/* These take a session in the database, in a transaction. */
bool postgres_owner_read(struct engine_session *session, const struct engine_target *target,
                         struct postgres_owned *ret_owned, struct error *err) must_check;
bool postgres_owner_give(struct engine_session *session, const struct engine_target *target,
                         struct error *err) must_check;
bool postgres_owner_take(struct engine_session *session, const struct engine_target *target,
                         const struct postgres_owned *owned, struct error *err) must_check;

/* Takes away the limits that the user, as owner, put on connections to the database, so that nobody
 * can keep the operator from holding him to a list; from any session.  *ret_opened tells whether
 * there were any. */
bool postgres_owner_open(struct engine_session *session, const struct engine_target *target,
                         bool *ret_opened, struct error *err) must_check;

/* The name of the role that keeps what was made in a database, from any session; NULL when it has
 * none, or one that somebody else made.  The caller frees it. */
bool postgres_owner_find_keeper(struct engine_session *session, const char *database,
                                char **ret_name, struct error *err) must_check;

#endif
