#include "controller/ownership.h"

#include "base/memory.h"
#include "base/text.h"

#include <string.h>

/* --- Marks ----------------------------------------------------------------------------------- */

/* After a rebuild a cluster has another id; what the former one marked is still ours. */
static bool is_our_cluster(const char *cluster, const struct owner *owner)
{
    const char *rest = owner->former_clusters;

    if (text_equal(cluster, owner->cluster_id))
        return true;
    while (cluster != NULL && rest != NULL && rest[0] != '\0') {
        size_t length = strcspn(rest, ",");

        if (length > 0 && strlen(cluster) == length && memcmp(cluster, rest, length) == 0)
            return true;
        rest += length + (rest[length] == ',' ? 1 : 0);
    }
    return false;
}

char *ownership_key(const char *cluster, const char *namespace_name, const char *name)
{
    return mem_printf("%s %s/%s", cluster != NULL ? cluster : "?",
                      namespace_name != NULL ? namespace_name : "?", name != NULL ? name : "?");
}

static bool is_released(const char *cluster, const char *namespace_name, const char *name,
                        const struct owner *owner)
{
    auto_free char *key = ownership_key(cluster, namespace_name, name);

    return document_array_has(owner->released, key);
}

static enum ownership judge(const char *cluster, const char *namespace_name, const char *name,
                            const struct owner *owner)
{
    if (is_our_cluster(cluster, owner) && text_equal(namespace_name, owner->namespace_name) &&
        text_equal(name, owner->name))
        return OWNERSHIP_OURS;
    return is_released(cluster, namespace_name, name, owner) ? OWNERSHIP_RELEASED : OWNERSHIP_OTHER;
}

enum ownership ownership_of_tags(const json_t *tags, const struct owner *owner)
{
    const char *cluster = document_string(tags, TAG_CLUSTER);
    const char *namespace_name = document_string(tags, TAG_OWNER_NAMESPACE);
    const char *name = document_string(tags, TAG_OWNER_NAME);

    if (cluster == NULL && namespace_name == NULL && name == NULL)
        return text_equal(document_string(tags, TAG_MANAGED_BY), TAG_MANAGED_BY_VALUE)
                   ? OWNERSHIP_PREDECESSOR
                   : OWNERSHIP_NONE;
    return judge(cluster, namespace_name, name, owner);
}

enum ownership ownership_of_marker(const struct engine_marker *marker, const struct owner *owner)
{
    switch (marker->kind) {
    case ENGINE_MARKER_NONE:
        return OWNERSHIP_NONE;
    case ENGINE_MARKER_PREDECESSOR:
        return OWNERSHIP_PREDECESSOR;
    case ENGINE_MARKER_OURS:
        break;
    }
    return judge(marker->cluster, marker->namespace_name, marker->name, owner);
}

bool ownership_is_stale(const struct engine_marker *marker, const struct owner *owner)
{
    switch (ownership_of_marker(marker, owner)) {
    case OWNERSHIP_PREDECESSOR:
    case OWNERSHIP_RELEASED:
        return true;
    case OWNERSHIP_OURS:
        return !text_equal(marker->cluster, owner->cluster_id);
    case OWNERSHIP_NONE:
    case OWNERSHIP_OTHER:
        break;
    }
    return false;
}

/* --- Owners that may have gone --------------------------------------------------------------- */

static const char *find_neighbour(const char *cluster, const char *namespace_name, const char *name,
                                  const struct owner *owner)
{
    if (!is_our_cluster(cluster, owner) || !text_equal(namespace_name, owner->namespace_name) ||
        text_equal(name, owner->name))
        return NULL;
    return name;
}

const char *ownership_neighbour_of_tags(const json_t *tags, const struct owner *owner)
{
    return find_neighbour(document_string(tags, TAG_CLUSTER),
                          document_string(tags, TAG_OWNER_NAMESPACE),
                          document_string(tags, TAG_OWNER_NAME), owner);
}

const char *ownership_neighbour_of_marker(const struct engine_marker *marker,
                                          const struct owner *owner)
{
    if (marker->kind != ENGINE_MARKER_OURS)
        return NULL;
    return find_neighbour(marker->cluster, marker->namespace_name, marker->name, owner);
}

static bool names(const json_t *tags, const char *key, const struct owner *owner)
{
    auto_free char *target = mem_printf("%s/%s", owner->namespace_name, owner->name);

    return text_equal(document_string(tags, key), target);
}

bool ownership_is_transferred(const json_t *tags, const struct owner *owner)
{
    return names(tags, TAG_TRANSFER_TO, owner);
}

