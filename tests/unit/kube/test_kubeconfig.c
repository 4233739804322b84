#include "base/memory.h"
#include "base/strbuf.h"
#include "kube/config_source.h"
#include "support/test.h"
#include "temporary_folder.h"

#include <stdlib.h>
#include <string.h>

static int set_up(void **state)
{
    *state = temporary_folder_make();
    return 0;
}

static int tear_down(void **state)
{
    temporary_folder_remove(*state);
    return 0;
}

static void read(const char *folder, const char *text, struct kube_config_values *values)
{
    auto_free char *path = temporary_folder_write(folder, "config", text);
    struct error err = {0};

    if (!kubeconfig_read(path, true, values, &err))
        fail_msg("%s", err.message);
}

/* A file as kubectl writes it. */
static const char typical[] = "apiVersion: v1\n"
                              "kind: Config\n"
                              "clusters:\n"
                              "- cluster:\n"
                              "    certificate-authority-data: Y2EgdGV4dA==\n"
                              "    server: https://127.0.0.1:6443/\n"
                              "  name: kind\n"
                              "- name: other\n"
                              "  cluster:\n"
                              "    server: https://other\n"
                              "contexts:\n"
                              "- context:\n"
                              "    cluster: kind\n"
                              "    namespace: team-a\n"
                              "    user: admin\n"
                              "  name: kind-admin\n"
                              "- context: {cluster: other, user: reader}\n"
                              "  name: other\n"
                              "current-context: kind-admin\n"
                              "preferences: {}\n"
                              "users:\n"
                              "- name: admin\n"
                              "  user:\n"
                              "    client-certificate-data: Y2VydCB0ZXh0\n"
                              "    client-key-data: a2V5IHRleHQ=\n"
                              "- name: reader\n"
                              "  user:\n"
                              "    token: reader-token\n";

static void test_current_context_is_resolved(void **state)
{
    auto_kube_config_values struct kube_config_values values = {0};

    read(*state, typical, &values);

    assert_string_equal(values.server, "https://127.0.0.1:6443");
    assert_string_equal(values.namespace_name, "team-a");
    assert_string_equal(values.ca_pem, "ca text");
    assert_string_equal(values.client_certificate_pem, "cert text");
    assert_string_equal(secret_reveal(&values.client_key_pem), "key text");
    assert_true(secret_is_empty(&values.token));
    assert_null(values.token_file);
    assert_false(values.insecure_skip_verify);
}

static void test_everything_that_a_cluster_and_a_user_may_say_is_read(void **state)
{
    auto_kube_config_values struct kube_config_values values = {0};
    const char *folder = *state;
    auto_free char *ca_path = mem_printf("%s/pki/ca.crt", folder);
    auto_free char *key_path = mem_printf("%s/../client.key", folder);

    read(folder,
         "current-context: c\n"
         "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
         "clusters:\n"
         "- name: k\n"
         "  cluster:\n"
         "    server: https://api:6443/k8s/clusters/c-1\n"
         "    certificate-authority: pki/ca.crt\n"
         "    tls-server-name: kubernetes.default\n"
         "    proxy-url: http://proxy:3128\n"
         "    disable-compression: true\n"
         "users:\n"
         "- name: u\n"
         "  user:\n"
         "    client-certificate: /abs/client.crt\n"
         "    client-key: ../client.key\n"
         "    tokenFile: token\n"
         "    token: loses\n",
         &values);

    assert_string_equal(values.server, "https://api:6443/k8s/clusters/c-1");
    assert_string_equal(values.ca_file, ca_path);
    assert_string_equal(values.tls_server_name, "kubernetes.default");
    assert_string_equal(values.proxy, "http://proxy:3128");
    assert_string_equal(values.client_certificate_file, "/abs/client.crt");
    assert_string_equal(values.client_key_file, key_path);
    assert_string_equal(strrchr(values.token_file, '/'), "/token");
}

