#include "aws/credentials_container.h"
#include "base/memory.h"
#include "chain_fixture.h"
#include "support/test.h"

#include <arpa/inet.h>
#include <string.h>

#define FULL_URI   "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define RELATIVE   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
#define TOKEN      "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define POD_URL    "http://169.254.170.23/v1/credentials"

static void set_pod_identity(struct chain_fixture *fixture)
{
    chain_fixture_set(fixture, FULL_URI, POD_URL);
    chain_fixture_set(fixture, TOKEN_FILE,
                      scratch_write(&fixture->scratch, "token", CANARY_TOKEN "\n"));
}

static void test_pod_identity_is_asked_with_the_token_of_the_file(void **state)
{
    struct chain_fixture *fixture = *state;

    set_pod_identity(fixture);
    chain_fixture_set(fixture, TOKEN, "not this one");
    chain_fixture_expect(
        fixture, &(struct scripted_exchange){
                     .method = "GET",
                     .url = POD_URL,
                     .headers = {{"Authorization", CANARY_TOKEN}, {"User-Agent", "tests/1"}},
                     .answer = chain_fixture_json("ASIAPOD", 21600)});

    chain_fixture_get(fixture, "ASIAPOD");

    assert_string_equal(aws_credentials_source(fixture->session->credentials),
                        "container endpoint");
    assert_string_equal(chain_fixture_request(fixture, 0)->proxy, "");
    assert_string_equal(chain_fixture_request(fixture, 0)->address, "169.254.170.23");
}

static void test_relative_uri_is_asked_at_the_address_of_ecs(void **state)
{
    struct chain_fixture *fixture = *state;

    set_pod_identity(fixture);
    chain_fixture_set(fixture, RELATIVE, "/v2/credentials/x?y=z");
    chain_fixture_set(fixture, TOKEN_FILE, NULL);
    chain_fixture_expect(
        fixture, &(struct scripted_exchange){.url = "http://169.254.170.2/v2/credentials/x?y=z",
                                             .headers = {{"Authorization", NULL}},
                                             .answer = chain_fixture_json("ASIAECS", 21600)});

    chain_fixture_get(fixture, "ASIAECS");
}

static void test_token_is_read_again_at_each_refresh(void **state)
{
    struct chain_fixture *fixture = *state;

    set_pod_identity(fixture);
    chain_fixture_expect(fixture,
                         &(struct scripted_exchange){.headers = {{"Authorization", CANARY_TOKEN}},
                                                     .answer = chain_fixture_json("ASIA1", 3600)});
    chain_fixture_expect(fixture,
                         &(struct scripted_exchange){.headers = {{"Authorization", "rotated"}},
                                                     .answer = chain_fixture_json("ASIA2", 7200)});
    chain_fixture_get(fixture, "ASIA1");

    scratch_write(&fixture->scratch, "token", "rotated");
    chain_fixture_advance_ms(fixture, 3600 * 1000);
    chain_fixture_get(fixture, "ASIA2");
}

static void test_name_is_pinned_to_the_address_that_was_checked(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set(fixture, FULL_URI, "http://localhost:8080/x");
    chain_fixture_set(fixture, TOKEN, "canary");
    chain_fixture_expect(fixture,
                         &(struct scripted_exchange){.url = "http://localhost:8080/x",
                                                     .headers = {{"Authorization", "canary"}},
                                                     .answer = chain_fixture_json("ASIA", 3600)});

    chain_fixture_get(fixture, "ASIA");

    assert_non_null(chain_fixture_request(fixture, 0)->address);
}

static void test_https_may_go_anywhere(void **state)
{
    struct chain_fixture *fixture = *state;

    chain_fixture_set(fixture, FULL_URI, "https://credentials.example/x");
    chain_fixture_set(fixture, "AWS_CA_BUNDLE", "/etc/ca.pem");
    chain_fixture_expect(fixture,
                         &(struct scripted_exchange){.url = "https://credentials.example/x",
                                                     .answer = chain_fixture_json("ASIA", 3600)});

    chain_fixture_get(fixture, "ASIA");

    assert_null(chain_fixture_request(fixture, 0)->address);
    assert_string_equal(chain_fixture_request(fixture, 0)->tls->ca_file, "/etc/ca.pem");
}

