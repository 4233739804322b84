#include "base/document.h"
#include "base/memory.h"
#include "client_fixture.h"
#include "support/test.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static const struct kube_object_reference reference = {&fixture_resource, "default", "a"};
static const char object_url[] = FIXTURE_COLLECTION "/a";

#define STATUS(code, reason, message)                                                          \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"" message \
    "\",\"reason\":\"" reason "\",\"code\":" #code "}"

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

static void expect(struct client_fixture *fixture, const struct scripted_exchange *exchange)
{
    scripted_transport_expect(fixture->transport, exchange);
}

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);

    assert_non_null(value);
    return value;
}

static bool get(struct client_fixture *fixture, struct error *err)
{
    auto_json json_t *object = NULL;

    return kube_client_get(fixture->client, &reference, &object, err);
}

/* ---- requests ---- */

static void test_get_asks_for_the_newest_version_with_authentication(void **state)
{
    struct client_fixture *fixture = *state;
    auto_json json_t *object = NULL;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){
                        .method = "GET",
                        .url = object_url,
                        .headers = {{"Authorization", "Bearer first"},
                                    {"User-Agent", "tests/1"},
                                    {"Accept", "application/json"},
                                    {"Content-Type", NULL}},
                        .answer = "{\"kind\":\"Thing\"}",
                    });
    assert_true(kube_client_get(fixture->client, &reference, &object, &err));

    assert_string_equal(document_string(object, "kind"), "Thing");
    client_fixture_expect_metric(
        fixture, "rest_client_requests_total{code=\"200\",method=\"GET\",host=\"api:6443\"} 1\n");
}

static void test_paths_of_core_and_cluster_scoped_resources(void **state)
{
    static const struct kube_resource secrets = {NULL, "v1", "secrets"},
                                      namespaces = {NULL, "v1", "namespaces"};
    struct client_fixture *fixture = *state;
    auto_json json_t *first = NULL, *second = NULL;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){
                        .url = "https://api:6443/api/v1/namespaces/a%20b/secrets/c",
                        .answer = "{}",
                    });
    expect(fixture, &(struct scripted_exchange){
                        .url = "https://api:6443/api/v1/namespaces/kube-system", .answer = "{}"});

    assert_true(kube_client_get(
        fixture->client, &(struct kube_object_reference){&secrets, "a b", "c"}, &first, &err));
    assert_true(kube_client_get(fixture->client,
                                &(struct kube_object_reference){&namespaces, NULL, "kube-system"},
                                &second, &err));
}

static void test_name_that_would_leave_its_path_is_refused(void **state)
{
    static const char *const names[] = {"", ".", "..", "a/b", "a%2fb"};
    struct client_fixture *fixture = *state;

    for (size_t i = 0; i < array_length(names); i++) {
        auto_json json_t *object = NULL;
        struct error err = {0};

        assert_false(
            kube_client_get(fixture->client,
                            &(struct kube_object_reference){&fixture_resource, "default", names[i]},
                            &object, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_false(kube_client_get(
            fixture->client, &(struct kube_object_reference){&fixture_resource, names[i], "a"},
            &object, &err));
    }
}

static void test_create_posts_to_the_collection(void **state)
{
    struct client_fixture *fixture = *state;
    auto_json json_t *object = parse("{\"metadata\":{\"name\":\"a\"}}"), *created = NULL;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){
                        .method = "POST",
                        .url = FIXTURE_COLLECTION,
                        .headers = {{"Content-Type", "application/json"}},
                        .body_json = "{\"metadata\":{\"name\":\"a\"}}",
                        .status = 201,
                        .answer = "{\"made\":true}",
                    });
    assert_true(
        kube_client_create(fixture->client, &fixture_resource, "default", object, &created, &err));

    assert_true(document_boolean(created, "made", false));
}

static void test_status_is_applied_by_force_to_the_subresource(void **state)
{
    struct client_fixture *fixture = *state;
    auto_json json_t *object = parse("{\"kind\":\"Thing\",\"status\":{}}"), *applied = NULL;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){
                        .method = "PATCH",
                        .url = FIXTURE_COLLECTION "/a/status?fieldManager=my%20manager&force=true",
                        .headers = {{"Content-Type", "application/apply-patch+yaml"}},
                        .body_json = "{\"kind\":\"Thing\",\"status\":{}}",
                        .answer = "{\"x\":1}",
                    });
    assert_true(kube_client_apply_status(fixture->client, &reference, "my manager", object,
                                         &applied, &err));

    assert_int_equal(document_integer(applied, "x", 0), 1);
}

