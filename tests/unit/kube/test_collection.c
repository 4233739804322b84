#include "base/document.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "client_fixture.h"
#include "kube/collection.h"
#include "kube/status_error.h"
#include "support/test.h"

#include <pthread.h>
#include <string.h>

#define WATCH_QUERY "?watch=1&resourceVersion=7&allowWatchBookmarks=true&timeoutSeconds=300"
#define STATUS(code, reason, details)                                                       \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"told\",\"reason\":\"" reason \
    "\",\"details\":{" details "},\"code\":" #code "}"
#define THING(name, version) \
    "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"

struct fixture {
    struct client_fixture client;
    struct kube_collection collection;
    struct strbuf seen; /* what was handed out, a word each */
    struct strbuf version;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    client_fixture_init(&fixture->client, SCRIPTED_IN_ORDER);
    fixture->collection = (struct kube_collection){
        .resource = &fixture_resource,
        .namespace_name = "default",
        .cancellation = fixture->client.cancellation,
    };
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    strbuf_release(&fixture->seen);
    strbuf_release(&fixture->version);
    client_fixture_release(&fixture->client);
    free(fixture);
    return 0;
}

static void expect(struct fixture *fixture, const struct scripted_exchange *exchange)
{
    scripted_transport_expect(fixture->client.transport, exchange);
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text != NULL ? text : otherwise;
}

static const char *name_of(const json_t *object)
{
    return text_or(document_string(document_at(object, "metadata", NULL), "name"), "nameless");
}

static void note_object(void *context, const json_t *object, size_t length)
{
    struct fixture *fixture = context;

    if (object != NULL)
        strbuf_append_format(&fixture->seen, "%s ", name_of(object));
    else
        strbuf_append_format(&fixture->seen, "unreadable:%zu ", length);
}

static bool list(struct fixture *fixture, struct error *err)
{
    strbuf_clear(&fixture->seen);
    strbuf_clear(&fixture->version);
    return kube_collection_list(fixture->client.client, &fixture->collection, note_object, fixture,
                                &fixture->version, err);
}

static void note_event(void *context, enum kube_event event, const json_t *object,
                       size_t length maybe_unused)
{
    static const char *const words[] = {
        [KUBE_EVENT_ADDED] = "added",           [KUBE_EVENT_MODIFIED] = "modified",
        [KUBE_EVENT_DELETED] = "deleted",       [KUBE_EVENT_BOOKMARK] = "bookmark",
        [KUBE_EVENT_UNREADABLE] = "unreadable",
    };
    struct fixture *fixture = context;

    strbuf_append_format(&fixture->seen, "%s:%s ", words[event],
                         object != NULL ? name_of(object) : "none");
}

static bool watch_expecting(struct fixture *fixture, bool expects_bookmarks, struct error *err)
{
    struct kube_watch watch = {
        .resource_version = "7",
        .timeout_seconds = 300,
        .expects_bookmarks = expects_bookmarks,
        .on_event = note_event,
        .context = fixture,
    };

    strbuf_clear(&fixture->seen);
    return kube_collection_watch(fixture->client.client, &fixture->collection, &watch, err);
}

static bool watch(struct fixture *fixture, struct error *err)
{
    return watch_expecting(fixture, false, err);
}

/* ---- requests ---- */

static void test_list_asks_for_the_newest_version_page_by_page(void **state)
{
    struct fixture *fixture = *state;
    const struct http_request *request;
    struct error err = {0};

    expect(fixture,
           &(struct scripted_exchange){
               .method = "GET",
               .url = FIXTURE_COLLECTION "?limit=500",
               .headers = {{"Authorization", "Bearer first"}, {"Accept", "application/json"}},
               .answer = "{\"items\":[" THING("a", "1") "," THING(
                   "b", "2") "],\"metadata\":{"
                             "\"resourceVersion\":\"9\",\"continue\":\"x/y=\"}}",
           });
    expect(fixture, &(struct scripted_exchange){
                        .url = FIXTURE_COLLECTION "?limit=500&continue=x%2Fy%3D",
                        .answer = "{\"items\":[],\"metadata\":{\"resourceVersion\":\"9\","
                                  "\"continue\":\"z\"}}",
                    });
    expect(fixture, &(struct scripted_exchange){
                        .url = FIXTURE_COLLECTION "?limit=500&continue=z",
                        .answer = "{\"items\":[" THING(
                            "c", "3") "],\"metadata\":{"
                                      "\"resourceVersion\":\"9\",\"continue\":\"\"}}",
                    });
    assert_true(list(fixture, &err));

    assert_string_equal(strbuf_text(&fixture->seen), "a b c ");
    assert_string_equal(strbuf_text(&fixture->version), "9");
    request = scripted_transport_request(fixture->client.transport, 2);
    assert_true(request->accept_compressed);
    assert_int_equal(request->total_timeout_ms, 60000);
    assert_int_equal(request->idle_timeout_ms, 30000);
}

