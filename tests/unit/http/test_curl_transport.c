/* The transport against real sockets: answers, failures, limits and reuse without TLS. */
#include "base/memory.h"
#include "base/timesource.h"
#include "http/curl_transport.h"
#include "scripted_server.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct fixture {
    struct http_transport *transport;
    struct scripted_server *server;
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    fixture->transport = curl_transport_new(&(struct curl_transport_options){0});
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    http_transport_free(fixture->transport);
    if (fixture->server != NULL)
        scripted_server_stop(fixture->server);
    free(fixture);
    return 0;
}

static void start_server(struct fixture *fixture, const struct scripted_answer *answers,
                         size_t count)
{
    fixture->server = scripted_server_start(answers, count, NULL);
}

static void answer_with(struct fixture *fixture, const struct scripted_answer *answer)
{
    start_server(fixture, answer, 1);
}

static bool get(struct fixture *fixture, const char *path, struct http_response *response,
                struct error *err)
{
    return http_transport_send(
        fixture->transport,
        &(struct http_request){.method = "GET", .url = scripted_server_url(fixture->server, path)},
        response, err);
}

static int64_t now_ms(void)
{
    return timesource_monotonic_ms(&timesource_system);
}

/* ---- answers ---- */

static void test_answer_carries_status_headers_and_body(void **state)
{
    static const struct scripted_answer answer = {
        .text =
            "HTTP/1.1 429 Slow down\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\n"
            "retry-after: 7\r\nContent-Type: application/json\r\naudit-id: abc-1\r\n"
            "x-amzn-ErrorType: ThrottlingException\r\nContent-Length: 11\r\n\r\n{\"a\":\"b\"}\r\n",
    };
    auto_http_response struct http_response response = {0};
    struct error err = {0};

    answer_with(*state, &answer);
    assert_true(get(*state, "/", &response, &err));

    assert_int_equal(response.status, 429);
    assert_int_equal(response.date_us, INT64_C(784887151000000));
    assert_int_equal(response.retry_after_ms, 7000);
    assert_string_equal(response.content_type, "application/json");
    assert_string_equal(response.request_id, "abc-1");
    assert_string_equal(response.error_type, "ThrottlingException");
    assert_string_equal(strbuf_text(&response.body), "{\"a\":\"b\"}\r\n");
    assert_true(response.body.erasing);
}

static void test_wait_that_aws_asks_for_is_in_milliseconds(void **state)
{
    static const struct scripted_answer answer = {
        .text = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nx-amz-retry-after: 1500\r\n"
                "Content-Length: 0\r\n\r\n",
    };
    auto_http_response struct http_response response = {0};
    struct error err = {0};

    answer_with(*state, &answer);
    assert_true(get(*state, "/", &response, &err));

    assert_int_equal(response.retry_after_ms, 1500);
}

static void test_headers_that_are_absent_or_odd_are_zero(void **state)
{
    static const struct scripted_answer answer = {
        .text = "HTTP/1.1 200 OK\r\nDate: yesterday\r\nRetry-After: Wed, 21 Oct 2015 07:28:00 GMT"
                "\r\nContent-Length: 0\r\n\r\n",
    };
    auto_http_response struct http_response response = {0};
    struct error err = {0};

    answer_with(*state, &answer);
    assert_true(get(*state, "/", &response, &err));

    assert_int_equal(response.date_us, 0);
    assert_int_equal(response.retry_after_ms, 0);
    assert_string_equal(response.content_type, "");
    assert_string_equal(response.request_id, "");
    assert_string_equal(strbuf_text(&response.body), "");
}

static void test_redirect_is_an_answer_and_is_not_followed(void **state)
{
    static const struct scripted_answer answer = {
        .text = "HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
    };
    struct fixture *fixture = *state;
    auto_http_response struct http_response response = {0};
    struct error err = {0};

    answer_with(fixture, &answer);
    assert_true(get(fixture, "/", &response, &err));

    assert_int_equal(response.status, 307);
    assert_int_equal(scripted_server_request_count(fixture->server), 1);
}

static void test_chunked_answer_is_put_together(void **state)
{
    static const struct scripted_answer answer = {
        .text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n"
                "\r\n",
    };
    auto_http_response struct http_response response = {0};
    struct error err = {0};

    answer_with(*state, &answer);
    assert_true(get(*state, "/", &response, &err));

    assert_string_equal(strbuf_text(&response.body), "abcde");
}

