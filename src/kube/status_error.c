#include "kube/status_error.h"

#include "base/document.h"
#include "http/transport.h"

#include <string.h>

enum { LONGEST_RETRY_AFTER_S = 24 * 60 * 60 };

static enum error_kind kind_of(int status)
{
    switch (status) {
    case 401:
    case 403:
        return ERROR_DENIED;
    case 404:
        return ERROR_NOT_FOUND;
    case 409:
        return ERROR_CONFLICT;
    case 410:
        return ERROR_GONE;
    case 408:
    case 429:
        return ERROR_UNAVAILABLE;
    default:
        if (status >= 500)
            return ERROR_UNAVAILABLE;
        /* A success or a redirect where none can be is a broken peer. */
        return status >= 400 ? ERROR_INVALID : ERROR_INTERNAL;
    }
}

static bool is_status(const json_t *object)
{
    const char *kind = document_string(object, "kind");

    return kind != NULL && strcmp(kind, "Status") == 0;
}

static bool has_cause(const json_t *status, const char *wanted)
{
    const json_t *causes = document_at(status, "details", "causes", NULL), *cause;
    size_t i;

    json_array_foreach(causes, i, cause) {
        const char *reason = document_string(cause, "reason");

        if (reason != NULL && strcmp(reason, wanted) == 0)
            return true;
    }
    return false;
}

/* A cause that says more than the reason does. */
static const char *find_telling_cause(const json_t *status)
{
    static const char *const causes[] = {KUBE_CODE_VERSION_TOO_LARGE,
                                         KUBE_CODE_NAMESPACE_TERMINATING};

    for (size_t i = 0; i < array_length(causes); i++) {
        if (has_cause(status, causes[i]))
            return causes[i];
    }
    return NULL;
}

static uint32_t retry_after_ms(const json_t *status)
{
    const json_t *details = document_at(status, "details", NULL);
    int64_t seconds = document_integer(details, "retryAfterSeconds", 0);

    if (seconds <= 0)
        return 0;
    return (uint32_t)(seconds > LONGEST_RETRY_AFTER_S ? LONGEST_RETRY_AFTER_S : seconds) * 1000;
}

/* The reason that the server means when it gives none, as a handler that crashed does. */
static const char *default_reason(int code)
{
    return code == 500 ? KUBE_CODE_INTERNAL_ERROR : NULL;
}

static bool set_from_status(struct error *err, int code, const json_t *status)
{
    const char *cause = find_telling_cause(status);
    const char *reason = cause != NULL ? cause : document_string(status, "reason");
    const char *message = document_string(status, "message");

    if (reason == NULL || reason[0] == '\0')
        reason = default_reason(code);
    error_set(err, kind_of(code), reason, "%s",
              message != NULL && message[0] != '\0' ? message
                                                    : "the Kubernetes API server gave no reason");
    err->retry_after_ms = retry_after_ms(status);
    return false;
}

static bool set_without_status(struct error *err, int code)
{
    if (code == 404)
        return error_set(err, ERROR_NOT_FOUND, "NotFound",
                         "the Kubernetes API server does not know this resource type; is its "
                         "CustomResourceDefinition installed?");
    return error_set(
        err, kind_of(code), default_reason(code),
        "the Kubernetes API server, or a proxy before it, answered with HTTP status %d", code);
}

static json_t *parse_body(const struct http_response *response)
{
    struct error ignored;
    json_t *object = NULL;

    if (!document_parse(strbuf_text(&response->body), response->body.length, &object, &ignored))
        return NULL; /* a proxy's page: the HTTP status says enough */
    return object;
}

static bool set_from_response(struct error *err, const struct http_response *response,
                              const json_t *object)
{
    if (is_status(object))
        set_from_status(err, response->status, object);
    else
        set_without_status(err, response->status);
    if (err->retry_after_ms < response->retry_after_ms)
        err->retry_after_ms = response->retry_after_ms;
    return false;
}

bool status_error_from_response(struct error *err, const struct http_response *response)
{
    auto_json json_t *object = parse_body(response);

    return set_from_response(err, response, object);
}

/* A failed validation names the fields in its causes.  When the patch itself cannot be applied (a
 * failed test, a path that is not there), the server says "Invalid" and no field; seen on 1.36. */
static bool patch_did_not_fit(const struct http_response *response, const json_t *status)
{
    const json_t *causes = document_at(status, "details", "causes", NULL), *cause;
    size_t i;

    if (response->status != 422 || !is_status(status))
        return false;
    json_array_foreach(causes, i, cause)
        if (document_string(cause, "field") != NULL)
            return false;
    return true;
}

bool status_error_from_patch_response(struct error *err, const struct http_response *response)
{
    auto_json json_t *object = parse_body(response);

    if (patch_did_not_fit(response, object))
        return error_set(err, ERROR_CONFLICT, "Conflict",
                         "the object has changed since it was read");
    return set_from_response(err, response, object);
}

bool status_error_from_object(struct error *err, const json_t *status)
{
    int64_t code = document_integer(status, "code", 0);

    if (!is_status(status))
        return error_set(err, ERROR_INTERNAL, NULL,
                         "the Kubernetes API server ended the watch with an error that it did not "
                         "describe");
    return set_from_status(err, code > 0 && code < 1000 ? (int)code : 500, status);
}
