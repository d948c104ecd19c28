/* SPDX-License-Identifier: MIT
 * backoff.h: how long a sender waits before it tries again.
 */
#pragma once

#include "random.h"

/* Before attempt number `attempts` + 1: full jitter, anything from 0 to a bound that doubles with each attempt, so that many
 * senders do not come back together; and no less than the receiver asked for. */
static inline int64_t backoff_ns(struct random_state *random, int64_t min_ns, int64_t max_ns,
                                 unsigned attempts, int64_t retry_after_ms)
{
    int64_t bound = min_ns, wait;

    for (unsigned i = 1; i < attempts && bound < max_ns; i++)
        bound *= 2;
    if (bound > max_ns)
        bound = max_ns;
    wait = (int64_t)(random_next(random) % ((uint64_t)bound + 1));
    return wait > retry_after_ms * 1000000 ? wait : retry_after_ms * 1000000;
}