static void test_interim_answer_is_skipped(void **state)
{
    static const struct scripted_answer answer = {
        .text = "HTTP/1.1 100 Continue\r\nRetry-After: 9\r\n\r\n" OK_ANSWER,
    };
    auto_http_response struct http_response response = {0};
    struct error err = {0};

    answer_with(*state, &answer);
    assert_true(get(*state, "/", &response, &err));

    assert_int_equal(response.status, 200);
    assert_int_equal(response.retry_after_ms, 0);
    assert_string_equal(strbuf_text(&response.body), "ok");
}

/* "compressed" twenty times, by gzip -9n. */
static const char gzip_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 33\r\n\r\n"
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x4b\xce\xcf\x2d\x28\x4a\x2d\x2e\x4e\x4d\x49\x1e\xd2"
    "\x2c\x00\xd7\xf0\x5c\xc3\xc8\x00\x00\x00";

static const struct scripted_answer compressed_answer = {
    .text = gzip_answer,
    .length = sizeof gzip_answer - 1,
};

static void test_compressed_answer_is_asked_for_and_decoded(void **state)
{
    struct fixture *fixture = *state;
    auto_http_response struct http_response response = {0};
    auto_free char *request = NULL;
    struct error err = {0};

    answer_with(fixture, &compressed_answer);
    assert_true(
        http_transport_send(fixture->transport,
                            &(struct http_request){.method = "GET",
                                                   .url = scripted_server_url(fixture->server, "/"),
                                                   .accept_compressed = true},
                            &response, &err));

    assert_int_equal(response.body.length, 200);
    assert_memory_equal(strbuf_text(&response.body), "compressedcompressed", 20);
    request = scripted_server_last_request(fixture->server);
    assert_non_null(strstr(request, "\r\nAccept-Encoding: gzip\r\n"));
}

static void test_limit_counts_the_decompressed_bytes(void **state)
{
    struct fixture *fixture = *state;
    auto_http_response struct http_response response = {0};
    struct error err = {0};

    answer_with(fixture, &compressed_answer);
    assert_false(
        http_transport_send(fixture->transport,
                            &(struct http_request){.method = "GET",
                                                   .url = scripted_server_url(fixture->server, "/"),
                                                   .accept_compressed = true,
                                                   .response_limit_bytes = 199},
                            &response, &err));

    assert_true(error_has_code(&err, "TooLarge"));
}

/* ---- requests ---- */

static void test_request_is_sent_as_it_was_given(void **state)
{
    static const struct scripted_answer answer = {.text = OK_ANSWER};
    struct fixture *fixture = *state;
    auto_http_response struct http_response response = {0};
    auto_free char *expected = NULL, *request = NULL;
    struct error err = {0};

    answer_with(fixture, &answer);
    assert_true(
        http_transport_send(fixture->transport,
                            &(struct http_request){
                                .method = "PATCH",
                                .url = scripted_server_url(fixture->server, "/a/../b%2Fc?x=%20y"),
                                .headers = {{"Accept", "application/json"},
                                            {"Content-Type", "application/json-patch+json"},
                                            {"X-Empty", ""}},
                                .body = "[1]\0[2]",
                                .body_length = 7,
                            },
                            &response, &err));

    request = scripted_server_last_request(fixture->server);
    expected = mem_printf("PATCH /a/../b%%2Fc?x=%%20y HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                          "Accept: application/json\r\n"
                          "Content-Type: application/json-patch+json\r\nX-Empty:\r\n"
                          "Content-Length: 7\r\n\r\n[1]",
                          scripted_server_port(fixture->server));
    assert_string_equal(request, expected);
}

static void test_connection_goes_to_the_pinned_address(void **state)
{
    static const struct scripted_answer answer = {.text = OK_ANSWER};
    struct fixture *fixture = *state;
    auto_http_response struct http_response response = {0};
    auto_free char *url = NULL, *expected = NULL, *request = NULL;
    struct error err = {0};

    answer_with(fixture, &answer);
    url = mem_printf("http://nowhere.invalid:%d/x", scripted_server_port(fixture->server));
    if (!http_transport_send(fixture->transport,
                             &(struct http_request){
                                 .method = "GET", .url = url, .address = "127.0.0.1", .proxy = ""},
                             &response, &err))
        fail_msg("%s", err.message);

    request = scripted_server_last_request(fixture->server);
    expected =
        mem_printf("\r\nHost: nowhere.invalid:%d\r\n", scripted_server_port(fixture->server));
    assert_non_null(strstr(request, expected));
}

