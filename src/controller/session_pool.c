#include "controller/session_pool.h"

#include "base/condition_variable.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    IDLE_LIMIT = 2,
    IDLE_TIMEOUT_MS = 5 * 1000,
    AGE_LIMIT_MS = 60 * 1000,
    TOTAL_LIMIT = 256, /* descriptors are finite, however many servers there are */
};

struct session_pool {
    struct session_pool_options options;
    pthread_t closer;
    pthread_mutex_t lock;
    pthread_cond_t changed;

    /* Below: guarded by lock.  Most recently used first. */
    struct admin_session *idle;
    bool is_ending;
};

/* --- Sessions -------------------------------------------------------------------------------- */

bool admin_session_open(const struct engine_driver *driver,
                        const struct admin_connection *connection,
                        const struct engine_connect_request *request,
                        struct admin_session **ret_session, struct error *err)
{
    struct admin_session *session = mem_alloc(sizeof *session);
    struct engine_connect_request own = *request;

    session->driver = driver;
    admin_connection_copy(&session->connection, connection);
    own.server = &session->connection.server;
    own.ca_pem = session->connection.ca_pem;
    if (!driver->connect(&own, &session->engine, err)) {
        admin_session_close(session);
        return false;
    }
    session->opened_ms = timesource_monotonic_ms(request->timesource);
    *ret_session = session;
    return true;
}

void admin_session_close(struct admin_session *session)
{
    if (session == NULL)
        return;
    if (session->engine != NULL)
        session->driver->disconnect(session->engine);
    admin_connection_release(&session->connection);
    free(session);
}

static void close_list(struct admin_session *list)
{
    while (list != NULL) {
        struct admin_session *next = list->next;

        admin_session_close(list);
        list = next;
    }
}

/* Nobody can make a database from a template in which a session sits. */
static bool may_be_idle(const struct admin_session *session)
{
    const char *database = session->connection.server.database;

    return database == NULL || strncmp(database, "template", strlen("template")) != 0;
}

/* --- The list; the lock is held -------------------------------------------------------------- */

static int64_t expires_ms(const struct session_pool *pool, const struct admin_session *session)
{
    int64_t by_idling = session->idle_since_ms + pool->options.idle_timeout_ms;
    int64_t by_age = session->opened_ms + pool->options.age_limit_ms;

    return by_idling < by_age ? by_idling : by_age;
}

static bool is_like(const struct admin_session *session, const struct engine_driver *driver,
                    const struct admin_connection *connection)
{
    return session->driver == driver && admin_connection_equals(&session->connection, connection);
}

/* Moves the session at *at to the list *to. */
static void move(struct admin_session **at, struct admin_session **to)
{
    struct admin_session *session = *at;

    *at = session->next;
    session->next = *to;
    *to = session;
}

/* The caller closes them without the lock, for closing talks to the network. */
static struct admin_session *detach_expired(struct session_pool *pool)
{
    int64_t now = timesource_monotonic_ms(pool->options.timesource);
    struct admin_session *expired = NULL;

    for (struct admin_session **at = &pool->idle; *at != NULL;) {
        if (expires_ms(pool, *at) <= now)
            move(at, &expired);
        else
            at = &(*at)->next;
    }
    return expired;
}

static struct admin_session *detach_like(struct session_pool *pool,
                                         const struct engine_driver *driver,
                                         const struct admin_connection *connection, bool all)
{
    struct admin_session *found = NULL;

    for (struct admin_session **at = &pool->idle; *at != NULL && (all || found == NULL);) {
        if (is_like(*at, driver, connection))
            move(at, &found);
        else
            at = &(*at)->next;
    }
    return found;
}

static bool has_room_for(const struct session_pool *pool, const struct admin_session *newcomer)
{
    size_t alike = 0, total = 0;

    for (const struct admin_session *at = pool->idle; at != NULL; at = at->next) {
        total++;
        if (is_like(at, newcomer->driver, &newcomer->connection))
            alike++;
    }
    return alike < pool->options.idle_limit && total < TOTAL_LIMIT;
}

/* --- Closing what is idle for long ----------------------------------------------------------- */

static void wait_for_change(struct session_pool *pool)
{
    int64_t first = INT64_MAX, now = timesource_monotonic_ms(pool->options.timesource);
    struct timespec deadline;

    for (const struct admin_session *at = pool->idle; at != NULL; at = at->next) {
        if (expires_ms(pool, at) < first)
            first = expires_ms(pool, at);
    }
    if (pool->idle == NULL) {
        pthread_cond_wait(&pool->changed, &pool->lock);
        return;
    }
    deadline = condition_variable_deadline(first > now ? first - now : 0);
    pthread_cond_timedwait(&pool->changed, &pool->lock, &deadline);
}

static void *run_closer(void *context)
{
    struct session_pool *pool = context;

    pthread_mutex_lock(&pool->lock);
    while (!pool->is_ending) {
        struct admin_session *expired = detach_expired(pool);

        if (expired == NULL) {
            wait_for_change(pool);
            continue;
        }
        pthread_mutex_unlock(&pool->lock);
        close_list(expired);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* --- The pool -------------------------------------------------------------------------------- */

struct session_pool *session_pool_new(const struct session_pool_options *options)
{
    struct session_pool *pool = mem_alloc(sizeof *pool);

    pool->options = *options;
    if (options->idle_limit == 0)
        pool->options.idle_limit = IDLE_LIMIT;
    if (options->idle_timeout_ms == 0)
        pool->options.idle_timeout_ms = IDLE_TIMEOUT_MS;
    if (options->age_limit_ms == 0)
        pool->options.age_limit_ms = AGE_LIMIT_MS;
    pthread_mutex_init(&pool->lock, NULL);
    condition_variable_init(&pool->changed);
    if (pthread_create(&pool->closer, NULL, run_closer, pool) != 0)
        abort(); /* no threads at start: nothing can work */
    return pool;
}

void session_pool_free(struct session_pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    pthread_join(pool->closer, NULL);
    close_list(pool->idle);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* Where one cannot be reset, the server was restarted or is gone, and the others are no better. */
struct admin_session *session_pool_take(struct session_pool *pool,
                                        const struct engine_driver *driver,
                                        const struct admin_connection *connection)
{
    struct admin_session *expired, *session;
    struct error ignored;

    pthread_mutex_lock(&pool->lock);
    expired = detach_expired(pool);
    session = detach_like(pool, driver, connection, false);
    pthread_mutex_unlock(&pool->lock);
    close_list(expired);
    if (session == NULL)
        return NULL;
    session->next = NULL;
    if (driver->reset(session->engine, &ignored))
        return session;
    admin_session_close(session);
    pthread_mutex_lock(&pool->lock);
    expired = detach_like(pool, driver, connection, true);
    pthread_mutex_unlock(&pool->lock);
    close_list(expired);
    return NULL;
}

void session_pool_give_back(struct session_pool *pool, struct admin_session *session)
{
    bool kept;

    pthread_mutex_lock(&pool->lock);
    kept = may_be_idle(session) && has_room_for(pool, session);
    if (kept) {
        session->idle_since_ms = timesource_monotonic_ms(pool->options.timesource);
        session->next = pool->idle;
        pool->idle = session;
        pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    if (!kept)
        admin_session_close(session);
}
