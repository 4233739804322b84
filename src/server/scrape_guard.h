/*
 * Lets a request pass whose bearer token belongs to somebody who may `get` the path, which the API
 * server decides (TokenReview, then SubjectAccessReview), as controller-runtime's metrics filter
 * does.  Decisions are remembered for a short time under the digest of the token; the token itself
 * is kept nowhere and told to nobody but the API server.
 */
#ifndef SERVER_SCRAPE_GUARD_H
#define SERVER_SCRAPE_GUARD_H

#include "base/compiler.h"
#include "base/log.h"
#include "base/timesource.h"
#include "kube/access_review.h"
#include "server/http_server.h"

/* How long a decision counts, and how many are remembered: the oldest goes first. */
enum { SCRAPE_ADMITTED_MS = 60 * 1000, SCRAPE_REFUSED_MS = 10 * 1000, SCRAPE_DECISIONS_LIMIT = 64 };

struct scrape_guard;

/* What it is made of; all borrowed. */
struct scrape_guard_options {
    struct kube_reviewer reviewer;
    const struct timesource *timesource;
    const struct log_scope *log;
};

struct scrape_guard *scrape_guard_new(const struct scrape_guard_options *options) returns_owned;
void scrape_guard_free(struct scrape_guard *guard);

/* The guard of a server; context is a struct scrape_guard.  401 without a token or with a wrong
 * one, 403 for somebody who may not, 500 when the API server could not be asked. */
bool scrape_guard_admit(void *context, const char *path, const char *authorization,
                        struct http_answer *answer);

#endif
