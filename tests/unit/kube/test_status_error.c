/* Answers as a kube-apiserver 1.36 and things before it gave them. */
#include "base/document.h"
#include "base/strbuf.h"
#include "http/transport.h"
#include "kube/status_error.h"
#include "support/test.h"

#include <string.h>

struct expectation {
    const char *name;
    int status;
    const char *body;
    bool is_patch;
    enum error_kind kind;
    const char *code;
    const char *message; /* how it begins */
    uint32_t retry_after_ms;
};

static const struct expectation expectations[] = {
    {
        .name = "missing object",
        .status = 404,
        .body =
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
            "\"message\":\"secrets \\\"nope\\\" not found\",\"reason\":\"NotFound\",\"details\":"
            "{\"name\":\"nope\",\"kind\":\"secrets\"},\"code\":404}",
        .kind = ERROR_NOT_FOUND,
        .code = "NotFound",
        .message = "secrets \"nope\" not found",
    },
    {
        .name = "missing resource type",
        .status = 404,
        .body = "404 page not found\n",
        .kind = ERROR_NOT_FOUND,
        .code = "NotFound",
        .message = "the Kubernetes API server does not know this resource type",
    },
    {
        .name = "bad token",
        .status = 401,
        .body = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
                "\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}",
        .kind = ERROR_DENIED,
        .code = "Unauthorized",
        .message = "Unauthorized",
    },
    {
        .name = "no right",
        .status = 403,
        .body = "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"secrets is forbidden: "
                "User \\\"system:anonymous\\\" cannot list resource \\\"secrets\\\" in API group "
                "\\\"\\\" at the cluster scope\",\"reason\":\"Forbidden\",\"details\":{\"kind\":"
                "\"secrets\"},\"code\":403}",
        .kind = ERROR_DENIED,
        .code = "Forbidden",
        .message = "secrets is forbidden: User \"system:anonymous\" cannot list",
    },
    {
        .name = "already there",
        .status = 409,
        .body = "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"configmaps \\\"c1\\\" "
                "already exists\",\"reason\":\"AlreadyExists\",\"code\":409}",
        .kind = ERROR_CONFLICT,
        .code = "AlreadyExists",
        .message = "configmaps \"c1\" already exists",
    },
    {
        .name = "patch that does not fit",
        .status = 422,
        .is_patch = true,
        .body = "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"the server rejected our "
                "request due to an error in our request\",\"reason\":\"Invalid\",\"details\":{},"
                "\"code\":422}",
        .kind = ERROR_CONFLICT,
        .code = "Conflict",
        .message = "the object has changed since it was read",
    },
    {
        .name = "patch that does not fit, with a cause",
        .status = 422,
        .is_patch = true,
        .body = "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"details\":{\"causes\":[{\"reason\":"
                "\"UnexpectedServerResponse\",\"message\":\"testing value /metadata/uid failed\"}]}"
                ",\"code\":422}",
        .kind = ERROR_CONFLICT,
        .code = "Conflict",
        .message = "the object has changed since it was read",
    },
    {
        .name = "patch with an invalid result",
        .status = 422,
        .is_patch = true,
        .body = "{\"kind\":\"Status\",\"message\":\"ConfigMap \\\"c1\\\" is invalid: "
                "metadata.finalizers: Invalid value\",\"reason\":\"Invalid\",\"details\":{\"causes"
                "\":[{\"reason\":\"FieldValueInvalid\",\"message\":\"x\",\"field\":"
                "\"metadata.finalizers\"}]},\"code\":422}",
        .kind = ERROR_INVALID,
        .code = "Invalid",
        .message = "ConfigMap \"c1\" is invalid",
    },
    {
        .name = "no patch, but 422 without causes",
        .status = 422,
        .body = "{\"kind\":\"Status\",\"message\":\"no\",\"reason\":\"Invalid\",\"code\":422}",
        .kind = ERROR_INVALID,
        .code = "Invalid",
        .message = "no",
    },
    {
        .name = "expired continue token",
        .status = 410,
        .body = "{\"kind\":\"Status\",\"message\":\"The provided continue parameter is too old\","
                "\"reason\":\"Expired\",\"code\":410}",
        .kind = ERROR_GONE,
        .code = "Expired",
        .message = "The provided continue parameter is too old",
    },
    {
        .name = "overload with a hint in the body",
        .status = 429,
        .body = "{\"kind\":\"Status\",\"message\":\"Too many requests\",\"reason\":"
                "\"TooManyRequests\",\"details\":{\"retryAfterSeconds\":5},\"code\":429}",
        .kind = ERROR_UNAVAILABLE,
        .code = "TooManyRequests",
        .message = "Too many requests",
        .retry_after_ms = 5000,
    },
    {
        .name = "version from the future",
        .status = 504,
        .body = "{\"kind\":\"Status\",\"message\":\"Timeout: Too large resource version: 9, current"
                ": 5\",\"reason\":\"Timeout\",\"details\":{\"causes\":[{\"reason\":"
                "\"ResourceVersionTooLarge\",\"message\":\"Too large resource version\"}],"
                "\"retryAfterSeconds\":1},\"code\":504}",
        .kind = ERROR_UNAVAILABLE,
        .code = KUBE_CODE_VERSION_TOO_LARGE,
        .message = "Timeout: Too large resource version",
        .retry_after_ms = 1000,
    },
    {
        .name = "page of a proxy",
        .status = 502,
        .body = "<html><body>Bad Gateway canary</body></html>",
        .kind = ERROR_UNAVAILABLE,
        .code = "",
        .message = "the Kubernetes API server, or a proxy before it, answered with HTTP status 502",
    },
    {
        .name = "JSON that is no Status",
        .status = 500,
        .body = "{\"message\":\"canary\"}",
        .kind = ERROR_UNAVAILABLE,
        .code = KUBE_CODE_INTERNAL_ERROR,
        .message = "the Kubernetes API server, or a proxy before it, answered with HTTP status 500",
    },
    {
        .name = "Status without words",
        .status = 500,
        .body = "{\"kind\":\"Status\",\"code\":500}",
        .kind = ERROR_UNAVAILABLE,
        .code = KUBE_CODE_INTERNAL_ERROR,
        .message = "the Kubernetes API server gave no reason",
    },
    {
        .name = "redirect to a login page",
        .status = 302,
        .body = "",
        .kind = ERROR_INTERNAL,
        .code = "",
        .message = "the Kubernetes API server, or a proxy before it, answered with HTTP status 302",
    },
};

