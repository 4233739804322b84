/*
 * The objects that an informer knows, by namespace and name.  Only the informer's thread changes
 * it; everybody may read it.  Inside the kube room only.
 */
#ifndef KUBE_STORE_H
#define KUBE_STORE_H

#include "base/compiler.h"
#include "kube/informer.h"

#include <stdbool.h>
#include <stddef.h>

struct kube_store;

/* Frees what the user made of an object; may be NULL. */
typedef void (*kube_projection_free_fn)(void *projection);

struct kube_store *kube_store_new(kube_projection_free_fn free_projection) returns_owned;
void kube_store_free(struct kube_store *store);

/* Makes an entry of an object's metadata, with this projection; NULL (and the projection freed)
 * when the object has no name or uid. */
struct kube_entry *kube_store_make_entry(const struct kube_store *store, const json_t *object,
                                         void *projection) must_check;
void kube_store_free_entry(const struct kube_store *store, struct kube_entry *entry);

/* Puts the entry (which it owns from now on) in the place of one with its namespace and name, which
 * becomes the caller's, or NULL. */
struct kube_entry *kube_store_replace(struct kube_store *store, struct kube_entry *entry)
    must_check;
/* Takes an entry out, for the caller to free; NULL when there is none. */
struct kube_entry *kube_store_take(struct kube_store *store, const char *namespace_name,
                                   const char *name) must_check;
/* Empties the store, handing each entry to `on_entry`, which frees it; without the lock. */
void kube_store_drain(struct kube_store *store,
                      void (*on_entry)(void *context, struct kube_entry *entry), void *context);
/* The entry after this one (NULL = the first) in an arbitrary order, or NULL; for the informer's
 * thread, and only while nothing is put in or taken out. */
const struct kube_entry *kube_store_next(const struct kube_store *store,
                                         const struct kube_entry *entry);
/* Exchanges the contents of two stores at once. */
void kube_store_swap(struct kube_store *store, struct kube_store *other);

/* Thread-safe. */
size_t kube_store_count(struct kube_store *store);
/* Calls `visit` for each entry under the store's lock. */
void kube_store_for_each(struct kube_store *store,
                         void (*visit)(void *context, const struct kube_entry *entry),
                         void *context);

#endif
