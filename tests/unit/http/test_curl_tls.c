/* The transport over TLS: what is trusted, what is shown, and what a changed file does. */
#include "base/memory.h"
#include "base/strbuf.h"
#include "certificates.h"
#include "http/curl_transport.h"
#include "scripted_server.h"
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static const struct scripted_answer ok_answer = {.text = OK_ANSWER};

struct fixture {
    struct http_transport *transport;
    struct scripted_server *server;
    struct certificate authority, other_authority;
    struct certificate by_address; /* names 127.0.0.1 */
    struct certificate by_name;    /* names api.test */
    struct certificate client;
    char folder[32];
    char *ca_path;
    char *replacement_path;
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    certificate_make_authority(&fixture->authority, "test authority");
    certificate_make_authority(&fixture->other_authority, "other authority");
    certificate_issue(&fixture->by_address, &fixture->authority, "server", "IP:127.0.0.1");
    certificate_issue(&fixture->by_name, &fixture->authority, "server", "DNS:api.test");
    certificate_issue(&fixture->client, &fixture->authority, "client", "DNS:client.test");
    strcpy(fixture->folder, "/tmp/test-tls-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->ca_path = mem_printf("%s/ca.crt", fixture->folder);
    fixture->replacement_path = mem_printf("%s/replacement", fixture->folder);
    write_file(fixture->ca_path, fixture->authority.certificate_pem);
    fixture->transport =
        curl_transport_new(&(struct curl_transport_options){.system_ca_file = fixture->ca_path});
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    http_transport_free(fixture->transport);
    if (fixture->server != NULL)
        scripted_server_stop(fixture->server);
    certificate_release(&fixture->authority);
    certificate_release(&fixture->other_authority);
    certificate_release(&fixture->by_address);
    certificate_release(&fixture->by_name);
    certificate_release(&fixture->client);
    unlink(fixture->ca_path);
    unlink(fixture->replacement_path);
    rmdir(fixture->folder);
    free(fixture->ca_path);
    free(fixture->replacement_path);
    free(fixture);
    return 0;
}

static void start_server(struct fixture *fixture, const struct certificate *certificate)
{
    fixture->server = scripted_server_start(&ok_answer, 1,
                                            &(struct loopback_tls){
                                                .certificate_pem = certificate->certificate_pem,
                                                .key_pem = certificate->key_pem,
                                            });
}

static bool get(struct fixture *fixture, const struct http_tls *tls, struct error *err)
{
    auto_http_response struct http_response response = {0};

    return http_transport_send(
        fixture->transport,
        &(struct http_request){.method = "GET",
                               .url = scripted_server_url(fixture->server, "/"),
                               .tls = tls,
                               .proxy = ""},
        &response, err);
}

static void expect_trusted(struct fixture *fixture, const struct http_tls *tls)
{
    struct error err = {0};

    if (!get(fixture, tls, &err))
        fail_msg("%s", err.message);
}

static void expect_failure(struct fixture *fixture, const struct http_tls *tls,
                           enum error_kind kind, const char *text)
{
    struct error err = {0};