static void test_body_without_a_type_gets_none_invented(void **state)
{
    static const struct scripted_answer answer = {.text = OK_ANSWER};
    struct fixture *fixture = *state;
    auto_http_response struct http_response response = {0};
    auto_free char *body = mem_alloc(3 * 1024 * 1024), *request = NULL;
    struct error err = {0};

    memset(body, 'x', 3 * 1024 * 1024 - 1);
    answer_with(fixture, &answer);
    assert_true(
        http_transport_send(fixture->transport,
                            &(struct http_request){.method = "POST",
                                                   .url = scripted_server_url(fixture->server, "/"),
                                                   .body = body,
                                                   .body_length = strlen(body)},
                            &response, &err));

    request = scripted_server_last_request(fixture->server);
    assert_null(strstr(request, "Content-Type"));
    assert_null(strstr(request, "Expect"));
    assert_non_null(strstr(request, "Content-Length: 3145727\r\n"));
    assert_int_equal(strlen(strstr(request, "\r\n\r\n") + 4), 3145727);
}

static void test_methods_without_a_body_are_sent_without_one(void **state)
{
    static const char *const methods[] = {"GET", "DELETE", "POST", "PUT"};
    static const struct scripted_answer answer = {.text = OK_ANSWER};
    struct fixture *fixture = *state;
    struct error err = {0};

    answer_with(fixture, &answer);
    for (size_t i = 0; i < array_length(methods); i++) {
        auto_http_response struct http_response response = {0};
        auto_free char *request = NULL;
        bool may_have_length = i >= 2;

        assert_true(http_transport_send(
            fixture->transport,
            &(struct http_request){.method = methods[i],
                                   .url = scripted_server_url(fixture->server, "/")},
            &response, &err));
        request = scripted_server_last_request(fixture->server);
        if (strncmp(request, methods[i], strlen(methods[i])) != 0 ||
            (strstr(request, "Content-Length: 0\r\n") != NULL) != may_have_length)
            fail_msg("%s was sent as %s", methods[i], request);
    }
}

static void test_header_with_a_line_end_is_refused_without_quoting_it(void **state)
{
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err = {0};

    assert_false(http_transport_send(
        fixture->transport,
        &(struct http_request){.method = "GET",
                               .url = "http://127.0.0.1:1/",
                               .headers = {{"Authorization", "Bearer canary\r\nX-Evil: 1"}}},
        &response, &err));

    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "'Authorization'"));
    assert_null(strstr(err.message, "canary"));
}

