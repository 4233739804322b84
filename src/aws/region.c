#include "aws/region.h"

#include "aws/instance_metadata.h"
#include "aws/session.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* How long a failure of the instance metadata is believed, so that its time-out is not paid by each
 * resource. */
enum { FAILURE_KEPT_MS = 60 * 1000 };

struct aws_region_source {
    struct aws_session *session;
    pthread_mutex_t lock;
    /* Guarded by lock. */
    char found[AWS_REGION_SIZE]; /* "" = not yet */
    bool has_failed;
    int64_t failed_ms;
};

bool aws_region_is_well_formed(const char *region)
{
    const char *position = region;
    size_t words = 0, length;

    if (strlen(region) >= AWS_REGION_SIZE)
        return false;
    while ((length = strspn(position, "abcdefghijklmnopqrstuvwxyz")) > 0 &&
           position[length] == '-') {
        position += length + 1;
        words++;
    }
    length = strspn(position, "0123456789");
    return words > 0 && length > 0 && position[length] == '\0';
}

struct aws_region_source *aws_region_source_new(struct aws_session *session)
{
    struct aws_region_source *source = mem_alloc(sizeof *source);

    source->session = session;
    pthread_mutex_init(&source->lock, NULL);
    return source;
}

void aws_region_source_free(struct aws_region_source *source)
{
    if (source == NULL)
        return;
    pthread_mutex_destroy(&source->lock);
    free(source);
}

const char *aws_region_known(const struct aws_region_source *source)
{
    return source->session->configuration.region;
}

static bool set_unknown(struct error *err)
{
    return error_set(err, ERROR_INVALID, "RegionUnknown",
                     "no AWS region is known: set spec.awsSecretsManager.region, or AWS_REGION in "
                     "the operator's environment");
}

static int64_t now_ms(const struct aws_region_source *source)
{
    return timesource_monotonic_ms(source->session->options.timesource);
}

/* True when it is known without asking; false with *err set when asking has just failed, and with
 * *ret_ask when the instance has to be asked. */
static bool recall(struct aws_region_source *source, char ret_region[static AWS_REGION_SIZE],
                   bool *ret_ask, struct error *err)
{
    bool is_known, is_hopeless;

    pthread_mutex_lock(&source->lock);
    is_known = source->found[0] != '\0';
    is_hopeless = source->has_failed && now_ms(source) - source->failed_ms < FAILURE_KEPT_MS;
    if (is_known)
        snprintf(ret_region, AWS_REGION_SIZE, "%s", source->found);
    pthread_mutex_unlock(&source->lock);
    *ret_ask = !is_known && !is_hopeless;
    if (is_hopeless && !is_known)
        return set_unknown(err);
    return is_known;
}

/* What the instance says about its own place.  Several threads may ask at once; they hear the
 * same. */
static bool ask(struct aws_region_source *source, char ret_region[static AWS_REGION_SIZE],
                struct error *err)
{
    auto_strbuf struct strbuf answer = {0};
    auto_secret struct secret token = {0};
    struct error failure;
    bool succeeded;

    succeeded = instance_metadata_get(source->session->metadata, &token,
                                      "/latest/meta-data/placement/region", &answer, &failure) &&
                aws_region_is_well_formed(strbuf_text(&answer));
    if (!succeeded && source->session->options.cancellation != NULL &&
        cancellation_is_requested(source->session->options.cancellation))
        return cancellation_error(err);
    pthread_mutex_lock(&source->lock);
    if (succeeded)
        snprintf(source->found, sizeof source->found, "%s", strbuf_text(&answer));
    source->has_failed = !succeeded;
    source->failed_ms = now_ms(source);
    pthread_mutex_unlock(&source->lock);
    if (!succeeded)
        return set_unknown(err);
    snprintf(ret_region, AWS_REGION_SIZE, "%s", strbuf_text(&answer));
    return true;
}

bool aws_region_get(struct aws_region_source *source, char ret_region[static AWS_REGION_SIZE],
                    struct error *err)
{
    const struct aws_configuration *configuration = &source->session->configuration;
    bool must_ask;

    if (configuration->problem.kind != ERROR_NONE) {
        *err = configuration->problem;
        return false;
    }
    if (configuration->region != NULL) {
        snprintf(ret_region, AWS_REGION_SIZE, "%s", configuration->region);
        return true;
    }
    if (!instance_metadata_is_enabled(source->session->metadata))
        return set_unknown(err);
    if (recall(source, ret_region, &must_ask, err))
        return true;
    return must_ask && ask(source, ret_region, err);
}
