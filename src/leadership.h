/*
 * Who leads, as the options say: leader election over the API server, or nobody else there.
 */
#ifndef LEADERSHIP_H
#define LEADERSHIP_H

#include "base/error.h"
#include "base/log.h"
#include "kube/leader_election.h"
#include "options.h"

#include <stdbool.h>

struct leadership;

/* All borrowed for its life. */
struct leadership_options {
    const struct options *options;
    struct kube_config *kube_config;
    struct http_transport *transport;
    struct metrics *metrics;
    const struct log_scope *log;
    const struct cancellation *stopping; /* ends the waiting */
    struct cancellation *term;           /* gets its deadline from the Lease */
    void (*on_leading)(void *context);   /* from a thread of its own, once */
    void (*on_lost)(void *context, const struct error *reason);
    void *context;
};

/* INVALID names the option that is wrong. */
bool leadership_new(const struct leadership_options *options, struct leadership **ret_leadership,
                    struct error *err) must_check;
/* Begins to wait for the Lease; without leader election on_leading() is called at once. */
void leadership_start(struct leadership *leadership);
/* Gives back what is held; see leader_election_finish(). */
void leadership_finish(struct leadership *leadership);
void leadership_free(struct leadership *leadership);

/* For the probes: a struct leadership as context.  Thread-safe. */
bool leadership_is_informed(void *leadership);
bool leadership_is_alive(void *leadership);

#endif
