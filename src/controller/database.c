#include "controller/database.h"

#include "base/memory.h"
#include "payload/template.h"

#include <string.h>
#include <strings.h>

enum { NAME_LIMIT = 63 };

const struct kube_resource database_resource = {
    .group = "database.opzkit.io",
    .version = "v1alpha1",
    .plural = "databases",
};

static void release_spec(struct database_spec *spec)
{
    free(spec->engine);
    free(spec->database_name);
    free(spec->username);
    free(spec->secret_name);
    free(spec->description);
    free(spec->region);
    json_decref(spec->tags);
    template_free(spec->secret_template);
    json_decref(spec->privilege_words);
    free(spec->connection.name);
    free(spec->connection.key);
    free(spec->connection.region);
    *spec = (struct database_spec){0};
}

void database_release(struct database *database)
{
    release_spec(&database->spec);
    json_decref(database->object);
    free(database->namespace_name);
    free(database->name);
    free(database->uid);
    free(database->resource_version);
    *database = (struct database){0};
}

bool database_parse_identity(json_t *object, struct database *ret_database, struct error *err)
{
    const json_t *metadata = document_at(object, "metadata", NULL);
    const char *namespace_name = document_string(metadata, "namespace");
    const char *name = document_string(metadata, "name");
    const char *uid = document_string(metadata, "uid");
    const char *resource_version = document_string(metadata, "resourceVersion");

    if (namespace_name == NULL || name == NULL || uid == NULL || resource_version == NULL)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "the API server returned a Database without name, namespace, uid or "
                         "resourceVersion");
    *ret_database = (struct database){
        .object = json_incref(object),
        .namespace_name = mem_strdup(namespace_name),
        .name = mem_strdup(name),
        .uid = mem_strdup(uid),
        .resource_version = mem_strdup(resource_version),
        .generation = document_integer(metadata, "generation", 0),
        .deleting = document_string(metadata, "deletionTimestamp") != NULL,
        .has_finalizer =
            document_array_has(json_object_get(metadata, "finalizers"), DATABASE_FINALIZER),
    };
    return true;
}

/* Reads an optional string member; one of another type is an error that names it. */
static bool read_string(const json_t *object, const char *key, const char *path, char **ret_text,
                        struct error *err)
{
    const json_t *member = json_object_get(object, key);

    if (member == NULL || json_is_null(member) || json_string_length(member) == 0) {
        if (member != NULL && !json_is_null(member) && !json_is_string(member))
            return error_set(err, ERROR_INVALID, NULL, "%s must be a string", path);
        return true;
    }
    if (strlen(json_string_value(member)) != json_string_length(member))
        return error_set(err, ERROR_INVALID, NULL, "%s must not contain a NUL character", path);
    free(*ret_text);
    *ret_text = mem_strdup(json_string_value(member));
    return true;
}

static bool require_string(const json_t *object, const char *key, const char *path, char **ret_text,
                           struct error *err)
{
    if (!read_string(object, key, path, ret_text, err))
        return false;
    if (*ret_text == NULL)
        return error_set(err, ERROR_INVALID, NULL, "%s is required", path);
    return true;
}

/* The guide's pattern ^[a-z][a-z0-9_]*$ and its limit of 63 characters. */
static bool check_database_name(const char *name, struct error *err)
{
    size_t length = strlen(name);

    if (length > NAME_LIMIT || name[0] < 'a' || name[0] > 'z' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != length)
        return error_set(err, ERROR_INVALID, NULL,
                         "spec.databaseName must start with a lower-case letter and hold only "
                         "lower-case letters, digits and '_', at most %d characters",
                         NAME_LIMIT);
    return true;
}

static bool parse_names(const json_t *json, struct database_spec *spec, struct error *err)
{
    if (!require_string(json, "engine", "spec.engine", &spec->engine, err) ||
        !require_string(json, "databaseName", "spec.databaseName", &spec->database_name, err) ||
        !check_database_name(spec->database_name, err) ||
        !read_string(json, "username", "spec.username", &spec->username, err) ||
        !read_string(json, "secretName", "spec.secretName", &spec->secret_name, err))
        return false;
    if (spec->username == NULL)
        spec->username = mem_strdup(spec->database_name);
    spec->secret_name_given = spec->secret_name != NULL;
    if (!spec->secret_name_given)
        spec->secret_name = mem_printf("rds/%s/%s", spec->engine, spec->database_name);
    return true;
}