static void test_answer_that_is_no_object_is_a_broken_peer(void **state)
{
    static const char *const answers[] = {"<html>", "", "[1]", "{\"cut\":"};
    struct client_fixture *fixture = *state;

    for (size_t i = 0; i < array_length(answers); i++) {
        struct error err = {0};

        expect(fixture, &(struct scripted_exchange){.url = object_url, .answer = answers[i]});
        assert_false(get(fixture, &err));
        assert_int_equal(err.kind, ERROR_INTERNAL);
        assert_non_null(strstr(err.message, "no JSON object"));
    }
}

/* ---- finalizers ---- */

#define FINALIZER "test.io/f"

static void test_first_finalizer_is_added_if_nothing_changed(void **state)
{
    static const char *const objects[] = {
        "{\"metadata\":{\"uid\":\"u1\"}}",
        "{\"metadata\":{\"uid\":\"u1\",\"finalizers\":[]}}",
    };
    struct client_fixture *fixture = *state;

    for (size_t i = 0; i < array_length(objects); i++) {
        auto_json json_t *object = parse(objects[i]), *changed = NULL;
        struct error err = {0};

        expect(fixture,
               &(struct scripted_exchange){
                   .method = "PATCH",
                   .url = object_url,
                   .headers = {{"Content-Type", "application/json-patch+json"}},
                   .body_json =
                       "[{\"op\":\"test\",\"path\":\"/metadata/uid\",\"value\":\"u1\"},"
                       "{\"op\":\"test\",\"path\":\"/metadata/deletionTimestamp\",\"value\":null},"
                       "{\"op\":\"test\",\"path\":\"/metadata/finalizers\",\"value\":null},"
                       "{\"op\":\"add\",\"path\":\"/metadata/finalizers\",\"value\":[\"" FINALIZER
                       "\"]}]",
                   .answer = "{\"metadata\":{\"resourceVersion\":\"2\"}}",
               });
        assert_true(kube_client_add_finalizer(fixture->client, &reference, object, FINALIZER,
                                              &changed, &err));
        assert_string_equal(
            document_string(document_at(changed, "metadata", NULL), "resourceVersion"), "2");
    }
}

static void test_further_finalizer_goes_to_the_end_of_the_list(void **state)
{
    struct client_fixture *fixture = *state;
    auto_json json_t *object =
        parse("{\"metadata\":{\"uid\":\"u1\",\"finalizers\":[\"other/x\",\"other/y\"]}}");
    struct error err = {0};

    expect(fixture,
           &(struct scripted_exchange){
               .method = "PATCH",
               .body_json =
                   "[{\"op\":\"test\",\"path\":\"/metadata/uid\",\"value\":\"u1\"},"
                   "{\"op\":\"test\",\"path\":\"/metadata/deletionTimestamp\",\"value\":null},"
                   "{\"op\":\"test\",\"path\":\"/metadata/"
                   "finalizers\",\"value\":[\"other/x\",\"other/y\"]},"
                   "{\"op\":\"add\",\"path\":\"/metadata/finalizers/-\",\"value\":\"" FINALIZER
                   "\"}]",
               .answer = "{}",
           });
    assert_true(
        kube_client_add_finalizer(fixture->client, &reference, object, FINALIZER, NULL, &err));
}

static void test_finalizer_that_is_there_needs_no_request(void **state)
{
    struct client_fixture *fixture = *state;
    auto_json json_t *object =
        parse("{\"metadata\":{\"uid\":\"u1\",\"finalizers\":[\"" FINALIZER "\"]}}");
    auto_json json_t *same = NULL;
    struct error err = {0};

    assert_true(
        kube_client_add_finalizer(fixture->client, &reference, object, FINALIZER, &same, &err));

    assert_true(json_equal(object, same));
}

