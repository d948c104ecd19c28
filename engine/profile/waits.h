/* SPDX-License-Identifier: MIT
 * waits.h: where time is waited: stacks, each with how often and for how long, since they are measured.
 *
 * Two kinds: of orders for their turn, their wake-up or their commit, and of threads for the engine's locks. Nothing is
 * measured while the rate of a kind is 0. A wait that is as long as the rate is always taken; a shorter one by chance, as
 * often as its length is part of the rate, and then stands for those that were not: so sums are right, whatever the
 * rate, and what happens most costs little.
 *
 * Any thread but a signal handler; no lock, no allocation. Stacks are addresses, and stay until the process ends.
 *
 *   if (ordo_waits_choose(ORDO_WAIT_BLOCK, waited_ns, &wait)) {
 *       ... take the stack ...
 *       ordo_waits_add(&wait, &about, frames, count);
 *   }
 */
#pragma once

#include <stdatomic.h>

#include "profile/symbols.h"

enum ordo_wait_kind {
    ORDO_WAIT_BLOCK = 0, /* of orders */
    ORDO_WAIT_MUTEX,     /* for locks (base/lock.h) */
    ORDO_WAIT_KINDS,
};

enum { ORDO_WAIT_DEPTH = 64, ORDO_WAIT_STACKS = 4096 };

extern _Atomic int64_t ordo_waits_rate_ns[ORDO_WAIT_KINDS]; /* 0: not measured */

/* The rate from now on. */
void ordo_waits_set_rate(enum ordo_wait_kind kind, int64_t rate_ns);

static inline bool ordo_waits_are_on(enum ordo_wait_kind kind)
{
    return atomic_load_explicit(&ordo_waits_rate_ns[kind], memory_order_relaxed) != 0;
}

/* One that was chosen, and what it stands for. */
struct ordo_wait {
    enum ordo_wait_kind kind;
    double count;
    int64_t ns;
};

/* What a wait was of; each number is one more than what it counts, 0: none. */
struct ordo_wait_about {
    uint16_t worker;
    uint8_t priority, lock;
};

/* False: it is not taken. */
bool ordo_waits_choose(enum ordo_wait_kind kind, int64_t waited_ns, struct ordo_wait *ret_wait);
/* Innermost frame first; what is below ORDO_WAIT_DEPTH is left out. Beyond ORDO_WAIT_STACKS different ones, all others
 * are "=(too many stacks)". */
void ordo_waits_add(const struct ordo_wait *wait, struct ordo_wait_about about, const uint64_t *frames,
                    size_t count);

/* --- reading: waits_read.c --- */

/* What was counted up to a moment. */
struct ordo_waits_mark;
struct ordo_waits_mark *ordo_waits_mark_new(enum ordo_wait_kind kind);
void ordo_waits_mark_free(struct ordo_waits_mark *mark); /* NULL is allowed */

struct ordo_wait_stack {
    struct ordo_wait_about about;
    const uint64_t *frames;
    size_t frame_count;
    int64_t count, ns;
};
/* Stacks that were waited at since the mark; NULL: ever. */
void ordo_waits_each(enum ordo_wait_kind kind, const struct ordo_waits_mark *since,
                     void (*visit)(void *context, const struct ordo_wait_stack *stack), void *context);
/* The same with names and labels: rule, priority, worker, lock. */
struct ordo_profile *ordo_waits_profile(enum ordo_wait_kind kind, const struct ordo_waits_mark *since,
                                        struct ordo_symbols *symbols);