static void test_json_is_read_too(void **state)
{
    auto_kube_config_values struct kube_config_values values = {0};

    read(*state,
         "{\"current-context\": \"c\", \"contexts\": [{\"name\": \"c\", \"context\": {\"cluster\": "
         "\"k\", \"user\": \"u\"}}], \"clusters\": [{\"name\": \"k\", \"cluster\": {\"server\": "
         "\"http://localhost:8080\", \"insecure-skip-tls-verify\": true}}], \"users\": "
         "[{\"name\": \"u\", \"user\": {\"token\": \"t\\u0041\"}}]}",
         &values);

    assert_string_equal(values.server, "http://localhost:8080");
    assert_true(values.insecure_skip_verify);
    assert_string_equal(secret_reveal(&values.token), "tA");
}

static void test_files_are_merged_entry_by_entry_and_the_first_wins(void **state)
{
    auto_kube_config_values struct kube_config_values values = {0};
    const char *folder = *state;
    auto_free char *first =
        temporary_folder_write(folder, "first",
                               "users: [{name: u, user: {token: first}}]\n"
                               "clusters: [{name: k, cluster: {server: 'https://first'}}]\n"
                               "current-context: \"\"\n");
    auto_free char *second = temporary_folder_write(
        folder, "second",
        "users: [{name: u, user: {token: second}}]\n"
        "clusters: [{name: k, cluster: {server: 'https://second', tls-server-name: second}}]\n"
        "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
        "current-context: c\n");
    auto_free char *list = mem_printf("%s:/nonexistent:%s", first, second);
    struct error err = {0};

    if (!kubeconfig_read(list, false, &values, &err))
        fail_msg("%s", err.message);

    assert_string_equal(values.server, "https://first");
    assert_null(values.tls_server_name); /* whole entries, no mixture */
    assert_string_equal(secret_reveal(&values.token), "first");
}

static void test_anchors_and_nulls_are_understood(void **state)
{
    auto_kube_config_values struct kube_config_values values = {0};

    read(*state,
         "x: &user {token: shared, tokenFile: , client-key: ~, exec: null}\n"
         "current-context: c\n"
         "contexts: [{name: c, context: {cluster: k, user: u, namespace: null}}]\n"
         "clusters: [{name: k, cluster: {server: 'https://h'}}]\n"
         "users: [{name: u, user: *user}]\n",
         &values);

    assert_string_equal(secret_reveal(&values.token), "shared");
    assert_null(values.token_file);
    assert_null(values.namespace_name);
}

#define WITH_USER(user)                                       \
    "current-context: c\n"                                    \
    "contexts: [{name: c, context: {cluster: k, user: u}}]\n" \
    "clusters: [{name: k, cluster: {server: 'https://h'}}]\n" \
    "users:\n- name: u\n  user:\n" user

#define WITH_CLUSTER(cluster)                                 \
    "current-context: c\n"                                    \
    "contexts: [{name: c, context: {cluster: k, user: u}}]\n" \
    "users: [{name: u, user: {token: canary}}]\n"             \
    "clusters:\n- name: k\n  cluster:\n" cluster

