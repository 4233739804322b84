/*
 * The mark on a user of MySQL, a JSON attribute of the account: who made it, for which database,
 * and whether the making of that database has begun.  (MariaDB has no attributes: there the
 * database carries the mark as a comment.)  Inside the MySQL driver only.
 */
#ifndef ENGINE_MYSQL_MARKER_H
#define ENGINE_MYSQL_MARKER_H

#include "engine/mysql_session.h"

/* Owned; {0} is "none". */
struct engine_mysql_mark {
    struct engine_marker marker;
    char *creating; /* the database whose creation began and was not finished; NULL = none */
};

void engine_mysql_mark_release(struct engine_mysql_mark *mark);
/* Reads an attribute; NULL and foreign ones give "none". */
void engine_mysql_mark_parse(const char *attribute, struct engine_mysql_mark *ret_mark);

/* Notes that the creation of a database for this user begins, is finished, or was given up: the
 * server merges attributes. */
bool engine_mysql_mark_begin(struct engine_session *session, const char *username,
                             const char *database, struct error *err) must_check;
bool engine_mysql_mark_finish(struct engine_session *session, const char *username,
                              const char *database, struct error *err) must_check;
bool engine_mysql_mark_give_up(struct engine_session *session, const char *username,
                               struct error *err) must_check;

/* The mark of another user than this one that says that the database was made for it, or is being
 * made; none is left alone. */
bool engine_mysql_mark_find(struct engine_session *session, const struct engine_target *target,
                            struct engine_marker *ret_marker, struct error *err) must_check;

/* Whether a database whose creation had begun looks as we make it and holds nothing. */
bool engine_mysql_is_unfinished(struct engine_session *session, const char *database,
                                bool *ret_unfinished, struct error *err) must_check;

#endif
