#include "http/connection_pool.h"

#include "base/memory.h"
#include "base/timesource.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct connection_pool {
    size_t idle_limit;
    uint32_t idle_timeout_ms;
    pthread_mutex_t lock;

    /* Below: guarded by lock.  Most recently used first. */
    struct connection *idle;
};

struct connection_pool *connection_pool_new(size_t idle_limit, uint32_t idle_timeout_ms)
{
    struct connection_pool *pool = mem_alloc(sizeof *pool);

    pool->idle_limit = idle_limit;
    pool->idle_timeout_ms = idle_timeout_ms;
    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

static void free_list(struct connection *list)
{
    while (list != NULL) {
        struct connection *next = list->next;

        connection_free(list);
        list = next;
    }
}

void connection_pool_free(struct connection_pool *pool)
{
    if (pool == NULL)
        return;
    free_list(pool->idle);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* Cuts off what is too old or too much.  Since the newest come first, that is the end of the list;
 * the caller closes it without the lock, for closing TLS talks to the network. */
static struct connection *detach_superfluous(struct connection_pool *pool)
{
    int64_t oldest = timesource_monotonic_ms(&timesource_system) - pool->idle_timeout_ms;
    struct connection **end = &pool->idle, *superfluous;

    for (size_t kept = 0; *end != NULL && kept < pool->idle_limit; kept++) {
        if ((*end)->idle_since_ms < oldest)
            break;
        end = &(*end)->next;
    }
    superfluous = *end;
    *end = NULL;
    return superfluous;
}

static struct connection *detach_idle(struct connection_pool *pool, const char *identity)
{
    for (struct connection **at = &pool->idle; *at != NULL; at = &(*at)->next) {
        struct connection *connection = *at;

        if (strcmp(connection->identity, identity) == 0) {
            *at = connection->next;
            connection->next = NULL;
            return connection;
        }
    }
    return NULL;
}

static struct connection *connection_new(const char *identity)
{
    struct connection *connection = mem_alloc(sizeof *connection);

    memcpy(connection->identity, identity, CONNECTION_IDENTITY_SIZE);
    connection->easy = curl_easy_init();
    connection->multi = curl_multi_init();
    if (connection->easy == NULL || connection->multi == NULL)
        abort(); /* our allocator never fails, so descriptors have run out: a restart cures it */
    curl_multi_setopt(connection->multi, CURLMOPT_MAXCONNECTS, 1L);
    return connection;
}

struct connection *connection_pool_take(struct connection_pool *pool,
                                        const char identity[static CONNECTION_IDENTITY_SIZE])
{
    struct connection *connection, *superfluous;

    pthread_mutex_lock(&pool->lock);
    superfluous = detach_superfluous(pool);
    connection = detach_idle(pool, identity);
    pthread_mutex_unlock(&pool->lock);
    free_list(superfluous);
    return connection != NULL ? connection : connection_new(identity);
}

void connection_pool_give_back(struct connection_pool *pool, struct connection *connection)
{
    struct connection *superfluous;

    curl_easy_reset(connection->easy); /* nothing of the request stays, headers least of all */
    pthread_mutex_lock(&pool->lock);
    connection->idle_since_ms = timesource_monotonic_ms(&timesource_system);
    connection->next = pool->idle;
    pool->idle = connection;
    superfluous = detach_superfluous(pool);
    pthread_mutex_unlock(&pool->lock);
    free_list(superfluous);
}

void connection_free(struct connection *connection)
{
    if (connection == NULL)
        return;
    curl_easy_cleanup(connection->easy);
    curl_multi_cleanup(connection->multi);
    free(connection);
}
