/*
 * A session with its chain over a scripted transport, a scratch folder for its files, and settings
 * that a test adds one by one.
 */
#ifndef TESTS_UNIT_AWS_CHAIN_FIXTURE_H
#define TESTS_UNIT_AWS_CHAIN_FIXTURE_H

#include "aws/session.h"
#include "client_fixture.h"
#include "scratch.h"

#include <stddef.h>

#define ROLE_ARN     "arn:aws:iam::123456789012:role/operator"
/* A token that must appear in no message. */
#define CANARY_TOKEN "eyJhbGciOiJSUzI1NiJ9.canary.canary"

enum { CHAIN_SETTINGS_LIMIT = 12 };

struct chain_fixture {
    struct client_fixture client;
    struct scratch scratch;
    struct fake_setting settings[CHAIN_SETTINGS_LIMIT + 1];
    struct aws_session *session; /* NULL until chain_fixture_start() */
};

/* For cmocka: the state is a struct chain_fixture. */
int chain_fixture_set_up(void **state);
int chain_fixture_tear_down(void **state);

#define CHAIN_TEST(name) \
    cmocka_unit_test_setup_teardown(name, chain_fixture_set_up, chain_fixture_tear_down)

/* Adds or replaces a setting; the texts are borrowed. */
void chain_fixture_set(struct chain_fixture *fixture, const char *name, const char *value);
/* AWS_REGION and the three settings of a web identity, with CANARY_TOKEN in the file. */
void chain_fixture_set_web_identity(struct chain_fixture *fixture);

/* Builds the session (again). */
void chain_fixture_start(struct chain_fixture *fixture);
void chain_fixture_expect(struct chain_fixture *fixture, const struct scripted_exchange *exchange);
const struct http_request *chain_fixture_request(struct chain_fixture *fixture, size_t index);
size_t chain_fixture_request_count(struct chain_fixture *fixture);

/* Asserts that get() hands out the set with this key id. */
void chain_fixture_get(struct chain_fixture *fixture, const char *access_key_id);
/* Asserts that get() fails in this way, that the message has the text, and that it has nothing of
 * a secret ("canary", "eyJ"). */
void chain_fixture_fail(struct chain_fixture *fixture, enum error_kind kind, const char *text);
void chain_fixture_advance_ms(struct chain_fixture *fixture, int64_t milliseconds);

/* Answers in the forms of STS and of the endpoints, for the key id, so many seconds after the
 * fixture's beginning; valid until the next call. */
const char *chain_fixture_xml(const char *action, const char *access_key_id, int64_t expires_s);
const char *chain_fixture_json(const char *access_key_id, int64_t expires_s);

#endif
