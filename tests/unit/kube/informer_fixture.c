#include "informer_fixture.h"

#include "base/document.h"
#include "base/memory.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 20 * 1000 };

/* Knows its object's version, so that a wrong one can be told. */
struct projection {
    atomic_int *alive;
    char *version;
};

static void *project(void *context, const json_t *object)
{
    struct informer_fixture *fixture = context;
    const char *version = document_string(document_at(object, "metadata", NULL), "resourceVersion");
    struct projection *projection = mem_alloc(sizeof *projection);

    atomic_fetch_add(&fixture->projections, 1);
    projection->alive = &fixture->projections;
    projection->version = mem_strdup(version != NULL ? version : "");
    return projection;
}

static void free_projection(void *memory)
{
    struct projection *projection = memory;

    atomic_fetch_sub(projection->alive, 1);
    free(projection->version);
    free(projection);
}

/* The version of an entry, with a mark when the projection is that of another one. */
static const char *version_of(struct strbuf *buf, const struct kube_entry *entry)
{
    const struct projection *projection = entry->projection;

    strbuf_append_text(buf, entry->resource_version);
    if (strcmp(projection->version, entry->resource_version) != 0)
        strbuf_append_format(buf, "!projection of %s", projection->version);
    return strbuf_text(buf);
}

static void note_change(void *context, enum kube_change change, const struct kube_entry *before,
                        const struct kube_entry *after, bool from_list)
{
    static const char signs[] = {[KUBE_ADDED] = '+', [KUBE_MODIFIED] = '~', [KUBE_DELETED] = '-'};
    struct informer_fixture *fixture = context;
    auto_strbuf struct strbuf was = {0}, is = {0};

    strbuf_append_format(&fixture->changes, "%s%c%s@", from_list ? "(" : "", signs[change],
                         (after != NULL ? after : before)->name);
    if (before != NULL)
        strbuf_append_text(&fixture->changes, version_of(&was, before));
    if (before != NULL && after != NULL)
        strbuf_append_char(&fixture->changes, '>');
    if (after != NULL)
        strbuf_append_text(&fixture->changes, version_of(&is, after));
    strbuf_append_text(&fixture->changes, from_list ? ") " : " ");
}

void informer_fixture_init(struct informer_fixture *fixture)
{
    *fixture = (struct informer_fixture){0};
    client_fixture_init(&fixture->client, SCRIPTED_IN_ORDER);
    fake_random_init_script(&fixture->client.random, "", 1); /* always the smallest choice */
    fixture->options = (struct kube_informer_options){
        .source =
            {
                .client = fixture->client.client,
                .resource = &fixture_resource,
                .namespace_name = "default",
                .backoff = {.first_ms = 1, .limit_ms = 1},
                .log = &fixture->log,
                .metrics = fixture->client.metrics,
                .cancellation = fixture->client.cancellation,
            },
        .project = project,
        .free_projection = free_projection,
        .on_change = note_change,
        .context = fixture,
    };
}

void informer_fixture_release(struct informer_fixture *fixture)
{
    int left;

    informer_fixture_stop(fixture);
    kube_informer_free(fixture->informer);
    left = atomic_load(&fixture->projections);
    strbuf_release(&fixture->changes);
    client_fixture_release(&fixture->client); /* may fail the test, with a better reason */
    assert_int_equal(left, 0);
}

void informer_fixture_expect(struct informer_fixture *fixture, const char *query,
                             const struct scripted_exchange *exchange)
{
    auto_free char *url = mem_printf("%s%s", FIXTURE_COLLECTION, query);
    struct scripted_exchange wanted = *exchange;

    wanted.method = "GET";
    wanted.url = url;
    scripted_transport_expect(fixture->client.transport, &wanted);
    fixture->request_count += wanted.times != 0 ? wanted.times : 1;
}

void informer_fixture_expect_quiet_watch(struct informer_fixture *fixture, const char *version)
{
    auto_free char *query = mem_printf(
        "?watch=1&resourceVersion=%s&allowWatchBookmarks=true&timeoutSeconds=300", version);

    informer_fixture_expect(fixture, query, &(struct scripted_exchange){.hang = true});
}

void informer_fixture_start(struct informer_fixture *fixture)
{
    fixture->informer = kube_informer_new(&fixture->options);
    kube_informer_start(fixture->informer);
}

void informer_fixture_wait(struct informer_fixture *fixture)
{
    /* A request that does not come is a leftover of the script, which says which one it is. */
    if (!scripted_transport_wait_for_requests(fixture->client.transport, fixture->request_count,
                                              PATIENCE_MS))
        print_error("not all requests of the script have come\n");
}

void informer_fixture_stop(struct informer_fixture *fixture)
{
    cancellation_request(fixture->client.cancellation);
    if (fixture->informer != NULL)
        kube_informer_stop(fixture->informer);
}

void informer_fixture_run(struct informer_fixture *fixture)
{
    informer_fixture_start(fixture);
    informer_fixture_wait(fixture);
    informer_fixture_stop(fixture);
}

void informer_fixture_expect_changes(struct informer_fixture *fixture, const char *expected)
{
    assert_string_equal(strbuf_text(&fixture->changes), expected);
}

void informer_fixture_expect_metric(struct informer_fixture *fixture, const char *name,
                                    unsigned value)
{
    auto_free char *line =
        mem_printf("database_user_operator_informer_%s{resource=\"things\"} %u\n", name, value);

    client_fixture_expect_metric(&fixture->client, line);
}
