#include "kube/config.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "kube/config_source.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVICE_ACCOUNT_DIRECTORY "/var/run/secrets/kubernetes.io/serviceaccount"

enum {
    /* kubelet renews a token long before it ends; client-go reads it again after 60 s less 10. */
    TOKEN_CACHE_MS = 50 * 1000,
    TOKEN_LIMIT_BYTES = 64 * 1024,
};

struct kube_config {
    struct kube_config_values values;
    struct http_tls tls; /* points into the values */
    const struct timesource *timesource;
    pthread_mutex_t lock;

    /* Below: guarded by lock. */
    struct secret token;
    int64_t token_read_ms;
    bool token_is_stale;
};

void kube_config_values_release(struct kube_config_values *values)
{
    free(values->server);
    free(values->namespace_name);
    free(values->proxy);
    free(values->tls_server_name);
    free(values->ca_file);
    free(values->ca_pem);
    free(values->client_certificate_file);
    free(values->client_certificate_pem);
    free(values->client_key_file);
    secret_release(&values->client_key_pem);
    free(values->token_file);
    secret_release(&values->token);
    *values = (struct kube_config_values){0};
}

/* ---- token ---- */

static void trim(struct strbuf *text)
{
    size_t length = text->length;

    while (length > 0 && strchr(" \t\r\n", strbuf_text(text)[length - 1]) != NULL)
        length--;
    if (length < text->length) {
        text->length = length;
        text->text[length] = '\0';
    }
}

/* The lock is held, or nobody else knows the configuration yet. */
static bool read_token_file(struct kube_config *config, struct error *err)
{
    auto_strbuf struct strbuf content = STRBUF_ERASING;

    if (!file_read(config->values.token_file, TOKEN_LIMIT_BYTES, &content, err))
        return error_wrap(err, "no token for the Kubernetes API");
    trim(&content);
    if (content.length == 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "no token for the Kubernetes API: file '%s' is empty",
                         config->values.token_file);
    secret_take_strbuf(&config->token, &content);
    config->token_read_ms = timesource_monotonic_ms(config->timesource);
    config->token_is_stale = false;
    return true;
}

static bool token_is_fresh(const struct kube_config *config)
{
    int64_t age_ms = timesource_monotonic_ms(config->timesource) - config->token_read_ms;

    return !config->token_is_stale && age_ms < TOKEN_CACHE_MS;
}

bool kube_config_token(struct kube_config *config, struct secret *ret_token, struct error *err)
{
    bool succeeded = true;

    pthread_mutex_lock(&config->lock);
    if (config->values.token_file != NULL && !token_is_fresh(config)) {
        struct error ignored;

        /* The former token may still be good; if it is not, the server will say so. */
        succeeded = read_token_file(config, secret_is_empty(&config->token) ? err : &ignored) ||
                    !secret_is_empty(&config->token);
    }
    if (succeeded)
        secret_copy(ret_token, &config->token);
    pthread_mutex_unlock(&config->lock);
    return succeeded;
}

void kube_config_drop_token(struct kube_config *config)
{
    pthread_mutex_lock(&config->lock);
    config->token_is_stale = true;
    pthread_mutex_unlock(&config->lock);
}

/* ---- making ---- */

static const char *text_or_null(const struct secret *secret)
{
    return secret_is_empty(secret) ? NULL : secret_reveal(secret);
}

static void point_tls(struct kube_config *config)
{
    const struct kube_config_values *values = &config->values;

    config->tls = (struct http_tls){
        .ca_file = values->ca_file,
        .ca_pem = values->ca_pem,
        .client_certificate_file = values->client_certificate_file,
        .client_key_file = values->client_key_file,
        .client_certificate_pem = values->client_certificate_pem,
        .client_key_pem = text_or_null(&values->client_key_pem),
        .server_name = values->tls_server_name,
        .insecure_skip_verify = values->insecure_skip_verify,
    };
}

