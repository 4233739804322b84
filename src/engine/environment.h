/*
 * Client libraries take settings from the environment (PGSERVICE, MYSQL_PWD ...); only the
 * connection string shall count.
 */
#ifndef ENGINE_ENVIRONMENT_H
#define ENGINE_ENVIRONMENT_H

/* Removes every variable that begins with one of the prefixes (ended by NULL).  Before the first
 * thread. */
void engine_forget_environment(const char *const *prefixes);

#endif
