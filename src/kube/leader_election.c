/*
 * The thread owns the candidate; others see the two atomics only.
 */
#include "kube/leader_election.h"

#include "base/memory.h"
#include "base/metrics.h"
#include "base/timesource.h"
#include "kube/request.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    RESIGN_TIMEOUT_MS = 1500,   /* for each of at most four requests */
    STUCK_AFTER_MS = 20 * 1000, /* beyond the duration of the Lease */
};

struct leader_election {
    struct leader_election_options options;
    struct cancellation *finishing;
    struct metric_family *status;
    pthread_t thread;
    bool is_started;

    /* Of the thread. */
    struct lease_candidate candidate;
    char *holder; /* that was reported last; NULL = none */
    bool is_failing;

    atomic_bool is_informed;
    atomic_int_least64_t seen_alive_ms;
};

static int64_t now_ms(const struct leader_election *election)
{
    return timesource_monotonic_ms(kube_client_timesource(election->options.client));
}

static void set_status(const struct leader_election *election, bool leads)
{
    metric_set(election->status, leads ? 1 : 0, election->options.name, NULL);
}

/* ---- telling ---- */

/* A line when it begins to fail and one when it works again. */
static void report_attempt(struct leader_election *election, const struct error *err)
{
    const struct leader_election_options *options = &election->options;
    bool failed = err->kind != ERROR_NONE && err->kind != ERROR_CONFLICT;

    if (err->kind == ERROR_CANCELLED)
        return;
    if (err->kind == ERROR_NONE)
        atomic_store(&election->is_informed, true);
    if (failed)
        log_failure(options->log, election->is_failing ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, err,
                    "leader election does not work; trying again");
    else if (!failed && election->is_failing)
        log_info(options->log, "leader election works again");
    election->is_failing = failed;
}

static void report_holder(struct leader_election *election)
{
    const struct leader_election_options *options = &election->options;
    const char *holder = lease_candidate_holder(&election->candidate);

    if (holder[0] == '\0' || (election->holder != NULL && strcmp(holder, election->holder) == 0))
        return;
    free(election->holder);
    election->holder = mem_strdup(holder);
    log_info(options->log, "standing by: Lease %s/%s is held by '%s'", options->namespace_name,
             options->name, holder);
}

static void begin_to_lead(struct leader_election *election)
{
    const struct leader_election_options *options = &election->options;

    log_info(options->log, "leading: Lease %s/%s is held as '%s'", options->namespace_name,
             options->name, options->identity);
    set_status(election, true);
    options->on_leading(options->context);
}

/* ---- the thread ---- */

/* One attempt and what follows from it; false when the Lease is lost. */
static bool try_once(struct leader_election *election, const struct cancellation *end)
{
    const struct leader_election_options *options = &election->options;
    struct lease_candidate *candidate = &election->candidate;
    bool led = candidate->state == LEASE_LEADS;
    struct error err;
    enum lease_state state = lease_candidate_try(candidate, end, &err);

    atomic_store(&election->seen_alive_ms, now_ms(election));
    report_attempt(election, &err);
    if (state == LEASE_LEADS && err.kind == ERROR_NONE &&
        !options->on_renewed(options->context, candidate->valid_until_ms)) {
        error_set(&err, ERROR_UNAVAILABLE, NULL, "Lease %s/%s was renewed too late",
                  options->namespace_name, options->name);
        state = LEASE_LOST;
    }
    if (state == LEASE_LOST) {
        set_status(election, false);
        options->on_lost(options->context, &err);
        return false;
    }
    if (state == LEASE_FOLLOWS)
        report_holder(election);
    else if (!led)
        begin_to_lead(election);
    return true;
}

/* Who leads goes on while the others stop. */
static const struct cancellation *choose_end(const struct leader_election *election)
{
    return election->candidate.state == LEASE_LEADS ? election->finishing
                                                    : election->options.stopping;
}

static void give_back(struct leader_election *election)
{
    const struct leader_election_options *options = &election->options;
    bool led = election->candidate.state == LEASE_LEADS;
    struct error err;

    set_status(election, false);
    if (!lease_candidate_resign(&election->candidate, RESIGN_TIMEOUT_MS, &err))
        log_failure(options->log, LOG_LEVEL_WARNING, &err,
                    "the Lease could not be given back; others wait for its end");
    else if (led)
        log_info(options->log, "gave back Lease %s/%s", options->namespace_name, options->name);
}

static void *run(void *context)
{
    struct leader_election *election = context;
    int64_t begun_ms;

    do {
        begun_ms = now_ms(election);
        if (!try_once(election, choose_end(election)))
            return NULL;
    } while (!cancellation_wait(choose_end(election),
                                lease_candidate_delay_ms(&election->candidate, begun_ms)));
    give_back(election);
    return NULL;
}

/* ---- life cycle ---- */

struct leader_election *leader_election_new(const struct leader_election_options *options)
{
    static const struct metric_description status = {
        .name = "leader_election_master_status",
        .help = "Whether this process holds the Lease of this name: 1 or 0",
        .type = METRIC_GAUGE,
        .labels = {"name"},
    };
    struct leader_election *election = mem_alloc(sizeof *election);

    election->options = *options;
    election->candidate = (struct lease_candidate){
        .client = options->client,
        .namespace_name = options->namespace_name,
        .name = options->name,
        .identity = options->identity,
        .timing = options->timing,
    };
    election->finishing = cancellation_new();
    election->status = metrics_family(options->metrics, &status);
    atomic_init(&election->seen_alive_ms, now_ms(election));
    set_status(election, false);
    return election;
}

void leader_election_start(struct leader_election *election)
{
    if (pthread_create(&election->thread, NULL, run, election) != 0)
        abort(); /* no threads at start: nothing can work */
    election->is_started = true;
}

void leader_election_finish(struct leader_election *election)
{
    if (!election->is_started)
        return;
    cancellation_request(election->finishing);
    pthread_join(election->thread, NULL);
    election->is_started = false;
}

void leader_election_free(struct leader_election *election)
{
    if (election == NULL)
        return;
    lease_candidate_release(&election->candidate);
    cancellation_free(election->finishing);
    free(election->holder);
    free(election);
}

bool leader_election_is_informed(const struct leader_election *election)
{
    return atomic_load(&election->is_informed);
}

bool leader_election_is_alive(const struct leader_election *election)
{
    int64_t silent_ms = now_ms(election) - atomic_load(&election->seen_alive_ms);

    return silent_ms < (int64_t)election->options.timing.lease_duration_ms + STUCK_AFTER_MS;
}

char *leader_election_identity(const char *pod_name, const char *pod_uid,
                               const struct random_source *random)
{
    char host[HOST_NAME_MAX + 1] = "", uuid[RANDOM_UUID_SIZE];

    if (pod_name != NULL && pod_uid != NULL)
        return mem_printf("%s_%s", pod_name, pod_uid);
    gethostname(host, sizeof host - 1);
    random_uuid(random, uuid);
    return mem_printf("%s_%s", host[0] != '\0' ? host : "unknown", uuid);
}
