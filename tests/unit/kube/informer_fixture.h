/*
 * An informer of the things in namespace "default" over a scripted transport, whose handler writes
 * down what it is told.  It waits a millisecond after a failure, and each of its watches is asked
 * for 300 seconds.
 */
#ifndef TESTS_UNIT_KUBE_INFORMER_FIXTURE_H
#define TESTS_UNIT_KUBE_INFORMER_FIXTURE_H

#include "base/strbuf.h"
#include "client_fixture.h"
#include "kube/informer.h"

#include <stdatomic.h>

struct informer_fixture {
    struct client_fixture client;
    struct log_scope log;
    struct kube_informer_options options; /* may be changed before the start */
    struct kube_informer *informer;
    size_t request_count; /* of the script */
    /* One word for each change: "+a@1", "~a@1>2" or "-a@2", and in brackets when a list found it.
     * The informer's until it stopped. */
    struct strbuf changes;
    atomic_int projections; /* that were made and not freed */
};

void informer_fixture_init(struct informer_fixture *fixture);
/* Asserts that the script was played to its end and that every projection was freed. */
void informer_fixture_release(struct informer_fixture *fixture);

/* The next request must have this query; method and URL are filled in. */
void informer_fixture_expect(struct informer_fixture *fixture, const char *query,
                             const struct scripted_exchange *exchange);
/* The next request must be a watch from this version, which stays quiet. */
void informer_fixture_expect_quiet_watch(struct informer_fixture *fixture, const char *version);
void informer_fixture_start(struct informer_fixture *fixture);
/* Waits until the last request of the script has come. */
void informer_fixture_wait(struct informer_fixture *fixture);
/* Cancels and joins. */
void informer_fixture_stop(struct informer_fixture *fixture);
/* Starts, waits for the last request of the script, and stops. */
void informer_fixture_run(struct informer_fixture *fixture);
/* Fails the test unless these are the changes that were told. */
void informer_fixture_expect_changes(struct informer_fixture *fixture, const char *expected);
void informer_fixture_expect_metric(struct informer_fixture *fixture, const char *name,
                                    unsigned value);

/* ---- what servers send ---- */

#define OBJECT(name, uid, version)                                                  \
    "{\"metadata\":{\"namespace\":\"default\",\"name\":\"" name "\",\"uid\":\"" uid \
    "\",\"resourceVersion\":\"" version "\"}}"
#define THING(name, version)           OBJECT(name, "u-" name, version)
#define LIST_OF(version, things)       "{\"items\":[" things "]," META(version, "") "}"
#define PAGE_OF(version, next, things) "{\"items\":[" things "]," META(version, next) "}"
#define META(version, next) \
    "\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" next "\"}"
#define EVENT(type, object)         "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version)           EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define STATUS(code, reason)        "{\"kind\":\"Status\",\"reason\":\"" reason "\",\"code\":" #code "}"
#define FAILURE_EVENT(code, reason) EVENT("ERROR", STATUS(code, reason))

/* ---- what we ask for ---- */

#define LIST_QUERY       "?limit=500"
#define PAGE_QUERY(next) "?limit=500&continue=" next
#define WATCH_QUERY(from) \
    "?watch=1&resourceVersion=" from "&allowWatchBookmarks=true&timeoutSeconds=300"

#endif