static void test_urls_that_cannot_be_used_are_refused_without_quoting_them(void **state)
{
    static const struct {
        const char *url, *expected;
    } cases[] = {
        {"http://canary:canary@127.0.0.1/", "user name or password"},
        {"ftp://canary.test/", "scheme 'ftp'"},
        {"canary is no url", "cannot be used"},
        {"http://127.0.0.1:canary/", "cannot be used"},
        {"", "cannot be used"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(cases); i++) {
        struct http_response response;
        struct error err = {0};

        assert_false(http_transport_send(
            fixture->transport, &(struct http_request){.method = "GET", .url = cases[i].url},
            &response, &err));
        if (err.kind != ERROR_INVALID || strstr(err.message, cases[i].expected) == NULL ||
            strstr(err.message, "canary") != NULL)
            fail_msg("'%s' gave: %s", cases[i].url, err.message);
    }
}

static void test_proxy_of_the_request_wins_over_the_environment(void **state)
{
    static const struct scripted_answer answer = {.text = OK_ANSWER};
    struct fixture *fixture = *state;
    auto_http_response struct http_response through = {0}, direct = {0};
    auto_free char *request = NULL, *proxy = NULL;
    struct error err = {0};

    answer_with(fixture, &answer);
    proxy = mem_strdup(scripted_server_url(fixture->server, ""));
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    assert_true(http_transport_send(
        fixture->transport,
        &(struct http_request){.method = "GET", .url = "http://a.test/x", .proxy = proxy}, &through,
        &err));
    request = scripted_server_last_request(fixture->server);
    assert_true(http_transport_send(
        fixture->transport,
        &(struct http_request){
            .method = "GET", .url = scripted_server_url(fixture->server, "/"), .proxy = ""},
        &direct, &err));
    unsetenv("http_proxy");

    assert_memory_equal(request, "GET http://a.test/x HTTP/1.1\r\n", 30);
}

/* ---- streams ---- */

struct chunks {
    struct strbuf text;
    struct http_request *request;
    bool refuse;
    bool shorten_idle_timeout;
};

static bool take_chunk(void *context, const char *bytes, size_t length, struct error *err)
{
    struct chunks *chunks = context;

    strbuf_append(&chunks->text, bytes, length);
    if (chunks->shorten_idle_timeout)
        chunks->request->idle_timeout_ms = 50;
    if (chunks->refuse)
        return error_set(err, ERROR_GONE, "Mine", "enough");
    return true;
}

static bool stream(struct fixture *fixture, struct chunks *chunks, struct http_response *response,
                   struct error *err)
{
    struct http_request request = {
        .method = "GET",
        .url = scripted_server_url(fixture->server, "/"),
        .on_chunk = take_chunk,
        .chunk_context = chunks,
        .response_limit_bytes = 4,
    };

    chunks->request = &request;
    return http_transport_send(fixture->transport, &request, response, err);
}

static void test_stream_goes_to_the_callback_and_has_no_size_limit(void **state)
{
    static const struct scripted_answer answer = {
        .text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n3\r\nghi\r\n"
                "0\r\n\r\n",
    };
    auto_http_response struct http_response response = {0};
    struct chunks chunks = {0};
    struct error err = {0};

    answer_with(*state, &answer);
    assert_true(stream(*state, &chunks, &response, &err));

    assert_string_equal(strbuf_text(&chunks.text), "abcdefghi");
    assert_int_equal(response.body.length, 0);
    strbuf_release(&chunks.text);
}

static void test_stream_ends_with_the_error_of_the_callback(void **state)
{
    static const struct scripted_answer answer = {
        .text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        .end = ANSWER_HANG,
    };
    struct http_response response;
    struct chunks chunks = {.refuse = true};
    struct error err = {0};

    answer_with(*state, &answer);
    assert_false(stream(*state, &chunks, &response, &err));

    assert_int_equal(err.kind, ERROR_GONE);
    assert_string_equal(err.code, "Mine");
    strbuf_release(&chunks.text);
}

static void test_error_answer_to_a_stream_is_collected(void **state)
{
    static const struct scripted_answer answer = {
        .text = "HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone",
    };
    auto_http_response struct http_response response = {0};
    struct chunks chunks = {0};
    struct error err = {0};

    answer_with(*state, &answer);
    assert_true(stream(*state, &chunks, &response, &err));

    assert_int_equal(response.status, 410);
    assert_string_equal(strbuf_text(&response.body), "gone");
    assert_int_equal(chunks.text.length, 0);
}

static void test_callback_may_set_the_idle_limit_of_its_stream(void **state)
{
    static const struct scripted_answer answer = {
        .text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        .end = ANSWER_HANG,
    };
    struct http_response response;
    struct chunks chunks = {.shorten_idle_timeout = true};
    struct error err = {0};

    answer_with(*state, &answer);
    assert_false(stream(*state, &chunks, &response, &err));

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_true(error_has_code(&err, "Timeout"));
    strbuf_release(&chunks.text);
}

/* ---- failures ---- */

static void test_broken_answers_are_errors_of_their_kind(void **state)
{
    static const struct {
        const char *name;
        struct scripted_answer answer;
        enum error_kind kind;
        const char *code;
    } cases[] = {
        {"truncated",
         {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 0, ANSWER_CLOSE},
         ERROR_UNAVAILABLE,
         "Reset"},
        {"truncated chunks",
         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", 0, ANSWER_CLOSE},
         ERROR_UNAVAILABLE,
         "Reset"},
        {"missing last chunk",
         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0, ANSWER_CLOSE},
         ERROR_UNAVAILABLE,
         "Reset"},
        {"reset in the body",
         {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 0, ANSWER_RESET},
         ERROR_UNAVAILABLE,
         "Reset"},
        {"half a head", {"HTTP/1.1 200 O", 0, ANSWER_CLOSE}, ERROR_UNAVAILABLE, NULL},
        {"no answer", {"", 0, ANSWER_CLOSE}, ERROR_UNAVAILABLE, "Reset"},
        {"no HTTP", {"220 mail.test ESMTP\r\n", 0, ANSWER_CLOSE}, ERROR_UNAVAILABLE, ""},
        {"too large",
         {"HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n"
          "1234567890123456789012345678901234567890123456789012345678901234x",
          0, ANSWER_KEEP},
         ERROR_INVALID,
         "TooLarge"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < array_length(cases); i++) {
        struct http_response response;
        struct error err = {0};

        answer_with(fixture, &cases[i].answer);
        if (http_transport_send(
                fixture->transport,
                &(struct http_request){.method = "GET",
                                       .url = scripted_server_url(fixture->server, "/"),
                                       .response_limit_bytes = 64},
                &response, &err))
            fail_msg("%s: was an answer", cases[i].name);
        if (err.kind != cases[i].kind ||
            (cases[i].code != NULL && !error_has_code(&err, cases[i].code)) ||
            strstr(err.message, "127.0.0.1") == NULL)
            fail_msg("%s: %s, code '%s': %s", cases[i].name, error_kind_name(err.kind), err.code,
                     err.message);
        scripted_server_stop(fixture->server);
        fixture->server = NULL;
    }
}

static void test_answer_at_the_limit_is_accepted(void **state)
{
    static const struct scripted_answer answer = {.text = OK_ANSWER};
    struct fixture *fixture = *state;
    auto_http_response struct http_response response = {0};
    struct error err = {0};

    answer_with(fixture, &answer);
    assert_true(
        http_transport_send(fixture->transport,
                            &(struct http_request){.method = "GET",
                                                   .url = scripted_server_url(fixture->server, "/"),
                                                   .response_limit_bytes = 2},
                            &response, &err));
}

static void test_endless_headers_are_an_error(void **state)
{
    auto_strbuf struct strbuf text = {0};
    struct fixture *fixture = *state;
    struct scripted_answer answer = {0};
    struct http_response response;
    struct error err = {0};

    strbuf_append_text(&text, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 6000; i++)
        strbuf_append_format(&text, "X-Header-%04d: 0123456789012345678901234567890123456789\r\n",
                             i);
    strbuf_append_text(&text, "Content-Length: 0\r\n\r\n");
    answer.text = strbuf_text(&text);
    answer_with(fixture, &answer);
    assert_false(get(fixture, "/", &response, &err));
    scripted_server_stop(fixture->server); /* while the text is there */
    fixture->server = NULL;

    assert_int_equal(err.kind, ERROR_INVALID);
    assert_true(error_has_code(&err, "TooLarge"));
}

static int listen_on_loopback(int backlog, struct sockaddr_in *ret_address)
{
    socklen_t size = sizeof *ret_address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *ret_address = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    assert_int_equal(bind(fd, (struct sockaddr *)ret_address, size), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret_address, &size), 0);
    return fd;
}

