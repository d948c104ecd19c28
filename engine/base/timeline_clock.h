/* SPDX-License-Identifier: MIT
 * timeline_clock.h: the clock of the timeline: the processor's time stamp counter where it runs evenly and the kernel
 * itself keeps time by it, else the monotonic clock.
 *
 * Ticks become monotonic nanoseconds when they are read, by pairs of both clocks that are taken every 100 ms or so and
 * joined by straight lines: what the kernel does to its clock meanwhile (a few parts in ten thousand, at most) is followed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

extern bool ordo_timeline_counts; /* the counter is used; written before the first ring is made */

static inline uint64_t ordo_timeline_ticks(void)
{
#if defined(__x86_64__)
    if (ordo_timeline_counts)
        return __rdtsc();
#endif
    return (uint64_t)ordo_clock_ns();
}

/* Pairs of ticks and nanoseconds, oldest first. */
enum { ORDO_TIMELINE_PAIRS = 256 };
struct ordo_timeline_clock {
    uint64_t ticks[ORDO_TIMELINE_PAIRS];
    int64_t ns[ORDO_TIMELINE_PAIRS];
    size_t count;
};

void ordo_timeline_clock_start(void); /* decides which clock it is, and takes the first pair */
void ordo_timeline_clock_mark(void);  /* takes a pair; one thread at a time with the next */
void ordo_timeline_clock_copy(struct ordo_timeline_clock *ret_clock);
/* Monotonic nanoseconds; never falling as ticks rise. */
int64_t ordo_timeline_clock_ns(const struct ordo_timeline_clock *clock, uint64_t ticks);
