#include "controller/circuits.h"

#include "base/memory.h"
#include "kube/hash_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    FAILURES_LIMIT = 2,
    /* A server that nobody asked for so long is forgotten. */
    KEEP_MS = 2 * 60 * 60 * 1000,
    /* Users of a cluster name the ways; of more than so many the one that failed first goes. */
    WAYS_LIMIT = 64,
};

static const struct backoff_policy default_backoff = {
    .first_ms = 1000,
    .limit_ms = 60 * 1000,
    .jitter_percent = 20,
};

/* One that is there has failed. */
struct circuit {
    struct circuit *next; /* way into the same server; the latest first */
    unsigned failures;    /* in a row */
    unsigned openings;    /* in a row; 0 = closed */
    bool is_probed;       /* somebody tries it while it is open */
    int64_t failing_since_us;
    int64_t closed_until_ms; /* nobody is let through until then */
    char *last_failure;
    char way[];
};

struct server {
    struct hash_link link;
    struct circuit *circuits;
    int64_t used_ms;
    char name[];
};

struct circuits {
    struct circuits_options options;
    pthread_mutex_t lock;
    struct hash_table servers; /* guarded by lock, with everything in it */
};

struct circuits *circuits_new(const struct circuits_options *options)
{
    struct circuits *circuits = mem_alloc(sizeof *circuits);

    circuits->options = *options;
    if (options->backoff.first_ms == 0)
        circuits->options.backoff = default_backoff;
    if (options->failures_limit == 0)
        circuits->options.failures_limit = FAILURES_LIMIT;
    pthread_mutex_init(&circuits->lock, NULL);
    return circuits;
}

static void free_circuit(struct circuit *circuit)
{
    free(circuit->last_failure);
    free(circuit);
}

static void free_server(struct circuits *circuits, struct server *server)
{
    struct circuit *next;

    for (struct circuit *circuit = server->circuits; circuit != NULL; circuit = next) {
        next = circuit->next;
        free_circuit(circuit);
    }
    hash_table_remove(&circuits->servers, &server->link);
    free(server);
}

void circuits_free(struct circuits *circuits)
{
    struct hash_link *link;

    if (circuits == NULL)
        return;
    while ((link = hash_table_next(&circuits->servers, NULL)) != NULL)
        free_server(circuits, hash_entry(link, struct server, link));
    hash_table_release(&circuits->servers);
    pthread_mutex_destroy(&circuits->lock);
    free(circuits);
}

/* --- Finding; the lock is held --------------------------------------------------------------- */

static int64_t now_ms(const struct circuits *circuits)
{
    return timesource_monotonic_ms(circuits->options.timesource);
}

static bool has_name(const struct hash_link *link, const void *name)
{
    return strcmp(hash_entry(link, struct server, link)->name, name) == 0;
}

static bool is_probed(const struct server *server)
{
    for (const struct circuit *circuit = server->circuits; circuit != NULL; circuit = circuit->next)
        if (circuit->is_probed)
            return true;
    return false;
}

static void forget_unused(struct circuits *circuits)
{
    int64_t oldest = now_ms(circuits) - KEEP_MS;
    struct hash_link *link, *next;

    for (link = hash_table_next(&circuits->servers, NULL); link != NULL; link = next) {
        struct server *server = hash_entry(link, struct server, link);

        next = hash_table_next(&circuits->servers, link);
        if (server->used_ms < oldest && !is_probed(server))
            free_server(circuits, server);
    }
}

static struct server *make_server(struct circuits *circuits, const char *name)
{
    size_t size = strlen(name) + 1;
    struct server *server = mem_alloc(sizeof *server + size);

    memcpy(server->name, name, size);
    forget_unused(circuits);
    hash_table_insert(&circuits->servers, &server->link, hash_texts(name, NULL));
    return server;
}

static struct server *find_server(struct circuits *circuits, const char *name)
{
    struct hash_link *link =
        hash_table_find(&circuits->servers, hash_texts(name, NULL), has_name, name);
    struct server *server =
        link != NULL ? hash_entry(link, struct server, link) : make_server(circuits, name);

    server->used_ms = now_ms(circuits);
    return server;
}

/* What points at the circuit, or at the end of the list. */
static struct circuit **find_circuit(struct server *server, const char *way)
{
    struct circuit **at = &server->circuits;

    while (*at != NULL && strcmp((*at)->way, way) != 0)
        at = &(*at)->next;
    return at;
}

static void remove_circuit(struct circuit **at)
{
    struct circuit *circuit = *at;

    *at = circuit->next;
    free_circuit(circuit);
}

static void limit_circuits(struct server *server)
{
    struct circuit **at = &server->circuits;

    for (size_t i = 0; *at != NULL && i < WAYS_LIMIT - 1; i++)
        at = &(*at)->next;
    if (*at != NULL)
        remove_circuit(at);
}

static struct circuit *find_or_make_circuit(const struct circuits *circuits, struct server *server,
                                            const char *way)
{
    size_t size = strlen(way) + 1;
    struct circuit *circuit = *find_circuit(server, way);

    if (circuit != NULL)
        return circuit;
    limit_circuits(server);
    circuit = mem_alloc(sizeof *circuit + size);
    memcpy(circuit->way, way, size);
    circuit->failing_since_us = timesource_realtime_us(circuits->options.timesource);
    circuit->next = server->circuits;
    server->circuits = circuit;
    return circuit;
}

