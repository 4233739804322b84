#include "base/backoff.h"

#include <assert.h>

uint64_t backoff_delay_ms(const struct backoff_policy *policy, unsigned failures,
                          const struct random_source *random)
{
    uint64_t delay = policy->first_ms;
    uint64_t spread;

    assert(policy->jitter_percent <= 100);
    for (unsigned i = 1; i < failures && delay > 0 && delay < policy->limit_ms; i++)
        delay = delay > policy->limit_ms / 2 ? policy->limit_ms : delay * 2;
    if (delay > policy->limit_ms)
        delay = policy->limit_ms;
    spread = delay * policy->jitter_percent / 100;
    if (spread == 0)
        return delay;
    return delay - spread + random_below(random, 2 * spread + 1);
}