bool ownership_may_adopt(const json_t *tags, const struct owner *owner)
{
    return names(tags, TAG_ADOPT_BY, owner);
}

static bool is_for(const char *cluster, const char *namespace_name, const char *name,
                   const char *resource, const struct owner *owner)
{
    auto_free char *marked =
        mem_printf("%s/%s", namespace_name != NULL ? namespace_name : "", name != NULL ? name : "");

    return is_our_cluster(cluster, owner) && strcmp(marked, resource) == 0;
}

bool ownership_tags_are_for(const json_t *tags, const char *resource, const struct owner *owner)
{
    return is_for(document_string(tags, TAG_CLUSTER), document_string(tags, TAG_OWNER_NAMESPACE),
                  document_string(tags, TAG_OWNER_NAME), resource, owner);
}

bool ownership_marker_is_for(const struct engine_marker *marker, const char *resource,
                             const struct owner *owner)
{
    return marker->kind == ENGINE_MARKER_OURS &&
           is_for(marker->cluster, marker->namespace_name, marker->name, resource, owner);
}

/* --- Users ----------------------------------------------------------------------------------- */

enum ownership ownership_of_user(const struct engine_facts *engine, const json_t *secret_tags,
                                 const struct owner *owner)
{
    if (engine->marks_users)
        return ownership_of_marker(&engine->user.marker, owner);
    return engine->user.password == ENGINE_PASSWORD_MATCHES &&
                   ownership_of_tags(secret_tags, owner) == OWNERSHIP_OURS
               ? OWNERSHIP_OURS
               : OWNERSHIP_NONE;
}

bool ownership_made_user(const json_t *tags)
{
    return text_equal(document_string(tags, TAG_CREATED), TAG_CREATED_USER);
}

static char *describe(const char *namespace_name, const char *name, const char *cluster)
{
    return mem_printf("Database %s/%s of cluster %s", namespace_name != NULL ? namespace_name : "?",
                      name != NULL ? name : "?", cluster != NULL ? cluster : "?");
}

char *ownership_describe_tags(const json_t *tags)
{
    return describe(document_string(tags, TAG_OWNER_NAMESPACE),
                    document_string(tags, TAG_OWNER_NAME), document_string(tags, TAG_CLUSTER));
}

char *ownership_describe_marker(const struct engine_marker *marker)
{
    return describe(marker->namespace_name, marker->name, marker->cluster);
}

void ownership_make_marker(const struct owner *owner, struct engine_marker *ret_marker)
{
    *ret_marker = (struct engine_marker){
        .kind = ENGINE_MARKER_OURS,
        .cluster = mem_strdup(owner->cluster_id),
        .namespace_name = mem_strdup(owner->namespace_name),
        .name = mem_strdup(owner->name),
        .uid = mem_strdup(owner->uid),
    };
}

json_t *ownership_make_tags(const struct database_spec *spec, const struct owner *owner)
{
    json_t *tags = spec->tags != NULL ? json_deep_copy(spec->tags) : json_object();

    document_set_string(tags, TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE);
    document_set_string(tags, TAG_OWNER_NAMESPACE, owner->namespace_name);
    document_set_string(tags, TAG_OWNER_NAME, owner->name);
    document_set_string(tags, TAG_CLUSTER, owner->cluster_id);
    return tags;
}

static bool check_tag(const char *key, const char *value, struct error *err)
{
    if (strcmp(key, TAG_MANAGED_BY) == 0 && text_equal(value, TAG_MANAGED_BY_VALUE))
        return true;
    if (strcmp(key, TAG_MANAGED_BY) == 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "the tag 'ManagedBy' in spec.awsSecretsManager.tags may only have the "
                         "value '" TAG_MANAGED_BY_VALUE "'");
    if (strncmp(key, TAG_RESERVED_PREFIX, strlen(TAG_RESERVED_PREFIX)) == 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "the tag '%s' in spec.awsSecretsManager.tags is reserved for the "
                         "operator: remove it",
                         key);
    if (strncasecmp(key, "aws:", 4) == 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "the tag '%s' in spec.awsSecretsManager.tags starts with 'aws:', which "
                         "AWS reserves: rename it",
                         key);
    return true;
}

bool ownership_check_tags(const json_t *tags, struct error *err)
{
    auto_json json_t *copy = json_copy((json_t *)(uintptr_t)tags);
    const json_t *value;
    const char *key;

    json_object_foreach(copy, key, value) {
        if (!check_tag(key, json_string_value(value), err))
            return false;
    }
    return true;
}
