#include "engine/engine.h"
#include "engine/environment.h"
#include "engine/mysql_operations.h"
#include "engine/mysql_privileges.h"

#include <stdlib.h>

static void library_init(void)
{
    static const char *const prefixes[] = {"MYSQL_", "MARIADB_", "LIBMYSQL_", NULL};

    engine_forget_environment(prefixes);
    if (mysql_library_init(0, NULL, NULL) != 0)
        abort(); /* out of memory at start */
}

static bool connect_as_admin(const struct engine_connect_request *request,
                             struct engine_session **ret_session, struct error *err)
{
    struct engine_mysql_login login = {
        .username = request->server->username,
        .password = &request->server->password,
    };

    return engine_mysql_open(request, &login, ret_session, NULL, err);
}

/* The predecessor wrote MARIADB_URL, the documentation says MYSQL_URL: both. */
static const struct engine_word words[] = {
    {"mysql", {"MYSQL_URL"}},
    {"mariadb", {"MYSQL_URL", "MARIADB_URL"}},
    {NULL, {NULL}},
};

const struct engine_driver engine_mysql = {
    .family = "MySQL or MariaDB",
    .url_scheme = "mysql",
    .words = words,
    .privileges = &engine_mysql_privilege_table,
    .library_init = library_init,
    .parse_connection_string = connection_string_parse_mysql,
    .check_names = engine_mysql_check_names,
    .connect = connect_as_admin,
    .disconnect = engine_mysql_close,
    .observe = engine_mysql_observe,
    .observe_privileges = engine_mysql_observe_privileges,
    .observe_residents = engine_mysql_observe_residents,
    .create_user = engine_mysql_create_user,
    .set_password = engine_mysql_set_password,
    .create_database = engine_mysql_create_database,
    .set_privileges = engine_mysql_set_privileges,
    .mark = engine_mysql_mark,
    .set_login = engine_mysql_set_login,
    .end_sessions = engine_mysql_end_sessions,
    .drop_database = engine_mysql_drop_database,
    .drop_user = engine_mysql_drop_user,
    .prove_login = engine_mysql_prove_login,
};