static void test_requests_name_the_collection_and_its_selectors(void **state)
{
    static const struct kube_resource secrets = {NULL, "v1", "secrets"};
    static const struct {
        struct kube_collection collection;
        const char *list_url;
        const char *watch_url;
        const char *list_accept;
        const char *watch_accept;
    } cases[] = {
        {
            {.resource = &fixture_resource},
            "https://api:6443/apis/test.io/v1/things?limit=500",
            "https://api:6443/apis/test.io/v1/things" WATCH_QUERY,
            "application/json",
            "application/json",
        },
        {
            {.resource = &secrets, .namespace_name = "n", .metadata_only = true},
            "https://api:6443/api/v1/namespaces/n/secrets?limit=500",
            "https://api:6443/api/v1/namespaces/n/secrets" WATCH_QUERY,
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        },
        {
            {.resource = &secrets, .label_selector = "a=b,c", .field_selector = "type!=x"},
            "https://api:6443/api/v1/secrets?labelSelector=a%3Db%2Cc&fieldSelector=type%21%3Dx"
            "&limit=500",
            "https://api:6443/api/v1/secrets?labelSelector=a%3Db%2Cc&fieldSelector=type%21%3Dx"
            "&watch=1&resourceVersion=7&allowWatchBookmarks=true&timeoutSeconds=300",
            "application/json",
            "application/json",
        },
    };
    struct fixture *fixture = *state;
    struct error err = {0};

    for (size_t i = 0; i < array_length(cases); i++) {
        fixture->collection = cases[i].collection;
        expect(fixture, &(struct scripted_exchange){
                            .url = cases[i].list_url,
                            .headers = {{"Accept", cases[i].list_accept}},
                            .answer = "{\"items\":[],\"metadata\":{\"resourceVersion\":\"1\"}}",
                        });
        assert_true(list(fixture, &err));
        expect(fixture, &(struct scripted_exchange){
                            .url = cases[i].watch_url,
                            .headers = {{"Accept", cases[i].watch_accept}},
                        });
        assert_true(watch(fixture, &err));
    }
}

static void test_watch_may_take_as_long_as_the_server_was_told(void **state)
{
    struct fixture *fixture = *state;
    const struct http_request *request;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){.url = FIXTURE_COLLECTION WATCH_QUERY});
    assert_true(watch(fixture, &err));

    request = scripted_transport_request(fixture->client.transport, 0);
    assert_int_equal(request->total_timeout_ms, 305000);
    assert_int_equal(request->idle_timeout_ms, 0);
    assert_false(request->accept_compressed);
}

/* ---- pages ---- */

static void test_pages_may_arrive_in_pieces_and_in_any_order_of_members(void **state)
{
    static const char *const answers[] = {
        "{\"items\":[" THING("a", "1") "," THING("b",
                                                 "2") "],\"kind\":\"ThingList\","
                                                      "\"metadata\":{\"resourceVersion\":\"9\"}}\n",
        "{\"kind\":\"ThingList\",\"metadata\":{\"resourceVersion\":\"9\",\"continue\":null},"
        "\"items\":[" THING("a", "1") "," THING("b", "2") "]}",
    };
    struct fixture *fixture = *state;
    struct error err = {0};

    for (size_t i = 0; i < array_length(answers); i++) {
        for (size_t size = 1; size < 80; size += 6) {
            expect(fixture, &(struct scripted_exchange){.answer = answers[i], .chunk_size = size});
            assert_true(list(fixture, &err));
            assert_string_equal(strbuf_text(&fixture->seen), "a b ");
            assert_string_equal(strbuf_text(&fixture->version), "9");
        }
    }
}

