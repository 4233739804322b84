/*
 * What a user has in one database, compared with what its list of privileges means: read from the
 * catalog, as a few sentences or as the statements that end the difference.  Inside the PostgreSQL
 * driver only.
 */
#ifndef ENGINE_POSTGRES_DIFFERENCE_H
#define ENGINE_POSTGRES_DIFFERENCE_H

#include "engine/postgres_session.h"

struct strbuf;

/* Both ask a session in the target's database, in a transaction. */
bool postgres_difference_describe(struct engine_session *session,
                                  const struct engine_target *target,
                                  struct engine_privilege_facts *ret_privileges, struct error *err)
    must_check;
/* Appends GRANTs and, with `may_revoke`, REVOKEs after them; nothing where all is as it shall be.
 */
bool postgres_difference_append_statements(struct engine_session *session,
                                           const struct engine_target *target, bool may_revoke,
                                           struct strbuf *sql, struct error *err) must_check;

#endif
