#include "base/document.h"
#include "base/memory.h"
#include "client_fixture.h"
#include "kube/access_review.h"
#include "support/test.h"

#include <string.h>

#define TOKEN_URL  "https://api:6443/apis/authentication.k8s.io/v1/tokenreviews"
#define ACCESS_URL "https://api:6443/apis/authorization.k8s.io/v1/subjectaccessreviews"

static int set_up(void **state)
{
    struct client_fixture *fixture = mem_alloc(sizeof *fixture);

    client_fixture_init(fixture, SCRIPTED_IN_ORDER);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    client_fixture_release(*state);
    free(*state);
    return 0;
}

static bool review_token(struct client_fixture *fixture, const char *text, json_t **ret_user,
                         struct error *err)
{
    const struct kube_reviewer reviewer = {.client = fixture->client};
    auto_secret struct secret token = {0};

    secret_set_text(&token, text);
    return kube_review_token(&reviewer, &token, ret_user, err);
}

static void test_the_user_of_a_token_is_what_the_api_server_says(void **state)
{
    struct client_fixture *fixture = *state;
    auto_json json_t *user = NULL;
    struct error err = {0};

    scripted_transport_expect(
        fixture->transport,
        &(struct scripted_exchange){
            .method = "POST",
            .url = TOKEN_URL,
            .headers = {{"Authorization", "Bearer first"}, {"Content-Type", "application/json"}},
            .body_json = "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\","
                         "\"spec\":{\"token\":\"ey.of.prometheus\"}}",
            .status = 201,
            .answer =
                "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"prometheus\"}}}",
        });
    assert_true(review_token(fixture, "ey.of.prometheus", &user, &err));

    assert_string_equal(document_string(user, "username"), "prometheus");
    assert_int_equal(scripted_transport_request(fixture->transport, 0)->total_timeout_ms, 5000);
}

static void test_a_token_of_nobody_has_no_user(void **state)
{
    static const char *const answers[] = {
        "{\"status\":{\"authenticated\":false,\"error\":\"invalid\"}}",
        "{\"status\":{\"user\":{\"username\":\"x\"}}}",
        "{\"status\":{\"authenticated\":\"true\",\"user\":{\"username\":\"x\"}}}",
        "{\"status\":{\"authenticated\":true}}",
        "{}",
    };
    struct client_fixture *fixture = *state;

    for (size_t i = 0; i < array_length(answers); i++) {
        json_t *user = json_object();
        json_t *before = user;
        struct error err = {0};

        scripted_transport_expect(fixture->transport,
                                  &(struct scripted_exchange){.status = 201, .answer = answers[i]});
        assert_true(review_token(fixture, "x", &user, &err));
        assert_null(user);
        json_decref(before);
    }
}

static void test_what_is_no_text_is_nobodys_token_without_asking(void **state)
{
    json_t *user = NULL;
    struct error err = {0};

    assert_true(review_token(*state, "\xff\xfe", &user, &err));

    assert_null(user);
}

static void test_a_failed_review_names_no_token(void **state)
{
    struct client_fixture *fixture = *state;
    json_t *user = NULL;
    struct error err = {0};

    scripted_transport_expect(
        fixture->transport,
        &(struct scripted_exchange){
            .status = 403,
            .answer = "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Forbidden\","
                      "\"message\":\"tokenreviews is forbidden\",\"code\":403}"});
    assert_false(review_token(fixture, "canary-of-a-token", &user, &err));

    assert_int_equal(err.kind, ERROR_DENIED);
    assert_non_null(strstr(err.message, "TokenReview"));
    assert_null(strstr(err.message, "canary"));
}

static void expect_access(struct client_fixture *fixture, const char *answer, bool expected)
{
    const struct kube_reviewer reviewer = {.client = fixture->client};
    auto_json json_t *user =
        json_pack("{s:s, s:s, s:[s, s], s:{s:[s]}, s:s}", "username", "who", "uid", "7", "groups",
                  "a", "b", "extra", "pod", "p", "unknown", "left out");
    struct error err = {0};
    bool may = !expected;

    scripted_transport_expect(
        fixture->transport,
        &(struct scripted_exchange){
            .method = "POST",
            .url = ACCESS_URL,
            .body_json =
                "{\"apiVersion\":\"authorization.k8s.io/v1\","
                "\"kind\":\"SubjectAccessReview\",\"spec\":{\"user\":\"who\",\"uid\":\"7\","
                "\"groups\":[\"a\",\"b\"],\"extra\":{\"pod\":[\"p\"]},"
                "\"nonResourceAttributes\":{\"path\":\"/metrics\",\"verb\":\"get\"}}}",
            .status = 201,
            .answer = answer,
        });
    if (!kube_review_access(&reviewer, user, "/metrics", "get", &may, &err))
        fail_msg("%s", err.message);
    assert_int_equal(may, expected);
}

static void test_access_is_asked_for_with_everything_that_is_known_of_the_user(void **state)
{
    expect_access(*state, "{\"status\":{\"allowed\":true}}", true);
    expect_access(*state, "{\"status\":{\"allowed\":false}}", false);
    expect_access(*state, "{\"status\":{\"allowed\":true,\"denied\":true}}", false);
    expect_access(*state, "{\"status\":{\"allowed\":\"true\"}}", false);
    expect_access(*state, "{}", false);
}

#define with_client(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_client(test_the_user_of_a_token_is_what_the_api_server_says),
        with_client(test_a_token_of_nobody_has_no_user),
        with_client(test_what_is_no_text_is_nobodys_token_without_asking),
        with_client(test_a_failed_review_names_no_token),
        with_client(test_access_is_asked_for_with_everything_that_is_known_of_the_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