static void test_finalizer_is_removed_at_the_place_where_it_was(void **state)
{
    struct client_fixture *fixture = *state;
    auto_json json_t *object =
        parse("{\"metadata\":{\"uid\":\"u1\",\"finalizers\":[\"other/x\",\"" FINALIZER "\"]}}");
    struct error err = {0};

    expect(fixture,
           &(struct scripted_exchange){
               .method = "PATCH",
               .url = object_url,
               .body_json =
                   "[{\"op\":\"test\",\"path\":\"/metadata/uid\",\"value\":\"u1\"},"
                   "{\"op\":\"test\",\"path\":\"/metadata/finalizers/1\",\"value\":\"" FINALIZER
                   "\"},{\"op\":\"remove\",\"path\":\"/metadata/finalizers/1\"}]",
               .answer = "{}",
           });
    assert_true(kube_client_remove_finalizer(fixture->client, &reference, object, FINALIZER, &err));
}

static void test_removing_what_is_not_there_is_success(void **state)
{
    struct client_fixture *fixture = *state;
    auto_json json_t *without = parse("{\"metadata\":{\"uid\":\"u1\"}}");
    auto_json json_t *object =
        parse("{\"metadata\":{\"uid\":\"u1\",\"finalizers\":[\"" FINALIZER "\"]}}");
    struct error err = {0};

    assert_true(
        kube_client_remove_finalizer(fixture->client, &reference, without, FINALIZER, &err));
    expect(fixture, &(struct scripted_exchange){.method = "PATCH",
                                                .status = 404,
                                                .answer = STATUS(404, "NotFound", "gone")});
    assert_true(kube_client_remove_finalizer(fixture->client, &reference, object, FINALIZER, &err));
}

static void test_failed_test_of_a_patch_is_a_conflict(void **state)
{
    struct client_fixture *fixture = *state;
    auto_json json_t *object = parse("{\"metadata\":{\"uid\":\"u1\"}}");
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){
                        .method = "PATCH",
                        .status = 422,
                        .answer = "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"the "
                                  "server rejected our request due to an error in our "
                                  "request\",\"reason\":\"Invalid\",\"details\":{},\"code\":422}",
                    });
    assert_false(
        kube_client_add_finalizer(fixture->client, &reference, object, FINALIZER, NULL, &err));

    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.message,
                        "changing things default/a: the object has changed since it was read");
}

/* ---- failures ---- */

static void test_failures_name_operation_and_object(void **state)
{
    struct client_fixture *fixture = *state;
    struct error err = {0};

    expect(fixture,
           &(struct scripted_exchange){
               .status = 404, .answer = STATUS(404, "NotFound", "things \\\"a\\\" not found")});
    assert_false(get(fixture, &err));

    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_string_equal(err.code, "NotFound");
    assert_string_equal(err.message, "reading things default/a: things \"a\" not found");
}

static void test_refused_token_is_read_again_once(void **state)
{
    struct client_fixture *fixture = *state;
    struct error err = {0};

    client_fixture_renew_token(fixture);
    expect(fixture, &(struct scripted_exchange){.headers = {{"Authorization", "Bearer first"}},
                                                .status = 401,
                                                .answer = STATUS(401, "Unauthorized", "no")});
    expect(fixture, &(struct scripted_exchange){.headers = {{"Authorization", "Bearer second"}},
                                                .answer = "{}"});
    assert_true(get(fixture, &err));

    expect(fixture, &(struct scripted_exchange){
                        .status = 401, .times = 2, .answer = STATUS(401, "Unauthorized", "no")});
    assert_false(get(fixture, &err));
    assert_int_equal(err.kind, ERROR_DENIED);
}

static void test_create_with_a_refused_token_is_repeated_too(void **state)
{
    struct client_fixture *fixture = *state;
    auto_json json_t *object = json_object();
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){.method = "POST", .status = 401});
    expect(fixture, &(struct scripted_exchange){.method = "POST", .body = "{}", .answer = "{}"});

    assert_true(
        kube_client_create(fixture->client, &fixture_resource, "default", object, NULL, &err));
}

static struct error transport_failure(const char *code)
{
    struct error failure;

    error_set(&failure, ERROR_UNAVAILABLE, code, "lost");
    return failure;
}

