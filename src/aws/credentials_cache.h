/*
 * Keeps what a provider fetched: callers share one set until it is due for a refresh, which one of
 * them makes, well ahead of the end, while the others go on with the old set until its very end.
 * Failures are followed by a pause, during which callers without a valid set hear of the failure
 * again instead of asking.
 */
#ifndef AWS_CREDENTIALS_CACHE_H
#define AWS_CREDENTIALS_CACHE_H

#include "aws/credentials.h"

enum credentials_staleness {
    STALE_IS_USELESS,
    /* The instance metadata hand out a set that has expired when EC2 cannot renew it, and AWS
     * accepts it then. */
    STALE_IS_USABLE,
};

/* Takes the provider over; its get() is called by one thread at a time. */
struct aws_credentials_provider *
aws_credentials_cache_new(struct aws_session *session, struct aws_credentials_provider *source,
                          enum credentials_staleness staleness) returns_owned;

#endif
