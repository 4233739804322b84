#include "base/memory.h"
#include "kube/config.h"
#include "kube/config_source.h"
#include "support/fake_timesource.h"
#include "support/test.h"
#include "temporary_folder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct fake_timesource clock;
    char *folder;
    struct kube_config *config;
};

static const char *const environment_names[] = {
    "KUBECONFIG",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
    "HOME",
};

static int set_up(void **state)
{
    struct fixture *fixture = mem_alloc(sizeof *fixture);

    fake_timesource_init(&fixture->clock, 0);
    fixture->folder = temporary_folder_make();
    for (size_t i = 0; i < array_length(environment_names); i++)
        unsetenv(environment_names[i]);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    kube_config_free(fixture->config);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void write_file(struct fixture *fixture, const char *name, const char *text)
{
    free(temporary_folder_write(fixture->folder, name, text));
}

static bool load_service_account(struct fixture *fixture, const char *host, struct error *err)
{
    auto_kube_config_values struct kube_config_values values = {0};

    return service_account_read(fixture->folder, host, "6443", &values, err) &&
           kube_config_make(&values, &fixture->clock.source, &fixture->config, err);
}

static void make_service_account(struct fixture *fixture)
{
    struct error err = {0};

    write_file(fixture, "namespace", "operators\n");
    write_file(fixture, "token", "first\n");
    if (!load_service_account(fixture, "10.0.0.1", &err))
        fail_msg("%s", err.message);
}

static void expect_token(struct fixture *fixture, const char *expected)
{
    auto_secret struct secret token = {0};
    struct error err = {0};

    if (!kube_config_token(fixture->config, &token, &err))
        fail_msg("%s", err.message);
    assert_string_equal(secret_reveal(&token), expected);
}

static void test_service_account_gives_address_namespace_and_files(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *ca_path = mem_printf("%s/ca.crt", fixture->folder);

    make_service_account(fixture);

    assert_string_equal(kube_config_server(fixture->config), "https://10.0.0.1:6443");
    assert_string_equal(kube_config_namespace(fixture->config), "operators");
    assert_string_equal(kube_config_tls(fixture->config)->ca_file, ca_path);
    assert_false(kube_config_tls(fixture->config)->insecure_skip_verify);
    assert_null(kube_config_proxy(fixture->config));
    expect_token(fixture, "first");
}

static void test_ipv6_address_gets_brackets(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    write_file(fixture, "namespace", "x");
    write_file(fixture, "token", "t");
    assert_true(load_service_account(fixture, "fd00::1", &err));

    assert_string_equal(kube_config_server(fixture->config), "https://[fd00::1]:6443");
}

static void test_token_file_is_read_again_after_fifty_seconds(void **state)
{
    struct fixture *fixture = *state;

    make_service_account(fixture);
    write_file(fixture, "token", "second");
    fake_timesource_advance_ms(&fixture->clock, 49999);
    expect_token(fixture, "first");
    fake_timesource_advance_ms(&fixture->clock, 1);
    expect_token(fixture, "second");
}

static void test_dropped_token_is_read_again_at_once(void **state)
{
    struct fixture *fixture = *state;

    make_service_account(fixture);
    write_file(fixture, "token", "second");
    kube_config_drop_token(fixture->config);
    expect_token(fixture, "second");
}

static void test_failed_read_keeps_the_former_token(void **state)
{
    struct fixture *fixture = *state;

    make_service_account(fixture);
    write_file(fixture, "token", " \n");
    fake_timesource_advance_ms(&fixture->clock, 60000);
    expect_token(fixture, "first");
    kube_config_drop_token(fixture->config);
    expect_token(fixture, "first");

    write_file(fixture, "token", "third"); /* and it goes on trying */
    expect_token(fixture, "third");
}

static void test_missing_or_empty_token_is_noticed_at_start(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    assert_false(load_service_account(fixture, "h", &err));
    assert_non_null(strstr(err.message, "ServiceAccount of this pod is not mounted"));
    write_file(fixture, "namespace", "x");
    assert_false(load_service_account(fixture, "h", &err));
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "/token'"));
    write_file(fixture, "token", "\n");
    assert_false(load_service_account(fixture, "h", &err));
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "is empty"));
}

#define CONFIG_FOR(host)                             \
    "current-context: c\n"                           \
    "contexts: [{name: c, context: {cluster: k}}]\n" \
    "clusters: [{name: k, cluster: {server: 'https://" host "'}}]\n"

static void expect_server(struct fixture *fixture, const char *path, const char *expected)
{
    struct error err = {0};

    kube_config_free(fixture->config);
    fixture->config = NULL;
    if (!kube_config_load(path, &fixture->clock.source, &fixture->config, &err))
        fail_msg("%s", err.message);
    assert_string_equal(kube_config_server(fixture->config), expected);
}

static void test_sources_are_asked_in_their_order(void **state)
{
    struct fixture *fixture = *state;
    auto_free char *explicit_path =
        temporary_folder_write(fixture->folder, "explicit", CONFIG_FOR("explicit"));
    auto_free char *listed =
        temporary_folder_write(fixture->folder, "listed", CONFIG_FOR("listed"));
    auto_free char *list = mem_printf("/nonexistent/a::%s:%s", listed, listed);
    struct error err = {0};

    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    setenv("KUBECONFIG", list, 1);
    expect_server(fixture, explicit_path, "https://explicit");
    expect_server(fixture, NULL, "https://listed");
    expect_server(fixture, "", "https://listed");

    /* In a pod without a mounted ServiceAccount: an error, not the next source. */
    unsetenv("KUBECONFIG");
    kube_config_free(fixture->config);
    fixture->config = NULL;
    assert_false(kube_config_load(NULL, &fixture->clock.source, &fixture->config, &err));
    assert_non_null(strstr(err.message, "ServiceAccount"));
}

static void test_home_is_the_last_source(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    setenv("HOME", fixture->folder, 1);
    assert_false(kube_config_load(NULL, &fixture->clock.source, &fixture->config, &err));

    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.message, "--kubeconfig"));
}

static void test_explicit_file_must_exist(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    assert_false(
        kube_config_load("/nonexistent/config", &fixture->clock.source, &fixture->config, &err));
    assert_non_null(strstr(err.message, "'/nonexistent/config'"));
    setenv("KUBECONFIG", "/nonexistent/config:/nonexistent/other", 1);
    assert_false(kube_config_load(NULL, &fixture->clock.source, &fixture->config, &err));
    assert_non_null(strstr(err.message, "none of the files"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_service_account_gives_address_namespace_and_files),
        TEST(test_ipv6_address_gets_brackets),
        TEST(test_token_file_is_read_again_after_fifty_seconds),
        TEST(test_dropped_token_is_read_again_at_once),
        TEST(test_failed_read_keeps_the_former_token),
        TEST(test_missing_or_empty_token_is_noticed_at_start),
        TEST(test_sources_are_asked_in_their_order),
        TEST(test_home_is_the_last_source),
        TEST(test_explicit_file_must_exist),
    };

    return cmocka_run_group_tests_name("kube/config", tests, NULL, NULL);
}