static void test_bad_files_are_named_with_their_line_and_never_quoted(void **state)
{
    static const struct {
        const char *name, *text, *expected;
    } cases[] = {
        {"no YAML", "a: b\n\tcanary: [", "is not valid YAML: line 2"},
        {"unclosed", "users: {canary", "is not valid YAML"},
        {"empty", "", "has no current-context"},
        {"a list", "[canary]", "has no current-context"},
        {"no such context", "current-context: nowhere\n", "there is no context 'nowhere'"},
        {"context without cluster",
         "current-context: c\ncontexts:\n- name: c\n  context: {user: u}\n",
         "line 4: the context names no cluster"},
        {"no such cluster", "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n",
         "there is no cluster 'k'"},
        {"no such user",
         "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: ghost}}]\n"
         "clusters: [{name: k, cluster: {server: 'https://h'}}]\n",
         "there is no user 'ghost'"},
        {"no server", WITH_CLUSTER("    insecure-skip-tls-verify: true\n"), "has no server"},
        {"server without scheme", WITH_CLUSTER("    server: canary:6443\n"),
         "line 7: server must be a URL that begins with https://"},
        {"server of another kind", WITH_CLUSTER("    server: [canary]\n"),
         "line 7: server must be a text"},
        {"bad boolean",
         WITH_CLUSTER("    server: https://h\n    insecure-skip-tls-verify: maybe\n"),
         "line 8: insecure-skip-tls-verify must be true or false"},
        {"bad base64",
         WITH_CLUSTER("    server: https://h\n    certificate-authority-data: c@nary\n"),
         "line 8: certificate-authority-data must be base64"},
        {"CA and insecure",
         WITH_CLUSTER("    server: https://h\n    insecure-skip-tls-verify: true\n"
                      "    certificate-authority-data: Y2E=\n"),
         "contradicts"},
        {"exec", WITH_USER("    exec: {command: canary}\n"),
         "line 7: exec (a credential plugin) is not supported"},
        {"auth provider", WITH_USER("    auth-provider: {name: canary}\n"),
         "line 7: auth-provider is not supported"},
        {"password", WITH_USER("    username: admin\n    password: canary\n"),
         "basic authentication"},
        {"impersonation", WITH_USER("    token: canary\n    as: canary\n"),
         "line 8: as (impersonation) is not supported"},
        {"impersonated groups", WITH_USER("    as-groups: [canary]\n"), "(impersonation)"},
        {"bad key", WITH_USER("    client-key-data: 'canary!'\n"),
         "client-key-data must be base64"},
        {"key without certificate", WITH_USER("    client-key: canary\n"), "needs both"},
        {"certificate without key", WITH_USER("    client-certificate-data: Y2E=\n"), "needs both"},
        {"token of another kind", WITH_USER("    token: {canary: 1}\n"), "token must be a text"},
        {"token with NUL", WITH_USER("    token: \"a\\0canary\"\n"), "token must be a text"},
    };

    for (size_t i = 0; i < array_length(cases); i++) {
        auto_kube_config_values struct kube_config_values values = {0};
        auto_free char *path = temporary_folder_write(*state, "config", cases[i].text);
        struct error err = {0};

        if (kubeconfig_read(path, true, &values, &err))
            fail_msg("%s: was accepted", cases[i].name);
        if (err.kind != ERROR_INVALID || strstr(err.message, cases[i].expected) == NULL ||
            strstr(err.message, path) == NULL || strstr(err.message, "canary") != NULL)
            fail_msg("%s: %s: %s", cases[i].name, error_kind_name(err.kind), err.message);
    }
}

static void test_malformed_file_in_a_list_is_an_error(void **state)
{
    auto_kube_config_values struct kube_config_values values = {0};
    const char *folder = *state;
    auto_free char *bad = temporary_folder_write(folder, "bad", "{");
    auto_free char *good = temporary_folder_write(folder, "good", typical);
    auto_free char *list = mem_printf("%s:%s", good, bad);
    struct error err = {0};

    assert_false(kubeconfig_read(list, false, &values, &err));
    assert_non_null(strstr(err.message, bad));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_current_context_is_resolved),
        TEST(test_everything_that_a_cluster_and_a_user_may_say_is_read),
        TEST(test_json_is_read_too),
        TEST(test_files_are_merged_entry_by_entry_and_the_first_wins),
        TEST(test_anchors_and_nulls_are_understood),
        TEST(test_bad_files_are_named_with_their_line_and_never_quoted),
        TEST(test_malformed_file_in_a_list_is_an_error),
    };

    return cmocka_run_group_tests_name("kube/kubeconfig", tests, NULL, NULL);
}
