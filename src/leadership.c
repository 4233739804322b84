/*
 * The promise that only the leader writes is one deadline: every call of a pass ends with `term`,
 * and what is sent asks it right before.  Each renewal moves it; nothing else has to be told.
 */
#include "leadership.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/timesource.h"
#include "kube/client.h"
#include "kube/config.h"
#include "version.h"

#include <stdlib.h>

#define USER_AGENT "database-user-operator/" DBUO_VERSION " (linux) kubernetes/leader-election"

struct leadership {
    struct leadership_options options;
    struct kube_client *client;
    char *identity;
    struct leader_election *election; /* NULL = not wanted */
};

static bool on_renewed(void *context, int64_t valid_until_ms)
{
    const struct leadership *leadership = context;

    return cancellation_set_deadline(leadership->options.term, valid_until_ms);
}

static void on_leading(void *context)
{
    const struct leadership *leadership = context;

    leadership->options.on_leading(leadership->options.context);
}

static void on_lost(void *context, const struct error *reason)
{
    const struct leadership *leadership = context;

    leadership->options.on_lost(leadership->options.context, reason);
}

static const char *choose_namespace(const struct leadership_options *options)
{
    const char *chosen = options->options->lease_namespace;

    return chosen[0] != '\0' ? chosen : kube_config_namespace(options->kube_config);
}

static void build(struct leadership *leadership, const struct lease_timing *timing)
{
    const struct leadership_options *options = &leadership->options;
    struct kube_client_options client = {
        .config = options->kube_config,
        .transport = options->transport,
        .timesource = &timesource_system,
        .random = &random_system,
        .cancellation = NULL, /* each call has its own; the giving back has none */
        .user_agent = USER_AGENT,
        .metrics = options->metrics,
    };

    leadership->client = kube_client_new(&client);
    leadership->identity =
        leader_election_identity(getenv("POD_NAME"), getenv("POD_UID"), &random_system);
    leadership->election = leader_election_new(&(struct leader_election_options){
        .client = leadership->client,
        .log = options->log,
        .metrics = options->metrics,
        .namespace_name = choose_namespace(options),
        .name = options->options->lease_name,
        .identity = leadership->identity,
        .timing = *timing,
        .stopping = options->stopping,
        .on_renewed = on_renewed,
        .on_leading = on_leading,
        .on_lost = on_lost,
        .context = leadership,
    });
}

bool leadership_new(const struct leadership_options *options, struct leadership **ret_leadership,
                    struct error *err)
{
    const struct lease_timing timing = {
        .lease_duration_ms = options->options->lease_duration_ms,
        .renew_deadline_ms = options->options->renew_deadline_ms,
        .retry_period_ms = options->options->retry_period_ms,
    };
    struct leadership *leadership;

    if (options->options->leader_elect && !lease_timing_check(&timing, err))
        return false;
    leadership = mem_alloc(sizeof *leadership);
    leadership->options = *options;
    if (options->options->leader_elect)
        build(leadership, &timing);
    *ret_leadership = leadership;
    return true;
}

void leadership_start(struct leadership *leadership)
{
    if (leadership->election != NULL)
        leader_election_start(leadership->election);
    else
        on_leading(leadership);
}

void leadership_finish(struct leadership *leadership)
{
    if (leadership->election != NULL)
        leader_election_finish(leadership->election);
}

void leadership_free(struct leadership *leadership)
{
    if (leadership == NULL)
        return;
    leader_election_free(leadership->election);
    kube_client_free(leadership->client);
    free(leadership->identity);
    free(leadership);
}

bool leadership_is_informed(void *context)
{
    const struct leadership *leadership = context;

    return leadership->election == NULL || leader_election_is_informed(leadership->election);
}

bool leadership_is_alive(void *context)
{
    const struct leadership *leadership = context;

    return leadership->election == NULL || leader_election_is_alive(leadership->election);
}
