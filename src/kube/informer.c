/*
 * The store of what a reflector hands over.  Only the reflector's thread changes it, and it tells
 * the handler of a change after the store has it and without holding the store's lock.
 */
#include "kube/informer.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "kube/informer_metrics.h"
#include "kube/store.h"

#include <stdlib.h>
#include <string.h>

struct kube_informer {
    struct kube_informer_options options;
    struct kube_reflector *reflector;
    struct informer_metrics metrics;
    struct kube_store *store;
    struct kube_store *staging; /* of a list, until its last page has come; the thread's alone */
};

/* ---- telling of changes ---- */

/* Several informers of one resource share the gauge, so it is moved and not set. */
static void tell(struct kube_informer *informer, enum kube_change change,
                 const struct kube_entry *before, const struct kube_entry *after, bool from_list)
{
    int more = (after != NULL) - (before != NULL);

    if (more != 0)
        metric_add(informer->metrics.objects, more, informer->metrics.resource, NULL);
    informer->options.on_change(informer->options.context, change, before, after, from_list);
}

/* Another uid under the same name is another object: the former one was deleted unseen. */
static void tell_of_new(struct kube_informer *informer, const struct kube_entry *before,
                        const struct kube_entry *after, bool from_list)
{
    if (before != NULL && strcmp(before->uid, after->uid) != 0) {
        tell(informer, KUBE_DELETED, before, NULL, from_list);
        before = NULL;
    }
    if (before == NULL)
        tell(informer, KUBE_ADDED, NULL, after, from_list);
    else if (strcmp(before->resource_version, after->resource_version) != 0)
        tell(informer, KUBE_MODIFIED, before, after, from_list);
}

static struct kube_entry *make_entry(struct kube_informer *informer, const json_t *object)
{
    const struct kube_informer_options *options = &informer->options;
    void *projection = options->project != NULL ? options->project(options->context, object) : NULL;

    return kube_store_make_entry(informer->store, object, projection);
}

/* ---- what the reflector hands over ---- */

static void begin_staging(void *context)
{
    struct kube_informer *informer = context;

    kube_store_free(informer->staging);
    informer->staging = kube_store_new(informer->options.free_projection);
}

static bool stage(void *context, const json_t *object)
{
    struct kube_informer *informer = context;
    struct kube_entry *entry = make_entry(informer, object);

    if (entry == NULL)
        return false;
    kube_store_free_entry(informer->staging, kube_store_replace(informer->staging, entry));
    return true;
}

static void tell_of_deleted(void *context, struct kube_entry *entry)
{
    struct kube_informer *informer = context;

    tell(informer, KUBE_DELETED, entry, NULL, true);
    kube_store_free_entry(informer->store, entry);
}

/* The new list takes the place of the store at once; then the differences are told. */
static void publish(void *context)
{
    struct kube_informer *informer = context;
    struct kube_store *former = take(informer->staging);
    const struct kube_entry *after = NULL;

    kube_store_swap(informer->store, former);
    while ((after = kube_store_next(informer->store, after)) != NULL) {
        struct kube_entry *before = kube_store_take(former, after->namespace_name, after->name);

        tell_of_new(informer, before, after, true);
        kube_store_free_entry(former, before);
    }
    kube_store_drain(former, tell_of_deleted, informer);
    kube_store_free(former);
    log_debug(informer->options.source.log, "listed %zu %s", kube_store_count(informer->store),
              informer->metrics.resource);
}

static bool upsert(void *context, const json_t *object)
{
    struct kube_informer *informer = context;
    struct kube_entry *after = make_entry(informer, object), *before;

    if (after == NULL)
        return false;
    before = kube_store_replace(informer->store, after);
    tell_of_new(informer, before, after, false);
    kube_store_free_entry(informer->store, before);
    return true;
}

static bool remove_object(void *context, const json_t *object)
{
    struct kube_informer *informer = context;
    const json_t *metadata = document_at(object, "metadata", NULL);
    const char *name = document_string(metadata, "name");
    const char *namespace_name = document_string(metadata, "namespace");
    struct kube_entry *before;

    if (name == NULL)
        return false;
    before = kube_store_take(informer->store, namespace_name != NULL ? namespace_name : "", name);
    if (before != NULL)
        tell(informer, KUBE_DELETED, before, NULL, false);
    kube_store_free_entry(informer->store, before);
    return true;
}

/* ---- life cycle ---- */

struct kube_informer *kube_informer_new(const struct kube_informer_options *options)
{
    static const struct kube_reflector_handler handler = {
        .list_begins = begin_staging,
        .listed = stage,
        .list_complete = publish,
        .changed = upsert,
        .deleted = remove_object,
    };
    struct kube_informer *informer = mem_alloc(sizeof *informer);

    informer->options = *options;
    informer->reflector = kube_reflector_new(&options->source, &handler, informer);
    informer->store = kube_store_new(options->free_projection);
    informer_metrics_init(&informer->metrics, options->source.metrics,
                          options->source.resource->plural);
    return informer;
}

void kube_informer_start(struct kube_informer *informer)
{
    kube_reflector_start(informer->reflector);
}

void kube_informer_stop(struct kube_informer *informer)
{
    kube_reflector_stop(informer->reflector);
}

void kube_informer_free(struct kube_informer *informer)
{
    if (informer == NULL)
        return;
    kube_reflector_free(informer->reflector);
    kube_store_free(informer->staging);
    kube_store_free(informer->store);
    free(informer);
}

bool kube_informer_has_synced(const struct kube_informer *informer)
{
    return kube_reflector_has_synced(informer->reflector);
}

size_t kube_informer_count(struct kube_informer *informer)
{
    return kube_store_count(informer->store);
}

void kube_informer_for_each(struct kube_informer *informer,
                            void (*visit)(void *context, const struct kube_entry *entry),
                            void *context)
{
    kube_store_for_each(informer->store, visit, context);
}
