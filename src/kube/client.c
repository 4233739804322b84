#include "kube/client.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "http/url.h"
#include "kube/client_state.h"
#include "kube/collection.h"
#include "kube/config.h"
#include "kube/request.h"

#include <string.h>

#define JSON_PATCH_TYPE  "application/json-patch+json"
#define APPLY_PATCH_TYPE "application/apply-patch+yaml" /* JSON is YAML */

/* ---- life cycle ---- */

static char *host_of(const char *server)
{
    const char *host = strstr(server, "://");

    host = host != NULL ? host + strlen("://") : server;
    return mem_strndup(host, strcspn(host, "/"));
}

struct kube_client *kube_client_new(const struct kube_client_options *options)
{
    static const struct metric_description requests = {
        .name = "rest_client_requests_total",
        .help = "Number of HTTP requests, partitioned by status code, method, and host",
        .type = METRIC_COUNTER,
        .labels = {"code", "method", "host"},
    };
    struct kube_client *client = mem_alloc(sizeof *client);

    client->config = options->config;
    client->transport = options->transport;
    client->timesource = options->timesource;
    client->random = options->random;
    client->cancellation = options->cancellation;
    client->user_agent = mem_strdup(options->user_agent);
    client->host = host_of(kube_config_server(options->config));
    client->requests = metrics_family(options->metrics, &requests);
    return client;
}

void kube_client_free(struct kube_client *client)
{
    if (client == NULL)
        return;
    free(client->user_agent);
    free(client->host);
    free(client);
}

const struct timesource *kube_client_timesource(const struct kube_client *client)
{
    return client->timesource;
}

const struct random_source *kube_client_random(const struct kube_client *client)
{
    return client->random;
}

/* ---- messages ---- */

/* "<doing> <plural> <namespace>/<name>" before the cause. */
static bool wrap(struct error *err, const char *doing,
                 const struct kube_object_reference *reference)
{
    const char *namespace_name = reference->namespace_name;

    if (err->kind == ERROR_CANCELLED)
        return false;
    return error_wrap(err, "%s %s %s%s%s", doing, reference->resource->plural,
                      namespace_name != NULL ? namespace_name : "",
                      namespace_name != NULL ? "/" : "", reference->name);
}

/* ---- operations ---- */

bool kube_client_get(struct kube_client *client, const struct kube_object_reference *reference,
                     json_t **ret_object, struct error *err)
{
    auto_strbuf struct strbuf path = {0};
    struct kube_request request = {.is_repeatable = true, .http.method = "GET"};

    if (!kube_append_object_path(&path, reference, err))
        return wrap(err, "reading", reference);
    request.path = strbuf_text(&path);
    if (!kube_client_exchange(client, &request, ret_object, err))
        return wrap(err, "reading", reference);
    return true;
}

struct listing {
    void (*on_object)(void *context, const json_t *object);
    void *context;
    bool is_incomplete;
};

static void take_listed(void *context, const json_t *object, size_t length maybe_unused)
{
    struct listing *listing = context;

    if (object != NULL)
        listing->on_object(listing->context, object);
    else
        listing->is_incomplete = true;
}

bool kube_client_list(struct kube_client *client, const struct kube_resource *resource,
                      const char *namespace_name,
                      void (*on_object)(void *context, const json_t *object), void *context,
                      struct error *err)
{
    const struct kube_collection collection = {
        .resource = resource,
        .namespace_name = namespace_name,
        .cancellation = client->cancellation,
    };
    struct listing listing = {.on_object = on_object, .context = context};
    auto_strbuf struct strbuf version = {0};

    if (!kube_collection_list(client, &collection, take_listed, &listing, &version, err)) {
        if (err->kind == ERROR_GONE) /* between two pages: the next try may be faster */
            err->kind = ERROR_UNAVAILABLE;
        return false;
    }
    return !listing.is_incomplete ||
           error_set(err, ERROR_INTERNAL, NULL,
                     "listing %s in namespace %s: one of them is no readable JSON",
                     resource->plural, namespace_name);
}

bool kube_client_create(struct kube_client *client, const struct kube_resource *resource,
                        const char *namespace_name, const json_t *object, json_t **ret_object,
                        struct error *err)
{
    auto_strbuf struct strbuf path = {0}, body = STRBUF_ERASING;
    const char *name = document_string(document_at(object, "metadata", NULL), "name");
    const struct kube_object_reference reference = {resource, namespace_name,
                                                    name != NULL ? name : ""};
    struct kube_request request = {.content_type = "application/json", .http.method = "POST"};

    kube_append_collection_path(&path, resource, namespace_name);
    document_render(object, false, &body);
    request.path = strbuf_text(&path);
    request.http.body = strbuf_text(&body);
    request.http.body_length = body.length;
    if (!kube_client_exchange(client, &request, ret_object, err))
        return wrap(err, "creating", &reference);
    return true;
}

static bool patch(struct kube_client *client, const char *path, const char *content_type,
                  const json_t *document, json_t **ret_object, struct error *err)
{
    auto_strbuf struct strbuf body = STRBUF_ERASING;
    struct kube_request request = {
        .path = path,
        .content_type = content_type,
        .is_json_patch = strcmp(content_type, JSON_PATCH_TYPE) == 0,
        .is_repeatable = true,
        .http.method = "PATCH",
    };

    document_render(document, false, &body);
    request.http.body = strbuf_text(&body);
    request.http.body_length = body.length;
    return kube_client_exchange(client, &request, ret_object, err);
}

bool kube_client_json_patch(struct kube_client *client,
                            const struct kube_object_reference *reference, const json_t *operations,
                            json_t **ret_object, struct error *err)
{
    auto_strbuf struct strbuf path = {0};

    if (!kube_append_object_path(&path, reference, err) ||
        !patch(client, strbuf_text(&path), JSON_PATCH_TYPE, operations, ret_object, err))
        return wrap(err, "changing", reference);
    return true;
}

bool kube_client_apply_status(struct kube_client *client,
                              const struct kube_object_reference *reference,
                              const char *field_manager, const json_t *object, json_t **ret_object,
                              struct error *err)
{
    auto_strbuf struct strbuf path = {0};

    if (!kube_append_object_path(&path, reference, err))
        return wrap(err, "writing the status of", reference);
    url_append_segment(&path, "status");
    url_append_query(&path, "fieldManager", field_manager);
    url_append_query(&path, "force", "true");
    if (!patch(client, strbuf_text(&path), APPLY_PATCH_TYPE, object, ret_object, err))
        return wrap(err, "writing the status of", reference);
    return true;
}
