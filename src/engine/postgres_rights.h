/*
 * What the admin may do on its server, and how it comes to act for a role.  Inside the PostgreSQL
 * driver only.
 */
#ifndef ENGINE_POSTGRES_RIGHTS_H
#define ENGINE_POSTGRES_RIGHTS_H

#include "engine/postgres_session.h"

struct strbuf;

struct postgres_rights {
    bool is_superuser;
    bool may_create_roles;
    bool may_create_databases;
};

bool postgres_rights_read(struct engine_session *session, struct postgres_rights *ret_rights,
                          struct error *err) must_check;
/* DENIED with the remedy unless the admin is a superuser or has the attribute. */
bool postgres_rights_require(const struct engine_session *session,
                             const struct postgres_rights *rights, bool has_it, const char *right,
                             struct error *err) must_check;
/* Appends the statement that makes the admin a member of the role; not for superusers, who need
 * none. */
void postgres_rights_append_membership(struct strbuf *sql, const struct engine_session *session,
                                       const char *role);
/* Makes the admin a member of the role now, unless it may act for it already. */
bool postgres_rights_join(struct engine_session *session, const char *role, struct error *err)
    must_check;
/* The same, if the role is the owner of the database. */
bool postgres_rights_join_owner(struct engine_session *session, const char *database,
                                const char *username, struct error *err) must_check;

#endif