static void test_empty_list_may_have_null_for_its_items(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){
                        .answer = "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":null}"});
    assert_true(list(fixture, &err));

    assert_string_equal(strbuf_text(&fixture->seen), "");
    assert_string_equal(strbuf_text(&fixture->version), "9");
}

static void test_objects_that_cannot_be_read_do_not_spoil_the_list(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    expect(fixture,
           &(struct scripted_exchange){
               .answer = "{\"items\":[" THING(
                   "a", "1") ",{\"a\":\"\\u0000\"},"
                             "{\"b\":99999999999999999999},{\"c\":1,\"c\":2},{\"a\"}," THING(
                                 "d", "1") "],\"metadata\":{\"resourceVersion\":\"9\"}}"});
    assert_true(list(fixture, &err));

    assert_string_equal(strbuf_text(&fixture->seen),
                        "a unreadable:14 unreadable:26 unreadable:13 unreadable:5 d ");
}

static void test_first_page_decides_the_version(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){
                        .answer = "{\"items\":[],\"metadata\":{\"resourceVersion\":\"9\","
                                  "\"continue\":\"t\"}}"});
    expect(fixture, &(struct scripted_exchange){
                        .answer = "{\"items\":[],\"metadata\":{\"resourceVersion\":\"12\"}}"});
    assert_true(list(fixture, &err));

    assert_string_equal(strbuf_text(&fixture->version), "9");
}

static void test_pages_that_cannot_be_right_are_failures(void **state)
{
    static const struct {
        const char *name;
        const char *answer;
        enum error_kind kind;
        const char *message; /* a part of it */
    } cases[] = {
        {"empty", "", ERROR_UNAVAILABLE, "incomplete list"},
        {"cut between items", "{\"items\":[" THING("a", "1"), ERROR_UNAVAILABLE, "incomplete list"},
        {"cut inside an item", "{\"items\":[{\"metadata\":{", ERROR_UNAVAILABLE, "incomplete list"},
        {"cut before the last bracket", "{\"items\":[],\"metadata\":{\"resourceVersion\":\"9\"}",
         ERROR_UNAVAILABLE, "incomplete list"},
        {"no metadata", "{\"items\":[]}", ERROR_UNAVAILABLE, "incomplete list"},
        {"no items", "{\"metadata\":{\"resourceVersion\":\"9\"}}", ERROR_INTERNAL, "proxy"},
        {"items that are no array", "{\"items\":{},\"metadata\":{\"resourceVersion\":\"9\"}}",
         ERROR_INTERNAL, "proxy"},
        {"one object",
         "{\"kind\":\"Thing\",\"metadata\":{\"name\":\"a\","
         "\"resourceVersion\":\"9\"},\"spec\":{\"items\":[]}}",
         ERROR_INTERNAL, "proxy"},
        {"metadata that is no JSON", "{\"items\":[],\"metadata\":{\"a\"}}", ERROR_UNAVAILABLE,
         "incomplete list"},
        {"no version", "{\"items\":[],\"metadata\":{}}", ERROR_INTERNAL,
         "without a resourceVersion"},
        {"empty version", "{\"items\":[],\"metadata\":{\"resourceVersion\":\"\"}}", ERROR_INTERNAL,
         "without a resourceVersion"},
        {"version that is no text", "{\"items\":[],\"metadata\":{\"resourceVersion\":9}}",
         ERROR_INTERNAL, "without a resourceVersion"},
        {"page of a proxy", "<html>Log in</html>", ERROR_INTERNAL, "proxy"},
        {"array", "[]", ERROR_INTERNAL, "proxy"},
        {"item that is no object", "{\"items\":[1],\"metadata\":{\"resourceVersion\":\"9\"}}",
         ERROR_INTERNAL, "proxy"},
        {"two documents", "{\"items\":[],\"metadata\":{\"resourceVersion\":\"9\"}}{}",
         ERROR_INTERNAL, "proxy"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(cases); i++) {
        struct error err = {0};

        expect(fixture, &(struct scripted_exchange){.answer = cases[i].answer});
        if (list(fixture, &err))
            fail_msg("%s: success", cases[i].name);
        if (err.kind != cases[i].kind || strstr(err.message, cases[i].message) == NULL ||
            strstr(err.message, "listing things in namespace default: ") != err.message)
            fail_msg("%s: %s: %s", cases[i].name, error_kind_name(err.kind), err.message);
        assert_string_equal(strbuf_text(&fixture->version), "");
    }
}

static void test_page_that_leads_to_itself_ends_the_list(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){
                        .answer = "{\"items\":[],\"metadata\":{\"resourceVersion\":\"9\","
                                  "\"continue\":\"t\"}}",
                        .times = 2});
    assert_false(list(fixture, &err));

    assert_int_equal(err.kind, ERROR_INTERNAL);
}