static void test_reads_are_repeated_while_there_is_hope(void **state)
{
    struct client_fixture *fixture = *state;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){.status = 503, .answer = "busy"});
    expect(fixture, &(struct scripted_exchange){.status = 429, .retry_after_ms = 1});
    expect(fixture, &(struct scripted_exchange){.failure = transport_failure("Refused")});
    expect(fixture, &(struct scripted_exchange){.answer = "{}"});
    assert_true(get(fixture, &err));

    client_fixture_expect_metric(
        fixture,
        "rest_client_requests_total{code=\"<error>\",method=\"GET\",host=\"api:6443\"} 1\n");
}

static void test_reads_are_repeated_three_times(void **state)
{
    struct client_fixture *fixture = *state;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){.times = 4, .failure = transport_failure("Reset")});
    assert_false(get(fixture, &err));

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_string_equal(err.code, "Reset");
}

static void test_what_repeating_does_not_help_is_not_repeated(void **state)
{
    static const struct {
        const char *name;
        int status;
        enum error_kind kind;
    } cases[] = {
        {"bad request", 400, ERROR_INVALID},
        {"forbidden", 403, ERROR_DENIED},
        {"not found", 404, ERROR_NOT_FOUND},
        {"conflict", 409, ERROR_CONFLICT},
        {"gone", 410, ERROR_GONE},
        {"too large", 413, ERROR_INVALID},
        {"invalid", 422, ERROR_INVALID},
        {"server error", 500, ERROR_UNAVAILABLE},
        {"bad gateway", 502, ERROR_UNAVAILABLE},
        {"time-out", 504, ERROR_UNAVAILABLE},
        {"redirect", 307, ERROR_INTERNAL},
    };
    struct client_fixture *fixture = *state;
    struct error err = {0};

    for (size_t i = 0; i < array_length(cases); i++) {
        expect(fixture, &(struct scripted_exchange){.status = cases[i].status});
        if (get(fixture, &err) || err.kind != cases[i].kind)
            fail_msg("%s: %s", cases[i].name, error_kind_name(err.kind));
    }
    expect(fixture, &(struct scripted_exchange){.failure = transport_failure("Timeout")});
    assert_false(get(fixture, &err));
}

static void test_create_is_not_repeated(void **state)
{
    struct client_fixture *fixture = *state;
    auto_json json_t *object = json_object();
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){.failure = transport_failure("Reset")});
    assert_false(
        kube_client_create(fixture->client, &fixture_resource, "default", object, NULL, &err));
    expect(fixture, &(struct scripted_exchange){.status = 503});
    assert_false(
        kube_client_create(fixture->client, &fixture_resource, "default", object, NULL, &err));
    expect(fixture, &(struct scripted_exchange){.status = 409,
                                                .answer = STATUS(409, "AlreadyExists", "there")});
    assert_false(
        kube_client_create(fixture->client, &fixture_resource, "default", object, NULL, &err));

    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.code, "AlreadyExists");
}

static void test_long_wait_is_left_to_the_caller(void **state)
{
    struct client_fixture *fixture = *state;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){.status = 429, .retry_after_ms = 60000});
    assert_false(get(fixture, &err));

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_int_equal(err.retry_after_ms, 60000);
}

static void *cancel_after_a_while(void *argument)
{
    usleep(50 * 1000);
    cancellation_request(argument);
    return NULL;
}

static void test_cancellation_ends_the_wait_for_a_repetition(void **state)
{
    struct client_fixture *fixture = *state;
    int64_t start = timesource_monotonic_ms(&timesource_system);
    struct error err = {0};
    pthread_t thread;

    expect(fixture, &(struct scripted_exchange){.status = 429, .retry_after_ms = 9000});
    assert_int_equal(pthread_create(&thread, NULL, cancel_after_a_while, fixture->cancellation), 0);
    assert_false(get(fixture, &err));
    pthread_join(thread, NULL);

    assert_int_equal(err.kind, ERROR_CANCELLED);
    assert_in_range(timesource_monotonic_ms(&timesource_system) - start, 0, 5000);
}

static void test_token_never_enters_a_message(void **state)
{
    struct client_fixture *fixture = *state;
    struct error err = {0};

    expect(fixture,
           &(struct scripted_exchange){.status = 403, .answer = STATUS(403, "Forbidden", "no")});
    assert_false(get(fixture, &err));
    assert_null(strstr(err.message, "first"));
    assert_null(strstr(err.code, "first"));
}