/* A password for whoever listens on the way is no password: without TLS nothing is shown. */
static void drop_credentials_without_tls(struct kube_config_values *values)
{
    if (strncmp(values->server, "https://", strlen("https://")) == 0)
        return;
    free(values->token_file);
    values->token_file = NULL;
    secret_release(&values->token);
}

bool kube_config_make(struct kube_config_values *values, const struct timesource *timesource,
                      struct kube_config **ret_config, struct error *err)
{
    struct kube_config *config = mem_alloc(sizeof *config);

    config->values = *values;
    *values = (struct kube_config_values){0};
    config->timesource = timesource;
    pthread_mutex_init(&config->lock, NULL);
    drop_credentials_without_tls(&config->values);
    point_tls(config);
    if (config->values.token_file == NULL) {
        secret_copy(&config->token, &config->values.token);
    } else if (!read_token_file(config, err)) {
        kube_config_free(config);
        return false;
    }
    *ret_config = config;
    return true;
}

void kube_config_free(struct kube_config *config)
{
    if (config == NULL)
        return;
    kube_config_values_release(&config->values);
    secret_release(&config->token);
    pthread_mutex_destroy(&config->lock);
    free(config);
}

/* ---- sources ---- */

bool service_account_read(const char *directory, const char *host, const char *port,
                          struct kube_config_values *ret_values, struct error *err)
{
    auto_strbuf struct strbuf namespace_name = {0};
    auto_free char *namespace_path = mem_printf("%s/namespace", directory);
    bool is_ipv6 = strchr(host, ':') != NULL;

    if (!file_read(namespace_path, TOKEN_LIMIT_BYTES, &namespace_name, err))
        return error_wrap(err, "the ServiceAccount of this pod is not mounted");
    trim(&namespace_name);
    *ret_values = (struct kube_config_values){
        .server = mem_printf(is_ipv6 ? "https://[%s]:%s" : "https://%s:%s", host, port),
        .namespace_name = strbuf_detach(&namespace_name),
        .ca_file = mem_printf("%s/ca.crt", directory),
        .token_file = mem_printf("%s/token", directory),
    };
    return true;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool read_from_home(struct kube_config_values *ret_values, struct error *err)
{
    const char *home = environment("HOME");
    auto_free char *path = mem_printf("%s/.kube/config", home != NULL ? home : "");

    if (home == NULL || access(path, F_OK) != 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "no Kubernetes configuration: this is no pod with a ServiceAccount, and "
                         "neither --kubeconfig, KUBECONFIG nor ~/.kube/config names a cluster");
    return kubeconfig_read(path, true, ret_values, err);
}

static bool read_from_first_source(const char *kubeconfig_path,
                                   struct kube_config_values *ret_values, struct error *err)
{
    const char *list = environment("KUBECONFIG");
    const char *host = environment("KUBERNETES_SERVICE_HOST");
    const char *port = environment("KUBERNETES_SERVICE_PORT");

    if (kubeconfig_path != NULL && kubeconfig_path[0] != '\0')
        return kubeconfig_read(kubeconfig_path, true, ret_values, err);
    if (list != NULL)
        return kubeconfig_read(list, false, ret_values, err);
    if (host != NULL && port != NULL)
        return service_account_read(SERVICE_ACCOUNT_DIRECTORY, host, port, ret_values, err);
    return read_from_home(ret_values, err);
}

bool kube_config_load(const char *kubeconfig_path, const struct timesource *timesource,
                      struct kube_config **ret_config, struct error *err)
{
    auto_kube_config_values struct kube_config_values values = {0};

    return read_from_first_source(kubeconfig_path, &values, err) &&
           kube_config_make(&values, timesource, ret_config, err);
}

/* ---- reading ---- */

const char *kube_config_server(const struct kube_config *config)
{
    return config->values.server;
}

const struct http_tls *kube_config_tls(const struct kube_config *config)
{
    return &config->tls;
}

const char *kube_config_proxy(const struct kube_config *config)
{
    return config->values.proxy;
}

const char *kube_config_namespace(const struct kube_config *config)
{
    const char *name = config->values.namespace_name;

    return name != NULL && name[0] != '\0' ? name : "default";
}
