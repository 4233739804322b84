/*
 * The metadata service of an EC2 instance, version 2 only: a token first, which requests forged
 * through a proxy or a web application cannot get.  Never through a proxy, never a redirect.
 *
 * Settings: AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT,
 * AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (IPv4, IPv6), AWS_METADATA_SERVICE_TIMEOUT (seconds),
 * AWS_METADATA_SERVICE_NUM_ATTEMPTS.
 */
#ifndef AWS_INSTANCE_METADATA_H
#define AWS_INSTANCE_METADATA_H

#include "base/compiler.h"
#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>

struct aws_session;
struct instance_metadata;
struct strbuf;

struct instance_metadata *instance_metadata_new(struct aws_session *session) returns_owned;
/* NULL is fine. */
void instance_metadata_free(struct instance_metadata *metadata);

/* False when AWS_EC2_METADATA_DISABLED says so. */
bool instance_metadata_is_enabled(const struct instance_metadata *metadata);

/* Appends what is at the path ("/latest/meta-data/...") to *ret_answer, an erasing buffer where it
 * may be secret.  An empty *token is fetched first; it serves for further calls of the same thread.
 * NOT_FOUND when there is nothing at the path, UNAVAILABLE when nobody answers (with the code
 * "NoMetadata" when not even the request for a token was answered), DENIED when the service refuses
 * or a setting is wrong. */
bool instance_metadata_get(struct instance_metadata *metadata, struct secret *token,
                           const char *path, struct strbuf *ret_answer, struct error *err)
    must_check;

#endif