static void test_refused_connection_has_its_code(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_in address;
    int fd = listen_on_loopback(-1, &address); /* bound, so that nobody else listens there */
    auto_free char *url = mem_printf("http://127.0.0.1:%d/", ntohs(address.sin_port));
    struct http_response response;
    struct error err = {0};

    assert_false(http_transport_send(
        fixture->transport, &(struct http_request){.method = "GET", .url = url}, &response, &err));

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_true(error_has_code(&err, "Refused"));
    close(fd);
}

static void test_name_that_does_not_resolve_has_its_code(void **state)
{
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err = {0};

    /* A label of 64 characters is no name at all, so that no server needs to be asked. */
    assert_false(http_transport_send(
        fixture->transport,
        &(struct http_request){
            .method = "GET",
            .url = "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test/",
            .proxy = ""},
        &response, &err));

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_true(error_has_code(&err, "Resolve"));
}

static void test_connect_time_is_limited(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_in address;
    int listener = listen_on_loopback(0, &address), waiting[4];
    auto_free char *url = mem_printf("http://127.0.0.1:%d/", ntohs(address.sin_port));
    struct http_response response;
    struct error err = {0};
    int64_t start;

    /* These fill the queue of the listener; Linux drops the SYN of whoever comes then. */
    for (size_t i = 0; i < array_length(waiting); i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(waiting[i], (struct sockaddr *)&address, sizeof address) == 0)
            continue;
    }
    start = now_ms();
    assert_false(http_transport_send(
        fixture->transport,
        &(struct http_request){.method = "GET", .url = url, .connect_timeout_ms = 200}, &response,
        &err));

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_true(error_has_code(&err, "Timeout"));
    assert_non_null(strstr(err.message, "no connection"));
    assert_in_range(now_ms() - start, 150, 5000);
    for (size_t i = 0; i < array_length(waiting); i++)
        close(waiting[i]);
    close(listener);
}

