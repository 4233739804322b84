#include "controller/cluster_identity.h"

#include "base/document.h"
#include "base/memory.h"

#include <pthread.h>

struct cluster_identity {
    pthread_mutex_t lock;
    char *id; /* set once, never changed afterwards */
};

struct cluster_identity *cluster_identity_new(const char *given)
{
    struct cluster_identity *identity = mem_alloc(sizeof *identity);

    pthread_mutex_init(&identity->lock, NULL);
    if (given != NULL && given[0] != '\0')
        identity->id = mem_strdup(given);
    return identity;
}

void cluster_identity_free(struct cluster_identity *identity)
{
    if (identity == NULL)
        return;
    pthread_mutex_destroy(&identity->lock);
    free(identity->id);
    free(identity);
}

static bool read_uid(struct kube_client *client, char **ret_id, struct error *err)
{
    static const struct kube_resource namespaces = {.version = "v1", .plural = "namespaces"};
    struct kube_object_reference reference = {.resource = &namespaces, .name = "kube-system"};
    auto_json json_t *object = NULL;
    const char *uid;

    if (!kube_client_get(client, &reference, &object, err))
        return error_wrap(err, "reading the uid of namespace kube-system, which identifies this "
                               "cluster (or set --cluster-id)");
    uid = document_string(document_at(object, "metadata", NULL), "uid");
    if (uid == NULL)
        return error_set(err, ERROR_INTERNAL, NULL, "namespace kube-system has no uid");
    *ret_id = mem_strdup(uid);
    return true;
}

bool cluster_identity_get(struct cluster_identity *identity, struct kube_client *client,
                          const char **ret_id, struct error *err)
{
    auto_free char *id = NULL;

    pthread_mutex_lock(&identity->lock);
    *ret_id = identity->id;
    pthread_mutex_unlock(&identity->lock);
    if (*ret_id != NULL)
        return true;
    if (!read_uid(client, &id, err))
        return false;
    pthread_mutex_lock(&identity->lock);
    if (identity->id == NULL)
        identity->id = take(id);
    *ret_id = identity->id;
    pthread_mutex_unlock(&identity->lock);
    return true;
}
