#include "controller/watches.h"

#include "base/memory.h"

#include <stdlib.h>

struct watched_namespace {
    struct kube_informer *databases;
    struct secret_watch *secrets;
};

struct watches {
    struct watched_namespace *namespaces;
    size_t count;
};

struct watches *watches_new(const struct watch_scope *scope,
                            const struct kube_informer_options *databases,
                            const struct secret_watch_options *secrets)
{
    struct watches *watches = mem_alloc(sizeof *watches);
    struct kube_informer_options of_databases = *databases;
    struct secret_watch_options of_secrets = *secrets;

    watches->count = watch_scope_count(scope);
    watches->namespaces = mem_alloc_array(watches->count, sizeof *watches->namespaces);
    of_databases.source.label_selector = watch_scope_selector(scope);
    for (size_t i = 0; i < watches->count; i++) {
        of_databases.source.namespace_name = watch_scope_namespace(scope, i);
        of_secrets.source.namespace_name = watch_scope_namespace(scope, i);
        watches->namespaces[i].databases = kube_informer_new(&of_databases);
        watches->namespaces[i].secrets = secret_watch_new(&of_secrets);
    }
    return watches;
}

void watches_start(struct watches *watches)
{
    for (size_t i = 0; i < watches->count; i++) {
        secret_watch_start(watches->namespaces[i].secrets);
        kube_informer_start(watches->namespaces[i].databases);
    }
}

void watches_stop(struct watches *watches)
{
    for (size_t i = 0; i < watches->count; i++) {
        kube_informer_stop(watches->namespaces[i].databases);
        secret_watch_stop(watches->namespaces[i].secrets);
    }
}

void watches_free(struct watches *watches)
{
    if (watches == NULL)
        return;
    for (size_t i = 0; i < watches->count; i++) {
        kube_informer_free(watches->namespaces[i].databases);
        secret_watch_free(watches->namespaces[i].secrets);
    }
    free(watches->namespaces);
    free(watches);
}

bool watches_have_synced(const struct watches *watches)
{
    for (size_t i = 0; i < watches->count; i++) {
        if (!kube_informer_has_synced(watches->namespaces[i].databases) ||
            !secret_watch_has_synced(watches->namespaces[i].secrets))
            return false;
    }
    return true;
}
