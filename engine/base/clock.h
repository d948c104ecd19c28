/* SPDX-License-Identifier: MIT
 * clock.h: time. Waits and budgets use the monotonic clock, records use UTC.
 */
#pragma once

#include <stdint.h>
#include <time.h>

/* Of any clock: CLOCK_REALTIME, a thread's CPU time. 0: there is no such clock (any more). */
static inline int64_t ordo_clock_of_ns(clockid_t clock)
{
    struct timespec now;

    return clock_gettime(clock, &now) == 0 ? (int64_t)now.tv_sec * 1000000000 + now.tv_nsec : 0;
}

static inline int64_t ordo_clock_ns(void)
{
    return ordo_clock_of_ns(CLOCK_MONOTONIC);
}

static inline int64_t ordo_clock_utc_ms(void)
{
    return ordo_clock_of_ns(CLOCK_REALTIME) / 1000000;
}
