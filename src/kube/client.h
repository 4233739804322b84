/*
 * Requests to the Kubernetes API server: paths in, JSON out, Status objects mapped to errors.
 *
 * Error kinds by HTTP status and reason: 400/422 INVALID, 401 and 403 DENIED, 404 NOT_FOUND,
 * 409 and a failed JSON Patch test (422 with such a cause) CONFLICT, 410 GONE, 429 and 5xx
 * UNAVAILABLE with the server's retry hint.  The code of an error is the Status reason
 * ("AlreadyExists", "Conflict", "Invalid", "Expired", ...), for a transport error that of
 * http/transport.h.
 *
 * Authentication (token re-read, client certificates) comes from struct kube_config; a 401 drops
 * the cached token and is retried once.  GET, Server-Side Apply and JSON Patch (which must have
 * tests) are retried a few times inside on 429 and 503 (waiting as Retry-After says, at most 10 s)
 * and lost connections, but not after a time-out.
 * Thread-safe; every call blocks.
 */
#ifndef KUBE_CLIENT_H
#define KUBE_CLIENT_H

#include "base/cancellation.h"
#include "base/error.h"
#include "base/random.h"
#include "base/timesource.h"
#include "http/transport.h"

#include <jansson.h>

#include <stdbool.h>

struct kube_config;
struct kube_client;
struct metrics;

/* What the client is made of; all borrowed for its life. */
struct kube_client_options {
    struct kube_config *config;
    struct http_transport *transport;
    const struct timesource *timesource;
    const struct random_source *random;
    const struct cancellation *cancellation;
    const char *user_agent;
    struct metrics *metrics; /* NULL = none */
};

struct kube_client *kube_client_new(const struct kube_client_options *options) returns_owned;
void kube_client_free(struct kube_client *client);

/* A resource type as the API server addresses it. */
struct kube_resource {
    const char *group; /* NULL for the core group */
    const char *version;
    const char *plural;
};

/* One object of it; namespace_name NULL for cluster-scoped resources. */
struct kube_object_reference {
    const struct kube_resource *resource;
    const char *namespace_name;
    const char *name;
};

/* Reads the newest version of one object (quorum read).  The caller owns *ret_object. */
bool kube_client_get(struct kube_client *client, const struct kube_object_reference *reference,
                     json_t **ret_object, struct error *err) must_check;

/* Hands all objects of a namespace to on_object (borrowed), one at a time and whatever their
 * labels, as they are at one moment (quorum read).  False when not each of them could be read: what
 * was handed over then is not the whole. */
bool kube_client_list(struct kube_client *client, const struct kube_resource *resource,
                      const char *namespace_name,
                      void (*on_object)(void *context, const json_t *object), void *context,
                      struct error *err) must_check;

/* Creates an object (POST to the collection).  Not retried inside: AlreadyExists is CONFLICT. */
bool kube_client_create(struct kube_client *client, const struct kube_resource *resource,
                        const char *namespace_name, const json_t *object, json_t **ret_object,
                        struct error *err) must_check;

/* JSON Patch (RFC 6902); `patch` is the array of operations.  A failed "test" is CONFLICT.
 * *ret_object (may be NULL) gets the new object. */
bool kube_client_json_patch(struct kube_client *client,
                            const struct kube_object_reference *reference, const json_t *patch,
                            json_t **ret_object, struct error *err) must_check;

/* Server-Side Apply to the status subresource, forced; `object` carries apiVersion, kind,
 * metadata.name, uid and, for optimistic locking, resourceVersion.  CONFLICT when the stored
 * object moved on; NOT_FOUND when it is gone. */
bool kube_client_apply_status(struct kube_client *client,
                              const struct kube_object_reference *reference,
                              const char *field_manager, const json_t *object, json_t **ret_object,
                              struct error *err) must_check;

/* Adds our finalizer by JSON Patch with tests on uid and on the observed list; CONFLICT when the
 * object changed meanwhile.  `object` is the version that was read. No request when it is there. */
bool kube_client_add_finalizer(struct kube_client *client,
                               const struct kube_object_reference *reference, const json_t *object,
                               const char *finalizer, json_t **ret_object, struct error *err)
    must_check;
/* Removes it likewise; an object that is gone already is success. */
bool kube_client_remove_finalizer(struct kube_client *client,
                                  const struct kube_object_reference *reference,
                                  const json_t *object, const char *finalizer, struct error *err)
    must_check;

#endif
