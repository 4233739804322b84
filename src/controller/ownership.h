/*
 * Whose is it: the marks that say which resource of which cluster something outside belongs to.
 * Nothing is proven by a name.
 */
#ifndef CONTROLLER_OWNERSHIP_H
#define CONTROLLER_OWNERSHIP_H

#include "base/document.h"
#include "controller/database.h"
#include "engine/engine.h"

#include <stdbool.h>

#define TAG_MANAGED_BY       "ManagedBy"
#define TAG_MANAGED_BY_VALUE "database-user-operator"
#define TAG_RESERVED_PREFIX  "database.opzkit.io/"
#define TAG_OWNER_NAMESPACE  TAG_RESERVED_PREFIX "owner-namespace"
#define TAG_OWNER_NAME       TAG_RESERVED_PREFIX "owner-name"
#define TAG_CLUSTER          TAG_RESERVED_PREFIX "cluster"
#define TAG_DELETING         TAG_RESERVED_PREFIX "deleting"
#define TAG_TRANSFER_TO      TAG_RESERVED_PREFIX "transfer-to"
#define TAG_ADOPT_BY         TAG_RESERVED_PREFIX "adopt-by"
#define TAG_CREATED          TAG_RESERVED_PREFIX "created"
#define TAG_CREATED_USER     "user"

/* Who the marks of this pass are made for; borrowed. */
struct owner {
    const char *cluster_id;
    const char *namespace_name;
    const char *name;
    const char *uid;
    const char *former_clusters; /* ids separated by ','; NULL = none */
    const json_t *released; /* ownership_key() of owners that gave up what they had; NULL = none */
};

enum ownership {
    OWNERSHIP_NONE,        /* no mark of any operator */
    OWNERSHIP_OURS,        /* marked for this resource (an earlier uid of it counts) */
    OWNERSHIP_PREDECESSOR, /* marked by the predecessor, without an owner */
    OWNERSHIP_RELEASED,    /* marked for another resource, which is gone or handed it over */
    OWNERSHIP_OTHER,       /* marked for another resource or cluster */
};

/* By the tags of a secret (object: key -> string). */
enum ownership ownership_of_tags(const json_t *tags, const struct owner *owner);
enum ownership ownership_of_marker(const struct engine_marker *marker, const struct owner *owner);

/* By the mark on a user or, where the engine cannot mark users, by its password: it is ours when it
 * is the one in a secret that is tagged as ours. */
enum ownership ownership_of_user(const struct engine_facts *engine, const json_t *secret_tags,
                                 const struct owner *owner);

/* True when the tags say that the user was made by an operator: for engines that cannot mark users.
 */
bool ownership_made_user(const json_t *tags);

/* True when a mark that may be taken over has to be made anew: whose it is, or which cluster. */
bool ownership_is_stale(const struct engine_marker *marker, const struct owner *owner);

/* An owner as one text; the caller frees it. */
char *ownership_key(const char *cluster, const char *namespace_name,
                    const char *name) returns_owned;
/* The name of a resource of this cluster and namespace, other than the owner, that tags or a marker
 * are for; NULL = none.  Borrowed. */
const char *ownership_neighbour_of_tags(const json_t *tags, const struct owner *owner);
const char *ownership_neighbour_of_marker(const struct engine_marker *marker,
                                          const struct owner *owner);
/* True when the tags hand the secret over to this owner. */
bool ownership_is_transferred(const json_t *tags, const struct owner *owner);
/* True when a person's tag lets this owner use a secret that carries no mark. */
bool ownership_may_adopt(const json_t *tags, const struct owner *owner);

/* True when tags or a marker are for this resource ("namespace/name") of this cluster. */
bool ownership_tags_are_for(const json_t *tags, const char *resource, const struct owner *owner);
bool ownership_marker_is_for(const struct engine_marker *marker, const char *resource,
                             const struct owner *owner);

/* "namespace/name in cluster id" of the owner that tags or a marker name; the caller frees it. */
char *ownership_describe_tags(const json_t *tags) returns_owned;
char *ownership_describe_marker(const struct engine_marker *marker) returns_owned;

/* The marker of this owner; borrows nothing, release with engine_marker_release(). */
void ownership_make_marker(const struct owner *owner, struct engine_marker *ret_marker);

/* All tags that the secret of a resource carries: the spec's and the operator's own. */
json_t *ownership_make_tags(const struct database_spec *spec, const struct owner *owner) must_check;
/* Refuses reserved keys and keys that AWS refuses in awsSecretsManager.tags; INVALID names them. */
bool ownership_check_tags(const json_t *tags, struct error *err) must_check;

#endif
