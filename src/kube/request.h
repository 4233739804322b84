/*
 * Authenticated requests, for the files of this room that need more than kube/client.h offers.
 */
#ifndef KUBE_REQUEST_H
#define KUBE_REQUEST_H

#include "base/error.h"
#include "base/strbuf.h"
#include "http/transport.h"
#include "kube/client.h"

#include <jansson.h>

#include <stdbool.h>

struct kube_request {
    const char *path;         /* of the URL, with the query; begins with "/" */
    const char *accept;       /* NULL = application/json */
    const char *content_type; /* of the body */
    bool is_json_patch;       /* for the meaning of a 422 */
    /* May be sent again after 429, 503 and a lost connection: repeating it does no harm. */
    bool is_repeatable;
    /* Method, body, time and size limits, streaming; the client adds URL, headers, TLS, proxy and,
     * when it is NULL, the cancellation. */
    struct http_request http;
};

/* Appends "/api/v1/namespaces/ns/plural" or its like for named groups; namespace_name NULL = all,
 * or cluster-scoped. */
void kube_append_collection_path(struct strbuf *path, const struct kube_resource *resource,
                                 const char *namespace_name);
/* Appends the path of one object.  INVALID when a name cannot be one. */
bool kube_append_object_path(struct strbuf *path, const struct kube_object_reference *reference,
                             struct error *err) must_check;

/* Sends it and maps what is no success to an error.  On success the response must be released. */
bool kube_client_send(struct kube_client *client, struct kube_request *request,
                      struct http_response *ret_response, struct error *err) must_check;

/* As kube_client_send(); parses the answer into *ret_object (may be NULL: not wanted). */
bool kube_client_exchange(struct kube_client *client, struct kube_request *request,
                          json_t **ret_object, struct error *err) must_check;

const struct timesource *kube_client_timesource(const struct kube_client *client);
const struct random_source *kube_client_random(const struct kube_client *client);

#endif
