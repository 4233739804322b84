/*
 * The way of every request: token, headers, transport, status, and the few repetitions that cannot
 * do harm.
 */
#include "kube/request.h"

#include "base/backoff.h"
#include "base/document.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "http/url.h"
#include "kube/client_state.h"
#include "kube/config.h"
#include "kube/status_error.h"

#include <stdio.h>
#include <string.h>

enum {
    REPETITIONS_LIMIT = 3,
    /* Whoever is told to wait longer gets the error with the hint, and a queue that can wait. */
    LONGEST_WAIT_MS = 10 * 1000,
};

static const struct backoff_policy repetition_backoff = {
    .first_ms = 100,
    .limit_ms = 2000,
    .jitter_percent = 20,
};

/* ---- paths ---- */

void kube_append_collection_path(struct strbuf *path, const struct kube_resource *resource,
                                 const char *namespace_name)
{
    if (resource->group == NULL) {
        strbuf_append_text(path, "/api");
    } else {
        strbuf_append_text(path, "/apis");
        url_append_segment(path, resource->group);
    }
    url_append_segment(path, resource->version);
    if (namespace_name != NULL) {
        strbuf_append_text(path, "/namespaces");
        url_append_segment(path, namespace_name);
    }
    url_append_segment(path, resource->plural);
}

/* The rule for path segments of the API (k8s.io/apimachinery, path.IsValidPathSegmentName). */
static bool is_path_segment(const char *name)
{
    return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           strpbrk(name, "/%") == NULL;
}

bool kube_append_object_path(struct strbuf *path, const struct kube_object_reference *reference,
                             struct error *err)
{
    if (!is_path_segment(reference->name) ||
        (reference->namespace_name != NULL && !is_path_segment(reference->namespace_name)))
        return error_set(err, ERROR_INVALID, NULL, "'%s' cannot be the name of an object",
                         reference->name);
    kube_append_collection_path(path, reference->resource, reference->namespace_name);
    url_append_segment(path, reference->name);
    return true;
}

/* ---- one attempt ---- */

struct attempt {
    int status; /* 0 = there was no answer */
    bool may_be_repeated;
};

static void count(const struct kube_client *client, const struct http_request *http, int status)
{
    char code[16] = "<error>";

    if (status != 0)
        snprintf(code, sizeof code, "%d", status);
    metric_add(client->requests, 1, code, http->method, client->host, NULL);
}

static bool is_lost_connection(const struct error *err)
{
    return error_has_code(err, "Refused") || error_has_code(err, "Reset");
}

static bool map_status(const struct kube_request *request, const struct http_response *response,
                       struct error *err)
{
    if (response->status >= 200 && response->status <= 299)
        return true;
    if (request->is_json_patch)
        return status_error_from_patch_response(err, response);
    return status_error_from_response(err, response);
}

static bool send_once(struct kube_client *client, struct kube_request *request,
                      struct attempt *ret_attempt, struct http_response *ret_response,
                      struct error *err)
{
    struct http_response response;
    bool answered = http_transport_send(client->transport, &request->http, &response, err);

    *ret_attempt = (struct attempt){.status = answered ? response.status : 0};
    count(client, &request->http, ret_attempt->status);
    if (!answered) {
        ret_attempt->may_be_repeated = is_lost_connection(err);
        return false;
    }
    if (!map_status(request, &response, err)) {
        ret_attempt->may_be_repeated = response.status == 429 || response.status == 503;
        http_response_release(&response);
        return false;
    }
    *ret_response = response;
    return true;
}

static void add_header(struct http_request *http, const char *name, const char *value)
{
    size_t i = 0;

    while (http->headers[i].name != NULL)
        i++;
    http->headers[i] = (struct http_header){.name = name, .value = value};
}

/* Adds what authenticates, freshly for each attempt, since the token may have been renewed. */
static bool send_authenticated(struct kube_client *client, struct kube_request *request,
                               struct attempt *ret_attempt, struct http_response *ret_response,
                               struct error *err)
{
    auto_secret struct secret token = {0};
    auto_strbuf struct strbuf authorization = STRBUF_ERASING;
    bool succeeded;

    *ret_attempt = (struct attempt){0};
    if (!kube_config_token(client->config, &token, err))
        return false;
    memset(request->http.headers, 0, sizeof request->http.headers);
    if (!secret_is_empty(&token)) {
        strbuf_append_text(&authorization, "Bearer ");
        strbuf_append_text(&authorization, secret_reveal(&token));
        add_header(&request->http, "Authorization", strbuf_text(&authorization));
    }
    add_header(&request->http, "User-Agent", client->user_agent);
    add_header(&request->http, "Accept",
               request->accept != NULL ? request->accept : "application/json");
    if (request->content_type != NULL)
        add_header(&request->http, "Content-Type", request->content_type);
    succeeded = send_once(client, request, ret_attempt, ret_response, err);
    memset(request->http.headers, 0, sizeof request->http.headers); /* they point into this frame */
    return succeeded;
}

/* ---- repetitions ---- */

/* Waits as long as the server or the backoff says; false when that is too long for here, or when we
 * are shutting down. */
static bool wait_before_repetition(struct kube_client *client, const struct kube_request *request,
                                   unsigned repetition, struct error *err)
{
    uint64_t delay_ms = backoff_delay_ms(&repetition_backoff, repetition, client->random);

    if (delay_ms < err->retry_after_ms)
        delay_ms = err->retry_after_ms;
    if (delay_ms > LONGEST_WAIT_MS)
        return false;
    if (cancellation_wait(request->http.cancellation, (int64_t)delay_ms))
        return cancellation_error(err);
    return true;
}

bool kube_client_send(struct kube_client *client, struct kube_request *request,
                      struct http_response *ret_response, struct error *err)
{
    auto_free char *url = mem_printf("%s%s", kube_config_server(client->config), request->path);
    struct attempt attempt;
    bool token_was_dropped = false;

    request->http.url = url;
    request->http.tls = kube_config_tls(client->config);
    request->http.proxy = kube_config_proxy(client->config);
    if (request->http.cancellation == NULL)
        request->http.cancellation = client->cancellation;
    for (unsigned repetition = 1;;) {
        if (send_authenticated(client, request, &attempt, ret_response, err))
            return true;
        if (attempt.status == 401 && !token_was_dropped) {
            /* It was not let in, so it did nothing, whatever it is. */
            kube_config_drop_token(client->config);
            token_was_dropped = true;
            continue;
        }
        if (!attempt.may_be_repeated || !request->is_repeatable || repetition > REPETITIONS_LIMIT ||
            !wait_before_repetition(client, request, repetition, err))
            return false;
        repetition++;
    }
}

bool kube_client_exchange(struct kube_client *client, struct kube_request *request,
                          json_t **ret_object, struct error *err)
{
    auto_http_response struct http_response response = {0};
    auto_json json_t *object = NULL;

    if (!kube_client_send(client, request, &response, err))
        return false;
    if (ret_object == NULL)
        return true;
    if (!document_parse(strbuf_text(&response.body), response.body.length, &object, err) ||
        !json_is_object(object))
        return error_set(err, ERROR_INTERNAL, NULL,
                         "the answer of the Kubernetes API server is no JSON object; is there a "
                         "proxy before it?");
    *ret_object = json_incref(object);
    return true;
}