static void check(const struct expectation *expected, const struct error *err)
{
    if (err->kind != expected->kind || !error_has_code(err, expected->code) ||
        strncmp(err->message, expected->message, strlen(expected->message)) != 0 ||
        err->retry_after_ms != expected->retry_after_ms || strstr(err->message, "canary") != NULL)
        fail_msg("%s: %s, code '%s', retry after %u ms: %s", expected->name,
                 error_kind_name(err->kind), err->code, err->retry_after_ms, err->message);
}

static void test_answers_map_to_kinds_codes_and_sentences(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_length(expectations); i++) {
        const struct expectation *expected = &expectations[i];
        auto_http_response struct http_response response = {.status = expected->status};
        struct error err = {0};

        strbuf_append_text(&response.body, expected->body);
        if (expected->is_patch)
            assert_false(status_error_from_patch_response(&err, &response));
        else
            assert_false(status_error_from_response(&err, &response));
        check(expected, &err);
    }
}

static void test_longer_hint_of_header_and_body_counts(void **state)
{
    auto_http_response struct http_response response = {.status = 429, .retry_after_ms = 9000};
    struct error err = {0};

    (void)state;
    strbuf_append_text(&response.body,
                       "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":2}}");
    assert_false(status_error_from_response(&err, &response));
    assert_int_equal(err.retry_after_ms, 9000);
    response.retry_after_ms = 1000;
    assert_false(status_error_from_response(&err, &response));
    assert_int_equal(err.retry_after_ms, 2000);
}

static void test_status_of_a_watch_event_maps_by_its_own_code(void **state)
{
    auto_json json_t *gone = json_pack("{s:s,s:s,s:s,s:i}", "kind", "Status", "reason", "Expired",
                                       "message", "too old resource version", "code", 410);
    auto_json json_t *strange = json_pack("{s:s}", "kind", "Thing");
    struct error err = {0};

    (void)state;
    assert_false(status_error_from_object(&err, gone));
    assert_int_equal(err.kind, ERROR_GONE);
    assert_string_equal(err.code, "Expired");
    assert_false(status_error_from_object(&err, strange));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_false(status_error_from_object(&err, NULL));
    assert_int_equal(err.kind, ERROR_INTERNAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_map_to_kinds_codes_and_sentences),
        cmocka_unit_test(test_longer_hint_of_header_and_body_counts),
        cmocka_unit_test(test_status_of_a_watch_event_maps_by_its_own_code),
    };

    return cmocka_run_group_tests_name("kube/status_error", tests, NULL, NULL);
}
