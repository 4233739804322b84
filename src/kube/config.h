/*
 * How to reach and authenticate to the API server.  Two sources (kubeconfig.c, the service
 * account files in config.c) fill the same struct; tokens that come from a file are read again
 * (kubelet rotates them).  Order: explicit path, $KUBECONFIG, service account, ~/.kube/config.
 */
#ifndef KUBE_CONFIG_H
#define KUBE_CONFIG_H

#include "base/error.h"
#include "base/secret.h"
#include "base/timesource.h"
#include "http/transport.h"

#include <stdbool.h>

struct kube_config;

/* Finds and reads the configuration.  `kubeconfig_path` NULL or "" = not given.  INVALID names the
 * file and what is not supported in it (exec plugins, auth providers, ...). */
bool kube_config_load(const char *kubeconfig_path, const struct timesource *timesource,
                      struct kube_config **ret_config, struct error *err) must_check;
void kube_config_free(struct kube_config *config);

/* "https://host:port" without a trailing slash; borrowed. */
const char *kube_config_server(const struct kube_config *config);
const struct http_tls *kube_config_tls(const struct kube_config *config);
/* Proxy from the kubeconfig, or NULL. */
const char *kube_config_proxy(const struct kube_config *config);
/* Namespace of the service account or of the context; "default" when none is given. */
const char *kube_config_namespace(const struct kube_config *config);

/* Copies the current bearer token (empty when certificates are used); a token file is read again
 * after 50 s, a failed re-read keeps the former token.  Thread-safe. */
bool kube_config_token(struct kube_config *config, struct secret *ret_token, struct error *err)
    must_check;
/* Forgets the cached token after a 401, so that the next call reads the file.  Thread-safe. */
void kube_config_drop_token(struct kube_config *config);

#endif
