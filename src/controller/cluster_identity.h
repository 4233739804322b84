/*
 * The id of this cluster in marks and tags: the uid of the namespace kube-system, or what the
 * operator was told.  Read once, when first needed.  Thread-safe.
 */
#ifndef CONTROLLER_CLUSTER_IDENTITY_H
#define CONTROLLER_CLUSTER_IDENTITY_H

#include "kube/client.h"

#include <stdbool.h>

struct cluster_identity;

/* `given` (--cluster-id) wins; NULL or "" = ask the API server. */
struct cluster_identity *cluster_identity_new(const char *given) returns_owned;
void cluster_identity_free(struct cluster_identity *identity);
/* *ret_id is borrowed and valid as long as the identity. */
bool cluster_identity_get(struct cluster_identity *identity, struct kube_client *client,
                          const char **ret_id, struct error *err) must_check;

#endif
