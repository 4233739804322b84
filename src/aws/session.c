#include "aws/session.h"

#include "aws/instance_metadata.h"
#include "aws/region.h"
#include "aws/sts.h"
#include "base/memory.h"

struct aws_session *aws_session_new(const struct aws_session_options *options)
{
    struct aws_session *session = mem_alloc(sizeof *session);

    session->options = *options;
    aws_configuration_load(&session->configuration, &options->settings);
    aws_clock_init(&session->clock, options->timesource);
    session->metadata = instance_metadata_new(session);
    session->region = aws_region_source_new(session);
    session->sts = sts_new(session);
    session->credentials = aws_credentials_chain_new(session);
    return session;
}

void aws_session_free(struct aws_session *session)
{
    if (session == NULL)
        return;
    aws_credentials_provider_free(session->credentials);
    sts_free(session->sts);
    aws_region_source_free(session->region);
    instance_metadata_free(session->metadata);
    aws_configuration_release(&session->configuration);
    free(session);
}
