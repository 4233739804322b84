/*
 * A client of "https://api:6443" over a scripted transport, with the token "first" that becomes
 * "second" when it is read again.
 */
#ifndef TESTS_UNIT_KUBE_CLIENT_FIXTURE_H
#define TESTS_UNIT_KUBE_CLIENT_FIXTURE_H

#include "base/cancellation.h"
#include "base/metrics.h"
#include "kube/client.h"
#include "kube/config.h"
#include "support/fake_random.h"
#include "support/fake_timesource.h"
#include "support/scripted_transport.h"

struct client_fixture {
    char *folder;
    struct fake_timesource clock;
    struct fake_random random;
    struct metrics *metrics;
    struct cancellation *cancellation;
    struct kube_config *config;
    struct scripted_transport *transport;
    struct kube_client *client;
};

void client_fixture_init(struct client_fixture *fixture, enum scripted_order order);
/* Asserts that the script was played to its end. */
void client_fixture_release(struct client_fixture *fixture);
/* Puts "second" into the token file. */
void client_fixture_renew_token(struct client_fixture *fixture);
/* Fails the test unless the metrics page has this line. */
void client_fixture_expect_metric(struct client_fixture *fixture, const char *line);

/* The resource of the tests. */
extern const struct kube_resource fixture_resource;
#define FIXTURE_COLLECTION "https://api:6443/apis/test.io/v1/namespaces/default/things"

#endif
