#include "base/memory.h"
#include "engine/engine.h"
#include "engine/postgres_names.h"
#include "engine/postgres_operations.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

/* libpq takes settings from PG* variables (PGSERVICE, PGOPTIONS, PGPASSFILE ...); only the
 * connection string shall count. */
static void library_init(void)
{
    char **variable = environ;

    while (*variable != NULL) {
        if (strncmp(*variable, "PG", 2) == 0 && strchr(*variable, '=') != NULL) {
            auto_free char *name =
                mem_strndup(*variable, (size_t)(strchr(*variable, '=') - *variable));

            unsetenv(name);
            variable = environ; /* the list moved */
        } else {
            variable++;
        }
    }
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

static const char *const words[] = {"postgres", "postgresql", NULL};

static const char *const privilege_words[] = {
    "SELECT",  "INSERT", "UPDATE",  "DELETE",    "TRUNCATE", "REFERENCES",
    "TRIGGER", "CREATE", "CONNECT", "TEMPORARY", NULL,
};

static const struct engine_privilege_table privileges = {
    .family = "PostgreSQL",
    .words = privilege_words,
};

const struct engine_driver engine_postgres = {
    .family = "PostgreSQL",
    .url_key = "POSTGRES_URL",
    .url_scheme = "postgresql",
    .default_port = 5432,
    .words = words,
    .privileges = &privileges,
    .library_init = library_init,
    .parse_connection_string = connection_string_parse_postgres,
    .check_names = postgres_check_names,
    .connect = connect_as_admin,
    .disconnect = postgres_disconnect,
    .observe = postgres_observe,
    .create_user = postgres_create_user,
    .create_database = postgres_create_database,
    .prove_login = postgres_prove_login,
};
