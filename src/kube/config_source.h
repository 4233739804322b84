/*
 * The values that the sources of configuration fill in, for config.c alone.
 */
#ifndef KUBE_CONFIG_SOURCE_H
#define KUBE_CONFIG_SOURCE_H

#include "base/compiler.h"
#include "base/error.h"
#include "base/secret.h"

#include <stdbool.h>

struct kube_config;
struct timesource;

/* NULL or empty = not given. */
struct kube_config_values {
    char *server; /* URL without a trailing slash */
    char *namespace_name;
    char *proxy;
    char *tls_server_name;
    bool insecure_skip_verify;
    char *ca_file;
    char *ca_pem;
    char *client_certificate_file;
    char *client_certificate_pem;
    char *client_key_file;
    struct secret client_key_pem;
    char *token_file; /* wins over the token */
    struct secret token;
};

void kube_config_values_release(struct kube_config_values *values);
#define auto_kube_config_values run_at_scope_end(kube_config_values_release)

/* What a pod finds: its ServiceAccount's files in `directory`, and the API server's address in the
 * environment. */
bool service_account_read(const char *directory, const char *host, const char *port,
                          struct kube_config_values *ret_values, struct error *err) must_check;

/* Reads kubeconfig files and resolves the current context.  `paths` is a list separated by colons;
 * with `must_exist` each must be there, else those that are missing are skipped.  INVALID names the
 * file and the line, never what they hold. */
bool kubeconfig_read(const char *paths, bool must_exist, struct kube_config_values *ret_values,
                     struct error *err) must_check;

/* Takes the values and reads the token file once, so that a missing one is noticed at start. */
bool kube_config_make(struct kube_config_values *values, const struct timesource *timesource,
                      struct kube_config **ret_config, struct error *err) must_check;

#endif