    assert_false(get(fixture, tls, &err));
    if (err.kind != kind || !error_has_code(&err, "Tls") || strstr(err.message, text) == NULL)
        fail_msg("%s, code '%s': %s", error_kind_name(err.kind), err.code, err.message);
}

static void test_server_is_verified_with_the_given_authority(void **state)
{
    struct fixture *fixture = *state;

    start_server(fixture, &fixture->by_address);

    expect_trusted(fixture, &(struct http_tls){.ca_file = fixture->ca_path});
    expect_trusted(fixture, &(struct http_tls){.ca_pem = fixture->authority.certificate_pem});
    expect_failure(fixture, &(struct http_tls){.ca_pem = fixture->other_authority.certificate_pem},
                   ERROR_INVALID, "certificate");
}

static void test_data_wins_over_the_file(void **state)
{
    struct fixture *fixture = *state;

    start_server(fixture, &fixture->by_address);

    expect_trusted(fixture, &(struct http_tls){.ca_file = "/nonexistent",
                                               .ca_pem = fixture->authority.certificate_pem});
}

static void test_several_authorities_in_one_text_are_all_trusted(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *both =
        mem_printf("# a comment\n%s\n%s", fixture->other_authority.certificate_pem,
                   fixture->authority.certificate_pem);

    start_server(fixture, &fixture->by_address);

    expect_trusted(fixture, &(struct http_tls){.ca_pem = both});
}

static void test_certificate_that_is_itself_trusted_is_enough(void **state)
{
    struct fixture *fixture = *state;

    start_server(fixture, &fixture->by_address);

    expect_trusted(fixture, &(struct http_tls){.ca_pem = fixture->by_address.certificate_pem});
}

static void test_system_bundle_is_used_when_nothing_is_given(void **state)
{
    struct fixture *fixture = *state;

    start_server(fixture, &fixture->by_address);

    expect_trusted(fixture, NULL);
    expect_trusted(fixture, &(struct http_tls){0});
}

static void test_environment_names_the_system_bundle(void **state)
{
    struct fixture *fixture = *state;

    setenv("SSL_CERT_FILE", fixture->ca_path, 1);
    http_transport_free(fixture->transport);
    fixture->transport = curl_transport_new(&(struct curl_transport_options){0});
    unsetenv("SSL_CERT_FILE");
    start_server(fixture, &fixture->by_address);

    expect_trusted(fixture, NULL);
}

static void test_real_system_bundle_does_not_trust_a_stranger(void **state)
{
    struct fixture *fixture = *state;

    http_transport_free(fixture->transport);
    fixture->transport = curl_transport_new(&(struct curl_transport_options){0});
    start_server(fixture, &fixture->by_address);

    expect_failure(fixture, NULL, ERROR_INVALID, "not accepted");
}

static void test_certificate_must_name_the_host(void **state)
{
    struct fixture *fixture = *state;

    start_server(fixture, &fixture->by_name);

    expect_failure(fixture, NULL, ERROR_INVALID, "127.0.0.1");
}

static void test_server_name_replaces_the_host_in_tls_only(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *name = NULL, *request = NULL, *host = NULL;

    start_server(fixture, &fixture->by_name);
    expect_trusted(fixture, &(struct http_tls){.server_name = "api.test"});

    name = scripted_server_last_name(fixture->server);
    request = scripted_server_last_request(fixture->server);
    host = mem_printf("\r\nHost: 127.0.0.1:%d\r\n", scripted_server_port(fixture->server));
    assert_string_equal(name, "api.test");
    assert_non_null(strstr(request, host));
    expect_failure(fixture, &(struct http_tls){.server_name = "other.test"}, ERROR_INVALID,
                   "other.test");
    expect_failure(fixture, &(struct http_tls){.server_name = "no name"}, ERROR_INVALID,
                   "'no name'");
}

static void test_verification_can_be_switched_off(void **state)
{
    struct fixture *fixture = *state;

    start_server(fixture, &fixture->by_name);

    expect_trusted(fixture, &(struct http_tls){.insecure_skip_verify = true});
    /* and what was not verified is not reused by who wants it verified */
    expect_failure(fixture, &(struct http_tls){.ca_pem = fixture->other_authority.certificate_pem},
                   ERROR_INVALID, "certificate");
}

static void test_client_certificate_is_shown(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *certificate_path = mem_printf("%s/client.crt", fixture->folder);
    auto_free char *key_path = mem_printf("%s/client.key", fixture->folder);

    fixture->server =
        scripted_server_start(&ok_answer, 1,
                              &(struct loopback_tls){
                                  .certificate_pem = fixture->by_address.certificate_pem,
                                  .key_pem = fixture->by_address.key_pem,
                                  .client_ca_pem = fixture->authority.certificate_pem,
                              });
    write_file(certificate_path, fixture->client.certificate_pem);
    write_file(key_path, fixture->client.key_pem);

    expect_trusted(fixture,
                   &(struct http_tls){.client_certificate_pem = fixture->client.certificate_pem,
                                      .client_key_pem = fixture->client.key_pem});
    expect_trusted(fixture, &(struct http_tls){.client_certificate_file = certificate_path,
                                               .client_key_file = key_path});
    expect_failure(fixture, NULL, ERROR_UNAVAILABLE, "");
    expect_failure(fixture,
                   &(struct http_tls){.client_certificate_pem = fixture->client.certificate_pem,
                                      .client_key_pem = fixture->by_name.key_pem},
                   ERROR_INVALID, "certificate");
    unlink(certificate_path);
    expect_failure(fixture,
                   &(struct http_tls){.client_certificate_file = certificate_path,
                                      .client_key_file = key_path},
                   ERROR_INVALID, "the client certificate '/tmp/test-tls-");
    unlink(key_path);
}

static void test_broken_client_key_is_not_quoted(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    start_server(fixture, &fixture->by_address);
    assert_false(get(fixture,
                     &(struct http_tls){.client_certificate_pem = fixture->client.certificate_pem,
                                        .client_key_pem = "-----BEGIN PRIVATE KEY-----\ncanary\n"},
                     &err));

    assert_int_equal(err.kind, ERROR_INVALID);
    assert_null(strstr(err.message, "canary"));
}

static void test_connection_is_kept(void **state)
{
    struct fixture *fixture = *state;
    struct http_tls tls = {.ca_file = fixture->ca_path};

    start_server(fixture, &fixture->by_address);
    for (int i = 0; i < 3; i++)
        expect_trusted(fixture, &tls);

    assert_int_equal(scripted_server_connection_count(fixture->server), 1);
}

/* As kubelet does: the path leads to another file at once. */
static void replace_ca(struct fixture *fixture, const struct certificate *authority)
{
    write_file(fixture->replacement_path, authority->certificate_pem);
    assert_int_equal(rename(fixture->replacement_path, fixture->ca_path), 0);
}

static void test_rotated_authority_is_seen_in_spite_of_kept_connections(void **state)
{
    struct fixture *fixture = *state;
    struct http_tls tls = {.ca_file = fixture->ca_path};

    start_server(fixture, &fixture->by_address);
    expect_trusted(fixture, &tls);
    replace_ca(fixture, &fixture->other_authority);
    expect_failure(fixture, &tls, ERROR_INVALID, "certificate");
    replace_ca(fixture, &fixture->authority);
    expect_trusted(fixture, &tls);

    assert_int_equal(scripted_server_connection_count(fixture->server), 3);
}

static void test_file_that_holds_no_authority_is_named(void **state)
{
    struct fixture *fixture = *state;

    start_server(fixture, &fixture->by_address);

    expect_failure(fixture, &(struct http_tls){.ca_file = "/nonexistent/ca.crt"}, ERROR_INVALID,
                   "the CA file '/nonexistent/ca.crt' cannot be read");
    expect_failure(fixture, &(struct http_tls){.ca_pem = "no PEM"}, ERROR_INVALID,
                   "the CA data holds no certificate");
    write_file(fixture->ca_path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect_failure(fixture, &(struct http_tls){.ca_file = fixture->ca_path}, ERROR_INVALID,
                   "holds no certificate");
    expect_failure(fixture, &(struct http_tls){.ca_file = fixture->folder}, ERROR_INVALID,
                   "not a regular file");
}

static void test_obsolete_tls_is_refused(void **state)
{
    struct fixture *fixture = *state;

    fixture->server =
        scripted_server_start(&ok_answer, 1,
                              &(struct loopback_tls){
                                  .certificate_pem = fixture->by_address.certificate_pem,
                                  .key_pem = fixture->by_address.key_pem,
                                  .only_obsolete_protocols = true,
                              });

    expect_failure(fixture, NULL, ERROR_UNAVAILABLE, "no TLS session");
}

static void test_server_without_tls_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    auto_http_response struct http_response response = {0};
    auto_free char *url = NULL;
    struct error err = {0};

    fixture->server = scripted_server_start(&ok_answer, 1, NULL);
    url = mem_printf("https://127.0.0.1:%d/", scripted_server_port(fixture->server));
    /* It waits for a request line that never comes, so the client gives up. */
    assert_false(http_transport_send(
        fixture->transport,
        &(struct http_request){.method = "GET", .url = url, .connect_timeout_ms = 200, .proxy = ""},
        &response, &err));

    assert_int_equal(err.kind, ERROR_UNAVAILABLE);
    assert_true(error_has_code(&err, "Timeout"));
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
        TEST(test_server_is_verified_with_the_given_authority),
        TEST(test_data_wins_over_the_file),
        TEST(test_several_authorities_in_one_text_are_all_trusted),
        TEST(test_certificate_that_is_itself_trusted_is_enough),
        TEST(test_system_bundle_is_used_when_nothing_is_given),
        TEST(test_environment_names_the_system_bundle),
        TEST(test_real_system_bundle_does_not_trust_a_stranger),
        TEST(test_certificate_must_name_the_host),
        TEST(test_server_name_replaces_the_host_in_tls_only),
        TEST(test_verification_can_be_switched_off),
        TEST(test_client_certificate_is_shown),
        TEST(test_broken_client_key_is_not_quoted),
        TEST(test_connection_is_kept),
        TEST(test_rotated_authority_is_seen_in_spite_of_kept_connections),
        TEST(test_file_that_holds_no_authority_is_named),
        TEST(test_obsolete_tls_is_refused),
        TEST(test_server_without_tls_is_an_error),
    };

    return cmocka_run_group_tests_name("http/curl_tls", tests, init_library, clean_up_library);
}