static void test_plain_http_goes_to_few_addresses(void **state maybe_unused)
{
    static const struct {
        const char *address;
        bool allowed;
    } rows[] = {
        {"127.0.0.1", true},
        {"127.255.255.254", true},
        {"::1", true},
        {"169.254.170.2", true},
        {"169.254.170.23", true},
        {"fd00:ec2::23", true},
        {"169.254.170.3", false},
        {"169.254.170.20", false},
        {"169.254.170.230", false},
        {"169.254.169.254", false},
        {"10.0.0.1", false},
        {"128.0.0.1", false},
        {"0.0.0.0", false},
        {"::", false},
        {"fd00:ec2::254", false},
        {"::ffff:10.0.0.1", false},
        {"fd00:ec2::230", false},
    };

    for (size_t i = 0; i < array_length(rows); i++) {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
        bool is_v4 = inet_pton(AF_INET, rows[i].address, &v4.sin_addr) == 1;
        bool allowed;

        if (!is_v4)
            assert_int_equal(inet_pton(AF_INET6, rows[i].address, &v6.sin6_addr), 1);
        allowed = container_address_is_allowed(is_v4 ? (const struct sockaddr *)&v4
                                                     : (const struct sockaddr *)&v6);
        if (allowed != rows[i].allowed)
            fail_msg("%s", rows[i].address);
    }
}

static void test_settings_that_lead_elsewhere_are_errors_that_name_the_variable(void **state)
{
    static const struct {
        const char *variable, *value, *expected;
    } rows[] = {
        {FULL_URI, "http://192.0.2.1/", "the host '192.0.2.1' of " FULL_URI " is not one"},
        {FULL_URI, "http://169.254.170.23.192.0.2.1:80/", "of " FULL_URI},
        {FULL_URI, "http://canary@127.0.0.1/", FULL_URI " is not a URL"},
        {FULL_URI, "http://127.0.0.1\\@192.0.2.1/", FULL_URI " is not a URL"},
        {FULL_URI, "http://127.0.0.1/\r\nX: y", FULL_URI " is not a URL"},
        {FULL_URI, "http:///x", FULL_URI " is not a URL"},
        {FULL_URI, "http://[::1/x", FULL_URI " is not a URL"},
        {FULL_URI, "http://[2001:db8::1]/x", "the host '2001:db8::1' of"},
        {FULL_URI, "ftp://127.0.0.1/", FULL_URI " must begin with http"},
        {FULL_URI, "/v1/credentials", FULL_URI " must begin with http"},
        {RELATIVE, "canary/credentials", RELATIVE " must begin with '/'"},
        {RELATIVE, ".evil.example/", RELATIVE " must begin with '/'"},
    };
    struct chain_fixture *fixture = *state;

    for (size_t i = 0; i < array_length(rows); i++) {
        struct aws_credentials credentials = {0};
        struct error err = {0};

        chain_fixture_set(fixture, FULL_URI, NULL);
        chain_fixture_set(fixture, rows[i].variable, rows[i].value);
        chain_fixture_start(fixture);
        assert_false(aws_credentials_get(fixture->session->credentials, &credentials, &err));
        if (strstr(err.message, rows[i].expected) == NULL || strstr(err.message, "canary") != NULL)
            fail_msg("%s: %s", rows[i].value, err.message);
    }
}

static void test_tokens_that_would_make_headers_are_errors_that_name_their_place(void **state)
{
    static const char *const tokens[] = {"canary\r\nX-Y: z", "canary\nz", "can\002ary",
                                         "canary\x7f"};
    struct chain_fixture *fixture = *state;

    for (size_t i = 0; i < array_length(tokens); i++) {
        chain_fixture_set(fixture, FULL_URI, POD_URL);
        chain_fixture_set(fixture, TOKEN_FILE, NULL);
        chain_fixture_set(fixture, TOKEN, tokens[i]);
        chain_fixture_start(fixture);
        chain_fixture_fail(fixture, ERROR_DENIED, TOKEN " holds a newline");

        chain_fixture_set(fixture, TOKEN_FILE,
                          scratch_write(&fixture->scratch, "token", tokens[i]));
        chain_fixture_start(fixture);
        chain_fixture_fail(fixture, ERROR_DENIED, TOKEN_FILE " holds a newline");
        chain_fixture_fail(fixture, ERROR_DENIED, fixture->scratch.paths[0]);
    }
    scratch_write(&fixture->scratch, "token", "\n");
    chain_fixture_start(fixture);
    chain_fixture_fail(fixture, ERROR_DENIED, TOKEN_FILE " names an empty file");
    chain_fixture_set(fixture, TOKEN_FILE, "/nowhere/token");
    chain_fixture_start(fixture);
    chain_fixture_fail(fixture, ERROR_DENIED, "'/nowhere/token'");
}

