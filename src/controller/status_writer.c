#include "controller/status_writer.h"

#include "base/memory.h"
#include "controller/pass.h"

#include <string.h>

/* Owner of our fields in managedFields; must never change, or old fields would stay for ever. */
#define FIELD_MANAGER "database-user-operator"

enum { WRITE_ATTEMPTS = 4 };

static json_t *make_body(const struct pass *pass, const json_t *status)
{
    const struct database *database = &pass->database;
    json_t *body = json_object();
    json_t *metadata = json_object();

    document_set_string(body, "apiVersion", DATABASE_API_VERSION);
    document_set_string(body, "kind", DATABASE_KIND);
    document_set_string(metadata, "name", database->name);
    document_set_string(metadata, "namespace", database->namespace_name);
    document_set_string(metadata, "uid", database->uid);
    document_set_string(metadata, "resourceVersion", database->resource_version);
    json_object_set_new(body, "metadata", metadata);
    json_object_set_new(body, "status", json_deep_copy(status));
    return body;
}

static void take_resource_version(struct pass *pass, const json_t *object)
{
    const char *version = document_string(document_at(object, "metadata", NULL), "resourceVersion");

    if (version != NULL) {
        free(pass->database.resource_version);
        pass->database.resource_version = mem_strdup(version);
    }
}

/* After a conflict: the object again, if it is still the one that the pass was about. */
static bool read_again(struct pass *pass, struct error *err)
{
    struct kube_object_reference reference = database_reference(&pass->database);
    auto_json json_t *object = NULL;
    const json_t *metadata;
    const char *uid;

    if (!kube_client_get(pass->reconciler->kube, &reference, &object, err))
        return false;
    metadata = document_at(object, "metadata", NULL);
    uid = document_string(metadata, "uid");
    if (uid == NULL || strcmp(uid, pass->database.uid) != 0 ||
        document_integer(metadata, "generation", 0) != pass->database.generation)
        return error_set(err, ERROR_CONFLICT, "Changed",
                         "the resource changed while it was being reconciled");
    take_resource_version(pass, object);
    return true;
}

static bool write_once(struct pass *pass, const json_t *status, struct error *err)
{
    struct kube_object_reference reference = database_reference(&pass->database);
    auto_json json_t *body = make_body(pass, status);
    auto_json json_t *object = NULL;

    if (!kube_client_apply_status(pass->reconciler->kube, &reference, FIELD_MANAGER, body, &object,
                                  err))
        return false;
    take_resource_version(pass, object);
    return true;
}

bool status_write(struct pass *pass, struct error *err)
{
    auto_json json_t *status = database_status_render(&pass->status);

    if (json_equal(status, pass->status_before))
        return true;
    for (int attempt = 1; !write_once(pass, status, err); attempt++) {
        if (err->kind == ERROR_CONFLICT && attempt < WRITE_ATTEMPTS && read_again(pass, err))
            continue;
        return err->kind == ERROR_NOT_FOUND;
    }
    json_decref(pass->status_before);
    pass->status_before = take(status);
    return true;
}
