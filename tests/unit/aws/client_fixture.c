#include "client_fixture.h"

#include "base/strbuf.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static struct fixture_credentials *from(struct aws_credentials_provider *provider)
{
    return (struct fixture_credentials *)(void *)provider;
}

static bool get(struct aws_credentials_provider *provider, struct aws_credentials *ret_credentials,
                struct error *err)
{
    struct fixture_credentials *credentials = from(provider);
    bool renewed = credentials->invalidations > 0;

    if (credentials->failure.kind != ERROR_NONE) {
        *err = credentials->failure;
        return false;
    }
    *ret_credentials = (struct aws_credentials){0};
    snprintf(ret_credentials->access_key_id, sizeof ret_credentials->access_key_id, "%s",
             renewed ? "AKIDSECOND" : "AKIDFIRST");
    secret_set_text(&ret_credentials->secret_access_key, renewed ? "second-key" : "first-key");
    if (!credentials->long_term)
        secret_set_text(&ret_credentials->session_token, renewed ? "second-token" : "first-token");
    return true;
}

static void invalidate(struct aws_credentials_provider *provider,
                       const struct aws_credentials *refused)
{
    from(provider)->invalidations++;
    snprintf(from(provider)->refused, sizeof from(provider)->refused, "%.15s",
             refused->access_key_id);
}

static void free_nothing(struct aws_credentials_provider *provider maybe_unused)
{
}

void client_fixture_init(struct client_fixture *fixture)
{
    static const struct aws_credentials_provider_operations operations = {
        .name = "fixture",
        .get = get,
        .invalidate = invalidate,
        .free = free_nothing,
    };
    static const unsigned char zero = 0;

    *fixture = (struct client_fixture){.credentials = {.provider = {&operations}}};
    fake_timesource_init(&fixture->clock, FIXTURE_NOW_US);
    aws_clock_init(&fixture->aws_clock, &fixture->clock.source);
    fake_random_init_script(&fixture->random, &zero, sizeof zero);
    fixture->metrics = metrics_new();
    fixture->cancellation = cancellation_new();
    fixture->transport = scripted_transport_new(SCRIPTED_IN_ORDER);
}

void client_fixture_release(struct client_fixture *fixture)
{
    metrics_free(fixture->metrics);
    cancellation_free(fixture->cancellation);
    scripted_transport_free(fixture->transport); /* last: it may fail the test */
}

struct aws_session *client_fixture_session(struct client_fixture *fixture,
                                           struct fake_setting *settings)
{
    return aws_session_new(&(struct aws_session_options){
        .settings = {.read = fake_settings_read, .context = settings},
        .transport = scripted_transport_seam(fixture->transport),
        .timesource = &fixture->clock.source,
        .random = &fixture->random.source,
        .cancellation = fixture->cancellation,
        .user_agent = "tests/1",
    });
}

void client_fixture_expect_metric(struct client_fixture *fixture, const char *line)
{
    auto_strbuf struct strbuf page = {0};

    metrics_render(fixture->metrics, &page);
    if (strstr(strbuf_text(&page), line) == NULL)
        fail_msg("no line '%s' in:\n%s", line, strbuf_text(&page));
}
