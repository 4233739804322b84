/*
 * What a client of AWS is made of, over a scripted transport: a clock that stands at 2026-03-04
 * 05:06:07 UTC, random delays of 0 ms, and credentials "AKIDFIRST" that become "AKIDSECOND" when
 * they are invalidated.
 */
#ifndef TESTS_UNIT_AWS_CLIENT_FIXTURE_H
#define TESTS_UNIT_AWS_CLIENT_FIXTURE_H

#include "aws/clock.h"
#include "aws/credentials.h"
#include "aws/session.h"
#include "base/cancellation.h"
#include "base/metrics.h"
#include "fake_settings.h"
#include "support/fake_random.h"
#include "support/fake_timesource.h"
#include "support/scripted_transport.h"

#define FIXTURE_NOW_US ((int64_t)1772600767 * 1000000)

/* Two sets of credentials, with the session tokens "first-token" and "second-token". */
struct fixture_credentials {
    struct aws_credentials_provider provider; /* first: the seam is cast back */
    unsigned invalidations;
    char refused[16];     /* the key id of the last one */
    bool long_term;       /* without session tokens */
    struct error failure; /* if its kind is set: get() fails with it */
};

struct client_fixture {
    struct fake_timesource clock;
    struct aws_clock aws_clock; /* over it */
    struct fake_random random;
    struct metrics *metrics;
    struct cancellation *cancellation;
    struct fixture_credentials credentials;
    struct scripted_transport *transport;
};

void client_fixture_init(struct client_fixture *fixture);
/* Asserts that the script was played to its end. */
void client_fixture_release(struct client_fixture *fixture);
/* A session with these settings over all of it; the caller frees it. */
struct aws_session *client_fixture_session(struct client_fixture *fixture,
                                           struct fake_setting *settings) returns_owned;
/* Fails the test unless the metrics page has this line. */
void client_fixture_expect_metric(struct client_fixture *fixture, const char *line);

#endif
