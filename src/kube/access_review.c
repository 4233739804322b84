#include "kube/access_review.h"

#include "base/document.h"
#include "base/strbuf.h"
#include "kube/request.h"

enum { REVIEW_TIMEOUT_MS = 5000 };

/* A review, and where it is created. */
struct review {
    const char *kind;
    const char *api_version;
    const char *path;
};

static const struct review token_review = {"TokenReview", "authentication.k8s.io/v1",
                                           "/apis/authentication.k8s.io/v1/tokenreviews"};
static const struct review access_review = {"SubjectAccessReview", "authorization.k8s.io/v1",
                                            "/apis/authorization.k8s.io/v1/subjectaccessreviews"};

/* Takes over `spec`.  *ret_status (owned by the caller) is what the API server found. */
static bool send(const struct kube_reviewer *reviewer, const struct review *review, json_t *spec,
                 json_t **ret_status, struct error *err)
{
    auto_strbuf struct strbuf body = STRBUF_ERASING;
    auto_json json_t *document = json_object();
    auto_json json_t *answer = NULL;
    struct kube_request request = {
        .path = review->path,
        .content_type = "application/json",
        .http = {.method = "POST",
                 .total_timeout_ms = REVIEW_TIMEOUT_MS,
                 .cancellation = reviewer->cancellation},
    };

    document_set_string(document, "apiVersion", review->api_version);
    document_set_string(document, "kind", review->kind);
    json_object_set_new(document, "spec", spec);
    document_render(document, false, &body);
    request.http.body = strbuf_text(&body);
    request.http.body_length = body.length;
    if (!kube_client_exchange(reviewer->client, &request, &answer, err))
        return error_wrap(err, "%s", review->kind);
    *ret_status = json_incref(json_object_get(answer, "status"));
    return true;
}

bool kube_review_token(const struct kube_reviewer *reviewer, const struct secret *token,
                       json_t **ret_user, struct error *err)
{
    auto_json json_t *status = NULL;
    json_t *spec = json_object(), *text = json_stringn(secret_reveal(token), token->length);
    json_t *user;

    if (text == NULL) { /* not UTF-8, so it cannot be a token */
        json_decref(spec);
        *ret_user = NULL;
        return true;
    }
    json_object_set_new(spec, "token", text);
    if (!send(reviewer, &token_review, spec, &status, err))
        return false;
    user = json_object_get(status, "user");
    *ret_user = json_is_true(json_object_get(status, "authenticated")) && json_is_object(user)
                    ? json_incref(user)
                    : NULL;
    return true;
}

/* TokenReview says `username` where SubjectAccessReview asks for `user`; the rest is the same. */
static json_t *make_access_spec(const json_t *user, const char *path, const char *verb)
{
    static const char *const members[] = {"uid", "groups", "extra"};
    json_t *spec = json_object(), *attributes = json_object();

    document_set_string(spec, "user", document_string(user, "username"));
    for (size_t i = 0; i < array_length(members); i++) {
        json_t *value = json_object_get(user, members[i]);

        if (value != NULL)
            json_object_set(spec, members[i], value);
    }
    document_set_string(attributes, "path", path);
    document_set_string(attributes, "verb", verb);
    json_object_set_new(spec, "nonResourceAttributes", attributes);
    return spec;
}

bool kube_review_access(const struct kube_reviewer *reviewer, const json_t *user, const char *path,
                        const char *verb, bool *ret_allowed, struct error *err)
{
    auto_json json_t *status = NULL;

    if (!send(reviewer, &access_review, make_access_spec(user, path, verb), &status, err))
        return false;
    *ret_allowed = json_is_true(json_object_get(status, "allowed")) &&
                   !json_is_true(json_object_get(status, "denied"));
    return true;
}
