#include "controller/ownership.h"

#include "base/memory.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

enum ownership ownership_of_tags(const json_t *tags, const struct owner *owner)
{
    const char *cluster = document_string(tags, TAG_CLUSTER);
    const char *namespace_name = document_string(tags, TAG_OWNER_NAMESPACE);
    const char *name = document_string(tags, TAG_OWNER_NAME);

    if (cluster == NULL && namespace_name == NULL && name == NULL)
        return same(document_string(tags, TAG_MANAGED_BY), TAG_MANAGED_BY_VALUE)
                   ? OWNERSHIP_PREDECESSOR
                   : OWNERSHIP_NONE;
    if (same(cluster, owner->cluster_id) && same(namespace_name, owner->namespace_name) &&
        same(name, owner->name))
        return OWNERSHIP_OURS;
    return OWNERSHIP_OTHER;
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
    if (same(marker->cluster, owner->cluster_id) &&
        same(marker->namespace_name, owner->namespace_name) && same(marker->name, owner->name))
        return OWNERSHIP_OURS;
    return OWNERSHIP_OTHER;
}

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
    if (strcmp(key, TAG_MANAGED_BY) == 0 && same(value, TAG_MANAGED_BY_VALUE))
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
