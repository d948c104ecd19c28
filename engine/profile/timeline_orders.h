/* SPDX-License-Identifier: MIT
 * timeline_orders.h: the orders of a copy of the timeline, each with its steps from all threads.
 */
#pragma once

#include "base/buffer.h"
#include "base/timeline_read.h"

struct ordo__timeline_step {
    uint64_t number;
    int64_t at_ns;
    int tid;
    uint16_t name;
};

struct ordo__timeline_order {
    uint64_t number;
    ordo_str id;                       /* as it was sent; or "#<number>" when it had none */
    uint32_t nth;                      /* from 0, among those with this id */
    struct ordo__timeline_step *steps; /* in the order of time */
    size_t step_count;
    int64_t began_ns, ended_ns; /* ended: the last step, or the end of the copy */
    bool ended;
};

struct ordo__timeline_orders {
    struct ordo__timeline_order *items; /* by number */
    size_t count;
    uint64_t cut;             /* left out because what is kept begins later */
    int64_t complete_from_ns; /* what happened from then on is kept for all threads */
    struct ordo__timeline_step *steps;
    struct ordo_buffer text;
};

/* Those that went on between the two times. */
void ordo__timeline_orders_find(struct ordo__timeline_orders *orders,
                                const struct ordo_timeline_copies *copies, int64_t from_ns, int64_t to_ns);
void ordo__timeline_orders_done(struct ordo__timeline_orders *orders);
const struct ordo__timeline_order *ordo__timeline_order(const struct ordo__timeline_orders *orders,
                                                        uint64_t number); /* NULL: left out */
