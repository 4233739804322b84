/*
 * What MySQL and MariaDB keep of a password: made here, so that no server sees the password in a
 * statement, and compared here, so that a wrong one costs no failed login.  Pure.
 *
 * mysql_native_password: '*' and SHA1(SHA1(password)) in hexadecimal.  caching_sha2_password: the
 * crypt scheme "SHA-256" (Drepper, "Unix crypt using SHA-256 and SHA-512") with a salt of 20 bytes,
 * which crypt(3) would cut: "$A$005$" salt hash.
 */
#ifndef ENGINE_MYSQL_PASSWORD_H
#define ENGINE_MYSQL_PASSWORD_H

#include "base/random.h"
#include "base/secret.h"
#include "engine/engine.h"

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

#define ENGINE_MYSQL_PLUGIN_NATIVE       "mysql_native_password"
#define ENGINE_MYSQL_PLUGIN_CACHING_SHA2 "caching_sha2_password"

/* Appends the text that the server keeps. */
void engine_mysql_password_append_native(const struct secret *password, struct strbuf *text);
void engine_mysql_password_append_caching_sha2(const struct secret *password,
                                               const struct random_source *random,
                                               struct strbuf *text);

/* Compares a password with what the server keeps for an account of this plugin. */
enum engine_password engine_mysql_password_compare(const struct secret *password,
                                                   const char *plugin, const char *kept,
                                                   size_t kept_length);

#endif