/* ---- lists ---- */

static void append_name(void *context, const json_t *object)
{
    strbuf_append_format(context, "%s ",
                         document_string(document_at(object, "metadata", NULL), "name"));
}

static bool list(struct client_fixture *fixture, struct strbuf *ret_names, struct error *err)
{
    return kube_client_list(fixture->client, &fixture_resource, "default", append_name, ret_names,
                            err);
}

static void expect_page(struct client_fixture *fixture, const char *query, int status,
                        const char *answer)
{
    auto_free char *url = mem_printf("%s%s", FIXTURE_COLLECTION, query);

    expect(fixture, &(struct scripted_exchange){
                        .method = "GET", .url = url, .status = status, .answer = answer});
}

#define PAGE(next, items) \
    "{\"items\":[" items "],\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"" next "\"}}"
#define NAMED(name) "{\"metadata\":{\"name\":\"" name "\"}}"

static void test_list_goes_through_all_pages(void **state)
{
    struct client_fixture *fixture = *state;
    auto_strbuf struct strbuf names = {0};
    struct error err = {0};

    expect_page(fixture, "?limit=500", 200, PAGE("next", NAMED("a") "," NAMED("b")));
    expect_page(fixture, "?limit=500&continue=next", 200, PAGE("", NAMED("c")));

    assert_true(list(fixture, &names, &err));
    assert_string_equal(strbuf_text(&names), "a b c ");
}

static void test_list_of_which_one_cannot_be_read_fails(void **state)
{
    struct client_fixture *fixture = *state;
    auto_strbuf struct strbuf names = {0};
    struct error err = {0};

    expect_page(fixture, "?limit=500", 200, PAGE("", NAMED("a") ",{\"metadata\":{x}}"));

    assert_false(list(fixture, &names, &err));
    assert_int_equal(err.kind, ERROR_INTERNAL);
    assert_non_null(strstr(err.message, "things in namespace default"));
}

/* GONE would say that the resource of a pass is gone. */
static void test_list_that_expires_between_two_pages_may_be_tried_again(void **state)
{
    struct client_fixture *fixture = *state;
    auto_strbuf struct strbuf names = {0};
    struct error err = {0};

    expect_page(fixture, "?limit=500", 200, PAGE("next", NAMED("a")));
    expect_page(fixture, "?limit=500&continue=next", 410, STATUS(410, "Expired", "too old"));

    assert_false(list(fixture, &names, &err));
    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_get_asks_for_the_newest_version_with_authentication),
        TEST(test_paths_of_core_and_cluster_scoped_resources),
        TEST(test_name_that_would_leave_its_path_is_refused),
        TEST(test_create_posts_to_the_collection),
        TEST(test_status_is_applied_by_force_to_the_subresource),
        TEST(test_answer_that_is_no_object_is_a_broken_peer),
        TEST(test_first_finalizer_is_added_if_nothing_changed),
        TEST(test_further_finalizer_goes_to_the_end_of_the_list),
        TEST(test_finalizer_that_is_there_needs_no_request),
        TEST(test_finalizer_is_removed_at_the_place_where_it_was),
        TEST(test_removing_what_is_not_there_is_success),
        TEST(test_failed_test_of_a_patch_is_a_conflict),
        TEST(test_failures_name_operation_and_object),
        TEST(test_refused_token_is_read_again_once),
        TEST(test_create_with_a_refused_token_is_repeated_too),
        TEST(test_reads_are_repeated_while_there_is_hope),
        TEST(test_reads_are_repeated_three_times),
        TEST(test_what_repeating_does_not_help_is_not_repeated),
        TEST(test_create_is_not_repeated),
        TEST(test_list_goes_through_all_pages),
        TEST(test_list_of_which_one_cannot_be_read_fails),
        TEST(test_list_that_expires_between_two_pages_may_be_tried_again),
        TEST(test_long_wait_is_left_to_the_caller),
        TEST(test_cancellation_ends_the_wait_for_a_repetition),
        TEST(test_token_never_enters_a_message),
    };

    return cmocka_run_group_tests_name("kube/client", tests, NULL, NULL);
}