/* --- Asking and reporting -------------------------------------------------------------------- */

static void refuse(const struct server *server, const struct circuit *circuit, struct error *err)
{
    char since[TIMESTAMP_SIZE];

    timestamp_render_seconds(circuit->failing_since_us, since);
    error_set(err, ERROR_UNAVAILABLE, CIRCUIT_OPEN_CODE,
              "the server %s has been unreachable since %s: %s", server->name, since,
              circuit->last_failure);
}

enum circuit_answer circuits_ask(struct circuits *circuits, const struct circuit_way *way,
                                 bool is_urgent, struct error *err)
{
    enum circuit_answer answer = CIRCUIT_ADMITS;
    struct server *server;
    struct circuit *circuit;

    pthread_mutex_lock(&circuits->lock);
    server = find_server(circuits, way->server);
    circuit = *find_circuit(server, way->way);
    if (circuit != NULL && circuit->openings > 0) {
        bool may_probe =
            !circuit->is_probed && (is_urgent || now_ms(circuits) >= circuit->closed_until_ms);

        answer = may_probe ? CIRCUIT_PROBES : CIRCUIT_REFUSES;
        circuit->is_probed |= may_probe;
        if (!may_probe)
            refuse(server, circuit, err);
    }
    pthread_mutex_unlock(&circuits->lock);
    return answer;
}

bool circuits_report_answer(struct circuits *circuits, const struct circuit_way *way)
{
    struct circuit **at;
    bool was_open;

    pthread_mutex_lock(&circuits->lock);
    at = find_circuit(find_server(circuits, way->server), way->way);
    was_open = *at != NULL && (*at)->openings > 0;
    if (*at != NULL)
        remove_circuit(at);
    pthread_mutex_unlock(&circuits->lock);
    return was_open;
}

static bool has_open_circuit(const struct server *server)
{
    for (const struct circuit *circuit = server->circuits; circuit != NULL; circuit = circuit->next)
        if (circuit->openings > 0)
            return true;
    return false;
}

static void open_circuit(struct circuits *circuits, struct circuit *circuit)
{
    circuit->openings++;
    circuit->closed_until_ms =
        now_ms(circuits) + (int64_t)backoff_delay_ms(&circuits->options.backoff, circuit->openings,
                                                     circuits->options.random);
}

/* Where one way is open, another one is at its first failure.  Who began before the circuit opened
 * tells nothing new. */
static void count_failure(struct circuits *circuits, const struct server *server,
                          struct circuit *circuit, enum circuit_answer was_told)
{
    bool has_probed = was_told == CIRCUIT_PROBES && circuit->is_probed;

    circuit->failures++;
    if (has_probed)
        circuit->is_probed = false;
    if (has_probed ||
        (circuit->openings == 0 &&
         (circuit->failures >= circuits->options.failures_limit || has_open_circuit(server))))
        open_circuit(circuits, circuit);
}

uint64_t circuits_report_failure(struct circuits *circuits, const struct circuit_way *way,
                                 enum circuit_answer was_told, const struct error *failure)
{
    struct server *server;
    struct circuit *circuit;
    int64_t left_ms = 0;

    pthread_mutex_lock(&circuits->lock);
    server = find_server(circuits, way->server);
    circuit = find_or_make_circuit(circuits, server, way->way);
    free(circuit->last_failure);
    circuit->last_failure = mem_strdup(failure->message);
    count_failure(circuits, server, circuit, was_told);
    if (circuit->openings > 0)
        left_ms = circuit->closed_until_ms - now_ms(circuits);
    pthread_mutex_unlock(&circuits->lock);
    return left_ms > 0 ? (uint64_t)left_ms : 0;
}

void circuits_report_nothing(struct circuits *circuits, const struct circuit_way *way,
                             enum circuit_answer was_told)
{
    struct circuit *circuit;

    if (was_told != CIRCUIT_PROBES)
        return;
    pthread_mutex_lock(&circuits->lock);
    circuit = *find_circuit(find_server(circuits, way->server), way->way);
    if (circuit != NULL)
        circuit->is_probed = false;
    pthread_mutex_unlock(&circuits->lock);
}

/* --- Looking --------------------------------------------------------------------------------- */

static enum circuit_state worst_state(const struct server *server)
{
    enum circuit_state worst = CIRCUIT_CLOSED;

    for (const struct circuit *circuit = server->circuits; circuit != NULL;
         circuit = circuit->next) {
        enum circuit_state state = circuit->openings == 0 ? CIRCUIT_CLOSED
                                   : circuit->is_probed   ? CIRCUIT_HALF_OPEN
                                                          : CIRCUIT_OPEN;

        if (state > worst)
            worst = state;
    }
    return worst;
}

void circuits_visit(struct circuits *circuits, circuits_visitor visit, void *context)
{
    struct hash_link *link = NULL;

    pthread_mutex_lock(&circuits->lock);
    while ((link = hash_table_next(&circuits->servers, link)) != NULL) {
        const struct server *server = hash_entry(link, struct server, link);

        visit(context, server->name, worst_state(server));
    }
    pthread_mutex_unlock(&circuits->lock);
}
