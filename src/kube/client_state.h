/*
 * What a client is, for client.c and request.c alone.
 */
#ifndef KUBE_CLIENT_STATE_H
#define KUBE_CLIENT_STATE_H

struct cancellation;
struct http_transport;
struct kube_config;
struct metric_family;
struct random_source;
struct timesource;

/* Constant after its making, so it needs no lock. */
struct kube_client {
    struct kube_config *config;
    struct http_transport *transport;
    const struct timesource *timesource;
    const struct random_source *random;
    const struct cancellation *cancellation;
    char *user_agent;
    char *host; /* "host:port", label of the metrics */
    struct metric_family *requests;
};

#endif
