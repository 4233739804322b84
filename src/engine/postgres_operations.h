/*
 * The operations of the PostgreSQL driver; contracts in engine.h.  Inside the driver only.
 */
#ifndef ENGINE_POSTGRES_OPERATIONS_H
#define ENGINE_POSTGRES_OPERATIONS_H

#include "engine/postgres_session.h"

bool postgres_observe(struct engine_session *session, const struct engine_target *target,
                      struct engine_facts *ret_facts, struct error *err) must_check;
bool postgres_observe_privileges(struct engine_session *session, const struct engine_target *target,
                                 struct engine_facts *facts, struct error *err) must_check;
bool postgres_set_privileges(struct engine_session *session, const struct engine_target *target,
                             bool may_revoke, struct error *err) must_check;
bool postgres_create_user(struct engine_session *session,
                          const struct engine_user_creation *creation, struct error *err)
    must_check;
bool postgres_create_database(struct engine_session *session,
                              const struct engine_database_creation *creation, struct error *err)
    must_check;
bool postgres_mark(struct engine_session *session, const struct engine_marking *marking,
                   struct error *err) must_check;
bool postgres_prove_login(struct engine_session *session,
                          const struct engine_connect_request *request,
                          const struct engine_target *target, enum engine_login *ret_login,
                          char *ret_detail, struct error *err) must_check;

#endif