static void test_failure_of_a_later_page_fails_the_list(void **state)
{
    static const struct {
        const char *name;
        struct scripted_exchange second;
        enum error_kind kind;
        const char *code;
    } cases[] = {
        {"expired token",
         {.status = 410,
          .answer = "{\"kind\":\"Status\",\"reason\":\"Expired\",\"metadata\":{\"continue\":"
                    "\"inconsistent\"},\"code\":410}"},
         ERROR_GONE,
         "Expired"},
        {"reset",
         {.answer = "{\"items\":[",
          .failure = {.kind = ERROR_UNAVAILABLE, .code = "Reset", .message = "lost"}},
         ERROR_UNAVAILABLE,
         "Reset"},
        {"silence", {.answer = "{\"items\":[", .falls_silent = true}, ERROR_UNAVAILABLE, "Timeout"},
        {"truncated", {.answer = "{\"items\":["}, ERROR_UNAVAILABLE, ""},
        {"overload", {.status = 429, .retry_after_ms = 3000}, ERROR_UNAVAILABLE, ""},
        {"no right any more", {.status = 403}, ERROR_DENIED, ""},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(cases); i++) {
        struct error err = {0};

        expect(fixture, &(struct scripted_exchange){
                            .answer = "{\"items\":[],\"metadata\":{\"resourceVersion\":\"9\","
                                      "\"continue\":\"t\"}}"});
        expect(fixture, &cases[i].second);
        if (list(fixture, &err))
            fail_msg("%s: success", cases[i].name);
        if (err.kind != cases[i].kind || strcmp(err.code, cases[i].code) != 0 ||
            err.retry_after_ms != cases[i].second.retry_after_ms)
            fail_msg("%s: %s (%s)", cases[i].name, error_kind_name(err.kind), err.code);
        assert_string_equal(strbuf_text(&fixture->version), "");
    }
}

/* ---- events ---- */

static void test_lines_become_events(void **state)
{
    static const struct {
        const char *name;
        const char *stream;
        const char *expected;
    } cases[] = {
        {"all types",
         EVENT("ADDED", THING("a", "1")) EVENT("MODIFIED", THING("a", "2"))
             EVENT("DELETED", THING("a", "3")) EVENT("BOOKMARK", THING("", "4")),
         "added:a modified:a deleted:a bookmark: "},
        {"unknown type", EVENT("FANCY", THING("a", "1")), "unreadable:none "},
        {"type in small letters", EVENT("added", THING("a", "1")), "unreadable:none "},
        {"no type", "{\"object\":" THING("a", "1") "}\n", "unreadable:none "},
        {"no object", "{\"type\":\"ADDED\"}\n", "unreadable:none "},
        {"null object", EVENT("BOOKMARK", "null"), "unreadable:none "},
        {"object that is none", EVENT("ADDED", "[]"), "unreadable:none "},
        {"no JSON, and then an event", "<html>\n" EVENT("ADDED", THING("a", "1")),
         "unreadable:none added:a "},
        {"what the parser refuses",
         EVENT("ADDED", "{\"a\":\"\\u0000\"}") EVENT("ADDED", "{\"a\":99999999999999999999}")
             EVENT("ADDED", THING("b", "1")),
         "unreadable:none unreadable:none added:b "},
        {"the answer to a list", "{\"kind\":\"ThingList\",\"items\":[]}\n", "unreadable:none "},
        {"empty lines", "\n\r\n" EVENT("ADDED", THING("a", "1")) "\n", "added:a "},
        {"line without an end",
         EVENT("ADDED", THING("a", "1")) "{\"type\":\"DELETED\",\"object\":"
                                         "{}}",
         "added:a "},
        {"nothing", "", ""},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(cases); i++) {
        for (size_t size = 0; size < 3; size++) {
            struct error err = {0};

            expect(fixture,
                   &(struct scripted_exchange){.answer = cases[i].stream, .chunk_size = size * 5});
            if (!watch(fixture, &err))
                fail_msg("%s: %s", cases[i].name, err.message);
            if (strcmp(strbuf_text(&fixture->seen), cases[i].expected) != 0)
                fail_msg("%s: %s", cases[i].name, strbuf_text(&fixture->seen));
        }
    }
}

