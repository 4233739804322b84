/*
 * Where AWS credentials come from: one interface, one file a provider (credentials_environment.c,
 * later web identity, shared files, container endpoint, instance metadata).  The chain asks the
 * providers in the order of the AWS SDKs; the first *configured* one wins, and a configured one
 * that fails is an error, never a fall-through to a stronger identity.
 */
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stdint.h>

/* A set of credentials; immutable once handed out, copied for each request. */
struct aws_credentials {
    char access_key_id[132];
    struct secret secret_access_key;
    struct secret session_token; /* empty = long-term keys */
    int64_t expires_us;          /* real time; 0 = never */
};

void aws_credentials_release(struct aws_credentials *credentials);
#define auto_aws_credentials run_at_scope_end(aws_credentials_release)

struct aws_credentials_provider;

struct aws_credentials_provider_operations {
    /* The name that users know: "environment", "web identity", ... */
    const char *name;
    /* Copies the current credentials, refreshing them where needed; may block.  DENIED or INVALID
     * name the source and the variable or file at fault; UNAVAILABLE is transient. */
    bool (*get)(struct aws_credentials_provider *provider, struct aws_credentials *ret_credentials,
                struct error *err);
    /* Forgets what is cached, after AWS called it expired or unknown. */
    void (*invalidate)(struct aws_credentials_provider *provider);
    void (*free)(struct aws_credentials_provider *provider);
};

/* Implementations put this first in their struct; thread-safe. */
struct aws_credentials_provider {
    const struct aws_credentials_provider_operations *operations;
};

bool aws_credentials_get(struct aws_credentials_provider *provider,
                         struct aws_credentials *ret_credentials, struct error *err) must_check;
void aws_credentials_invalidate(struct aws_credentials_provider *provider);
const char *aws_credentials_source(const struct aws_credentials_provider *provider);
void aws_credentials_provider_free(struct aws_credentials_provider *provider);

/* Reads a process setting by name; NULL or "" = not set.  A seam, so that the chain never calls
 * getenv() itself. */
typedef const char *(*aws_setting_fn)(void *context, const char *name);

/* The default chain.  A chain in which nothing is configured yields a provider whose get() is
 * DENIED with what to configure. */
struct aws_credentials_provider *aws_credentials_chain_new(aws_setting_fn setting,
                                                           void *context) returns_owned;

#endif
