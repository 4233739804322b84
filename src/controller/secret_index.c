#include "controller/secret_index.h"

#include "base/document.h"
#include "base/memory.h"
#include "kube/hash_table.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* One resource that names a Secret. */
struct user {
    struct hash_link link;
    struct named_secret *secret;
    struct user *next, *previous; /* of the same Secret */
    secret_version version;       /* that it has read */
    char database_key[];
};

/* One Secret that is named; mostly by one resource. */
struct named_secret {
    struct hash_link link;
    struct user *first;
    uint32_t round; /* when it was last seen */
    char key[];
};

struct secret_index {
    pthread_mutex_t lock;
    struct hash_table secrets; /* by key */
    struct hash_table users;   /* by the keys of both */
};

/* Resources to wake once the lock is free. */
struct waking {
    char **keys;
    size_t count;
};

secret_version secret_version_of(const json_t *object)
{
    const json_t *metadata = document_at(object, "metadata", NULL);
    const char *uid = document_string(metadata, "uid");
    const char *version = document_string(metadata, "resourceVersion");
    uint64_t digest = hash_texts(uid != NULL ? uid : "", version != NULL ? version : "", NULL);

    return digest > SECRET_ABSENT ? digest : digest + SECRET_ABSENT + 1;
}

/* --- The tables ------------------------------------------------------------------------------ */

struct pair {
    const char *secret_key, *database_key;
};

static uint64_t hash_pair(const struct pair *pair)
{
    return hash_texts(pair->secret_key, pair->database_key, NULL);
}

static bool is_secret(const struct hash_link *link, const void *key)
{
    return strcmp(hash_entry(link, struct named_secret, link)->key, key) == 0;
}

static bool is_user(const struct hash_link *link, const void *key)
{
    const struct user *user = hash_entry(link, struct user, link);
    const struct pair *pair = key;

    return strcmp(user->database_key, pair->database_key) == 0 &&
           strcmp(user->secret->key, pair->secret_key) == 0;
}

static struct named_secret *find_secret(const struct secret_index *index, const char *key)
{
    struct hash_link *link =
        hash_table_find(&index->secrets, hash_texts(key, NULL), is_secret, key);

    return link != NULL ? hash_entry(link, struct named_secret, link) : NULL;
}

static struct user *find_user(const struct secret_index *index, const struct pair *pair)
{
    struct hash_link *link = hash_table_find(&index->users, hash_pair(pair), is_user, pair);

    return link != NULL ? hash_entry(link, struct user, link) : NULL;
}

static struct named_secret *find_or_add_secret(struct secret_index *index, const char *key)
{
    struct named_secret *secret = find_secret(index, key);

    if (secret != NULL)
        return secret;
    secret = mem_alloc(sizeof *secret + strlen(key) + 1);
    memcpy(secret->key, key, strlen(key) + 1);
    hash_table_insert(&index->secrets, &secret->link, hash_texts(key, NULL));
    return secret;
}

static void add_user(struct secret_index *index, const struct pair *pair)
{
    size_t size = strlen(pair->database_key) + 1;
    struct user *user = mem_alloc(sizeof *user + size);

    memcpy(user->database_key, pair->database_key, size);
    user->secret = find_or_add_secret(index, pair->secret_key);
    user->next = user->secret->first;
    if (user->next != NULL)
        user->next->previous = user;
    user->secret->first = user;
    hash_table_insert(&index->users, &user->link, hash_pair(pair));
}

static void remove_user(struct secret_index *index, struct user *user)
{
    struct named_secret *secret = user->secret;

    if (user->next != NULL)
        user->next->previous = user->previous;
    if (user->previous != NULL)
        user->previous->next = user->next;
    else
        secret->first = user->next;
    hash_table_remove(&index->users, &user->link);
    free(user);
    if (secret->first == NULL) {
        hash_table_remove(&index->secrets, &secret->link);
        free(secret);
    }
}

