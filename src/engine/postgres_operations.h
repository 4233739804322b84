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
bool postgres_observe_residents(struct engine_session *session, const struct engine_target *target,
                                struct engine_facts *facts, struct error *err) must_check;
bool postgres_set_privileges(struct engine_session *session, const struct engine_target *target,
                             bool may_revoke, struct error *err) must_check;
bool postgres_create_user(struct engine_session *session,
                          const struct engine_user_creation *creation, struct error *err)
    must_check;
bool postgres_set_password(struct engine_session *session, const char *username,
                           const struct secret *password, struct error *err) must_check;
bool postgres_create_database(struct engine_session *session,
                              const struct engine_database_creation *creation, struct error *err)
    must_check;
/* What an interrupted creation left under the temporary name of a resource's uid. */
enum postgres_leftover {
    POSTGRES_LEFTOVER_NONE,
    POSTGRES_LEFTOVER_USABLE,
    POSTGRES_LEFTOVER_HALF_DROPPED,
};

char *postgres_temporary_name(const char *uid) returns_owned;
/* The id of a usable one is the caller's.  INVALID when it is not the admin's. */
bool postgres_find_leftover(struct engine_session *session, const char *temporary,
                            enum postgres_leftover *ret_leftover, char **ret_id, struct error *err)
    must_check;

bool postgres_set_login(struct engine_session *session, const char *username, bool allowed,
                        struct error *err) must_check;
bool postgres_end_sessions(struct engine_session *session, const char *username, struct error *err)
    must_check;
bool postgres_drop_database(struct engine_session *session, const char *database, struct error *err)
    must_check;
bool postgres_drop_user(struct engine_session *session, const struct engine_target *target,
                        const char *uid, struct error *err) must_check;
bool postgres_mark(struct engine_session *session, const struct engine_marking *marking,
                   struct error *err) must_check;
bool postgres_prove_login(struct engine_session *session,
                          const struct engine_connect_request *request,
                          const struct engine_target *target, enum engine_login *ret_login,
                          char *ret_detail, struct error *err) must_check;

#endif