struct failure_case {
    const char *name;
    int status;
    const char *answer; /* the Status */
    enum error_kind kind;
    const char *code;
    uint32_t retry_after_ms;
};

static const struct failure_case failure_cases[] = {
    {"expired version", 410, STATUS(410, "Expired", ""), ERROR_GONE, "Expired", 0},
    {"expired version of old", 410, STATUS(410, "Gone", ""), ERROR_GONE, "Gone", 0},
    {"overload", 429, STATUS(429, "TooManyRequests", "\"retryAfterSeconds\":2"), ERROR_UNAVAILABLE,
     "TooManyRequests", 2000},
    {"server fault", 500, STATUS(500, "InternalError", ""), ERROR_UNAVAILABLE,
     KUBE_CODE_INTERNAL_ERROR, 0},
    {"server fault without a reason", 500, STATUS(500, "", ""), ERROR_UNAVAILABLE,
     KUBE_CODE_INTERNAL_ERROR, 0},
    {"version from the future", 504,
     STATUS(504, "Timeout",
            "\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}],\"retryAfterSeconds\":1"),
     ERROR_UNAVAILABLE, KUBE_CODE_VERSION_TOO_LARGE, 1000},
    {"no right", 403, STATUS(403, "Forbidden", ""), ERROR_DENIED, "Forbidden", 0},
    {"bad version", 400, STATUS(400, "BadRequest", ""), ERROR_INVALID, "BadRequest", 0},
};

static void check_failure(const struct failure_case *failure, const char *form,
                          const struct error *err)
{
    if (err->kind != failure->kind || strcmp(err->code, failure->code) != 0 ||
        err->retry_after_ms != failure->retry_after_ms)
        fail_msg("%s, %s: %s (%s), retry after %u ms", failure->name, form,
                 error_kind_name(err->kind), err->code, err->retry_after_ms);
    assert_string_equal(err->message, "watching things in namespace default: told");
}

static void test_failures_come_as_answers_or_as_events(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(failure_cases); i++) {
        const struct failure_case *failure = &failure_cases[i];
        auto_free char *stream =
            mem_printf("%s{\"type\":\"ERROR\",\"object\":%s}\n%s", EVENT("ADDED", THING("a", "1")),
                       failure->answer, EVENT("ADDED", THING("b", "2")));
        struct error err = {0};

        expect(fixture,
               &(struct scripted_exchange){.status = failure->status, .answer = failure->answer});
        assert_false(watch(fixture, &err));
        check_failure(failure, "as an answer", &err);

        expect(fixture, &(struct scripted_exchange){.answer = stream});
        assert_false(watch(fixture, &err));
        check_failure(failure, "as an event", &err);
        assert_string_equal(strbuf_text(&fixture->seen), "added:a "); /* and nothing after it */
    }
}

static void test_error_event_without_a_description_is_a_failure_too(void **state)
{
    static const char *const streams[] = {
        "{\"type\":\"ERROR\"}\n",        EVENT("ERROR", "null"),
        EVENT("ERROR", "[1]"),           EVENT("ERROR", "\"410\""),
        EVENT("ERROR", THING("a", "1")), EVENT("ERROR", "{\"kind\":\"Status\",\"code\":200}"),
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(streams); i++) {
        struct error err = {0};

        expect(fixture, &(struct scripted_exchange){.answer = streams[i]});
        assert_false(watch(fixture, &err));
        if (err.kind != ERROR_INTERNAL)
            fail_msg("%s: %s", streams[i], error_kind_name(err.kind));
    }
}

static void test_event_without_measure_ends_the_watch(void **state)
{
    struct fixture *fixture = *state;
    auto_strbuf struct strbuf stream = {0};
    struct error err = {0};

    strbuf_append_text(&stream, EVENT("ADDED", THING("a", "1")));
    for (int i = 0; i < 8 * 1024 * 1024 / 16 + 1; i++)
        strbuf_append_text(&stream, "................");
    expect(fixture,
           &(struct scripted_exchange){.answer = strbuf_text(&stream), .chunk_size = 16 * 1024});
    assert_false(watch(fixture, &err));

    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.code, "TooLarge");
    assert_string_equal(strbuf_text(&fixture->seen), "added:a ");
}