static void test_agent_s_refusal_is_quoted_without_the_token(void **state)
{
    static const struct {
        int status;
        const char *answer;
        enum error_kind kind;
        const char *expected;
    } rows[] = {
        {400, "(AccessDeniedException): no association\n", ERROR_DENIED,
         "answered with HTTP status 400: (AccessDeniedException): no association"},
        {403, "bad token " CANARY_TOKEN, ERROR_DENIED, "answered with HTTP status 403"},
        {302, "", ERROR_DENIED, "answered with HTTP status 302"},
    };
    struct chain_fixture *fixture = *state;

    set_pod_identity(fixture);
    for (size_t i = 0; i < array_length(rows); i++) {
        chain_fixture_start(fixture);
        chain_fixture_expect(fixture, &(struct scripted_exchange){.status = rows[i].status,
                                                                  .answer = rows[i].answer});
        chain_fixture_fail(fixture, rows[i].kind, rows[i].expected);
        chain_fixture_fail(fixture, rows[i].kind, "the container endpoint of " FULL_URI);
    }
}

static void test_passing_faults_are_retried_twice(void **state)
{
    struct chain_fixture *fixture = *state;

    set_pod_identity(fixture);
    chain_fixture_expect(fixture, &(struct scripted_exchange){.status = 500, .times = 3});
    chain_fixture_fail(fixture, ERROR_UNAVAILABLE, "HTTP status 500");

    chain_fixture_start(fixture);
    chain_fixture_expect(
        fixture, &(struct scripted_exchange){
                     .failure = {.kind = ERROR_UNAVAILABLE, .message = "refused the connection"}});
    chain_fixture_expect(fixture, &(struct scripted_exchange){.status = 429});
    chain_fixture_expect(fixture,
                         &(struct scripted_exchange){.answer = chain_fixture_json("ASIA", 3600)});
    chain_fixture_get(fixture, "ASIA");
}

static void test_answers_that_hold_no_credentials_are_refused(void **state)
{
    static const char *const answers[] = {
        "",
        "[]",
        "{\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"cana",
        "{\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"canary\"}",
        "{\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"canary\",\"Token\":7}",
        "{\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"canary\\r\\n\",\"Token\":\"canary\"}",
        "{\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"canary\",\"Token\":\"canary\","
        "\"Expiration\":\"soon\"}",
        "{\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"canary\",\"Token\":\"canary\","
        "\"Expiration\":-1}",
        "<html>canary</html>",
    };
    struct chain_fixture *fixture = *state;

    set_pod_identity(fixture);
    for (size_t i = 0; i < array_length(answers); i++) {
        chain_fixture_start(fixture);
        chain_fixture_expect(fixture, &(struct scripted_exchange){.answer = answers[i]});
        chain_fixture_fail(fixture, ERROR_INTERNAL, "the answer holds no credentials");
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CHAIN_TEST(test_pod_identity_is_asked_with_the_token_of_the_file),
        CHAIN_TEST(test_relative_uri_is_asked_at_the_address_of_ecs),
        CHAIN_TEST(test_token_is_read_again_at_each_refresh),
        CHAIN_TEST(test_name_is_pinned_to_the_address_that_was_checked),
        CHAIN_TEST(test_https_may_go_anywhere),
        CHAIN_TEST(test_plain_http_goes_to_few_addresses),
        CHAIN_TEST(test_settings_that_lead_elsewhere_are_errors_that_name_the_variable),
        CHAIN_TEST(test_tokens_that_would_make_headers_are_errors_that_name_their_place),
        CHAIN_TEST(test_agent_s_refusal_is_quoted_without_the_token),
        CHAIN_TEST(test_passing_faults_are_retried_twice),
        CHAIN_TEST(test_answers_that_hold_no_credentials_are_refused),
    };

    return cmocka_run_group_tests_name("aws/credentials_container", tests, NULL, NULL);
}
