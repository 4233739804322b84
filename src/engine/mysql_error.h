/*
 * Error numbers of MySQL and MariaDB, and of Connector/C, as errors: kind, and a sentence of ours.
 * Pure.
 */
#ifndef ENGINE_MYSQL_ERROR_H
#define ENGINE_MYSQL_ERROR_H

#include "base/error.h"

#include <stdbool.h>

enum {
    MYSQL_ER_DATABASE_EXISTS = 1007,
    MYSQL_ER_DATABASE_DENIED = 1044,
    MYSQL_ER_ACCESS_DENIED = 1045,
    MYSQL_ER_NO_DATABASE = 1049,
    MYSQL_ER_KILL_DENIED = 1095,
    MYSQL_ER_LOCK_WAIT_TIMEOUT = 1205,
    MYSQL_ER_OPTION_PREVENTS = 1290,
    MYSQL_CR_PLUGIN_NOT_ALLOWED = 5010,
};

/* Sets the error for a number that came while `doing`; the number becomes the code.  Returns
 * false. */
bool engine_mysql_error_set(struct error *err, unsigned number, const char *doing);
/* For a connection that failed; `text` of Connector/C is only looked at (TLS has one number for all
 * that can go wrong), never shown.  Returns false. */
bool engine_mysql_error_set_unreachable(struct error *err, unsigned number, const char *text,
                                        const char *label);

#endif