/* ---- silence ---- */

static void test_silent_connection_is_given_up(void **state)
{
    static const struct {
        const char *name;
        bool expects_bookmarks;
        const char *stream;
        int64_t elapsed_ms;
    } cases[] = {
        {"no bookmark was ever seen", false, EVENT("ADDED", THING("a", "1")), 305000},
        {"bookmarks came before", true, "", 150000},
        {"first bookmark", false, EVENT("BOOKMARK", THING("", "8")), 150000},
        {"unreadable bookmark", false, "{\"type\":\"BOOKMARK\"}\n", 305000},
    };
    struct fixture *fixture = *state;
    const struct timesource *clock = &fixture->client.clock.source;

    for (size_t i = 0; i < array_length(cases); i++) {
        int64_t start = timesource_monotonic_ms(clock);
        struct error err = {0};

        expect(fixture, &(struct scripted_exchange){.answer = cases[i].stream,
                                                    .falls_silent = true,
                                                    .timesource = &fixture->client.clock});
        assert_false(watch_expecting(fixture, cases[i].expects_bookmarks, &err));
        assert_int_equal(err.kind, ERROR_UNAVAILABLE);
        assert_string_equal(err.code, "Timeout");
        if (timesource_monotonic_ms(clock) - start != cases[i].elapsed_ms)
            fail_msg("%s: %s", cases[i].name, err.message);
    }
}

/* ---- cancellation ---- */

static void *cancel_when_asked(void *context)
{
    struct client_fixture *client = context;

    if (scripted_transport_wait_for_requests(client->transport, 1, 10000))
        cancellation_request(client->cancellation);
    return NULL;
}

static void check_that_cancellation_ends(struct fixture *fixture,
                                         bool (*operation)(struct fixture *fixture,
                                                           struct error *err))
{
    pthread_t thread;
    struct error err = {0};

    expect(fixture, &(struct scripted_exchange){.hang = true});
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_asked, &fixture->client), 0);
    assert_false(operation(fixture, &err));
    pthread_join(thread, NULL);

    assert_int_equal(err.kind, ERROR_CANCELLED);
    assert_string_equal(err.message,
                        "stopped because the operator is shutting down or leads no more");
}

static void test_cancellation_ends_a_list(void **state)
{
    check_that_cancellation_ends(*state, list);
}

static void test_cancellation_ends_a_watch(void **state)
{
    check_that_cancellation_ends(*state, watch);
}

/* The collection's own cancellation counts, not the client's. */
static void test_collection_is_cancelled_by_its_own_cancellation(void **state)
{
    struct fixture *fixture = *state;
    struct cancellation *own = cancellation_new();
    struct error list_error = {0}, watch_error = {0};

    fixture->collection.cancellation = own;
    cancellation_request(own);
    assert_false(list(fixture, &list_error));
    assert_false(watch(fixture, &watch_error));
    cancellation_free(own);

    assert_int_equal(list_error.kind, ERROR_CANCELLED);
    assert_int_equal(watch_error.kind, ERROR_CANCELLED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_list_asks_for_the_newest_version_page_by_page),
        TEST(test_requests_name_the_collection_and_its_selectors),
        TEST(test_watch_may_take_as_long_as_the_server_was_told),
        TEST(test_pages_may_arrive_in_pieces_and_in_any_order_of_members),
        TEST(test_empty_list_may_have_null_for_its_items),
        TEST(test_objects_that_cannot_be_read_do_not_spoil_the_list),
        TEST(test_first_page_decides_the_version),
        TEST(test_pages_that_cannot_be_right_are_failures),
        TEST(test_page_that_leads_to_itself_ends_the_list),
        TEST(test_failure_of_a_later_page_fails_the_list),
        TEST(test_lines_become_events),
        TEST(test_failures_come_as_answers_or_as_events),
        TEST(test_error_event_without_a_description_is_a_failure_too),
        TEST(test_event_without_measure_ends_the_watch),
        TEST(test_silent_connection_is_given_up),
        TEST(test_cancellation_ends_a_list),
        TEST(test_cancellation_ends_a_watch),
        TEST(test_collection_is_cancelled_by_its_own_cancellation),
    };

    return cmocka_run_group_tests_name("kube/collection", tests, NULL, NULL);
}
