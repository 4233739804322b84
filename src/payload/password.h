/*
 * New passwords: 24 random bytes as base64url make 32 characters; drawn again until an upper-case
 * and a lower-case letter, a digit and one of '-' and '_' are among them, so that the password
 * policies of servers accept them.
 */
#ifndef PAYLOAD_PASSWORD_H
#define PAYLOAD_PASSWORD_H

#include "base/random.h"
#include "base/secret.h"

enum { PASSWORD_LENGTH = 32 };

void password_generate(const struct random_source *random, struct secret *ret_password);

#endif
