#include "engine/engine.h"
#include "engine/environment.h"
#include "engine/postgres_names.h"
#include "engine/postgres_operations.h"
#include "engine/postgres_privileges.h"

#include <stddef.h>

static void library_init(void)
{
    static const char *const prefixes[] = {"PG", NULL};

    engine_forget_environment(prefixes);
}

static bool connect_as_admin(const struct engine_connect_request *request,
                             struct engine_session **ret_session, struct error *err)
{
    struct postgres_login login = {
        .username = request->server->username,
        .password = &request->server->password,
        .database = request->server->database != NULL && request->server->database[0] != '\0'
                        ? request->server->database
                        : "postgres",
    };

    return postgres_connect(request, &login, ret_session, NULL, err);
}

static const struct engine_word words[] = {
    {"postgres", {"POSTGRES_URL"}},
    {"postgresql", {"POSTGRES_URL"}},
    {NULL, {NULL}},
};

const struct engine_driver engine_postgres = {
    .family = "PostgreSQL",
    .url_scheme = "postgresql",
    .words = words,
    .privileges = &postgres_privilege_table,
    .library_init = library_init,
    .parse_connection_string = connection_string_parse_postgres,
    .check_names = postgres_check_names,
    .connect = connect_as_admin,
    .disconnect = postgres_disconnect,
    .observe = postgres_observe,
    .observe_privileges = postgres_observe_privileges,
    .observe_residents = postgres_observe_residents,
    .create_user = postgres_create_user,
    .set_password = postgres_set_password,
    .create_database = postgres_create_database,
    .set_privileges = postgres_set_privileges,
    .mark = postgres_mark,
    .set_login = postgres_set_login,
    .end_sessions = postgres_end_sessions,
    .drop_database = postgres_drop_database,
    .drop_user = postgres_drop_user,
    .prove_login = postgres_prove_login,
};
