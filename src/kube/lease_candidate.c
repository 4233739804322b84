#include "kube/lease_candidate.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/random.h"
#include "kube/lease.h"
#include "kube/request.h"

#include <inttypes.h>
#include <string.h>

enum {
    SHORTEST_TIMEOUT_MS = 1000,
    SHORTEST_DELAY_MS = 100,
    LONGEST_DURATION_MS = 24 * 60 * 60 * 1000,
};

bool lease_timing_check(const struct lease_timing *timing, struct error *err)
{
    if (timing->lease_duration_ms % 1000 == 0 && timing->lease_duration_ms <= LONGEST_DURATION_MS &&
        timing->lease_duration_ms > timing->renew_deadline_ms &&
        timing->renew_deadline_ms > timing->retry_period_ms + timing->retry_period_ms / 5 &&
        timing->retry_period_ms > 0)
        return true;
    return error_set(err, ERROR_INVALID, NULL,
                     "the times of leader election must be whole seconds of a lease duration (now "
                     "%" PRIu64 " ms) that is longer than the renew deadline (%" PRIu64
                     " ms), which is longer than 1.2 retry periods (%" PRIu64 " ms)",
                     timing->lease_duration_ms, timing->renew_deadline_ms, timing->retry_period_ms);
}

void lease_candidate_release(struct lease_candidate *candidate)
{
    json_decref(candidate->lease);
    candidate->lease = NULL;
}

static int64_t now_ms(const struct lease_candidate *candidate)
{
    return timesource_monotonic_ms(kube_client_timesource(candidate->client));
}

const char *lease_candidate_holder(const struct lease_candidate *candidate)
{
    return lease_holder(candidate->lease);
}

/* ---- what was seen ---- */

static bool is_ours(const struct lease_candidate *candidate)
{
    return strcmp(lease_holder(candidate->lease), candidate->identity) == 0;
}

/* Since when it may be taken although somebody holds it.  A Lease that was removed ends nobody's
 * work, but what its holder said of its duration went with it. */
static int64_t expiry_ms(const struct lease_candidate *candidate, bool exists)
{
    int64_t own_ms = (int64_t)candidate->timing.lease_duration_ms;

    return candidate->observed_ms + (exists ? lease_duration_ms(candidate->lease, own_ms) : own_ms);
}

static void observe(struct lease_candidate *candidate, json_t *lease)
{
    if (!lease_is_unchanged(candidate->lease, lease))
        candidate->observed_ms = now_ms(candidate);
    json_decref(candidate->lease);
    candidate->lease = lease;
    candidate->is_current = true;
}

/* ---- calls ---- */

/* Half the deadline, so that a second attempt is possible. */
static struct lease_call make_call(const struct lease_candidate *candidate,
                                   const struct cancellation *cancellation)
{
    int64_t timeout_ms = (int64_t)candidate->timing.renew_deadline_ms / 2;

    if (timeout_ms < SHORTEST_TIMEOUT_MS)
        timeout_ms = SHORTEST_TIMEOUT_MS;
    /* An answer that comes after the end is worth nothing. */
    if (candidate->state == LEASE_LEADS &&
        candidate->valid_until_ms - now_ms(candidate) < timeout_ms)
        timeout_ms = candidate->valid_until_ms - now_ms(candidate);
    return (struct lease_call){
        .client = candidate->client,
        .namespace_name = candidate->namespace_name,
        .name = candidate->name,
        .timeout_ms = timeout_ms > 0 ? (uint32_t)timeout_ms : 1,
        .cancellation = cancellation,
    };
}

/* Sees what is there now; `*ret_exists` false when there is none. */
static bool look(struct lease_candidate *candidate, const struct lease_call *call, bool *ret_exists,
                 struct error *err)
{
    json_t *lease;
    struct error failure;

    *ret_exists = true;
    if (candidate->is_current)
        return true;
    if (lease_read(call, &lease, &failure)) {
        observe(candidate, lease);
        return true;
    }
    *ret_exists = false;
    if (failure.kind == ERROR_NOT_FOUND)
        return true;
    *err = failure;
    return false;
}

/* Sends a claim; what became of it is not known before a success. */
static bool send_claim(struct lease_candidate *candidate, const struct lease_call *call,
                       bool exists, const struct lease_claim *claim, struct error *err)
{
    auto_json json_t *lease = lease_make(candidate->namespace_name, candidate->name,
                                         exists ? candidate->lease : NULL, claim);
    json_t *written;

    candidate->is_current = false;
    candidate->may_hold = true;
    if (!lease_write(call, lease, &written, err)) {
        candidate->was_overtaken = err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND;
        return false;
    }
    observe(candidate, written);
    return true;
}

static int64_t realtime_us(const struct lease_candidate *candidate)
{
    return timesource_realtime_us(kube_client_timesource(candidate->client));
}

/* ---- deciding ---- */

static bool may_take(const struct lease_candidate *candidate, bool exists)
{
    return lease_holder(candidate->lease)[0] == '\0' || is_ours(candidate) ||
           now_ms(candidate) >= expiry_ms(candidate, exists);
}

