#include "controller/secret_watch.h"

#include "base/document.h"
#include "base/memory.h"

#include <stdlib.h>

/* The types that clusters have in masses and that cannot hold an admin connection are left out by
 * the server itself.  A resource that names one all the same gets a pass for each new list. */
#define FIELD_SELECTOR "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token"

static const struct kube_resource secret_resource = {.version = "v1", .plural = "secrets"};

struct secret_watch {
    struct secret_watch_options options;
    struct kube_reflector *reflector;
    uint32_t round; /* number of the present list; the reflector's thread alone */
};

static bool see(struct secret_watch *watch, const json_t *object, secret_version version)
{
    const struct secret_watch_options *options = &watch->options;
    const json_t *metadata = document_at(object, "metadata", NULL);
    const char *namespace_name = document_string(metadata, "namespace");
    const char *name = document_string(metadata, "name");
    auto_free char *key = NULL;

    if (namespace_name == NULL || name == NULL)
        return false;
    key = mem_printf("%s/%s", namespace_name, name);
    secret_index_see(options->index, key, version, watch->round, options->wake, options->context);
    return true;
}

static void begin_round(void *context)
{
    struct secret_watch *watch = context;

    watch->round++;
}

static bool take_present(void *context, const json_t *object)
{
    return see(context, object, secret_version_of(object));
}

static bool take_deleted(void *context, const json_t *object)
{
    return see(context, object, SECRET_ABSENT);
}

static void finish_round(void *context)
{
    struct secret_watch *watch = context;
    const struct secret_watch_options *options = &watch->options;

    secret_index_finish_round(options->index, options->source.namespace_name, watch->round,
                              options->wake, options->context);
}

struct secret_watch *secret_watch_new(const struct secret_watch_options *options)
{
    static const struct kube_reflector_handler handler = {
        .list_begins = begin_round,
        .listed = take_present,
        .list_complete = finish_round,
        .changed = take_present,
        .deleted = take_deleted,
    };
    struct secret_watch *watch = mem_alloc(sizeof *watch);

    watch->options = *options;
    watch->options.source.resource = &secret_resource;
    watch->options.source.field_selector = FIELD_SELECTOR;
    watch->options.source.metadata_only = true;
    watch->reflector = kube_reflector_new(&watch->options.source, &handler, watch);
    return watch;
}

void secret_watch_start(struct secret_watch *watch)
{
    kube_reflector_start(watch->reflector);
}

void secret_watch_stop(struct secret_watch *watch)
{
    kube_reflector_stop(watch->reflector);
}

void secret_watch_free(struct secret_watch *watch)
{
    if (watch == NULL)
        return;
    kube_reflector_free(watch->reflector);
    free(watch);
}

bool secret_watch_has_synced(const struct secret_watch *watch)
{
    return kube_reflector_has_synced(watch->reflector);
}