/* Where the credentials are stored is where the admin connection is, unless something else says. */
static bool parse_connection_in_aws(const json_t *secret, struct database_spec *spec,
                                    struct error *err)
{
    spec->connection.in_aws = true;
    if (!require_string(secret, "secretName", "spec.connectionStringAWSSecretRef.secretName",
                        &spec->connection.name, err) ||
        !read_string(secret, "key", "spec.connectionStringAWSSecretRef.key", &spec->connection.key,
                     err) ||
        !read_string(secret, "region", "spec.connectionStringAWSSecretRef.region",
                     &spec->connection.region, err))
        return false;
    spec->region = mem_strdup_or_null(spec->connection.region);
    return true;
}

static bool parse_connection(const json_t *json, struct database_spec *spec, struct error *err)
{
    const json_t *secret = document_at(json, "connectionStringSecretRef", NULL);
    const json_t *aws = document_at(json, "connectionStringAWSSecretRef", NULL);

    if ((secret != NULL) == (aws != NULL))
        return error_set(err, ERROR_INVALID, NULL,
                         "exactly one of spec.connectionStringSecretRef and "
                         "spec.connectionStringAWSSecretRef must be given");
    if (aws != NULL)
        return parse_connection_in_aws(aws, spec, err);
    spec->connection.key = mem_strdup("connectionString");
    return require_string(secret, "name", "spec.connectionStringSecretRef.name",
                          &spec->connection.name, err) &&
           read_string(secret, "key", "spec.connectionStringSecretRef.key", &spec->connection.key,
                       err);
}

static bool parse_secrets_manager(const json_t *json, struct database_spec *spec, struct error *err)
{
    const json_t *aws = document_at(json, "awsSecretsManager", NULL);
    const json_t *tags = document_at(aws, "tags", NULL);
    const json_t *value;
    const char *key;

    spec->description = mem_printf("Database credentials for %s", spec->database_name);
    if (!read_string(aws, "region", "spec.awsSecretsManager.region", &spec->region, err) ||
        !read_string(aws, "description", "spec.awsSecretsManager.description", &spec->description,
                     err))
        return false;
    if (tags == NULL)
        return true;
    if (!json_is_object(tags))
        return error_set(err, ERROR_INVALID, NULL, "spec.awsSecretsManager.tags must be a map");
    spec->tags = json_deep_copy(tags);
    json_object_foreach(spec->tags, key, value) {
        if (!json_is_string(value))
            return error_set(
                err, ERROR_INVALID, NULL,
                "the value of tag '%s' in spec.awsSecretsManager.tags must be a string", key);
    }
    return true;
}

/* An engine that this version does not have is refused later, with its own sentence. */
static bool parse_privileges(const json_t *json, struct database_spec *spec, struct error *err)
{
    const struct engine_driver *driver = engine_driver_find(spec->engine);

    spec->privileges.all = true;
    if (driver == NULL)
        return true;
    if (!engine_privileges_parse(driver->privileges, document_at(json, "privileges", NULL),
                                 &spec->privileges, err))
        return false;
    spec->privilege_words = engine_privileges_render(driver->privileges, &spec->privileges);
    return true;
}

bool database_parse_spec(struct database *database, struct error *err)
{
    const json_t *json = document_at(database->object, "spec", NULL);
    struct database_spec *spec = &database->spec;

    release_spec(spec);
    spec->retain_on_delete = document_boolean(json, "retainOnDelete", true);
    spec->adopt_existing_database = document_boolean(json, "adoptExistingDatabase", false);
    spec->suspend = document_boolean(json, "suspend", false);
    return parse_names(json, spec, err) && parse_connection(json, spec, err) &&
           parse_secrets_manager(json, spec, err) && parse_privileges(json, spec, err);
}

bool database_parse_template(struct database *database, struct error *err)
{
    const json_t *member = document_at(database->object, "spec", "secretTemplate", NULL);
    struct database_spec *spec = &database->spec;

    template_free(take(spec->secret_template));
    if (member == NULL || (json_is_string(member) && json_string_length(member) == 0))
        return true;
    if (!json_is_string(member))
        return error_set(err, ERROR_INVALID, NULL, "spec.secretTemplate must be a string");
    return template_parse(json_string_value(member), json_string_length(member),
                          &spec->secret_template, err) ||
           error_wrap(err, "spec.secretTemplate");
}

bool database_retains_on_delete(const struct database *database)
{
    return !json_is_false(document_at(database->object, "spec", "retainOnDelete", NULL));
}

struct kube_object_reference database_reference(const struct database *database)
{
    return (struct kube_object_reference){
        .resource = &database_resource,
        .namespace_name = database->namespace_name,
        .name = database->name,
    };
}

const char *database_annotation(const struct database *database, const char *key)
{
    return document_string(document_at(database->object, "metadata", "annotations", NULL), key);
}