static void test_total_time_is_limited(void **state)
{
    static const struct scripted_answer answer = {
        .text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", .end = ANSWER_HANG};
    struct fixture *fixture = *state;
    struct http_response response;
    struct error err = {0};
    int64_t start = now_ms();

    answer_with(fixture, &answer);
    assert_false(
        http_transport_send(fixture->transport,
                            &(struct http_request){.method = "GET",
                                                   .url = scripted_server_url(fixture->server, "/"),
                                                   .total_timeout_ms = 200},
                            &response, &err));

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_true(error_has_code(&err, "Timeout"));
    assert_non_null(strstr(err.message, "no complete answer"));
    assert_in_range(now_ms() - start, 150, 5000);
}

static void drip(void *context, struct loopback_stream *stream)
{
    auto_strbuf struct strbuf request = {0};

    (void)context;
    if (!loopback_read_request(stream, &request))
        return;
    loopback_write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    for (int i = 0; i < 6; i++) {
        usleep(60 * 1000);
        loopback_write(stream, "x");
    }
    loopback_wait_for_close(stream);
}

static void test_idle_time_counts_from_the_last_byte(void **state)
{
    struct fixture *fixture = *state;
    struct loopback_server *server = loopback_server_start(drip, NULL, NULL);
    auto_free char *url = mem_printf("http://127.0.0.1:%d/", loopback_server_port(server));
    struct http_response response;
    struct error err = {0};
    int64_t start = now_ms();

    assert_false(http_transport_send(
        fixture->transport,
        &(struct http_request){.method = "GET", .url = url, .idle_timeout_ms = 300}, &response,
        &err));
    loopback_server_stop(server);

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_true(error_has_code(&err, "Timeout"));
    assert_non_null(strstr(err.message, "sent nothing for 300 milliseconds"));
    assert_in_range(now_ms() - start, 600, 5000); /* six drops, then the silence */
}

/* ---- cancellation ---- */

struct cancel_later {
    struct cancellation *cancellation;
    int64_t requested_at_ms;
};

static void *cancel_after_a_while(void *argument)
{
    struct cancel_later *later = argument;

    usleep(150 * 1000);
    later->requested_at_ms = now_ms();
    cancellation_request(later->cancellation);
    return NULL;
}

static void expect_cancelled(struct fixture *fixture, const struct scripted_answer *answer)
{
    struct cancel_later later = {.cancellation = cancellation_new()};
    struct http_response response;
    struct error err = {0};
    pthread_t thread;
    int64_t ended;

    answer_with(fixture, answer);
    assert_int_equal(pthread_create(&thread, NULL, cancel_after_a_while, &later), 0);
    assert_false(
        http_transport_send(fixture->transport,
                            &(struct http_request){.method = "GET",
                                                   .url = scripted_server_url(fixture->server, "/"),
                                                   .cancellation = later.cancellation},
                            &response, &err));
    ended = now_ms();
    pthread_join(thread, NULL);

    assert_int_equal(err.kind, ERROR_CANCELLED);
    assert_in_range(ended - later.requested_at_ms, 0, 1000);
    cancellation_free(later.cancellation);
}

static void test_cancellation_ends_the_wait_for_an_answer(void **state)
{
    static const struct scripted_answer answer = {.text = "", .end = ANSWER_HANG};

    expect_cancelled(*state, &answer);
}

static void test_cancellation_ends_a_transfer_in_the_body(void **state)
{
    static const struct scripted_answer answer = {
        .text = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", .end = ANSWER_HANG};

    expect_cancelled(*state, &answer);
}

static void test_nothing_is_sent_after_cancellation(void **state)
{
    static const struct scripted_answer answer = {.text = OK_ANSWER};
    struct fixture *fixture = *state;
    struct cancellation *cancellation = cancellation_new();
    struct http_response response;
    struct error err = {0};

    answer_with(fixture, &answer);
    cancellation_request(cancellation);
    assert_false(
        http_transport_send(fixture->transport,
                            &(struct http_request){.method = "GET",
                                                   .url = scripted_server_url(fixture->server, "/"),
                                                   .cancellation = cancellation},
                            &response, &err));

    assert_int_equal(err.kind, ERROR_CANCELLED);
    assert_int_equal(scripted_server_connection_count(fixture->server), 0);
    cancellation_free(cancellation);
}

/* ---- reuse ---- */

static void expect_ok(struct fixture *fixture, const char *path)
{
    auto_http_response struct http_response response = {0};
    struct error err = {0};

    if (!get(fixture, path, &response, &err))
        fail_msg("%s", err.message);
    assert_int_equal(response.status, 200);
}

static void test_requests_in_a_row_share_one_connection(void **state)
{
    static const struct scripted_answer answers[] = {
        {.text = OK_ANSWER},
        {.text = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"},
        {.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"},
    };
    struct fixture *fixture = *state;

    start_server(fixture, answers, array_length(answers));
    for (int i = 0; i < 5; i++) {
        auto_http_response struct http_response response = {0};
        struct error err = {0};

        assert_true(get(fixture, "/", &response, &err));
    }

    assert_int_equal(scripted_server_request_count(fixture->server), 5);
    assert_int_equal(scripted_server_connection_count(fixture->server), 1);
}

static void test_nothing_of_a_request_is_left_for_the_next(void **state)
{
    static const struct scripted_answer answer = {.text = OK_ANSWER};
    struct fixture *fixture = *state;
    auto_http_response struct http_response response = {0};
    auto_free char *request = NULL;
    struct error err = {0};

    answer_with(fixture, &answer);
    assert_true(
        http_transport_send(fixture->transport,
                            &(struct http_request){.method = "POST",
                                                   .url = scripted_server_url(fixture->server, "/"),
                                                   .headers = {{"Authorization", "Bearer canary"}},
                                                   .body = "canary",
                                                   .body_length = 6,
                                                   .accept_compressed = true},
                            &response, &err));
    expect_ok(fixture, "/next");

    request = scripted_server_last_request(fixture->server);
    assert_int_equal(scripted_server_connection_count(fixture->server), 1);
    assert_null(strstr(request, "canary"));
    assert_null(strstr(request, "Accept-Encoding"));
    assert_memory_equal(request, "GET /next ", 10);
}

static void test_kept_connection_that_the_server_closed_is_replaced(void **state)
{
    static const struct scripted_answer answer = {.text = OK_ANSWER, .end = ANSWER_CLOSE};
    struct fixture *fixture = *state;

    answer_with(fixture, &answer);
    expect_ok(fixture, "/");
    expect_ok(fixture, "/");

    assert_int_equal(scripted_server_connection_count(fixture->server), 2);
}

static void test_connection_is_not_used_after_its_idle_time(void **state)
{
    static const struct scripted_answer answer = {.text = OK_ANSWER};
    struct fixture *fixture = *state;

    http_transport_free(fixture->transport);
    fixture->transport =
        curl_transport_new(&(struct curl_transport_options){.idle_timeout_ms = 20});
    answer_with(fixture, &answer);
    expect_ok(fixture, "/");
    usleep(60 * 1000);
    expect_ok(fixture, "/");

    assert_int_equal(scripted_server_connection_count(fixture->server), 2);
}

struct meeting {
    pthread_barrier_t both_are_here;
};

static void serve_two_at_once(void *context, struct loopback_stream *stream)
{
    struct meeting *meeting = context;
    auto_strbuf struct strbuf request = {0};

    if (!loopback_read_request(stream, &request))
        return;
    pthread_barrier_wait(&meeting->both_are_here);
    loopback_write(stream, OK_ANSWER);
    loopback_wait_for_close(stream);
}

struct sender {
    struct http_transport *transport;
    const char *url;
    bool succeeded;
};

static void *send_one(void *argument)
{
    struct sender *sender = argument;
    auto_http_response struct http_response response = {0};
    struct error err = {0};

    sender->succeeded = http_transport_send(
        sender->transport, &(struct http_request){.method = "GET", .url = sender->url}, &response,
        &err);
    return NULL;
}

static void test_threads_get_connections_of_their_own(void **state)
{
    struct fixture *fixture = *state;
    struct meeting meeting;
    struct loopback_server *server;
    auto_free char *url = NULL;
    struct sender senders[2];
    pthread_t threads[2];

    pthread_barrier_init(&meeting.both_are_here, NULL, 2);
    server = loopback_server_start(serve_two_at_once, &meeting, NULL);
    url = mem_printf("http://127.0.0.1:%d/", loopback_server_port(server));
    for (size_t i = 0; i < array_length(threads); i++) {
        senders[i] = (struct sender){.transport = fixture->transport, .url = url};
        assert_int_equal(pthread_create(&threads[i], NULL, send_one, &senders[i]), 0);
    }
    for (size_t i = 0; i < array_length(threads); i++)
        pthread_join(threads[i], NULL);

    assert_true(senders[0].succeeded && senders[1].succeeded);
    assert_int_equal(loopback_server_connection_count(server), 2);
    loopback_server_stop(server);
    pthread_barrier_destroy(&meeting.both_are_here);
}

static void *send_many(void *argument)
{
    struct sender *sender = argument;

    sender->succeeded = true;
    for (int i = 0; i < 50 && sender->succeeded; i++)
        send_one(sender);
    return NULL;
}

static void test_many_threads_reuse_what_they_give_back(void **state)
{
    static const struct scripted_answer answer = {.text = OK_ANSWER};
    struct fixture *fixture = *state;
    struct sender senders[8];
    pthread_t threads[8];

    answer_with(fixture, &answer);
    for (size_t i = 0; i < array_length(threads); i++)
        senders[i] = (struct sender){.transport = fixture->transport};
    senders[0].url = scripted_server_url(fixture->server, "/");
    for (size_t i = 0; i < array_length(threads); i++) {
        senders[i].url = senders[0].url;
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
    }
    for (size_t i = 0; i < array_length(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_true(senders[i].succeeded);
    }

    assert_int_equal(scripted_server_request_count(fixture->server), 400);
    assert_in_range(scripted_server_connection_count(fixture->server), 1, 8);
}

static void test_only_so_many_idle_connections_are_kept(void **state)
{
    static const struct scripted_answer answer = {.text = OK_ANSWER};
    struct fixture *fixture = *state;
    auto_free char *named = NULL;

    http_transport_free(fixture->transport);
    fixture->transport =
        curl_transport_new(&(struct curl_transport_options){.idle_connections_limit = 1});
    answer_with(fixture, &answer);
    named = mem_printf("http://localhost:%d/", scripted_server_port(fixture->server));
    for (int i = 0; i < 2; i++) {
        struct sender sender = {.transport = fixture->transport, .url = named};

        expect_ok(fixture, "/");
        send_one(&sender);
        assert_true(sender.succeeded);
    }

    /* Each pushed the other one out. */
    assert_int_equal(scripted_server_connection_count(fixture->server), 4);
}

static int init_library(void **state)
{
    struct error err;

    (void)state;
    if (!curl_transport_global_init(&err))
        fail_msg("%s", err.message);
    return 0;
}

static int clean_up_library(void **state)
{
    (void)state;
    curl_transport_global_cleanup();
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_answer_carries_status_headers_and_body),
        TEST(test_wait_that_aws_asks_for_is_in_milliseconds),
        TEST(test_headers_that_are_absent_or_odd_are_zero),
        TEST(test_redirect_is_an_answer_and_is_not_followed),
        TEST(test_chunked_answer_is_put_together),
        TEST(test_interim_answer_is_skipped),
        TEST(test_compressed_answer_is_asked_for_and_decoded),
        TEST(test_limit_counts_the_decompressed_bytes),
        TEST(test_request_is_sent_as_it_was_given),
        TEST(test_connection_goes_to_the_pinned_address),
        TEST(test_body_without_a_type_gets_none_invented),
        TEST(test_methods_without_a_body_are_sent_without_one),
        TEST(test_header_with_a_line_end_is_refused_without_quoting_it),
        TEST(test_urls_that_cannot_be_used_are_refused_without_quoting_them),
        TEST(test_proxy_of_the_request_wins_over_the_environment),
        TEST(test_stream_goes_to_the_callback_and_has_no_size_limit),
        TEST(test_stream_ends_with_the_error_of_the_callback),
        TEST(test_error_answer_to_a_stream_is_collected),
        TEST(test_callback_may_set_the_idle_limit_of_its_stream),
        TEST(test_broken_answers_are_errors_of_their_kind),
        TEST(test_answer_at_the_limit_is_accepted),
        TEST(test_endless_headers_are_an_error),
        TEST(test_refused_connection_has_its_code),
        TEST(test_name_that_does_not_resolve_has_its_code),
        TEST(test_connect_time_is_limited),
        TEST(test_total_time_is_limited),
        TEST(test_idle_time_counts_from_the_last_byte),
        TEST(test_cancellation_ends_the_wait_for_an_answer),
        TEST(test_cancellation_ends_a_transfer_in_the_body),
        TEST(test_nothing_is_sent_after_cancellation),
        TEST(test_requests_in_a_row_share_one_connection),
        TEST(test_nothing_of_a_request_is_left_for_the_next),
        TEST(test_kept_connection_that_the_server_closed_is_replaced),
        TEST(test_connection_is_not_used_after_its_idle_time),
        TEST(test_threads_get_connections_of_their_own),
        TEST(test_many_threads_reuse_what_they_give_back),
        TEST(test_only_so_many_idle_connections_are_kept),
    };

    return cmocka_run_group_tests_name("http/curl_transport", tests, init_library,
                                       clean_up_library);
}
