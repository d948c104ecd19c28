/* SPDX-License-Identifier: MIT
 * clock.h: time. Waits and budgets use the monotonic clock, records use UTC.
 */
#pragma once

#include <stdint.h>
#include <time.h>

static inline int64_t ordo_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t ordo_clock_utc_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
