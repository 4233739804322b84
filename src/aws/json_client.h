/*
 * The AWS JSON 1.1 protocol: one signed POST for each operation, with retries, one refresh of
 * credentials and one correction of the clock, and errors by code.  Knows no operation.
 * Thread-safe; a call blocks at most 30 s.
 */
#ifndef AWS_JSON_CLIENT_H
#define AWS_JSON_CLIENT_H

#include "aws/clock.h"
#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "base/cancellation.h"
#include "base/error.h"
#include "base/random.h"
#include "http/transport.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct metrics;
struct aws_json_client;

/* A service begins to throttle (requests = 0), or has stopped. */
struct aws_throttling {
    const char *operation; /* that was throttled, or succeeded again */
    const char *region;
    const char *code; /* of the first refusal; NULL = it has stopped */
    uint64_t requests;
    int64_t duration_ms;
};

/* Runs on the thread of the call, without locks; twice for a storm, however many calls it hits. */
typedef void (*aws_throttling_report_fn)(void *context, const struct aws_throttling *throttling);

struct aws_json_client_options {
    const char *service; /* signing name and host label: "secretsmanager"; all borrowed */
    struct http_transport *transport;
    struct aws_credentials_provider *credentials;
    struct aws_clock *clock;
    const struct random_source *random;
    const struct cancellation *cancellation;
    struct metrics *metrics;
    const char *endpoint_url; /* a scheme and a host; NULL = AWS's own for the region */
    struct aws_endpoint_variant endpoints;
    unsigned attempts_limit; /* of one call; 0 = the default */
    const char *ca_file;
    const char *user_agent;
    aws_throttling_report_fn report_throttling; /* NULL = nobody is interested */
    void *report_context;
};

struct aws_json_client *
aws_json_client_new(const struct aws_json_client_options *options) returns_owned;
void aws_json_client_free(struct aws_json_client *client);

struct aws_json_call {
    const char *operation; /* "DescribeSecret" */
    const char *region;
    const char *subject; /* what messages say it is about: the secret's name */
    const json_t *input;
    bool input_is_secret; /* AWS's text is not shown for a refused parameter: it may quote it */
};

/* *ret_output (may be NULL) is the JSON object of the answer, an empty one when there is no body.
 * INVALID for a region that cannot be one, or an endpoint with more than a host. */
bool aws_json_client_call(struct aws_json_client *client, const struct aws_json_call *call,
                          json_t **ret_output, struct error *err) must_check;

#endif
