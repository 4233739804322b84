/*
 * Where AWS credentials come from: one interface, one file a provider (credentials_*.c).  The chain
 * asks the providers in the order of the AWS SDKs; the first *configured* one wins, and a
 * configured one that fails is an error, never a fall-through to a stronger identity.
 */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stdint.h>

struct aws_session;

/* A set of credentials; immutable once handed out, copied for each request. */
struct aws_credentials {
    char access_key_id[132];
    struct secret secret_access_key;
    struct secret session_token; /* empty = long-term keys */
    int64_t expires_us;          /* by AWS's clock (clock.h); 0 = never */
};

void aws_credentials_release(struct aws_credentials *credentials);
#define auto_aws_credentials run_at_scope_end(aws_credentials_release)

/* Overwrites *ret_copy. */
void aws_credentials_copy(struct aws_credentials *ret_copy,
                          const struct aws_credentials *credentials);

/* The parts of a set of credentials as some source spells them; NULL or "" = it has none. */
struct aws_credentials_parts {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token;
    int64_t expires_us;
};

/* Checks the parts and copies them into *ret_credentials: a header can carry no control character,
 * no key holds a blank, and a key id without its secret key is of no use.  DENIED names the part as
 * `names` spells it ("AWS_ACCESS_KEY_ID"), never its value. */
bool aws_credentials_make(const struct aws_credentials_parts *parts,
                          const struct aws_credentials_parts *names,
                          struct aws_credentials *ret_credentials, struct error *err) must_check;

struct aws_credentials_provider;

struct aws_credentials_provider_operations {
    /* The name that users know: "environment", "web identity", ... */
    const char *name;
    /* Copies the current credentials, refreshing them where needed; may block.  DENIED or INVALID
     * name the source and the variable or file at fault; UNAVAILABLE is transient. */
    bool (*get)(struct aws_credentials_provider *provider, struct aws_credentials *ret_credentials,
                struct error *err);
    /* Forgets what is cached if it is the set that AWS refused as expired or unknown. */
    void (*invalidate)(struct aws_credentials_provider *provider,
                       const struct aws_credentials *refused);
    void (*free)(struct aws_credentials_provider *provider);
};

/* Implementations put this first in their struct; thread-safe. */
struct aws_credentials_provider {
    const struct aws_credentials_provider_operations *operations;
};

bool aws_credentials_get(struct aws_credentials_provider *provider,
                         struct aws_credentials *ret_credentials, struct error *err) must_check;
void aws_credentials_invalidate(struct aws_credentials_provider *provider,
                                const struct aws_credentials *refused);
const char *aws_credentials_source(const struct aws_credentials_provider *provider);
/* NULL is fine. */
void aws_credentials_provider_free(struct aws_credentials_provider *provider);

/* For providers that keep nothing: they fetch on each get(). */
void aws_credentials_keep_nothing(struct aws_credentials_provider *provider,
                                  const struct aws_credentials *refused);

/* The provider of the first source that the session's settings configure, with a cache in front of
 * it where it is worth one.  When nothing is configured get() is DENIED with what to configure. */
struct aws_credentials_provider *
aws_credentials_chain_new(struct aws_session *session) returns_owned;

#endif
