#include "client_fixture.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "kube/config_source.h"
#include "support/test.h"
#include "temporary_folder.h"

#include <string.h>

const struct kube_resource fixture_resource = {"test.io", "v1", "things"};

static void make_config(struct client_fixture *fixture)
{
    struct kube_config_values values = {.server = mem_strdup("https://api:6443")};
    struct error err = {0};

    fixture->folder = temporary_folder_make();
    values.token_file = temporary_folder_write(fixture->folder, "token", "first");
    if (!kube_config_make(&values, &fixture->clock.source, &fixture->config, &err))
        fail_msg("%s", err.message);
}

void client_fixture_init(struct client_fixture *fixture, enum scripted_order order)
{
    fake_timesource_init(&fixture->clock, 0);
    fake_random_init(&fixture->random, 7);
    fixture->metrics = metrics_new();
    fixture->cancellation = cancellation_new();
    fixture->transport = scripted_transport_new(order);
    make_config(fixture);
    fixture->client = kube_client_new(&(struct kube_client_options){
        .config = fixture->config,
        .transport = scripted_transport_seam(fixture->transport),
        .timesource = &fixture->clock.source,
        .random = &fixture->random.source,
        .cancellation = fixture->cancellation,
        .user_agent = "tests/1",
        .metrics = fixture->metrics,
    });
}

void client_fixture_release(struct client_fixture *fixture)
{
    kube_client_free(fixture->client);
    kube_config_free(fixture->config);
    metrics_free(fixture->metrics);
    cancellation_free(fixture->cancellation);
    temporary_folder_remove(fixture->folder);
    scripted_transport_free(fixture->transport); /* last: it may fail the test */
}

void client_fixture_renew_token(struct client_fixture *fixture)
{
    free(temporary_folder_write(fixture->folder, "token", "second"));
}

void client_fixture_expect_metric(struct client_fixture *fixture, const char *line)
{
    auto_strbuf struct strbuf page = {0};

    metrics_render(fixture->metrics, &page);
    if (strstr(strbuf_text(&page), line) == NULL)
        fail_msg("no line '%s' in:\n%s", line, strbuf_text(&page));
}
