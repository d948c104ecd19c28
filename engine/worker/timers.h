/* SPDX-License-Identifier: MIT
 * timers.h: what a worker has to do later: resume a run that sleeps, or queue an order for its next attempt.
 *
 * A binary heap by due time; entries with the same time come out in the order in which they went in. Owner
 * thread only.
 */
#pragma once

#include "base/error.h"

struct ordo_timer {
    int64_t due_ns;       /* monotonic */
    uint64_t sequence;    /* set by the heap */
    struct ordo_run *run; /* resume it; or */
    struct ordo_job *job; /* queue it again */
};

struct ordo_timers {
    struct ordo_timer *heap;
    size_t count, capacity;
    uint64_t sequence;
};

void ordo_timers_done(struct ordo_timers *timers);
void ordo_timers_push(struct ordo_timers *timers, struct ordo_timer timer);
/* The earliest entry if it is due; false when none is. */
bool ordo_timers_pop(struct ordo_timers *timers, int64_t now_ns, struct ordo_timer *ret_timer);

/* When the earliest is due; INT64_MAX when there is none. */
static inline int64_t ordo_timers_next(const struct ordo_timers *timers)
{
    return timers->count > 0 ? timers->heap[0].due_ns : INT64_MAX;
}