struct secret_index *secret_index_new(void)
{
    struct secret_index *index = mem_alloc(sizeof *index);

    pthread_mutex_init(&index->lock, NULL);
    return index;
}

void secret_index_free(struct secret_index *index)
{
    struct hash_link *link, *next;

    if (index == NULL)
        return;
    for (link = hash_table_next(&index->users, NULL); link != NULL; link = next) {
        next = hash_table_next(&index->users, link);
        remove_user(index, hash_entry(link, struct user, link));
    }
    hash_table_release(&index->users);
    hash_table_release(&index->secrets);
    pthread_mutex_destroy(&index->lock);
    free(index);
}

/* --- Who names what -------------------------------------------------------------------------- */

void secret_index_add(struct secret_index *index, const char *secret_key, const char *database_key)
{
    const struct pair pair = {secret_key, database_key};

    pthread_mutex_lock(&index->lock);
    if (find_user(index, &pair) == NULL)
        add_user(index, &pair);
    pthread_mutex_unlock(&index->lock);
}

void secret_index_remove(struct secret_index *index, const char *secret_key,
                         const char *database_key)
{
    struct user *user;

    pthread_mutex_lock(&index->lock);
    user = find_user(index, &(struct pair){secret_key, database_key});
    if (user != NULL)
        remove_user(index, user);
    pthread_mutex_unlock(&index->lock);
}

void secret_index_note_read(struct secret_index *index, const char *secret_key,
                            const char *database_key, secret_version version)
{
    struct user *user;

    pthread_mutex_lock(&index->lock);
    user = find_user(index, &(struct pair){secret_key, database_key});
    if (user != NULL)
        user->version = version;
    pthread_mutex_unlock(&index->lock);
}

/* --- Who is woken ---------------------------------------------------------------------------- */

static void collect(struct waking *waking, const struct named_secret *secret,
                    secret_version version)
{
    for (const struct user *user = secret->first; user != NULL; user = user->next) {
        if (user->version == SECRET_NEVER_READ || user->version == version)
            continue;
        waking->keys = mem_resize_array(waking->keys, waking->count + 1, sizeof *waking->keys);
        waking->keys[waking->count++] = mem_strdup(user->database_key);
    }
}

static void wake_all(struct waking *waking, secret_index_wake_fn wake, void *context)
{
    for (size_t i = 0; i < waking->count; i++) {
        wake(context, waking->keys[i]);
        free(waking->keys[i]);
    }
    free(waking->keys);
}

void secret_index_see(struct secret_index *index, const char *secret_key, secret_version version,
                      uint32_t round, secret_index_wake_fn wake, void *context)
{
    struct waking waking = {0};
    struct named_secret *secret;

    pthread_mutex_lock(&index->lock);
    secret = find_secret(index, secret_key);
    if (secret != NULL) {
        secret->round = round;
        collect(&waking, secret, version);
    }
    pthread_mutex_unlock(&index->lock);
    wake_all(&waking, wake, context);
}

static bool is_in(const char *key, const char *namespace_name)
{
    size_t length = namespace_name != NULL ? strlen(namespace_name) : 0;

    return namespace_name == NULL ||
           (strncmp(key, namespace_name, length) == 0 && key[length] == '/');
}

void secret_index_finish_round(struct secret_index *index, const char *namespace_name,
                               uint32_t round, secret_index_wake_fn wake, void *context)
{
    struct waking waking = {0};
    const struct hash_link *link = NULL;

    pthread_mutex_lock(&index->lock);
    while ((link = hash_table_next(&index->secrets, link)) != NULL) {
        const struct named_secret *secret = hash_entry(link, struct named_secret, link);

        if (secret->round != round && is_in(secret->key, namespace_name))
            collect(&waking, secret, SECRET_ABSENT);
    }
    pthread_mutex_unlock(&index->lock);
    wake_all(&waking, wake, context);
}
