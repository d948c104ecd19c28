/* SPDX-License-Identifier: MIT
 * timers.c: the heap of timers.h.
 */
#include "worker/timers.h"

#include <stdlib.h>

#include "base/array.h"

void ordo_timers_done(struct ordo_timers *timers)
{
    free(timers->heap);
    *timers = (struct ordo_timers){0};
}

static bool is_before(const struct ordo_timer *a, const struct ordo_timer *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->sequence < b->sequence;
}

void ordo_timers_push(struct ordo_timers *timers, struct ordo_timer timer)
{
    size_t at = timers->count;

    timers->heap = ordo_array_grow(timers->heap, at, &timers->capacity, sizeof(*timers->heap));
    timers->count++;
    timer.sequence = timers->sequence++;
    for (; at > 0 && is_before(&timer, &timers->heap[(at - 1) / 2]); at = (at - 1) / 2)
        timers->heap[at] = timers->heap[(at - 1) / 2];
    timers->heap[at] = timer;
}

bool ordo_timers_pop(struct ordo_timers *timers, int64_t now_ns, struct ordo_timer *ret_timer)
{
    struct ordo_timer last;
    size_t at = 0, child;

    if (timers->count == 0 || timers->heap[0].due_ns > now_ns)
        return false;
    *ret_timer = timers->heap[0];
    last = timers->heap[--timers->count];
    while ((child = 2 * at + 1) < timers->count) {
        if (child + 1 < timers->count && is_before(&timers->heap[child + 1], &timers->heap[child]))
            child++;
        if (!is_before(&timers->heap[child], &last))
            break;
        timers->heap[at] = timers->heap[child];
        at = child;
    }
    timers->heap[at] = last;
    return true;
}
