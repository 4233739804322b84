/*
 * Retries in the "standard" mode of the AWS SDKs: few attempts, jittered exponential delays, and a
 * token bucket shared by all calls of a client, so that a service in trouble is not beaten on.
 * Figures: AWS_NEW_RETRIES_2026 of botocore.
 */
#ifndef AWS_RETRY_H
#define AWS_RETRY_H

#include "base/compiler.h"
#include "base/random.h"

#include <stdbool.h>
#include <stdint.h>

/* Of one call, the first one included, unless AWS_MAX_ATTEMPTS says otherwise. */
enum { AWS_ATTEMPTS_DEFAULT = 3 };

struct retry_quota;

struct retry_quota *retry_quota_new(void) returns_owned;
void retry_quota_free(struct retry_quota *quota);

/* Takes the price of one retry; false when the bucket is empty: fail at once.  Thread-safe. */
bool retry_quota_take(struct retry_quota *quota, bool throttled) must_check;
/* Gives back after a success: what its last retry cost, or a little when it needed none. */
void retry_quota_refund(struct retry_quota *quota, bool was_retried, bool was_throttled);
/* What is left, for tests and metrics. */
int retry_quota_left(struct retry_quota *quota);

/* Delay before retry number `retry` (from 1): random up to base * 2^(retry-1), at most 20 s, where
 * the base is 50 ms, or 1 s when throttled; a server's hint is honoured up to 5 s beyond that. */
uint64_t retry_delay_ms(unsigned retry, bool throttled, uint32_t hint_ms,
                        const struct random_source *random);

#endif
