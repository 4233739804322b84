#include "controller/secret_index.h"

#include "base/memory.h"

#include <pthread.h>
#include <search.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One Secret and the resources that name it; mostly one. */
struct secret_users {
    char *secret_key;
    char **database_keys;
    size_t count;
};

struct secret_index {
    pthread_mutex_t lock;
    void *root; /* tree of secret_users by secret_key (tsearch) */
};

struct secret_index *secret_index_new(void)
{
    struct secret_index *index = mem_alloc(sizeof *index);

    pthread_mutex_init(&index->lock, NULL);
    return index;
}

static void free_keys(char **keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(keys[i]);
    free(keys);
}

static void free_users(void *pointer)
{
    struct secret_users *users = pointer;

    free_keys(users->database_keys, users->count);
    free(users->secret_key);
    free(users);
}

void secret_index_free(struct secret_index *index)
{
    if (index == NULL)
        return;
    tdestroy(index->root, free_users);
    pthread_mutex_destroy(&index->lock);
    free(index);
}

static int compare(const void *a, const void *b)
{
    const struct secret_users *left = a, *right = b;

    return strcmp(left->secret_key, right->secret_key);
}

static struct secret_users *find(struct secret_index *index, const char *secret_key)
{
    struct secret_users wanted = {.secret_key = (char *)(uintptr_t)secret_key};
    struct secret_users **node = tfind(&wanted, &index->root, compare);

    return node != NULL ? *node : NULL;
}

static size_t position(const struct secret_users *users, const char *database_key)
{
    size_t i = 0;

    while (i < users->count && strcmp(users->database_keys[i], database_key) != 0)
        i++;
    return i;
}

void secret_index_add(struct secret_index *index, const char *secret_key, const char *database_key)
{
    struct secret_users *users;

    pthread_mutex_lock(&index->lock);
    users = find(index, secret_key);
    if (users == NULL) {
        users = mem_alloc(sizeof *users);
        users->secret_key = mem_strdup(secret_key);
        if (tsearch(users, &index->root, compare) == NULL)
            abort(); /* out of memory */
    }
    if (position(users, database_key) == users->count) {
        users->database_keys =
            mem_resize_array(users->database_keys, users->count + 1, sizeof *users->database_keys);
        users->database_keys[users->count++] = mem_strdup(database_key);
    }
    pthread_mutex_unlock(&index->lock);
}

void secret_index_remove(struct secret_index *index, const char *secret_key,
                         const char *database_key)
{
    struct secret_users *users;
    size_t i;

    pthread_mutex_lock(&index->lock);
    users = find(index, secret_key);
    if (users != NULL && (i = position(users, database_key)) < users->count) {
        free(users->database_keys[i]);
        users->database_keys[i] = users->database_keys[--users->count];
        if (users->count == 0) {
            tdelete(users, &index->root, compare);
            free_users(users);
        }
    }
    pthread_mutex_unlock(&index->lock);
}

void secret_index_visit(struct secret_index *index, const char *secret_key,
                        void (*visit)(void *context, const char *database_key), void *context)
{
    const struct secret_users *users;
    char **keys = NULL;
    size_t count = 0;

    pthread_mutex_lock(&index->lock);
    users = find(index, secret_key);
    if (users != NULL) {
        keys = mem_alloc_array(users->count, sizeof *keys);
        for (count = 0; count < users->count; count++)
            keys[count] = mem_strdup(users->database_keys[count]);
    }
    pthread_mutex_unlock(&index->lock);
    for (size_t i = 0; i < count; i++)
        visit(context, keys[i]);
    free_keys(keys, count);
}
