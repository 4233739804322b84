/*
 * What is common to all work with AWS: the settings, the clock, the way to STS and to the instance
 * metadata, the default region and the credentials.  Built once at start without asking anybody;
 * the first request asks.
 */
#ifndef AWS_SESSION_H
#define AWS_SESSION_H

#include "aws/clock.h"
#include "aws/configuration.h"
#include "aws/credentials.h"
#include "aws/settings.h"
#include "base/cancellation.h"
#include "base/error.h"
#include "base/random.h"
#include "http/transport.h"

#include <stdint.h>

struct aws_region_source;
struct instance_metadata;
struct sts;

/* Reports a refresh: `failure` is NULL after a success, and expires_us 0 for a set without end; a
 * failure while a set is still valid is only news.  Runs on the thread that refreshed, without
 * locks; two refreshes in a row may report at the same time. */
typedef void (*aws_refresh_report_fn)(void *context, const char *source, int64_t expires_us,
                                      const struct error *failure);

/* All borrowed for the life of the session. */
struct aws_session_options {
    struct aws_settings settings;
    struct http_transport *transport;
    const struct timesource *timesource;
    const struct random_source *random;
    const struct cancellation *cancellation;
    const char *user_agent;
    aws_refresh_report_fn report; /* NULL = nobody is interested */
    void *report_context;
};

/* Constant after aws_session_new(), apart from what is thread-safe itself. */
struct aws_session {
    struct aws_session_options options;
    struct aws_configuration configuration;
    struct aws_clock clock;
    struct instance_metadata *metadata;
    struct aws_region_source *region;
    struct sts *sts;
    struct aws_credentials_provider *credentials;
};

/* A mistake in the settings is no failure here: it is what credentials and region fail with. */
struct aws_session *aws_session_new(const struct aws_session_options *options) returns_owned;
/* NULL is fine. */
void aws_session_free(struct aws_session *session);

#endif
