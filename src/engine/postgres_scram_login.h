/*
 * A login over plain TCP that proves a password by SCRAM-SHA-256 and by nothing else, for where
 * libpq cannot be kept from sending it in clear (docs/decisions/0040-proof-without-tls.md).
 *
 * Inside the PostgreSQL driver only.
 */
#ifndef ENGINE_POSTGRES_SCRAM_LOGIN_H
#define ENGINE_POSTGRES_SCRAM_LOGIN_H

#include "engine/postgres_session.h"

/* Logs in and out again, within the request's time.  True when the server asked for the password,
 * took it, showed that it knows it, and let the user into the database.  The code of the error is
 * the SQLSTATE, POSTGRES_CODE_UNSAFE or POSTGRES_CODE_NOT_ASKED, or it is of a server that did not
 * speak.  ret_refusal->after_password means after all of the proof. */
bool postgres_scram_login(const struct engine_connect_request *request,
                          const struct postgres_login *login, struct postgres_refusal *ret_refusal,
                          struct error *err) must_check;

#endif
