/*
 * The operations of the MySQL driver; contracts in engine.h.  Inside the driver only.
 */
#ifndef ENGINE_MYSQL_OPERATIONS_H
#define ENGINE_MYSQL_OPERATIONS_H

#include "engine/mysql_session.h"

bool engine_mysql_check_names(const struct engine_target *target, const char *admin_username,
                              struct error *err) must_check;
bool engine_mysql_observe(struct engine_session *session, const struct engine_target *target,
                          struct engine_facts *ret_facts, struct error *err) must_check;
bool engine_mysql_observe_privileges(struct engine_session *session,
                                     const struct engine_target *target, struct engine_facts *facts,
                                     struct error *err) must_check;
bool engine_mysql_observe_residents(struct engine_session *session,
                                    const struct engine_target *target, struct engine_facts *facts,
                                    struct error *err) must_check;
bool engine_mysql_create_user(struct engine_session *session,
                              const struct engine_user_creation *creation, struct error *err)
    must_check;
bool engine_mysql_set_password(struct engine_session *session, const char *username,
                               const struct secret *password, struct error *err) must_check;
bool engine_mysql_create_database(struct engine_session *session,
                                  const struct engine_database_creation *creation,
                                  struct error *err) must_check;
bool engine_mysql_set_login(struct engine_session *session, const char *username, bool allowed,
                            struct error *err) must_check;
bool engine_mysql_end_sessions(struct engine_session *session, const char *username,
                               struct error *err) must_check;
bool engine_mysql_drop_database(struct engine_session *session, const char *database,
                                struct error *err) must_check;
bool engine_mysql_drop_user(struct engine_session *session, const struct engine_target *target,
                            const char *uid, struct error *err) must_check;
bool engine_mysql_set_privileges(struct engine_session *session, const struct engine_target *target,
                                 bool may_revoke, struct error *err) must_check;
bool engine_mysql_mark(struct engine_session *session, const struct engine_marking *marking,
                       struct error *err) must_check;
bool engine_mysql_prove_login(struct engine_session *session,
                              const struct engine_connect_request *request,
                              const struct engine_target *target, enum engine_login *ret_login,
                              char *ret_detail, struct error *err) must_check;

#endif