/* Not that of a second process, either, that goes by our name. */
static bool is_our_taking(const struct lease_candidate *candidate)
{
    return is_ours(candidate) &&
           strcmp(lease_acquire_time(candidate->lease), candidate->taken_at) == 0;
}

static enum lease_state lose(struct lease_candidate *candidate)
{
    candidate->state = LEASE_LOST;
    return LEASE_LOST;
}

static enum lease_state lose_to_another(struct lease_candidate *candidate, struct error *err)
{
    error_set(err, ERROR_CONFLICT, NULL, "Lease %s/%s was taken by '%s'", candidate->namespace_name,
              candidate->name, lease_holder(candidate->lease));
    return lose(candidate);
}

/* The reason may be known already: what failed. */
static enum lease_state lose_to_time(struct lease_candidate *candidate, struct error *err)
{
    if (err->kind == ERROR_NONE)
        error_set(err, ERROR_UNAVAILABLE, NULL, "Lease %s/%s was not renewed within %" PRIu64 " ms",
                  candidate->namespace_name, candidate->name, candidate->timing.renew_deadline_ms);
    return lose(candidate);
}

static bool is_over(const struct lease_candidate *candidate)
{
    return candidate->state == LEASE_LEADS && now_ms(candidate) >= candidate->valid_until_ms;
}

/* ---- attempts ---- */

static void take_or_renew(struct lease_candidate *candidate,
                          const struct cancellation *cancellation, bool exists, struct error *err)
{
    struct lease_call call = make_call(candidate, cancellation);
    int64_t valid_until_ms = now_ms(candidate) + (int64_t)candidate->timing.renew_deadline_ms;
    struct lease_claim claim = {
        .holder = candidate->identity,
        .duration_ms = (int64_t)candidate->timing.lease_duration_ms,
        .realtime_us = realtime_us(candidate),
        .is_taking = candidate->state != LEASE_LEADS || !exists,
    };

    if (claim.is_taking)
        timestamp_render_micro(claim.realtime_us, candidate->taken_at);
    if (!send_claim(candidate, &call, exists, &claim, err))
        return;
    /* An answer that was under way for so long is good for nothing. */
    if (now_ms(candidate) >= valid_until_ms)
        return;
    candidate->state = LEASE_LEADS;
    candidate->valid_until_ms = valid_until_ms;
}

enum lease_state lease_candidate_try(struct lease_candidate *candidate,
                                     const struct cancellation *cancellation, struct error *err)
{
    struct lease_call call = make_call(candidate, cancellation);
    bool exists, was_current = candidate->is_current && candidate->state == LEASE_LEADS;

    err->kind = ERROR_NONE;
    candidate->was_overtaken = false;
    candidate->is_current = was_current;
    if (is_over(candidate))
        return lose_to_time(candidate, err);
    if (look(candidate, &call, &exists, err)) {
        if (candidate->state == LEASE_LEADS && exists && !was_current && !is_our_taking(candidate))
            return lose_to_another(candidate, err);
        if (may_take(candidate, exists))
            take_or_renew(candidate, cancellation, exists, err);
    }
    return is_over(candidate) ? lose_to_time(candidate, err) : candidate->state;
}

int64_t lease_candidate_delay_ms(const struct lease_candidate *candidate, int64_t begun_ms)
{
    const struct random_source *random = kube_client_random(candidate->client);
    int64_t period_ms = (int64_t)candidate->timing.retry_period_ms;
    int64_t delay_ms = period_ms - (now_ms(candidate) - begun_ms), until_expiry_ms;

    if (candidate->state == LEASE_LEADS)
        return delay_ms < SHORTEST_DELAY_MS || candidate->was_overtaken ? SHORTEST_DELAY_MS
                                                                        : delay_ms;
    /* Followers must not come all at once, neither to ask nor when the holder's time is over. */
    delay_ms = period_ms + (int64_t)random_below(random, (uint64_t)(period_ms + period_ms / 5));
    if (lease_candidate_holder(candidate)[0] == '\0')
        return delay_ms;
    until_expiry_ms = expiry_ms(candidate, true) - now_ms(candidate);
    until_expiry_ms += (int64_t)random_below(random, (uint64_t)(period_ms / 5) + 1);
    return until_expiry_ms > 0 && until_expiry_ms < delay_ms ? until_expiry_ms : delay_ms;
}

bool lease_candidate_resign(struct lease_candidate *candidate, uint32_t timeout_ms,
                            struct error *err)
{
    struct lease_call call = make_call(candidate, NULL);
    bool exists;

    call.timeout_ms = timeout_ms;
    candidate->state = LEASE_FOLLOWS;
    candidate->was_overtaken = candidate->may_hold;
    /* Our own claim, whose answer was lost, may have come in between. */
    for (int i = 0; i < 2 && candidate->was_overtaken; i++) {
        struct lease_claim claim = {
            .holder = "",
            .duration_ms = 1000,
            .realtime_us = realtime_us(candidate),
        };

        candidate->was_overtaken = false;
        if (!look(candidate, &call, &exists, err))
            return false;
        if (!exists || !is_our_taking(candidate))
            break;
        if (!send_claim(candidate, &call, exists, &claim, err) && !candidate->was_overtaken)
            return false;
    }
    candidate->may_hold = candidate->was_overtaken;
    return !candidate->may_hold;
}
