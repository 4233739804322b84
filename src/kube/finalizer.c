/*
 * Finalizers by JSON Patch with tests (RFC 6902), so that nothing is added to or taken from an
 * object that is not the one that was read: not its successor of the same name (uid), and not a
 * version in which somebody else changed the list.
 *
 * A test for null passes when the member is absent; checked with API server 1.36.
 */
#include "base/document.h"
#include "kube/client.h"

#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 48 };

static void append_operation(json_t *patch, const char *operation, const char *path, json_t *value)
{
    json_t *step = json_object();

    json_object_set_new(step, "op", json_string(operation));
    json_object_set_new(step, "path", json_string(path));
    if (value != NULL)
        json_object_set_new(step, "value", value);
    json_array_append_new(patch, step);
}

static json_t *copy_or_null(const json_t *value)
{
    return value != NULL ? json_deep_copy(value) : json_null();
}

/* A patch that begins with the test that this is the object that was read. */
static json_t *begin_patch(const json_t *object)
{
    json_t *patch = json_array();

    append_operation(patch, "test", "/metadata/uid",
                     copy_or_null(document_at(object, "metadata", "uid", NULL)));
    return patch;
}

/* The observed list; NULL when it is absent or empty, which is the same to the server. */
static const json_t *finalizers_of(const json_t *object)
{
    const json_t *list = document_at(object, "metadata", "finalizers", NULL);

    return json_array_size(list) > 0 ? list : NULL;
}

static bool find_finalizer(const json_t *object, const char *finalizer, size_t *ret_index)
{
    const json_t *list = finalizers_of(object), *entry;
    size_t i;

    json_array_foreach(list, i, entry) {
        const char *name = json_string_value(entry);

        if (name != NULL && strcmp(name, finalizer) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

bool kube_client_add_finalizer(struct kube_client *client,
                               const struct kube_object_reference *reference, const json_t *object,
                               const char *finalizer, json_t **ret_object, struct error *err)
{
    const json_t *list = finalizers_of(object);
    auto_json json_t *patch = NULL;
    size_t index;

    if (find_finalizer(object, finalizer, &index)) {
        if (ret_object != NULL)
            *ret_object = json_deep_copy(object);
        return true;
    }
    patch = begin_patch(object);
    /* The server takes no new finalizer for an object that is being deleted. */
    append_operation(patch, "test", "/metadata/deletionTimestamp", json_null());
    append_operation(patch, "test", "/metadata/finalizers", copy_or_null(list));
    if (list == NULL)
        append_operation(patch, "add", "/metadata/finalizers", json_pack("[s]", finalizer));
    else
        append_operation(patch, "add", "/metadata/finalizers/-", json_string(finalizer));
    return kube_client_json_patch(client, reference, patch, ret_object, err);
}

bool kube_client_remove_finalizer(struct kube_client *client,
                                  const struct kube_object_reference *reference,
                                  const json_t *object, const char *finalizer, struct error *err)
{
    auto_json json_t *patch = NULL;
    struct error cause;
    char path[PATH_SIZE];
    size_t index;

    if (!find_finalizer(object, finalizer, &index))
        return true;
    snprintf(path, sizeof path, "/metadata/finalizers/%zu", index);
    patch = begin_patch(object);
    append_operation(patch, "test", path, json_string(finalizer));
    append_operation(patch, "remove", path, NULL);
    if (kube_client_json_patch(client, reference, patch, NULL, &cause) ||
        cause.kind == ERROR_NOT_FOUND)
        return true;
    *err = cause;
    return false;
}
