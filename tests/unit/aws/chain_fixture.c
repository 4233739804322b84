#include "chain_fixture.h"

#include "base/memory.h"
#include "base/timesource.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

int chain_fixture_set_up(void **state)
{
    struct chain_fixture *fixture = mem_alloc(sizeof *fixture);

    client_fixture_init(&fixture->client);
    scratch_init(&fixture->scratch);
    *state = fixture;
    return 0;
}

int chain_fixture_tear_down(void **state)
{
    struct chain_fixture *fixture = *state;

    aws_session_free(fixture->session);
    scratch_release(&fixture->scratch);
    client_fixture_release(&fixture->client);
    free(fixture);
    return 0;
}

void chain_fixture_set(struct chain_fixture *fixture, const char *name, const char *value)
{
    size_t i = 0;

    while (fixture->settings[i].name != NULL && strcmp(fixture->settings[i].name, name) != 0)
        i++;
    assert_true(i < CHAIN_SETTINGS_LIMIT);
    fixture->settings[i] = (struct fake_setting){name, value};
}

void chain_fixture_set_web_identity(struct chain_fixture *fixture)
{
    chain_fixture_set(fixture, "AWS_REGION", "eu-west-1");
    chain_fixture_set(fixture, "AWS_WEB_IDENTITY_TOKEN_FILE",
                      scratch_write(&fixture->scratch, "token", CANARY_TOKEN));
    chain_fixture_set(fixture, "AWS_ROLE_ARN", ROLE_ARN);
    chain_fixture_set(fixture, "AWS_ROLE_SESSION_NAME", "pod-1");
}

void chain_fixture_start(struct chain_fixture *fixture)
{
    aws_session_free(fixture->session);
    fixture->session = client_fixture_session(&fixture->client, fixture->settings);
}

void chain_fixture_expect(struct chain_fixture *fixture, const struct scripted_exchange *exchange)
{
    scripted_transport_expect(fixture->client.transport, exchange);
}

const struct http_request *chain_fixture_request(struct chain_fixture *fixture, size_t index)
{
    return scripted_transport_request(fixture->client.transport, index);
}

size_t chain_fixture_request_count(struct chain_fixture *fixture)
{
    return scripted_transport_request_count(fixture->client.transport);
}

void chain_fixture_get(struct chain_fixture *fixture, const char *access_key_id)
{
    auto_aws_credentials struct aws_credentials credentials = {0};
    struct error err = {0};

    if (fixture->session == NULL)
        chain_fixture_start(fixture);
    if (!aws_credentials_get(fixture->session->credentials, &credentials, &err))
        fail_msg("%s", err.message);
    assert_string_equal(credentials.access_key_id, access_key_id);
}

void chain_fixture_fail(struct chain_fixture *fixture, enum error_kind kind, const char *text)
{
    struct aws_credentials credentials = {0};
    struct error err = {0};

    if (fixture->session == NULL)
        chain_fixture_start(fixture);
    if (aws_credentials_get(fixture->session->credentials, &credentials, &err))
        fail_msg("handed out, and should say '%s'", text);
    if (err.kind != kind || strstr(err.message, text) == NULL ||
        strstr(err.message, "canary") != NULL || strstr(err.message, "eyJ") != NULL)
        fail_msg("%s: %s", error_kind_name(err.kind), err.message);
    assert_string_equal(credentials.access_key_id, "");
}

void chain_fixture_advance_ms(struct chain_fixture *fixture, int64_t milliseconds)
{
    fake_timesource_advance_ms(&fixture->client.clock, milliseconds);
}

static _Thread_local char answer[1024];

static void render_expiry(int64_t expires_s, char ret_text[static TIMESTAMP_SIZE])
{
    timestamp_render_seconds(FIXTURE_NOW_US + expires_s * 1000000, ret_text);
}

const char *chain_fixture_xml(const char *action, const char *access_key_id, int64_t expires_s)
{
    char expires[TIMESTAMP_SIZE];

    render_expiry(expires_s, expires);
    snprintf(answer, sizeof answer,
             "<%sResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <%sResult>\n"
             "    <Credentials>\n      <AccessKeyId>%s</AccessKeyId>\n"
             "      <SecretAccessKey>canary-key</SecretAccessKey>\n"
             "      <SessionToken>canary/token==</SessionToken>\n"
             "      <Expiration>%s</Expiration>\n    </Credentials>\n  </%sResult>\n"
             "</%sResponse>\n",
             action, action, access_key_id, expires, action, action);
    return answer;
}

const char *chain_fixture_json(const char *access_key_id, int64_t expires_s)
{
    char expires[TIMESTAMP_SIZE];

    render_expiry(expires_s, expires);
    snprintf(answer, sizeof answer,
             "{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"canary-key\","
             "\"Token\":\"canary/token==\",\"Expiration\":\"%s\",\"Code\":\"Success\"}",
             access_key_id, expires);
    return answer;
}
