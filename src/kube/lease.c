#include "kube/lease.h"

#include "base/document.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "base/timesource.h"
#include "kube/request.h"

#include <limits.h>
#include <string.h>

static const struct kube_resource lease_resource = {
    .group = "coordination.k8s.io",
    .version = "v1",
    .plural = "leases",
};

/* ---- what a Lease says ---- */

static const json_t *spec_of(const json_t *lease)
{
    return document_at(lease, "spec", NULL);
}

static const char *text_of(const json_t *lease, const char *key)
{
    const char *text = document_string(spec_of(lease), key);

    return text != NULL ? text : "";
}

const char *lease_holder(const json_t *lease)
{
    return text_of(lease, "holderIdentity");
}

const char *lease_acquire_time(const json_t *lease)
{
    return text_of(lease, "acquireTime");
}

int64_t lease_duration_ms(const json_t *lease, int64_t otherwise_ms)
{
    int64_t seconds = document_integer(spec_of(lease), "leaseDurationSeconds", 0);

    return seconds > 0 && seconds <= INT_MAX ? seconds * 1000 : otherwise_ms;
}

bool lease_is_unchanged(const json_t *before, const json_t *after)
{
    return json_equal(spec_of(before), spec_of(after)) == 1;
}

/* ---- what is written ---- */

static json_t *make_empty(const char *namespace_name, const char *name)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "coordination.k8s.io/v1", "kind",
                     "Lease", "metadata", "name", name, "namespace", namespace_name);
}

/* The object to fill in, new where there is none or something else. */
static json_t *ensure_spec(json_t *lease)
{
    json_t *spec = json_object_get(lease, "spec");

    if (!json_is_object(spec)) {
        spec = json_object();
        json_object_set_new(lease, "spec", spec);
    }
    return spec;
}

static void count_transition(json_t *spec)
{
    int64_t transitions = document_integer(spec, "leaseTransitions", 0);

    if (transitions >= 0 && transitions < INT_MAX)
        json_object_set_new(spec, "leaseTransitions", json_integer(transitions + 1));
}

json_t *lease_make(const char *namespace_name, const char *name, const json_t *lease,
                   const struct lease_claim *claim)
{
    json_t *made = lease != NULL ? json_deep_copy(lease) : make_empty(namespace_name, name);
    json_t *spec = ensure_spec(made);
    char now[TIMESTAMP_SIZE];

    timestamp_render_micro(claim->realtime_us, now);
    if (lease == NULL)
        json_object_set_new(spec, "leaseTransitions", json_integer(0));
    else if (claim->is_taking && strcmp(lease_holder(lease), claim->holder) != 0)
        count_transition(spec);
    document_set_string(spec, "holderIdentity", claim->holder);
    json_object_set_new(spec, "leaseDurationSeconds", json_integer(claim->duration_ms / 1000));
    if (lease == NULL || claim->is_taking)
        document_set_string(spec, "acquireTime", now);
    document_set_string(spec, "renewTime", now);
    return made;
}

/* ---- calls ---- */

/* Without its version it would be replaced whatever it says by then. */
static bool check_lease(const json_t *lease, struct error *err)
{
    const char *version = document_string(document_at(lease, "metadata", NULL), "resourceVersion");

    return (version != NULL && version[0] != '\0') ||
           error_set(err, ERROR_INTERNAL, NULL,
                     "the answer of the Kubernetes API server is no Lease; is there a proxy before "
                     "it?");
}

static bool exchange(const struct lease_call *call, struct kube_request *request,
                     const struct strbuf *path, json_t **ret_lease, struct error *err)
{
    auto_json json_t *answer = NULL;

    request->path = strbuf_text(path);
    request->http.total_timeout_ms = call->timeout_ms;
    request->http.connect_timeout_ms = call->timeout_ms;
    request->http.cancellation = call->cancellation;
    if (!kube_client_exchange(call->client, request, &answer, err) || !check_lease(answer, err))
        return false;
    *ret_lease = take(answer);
    return true;
}

static bool wrap(const struct lease_call *call, const char *doing, struct error *err)
{
    return err->kind != ERROR_CANCELLED &&
           error_wrap(err, "%s Lease %s/%s", doing, call->namespace_name, call->name);
}

static bool append_path(const struct lease_call *call, struct strbuf *path, struct error *err)
{
    const struct kube_object_reference reference = {
        .resource = &lease_resource,
        .namespace_name = call->namespace_name,
        .name = call->name,
    };

    return kube_append_object_path(path, &reference, err);
}

bool lease_read(const struct lease_call *call, json_t **ret_lease, struct error *err)
{
    struct kube_request request = {.http.method = "GET"};
    auto_strbuf struct strbuf path = {0};

    return (append_path(call, &path, err) && exchange(call, &request, &path, ret_lease, err)) ||
           wrap(call, "reading", err);
}

bool lease_write(const struct lease_call *call, const json_t *lease, json_t **ret_lease,
                 struct error *err)
{
    bool exists = document_string(document_at(lease, "metadata", NULL), "resourceVersion") != NULL;
    struct kube_request request = {
        .content_type = "application/json",
        .http.method = exists ? "PUT" : "POST",
    };
    auto_strbuf struct strbuf path = {0}, body = {0};

    if (!append_path(call, &path, err))
        return wrap(call, "writing", err);
    if (!exists) {
        strbuf_clear(&path);
        kube_append_collection_path(&path, &lease_resource, call->namespace_name);
    }
    document_render(lease, false, &body);
    request.http.body = strbuf_text(&body);
    request.http.body_length = body.length;
    return exchange(call, &request, &path, ret_lease, err) || wrap(call, "writing", err);
}
