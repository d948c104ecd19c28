/* SPDX-License-Identifier: MIT
 * rule_tax.h: what an order costs by the rules of each generation, so that after an edit the old and the new can be compared.
 *
 * Each worker adds the time and the allocations of its rules to the sums of their generation; a wait counts for neither. The
 * sums of the last two generations are kept. Once both have decided enough orders, the comparison is logged, and shown by
 * GET /rules until the next one.
 */
#pragma once

#include <stdatomic.h>

#include "base/json_write.h"

struct ordo_engine;

/* One generation's sums in one worker; written by the worker. */
struct ordo__rule_cost {
    _Atomic uint64_t generation, orders, bytes;
    _Atomic int64_t ns;
};

/* A worker's. */
struct ordo__rule_costs {
    struct ordo__rule_cost of[2];
    unsigned newest;  /* of these, the one whose generation new orders have */
    int64_t began_ns; /* of what is executed; 0: nothing that counts */
    uint64_t began_bytes;
};

/* The comparison. */
struct ordo__rule_tax {
    uint64_t from, to; /* generations; 0: none was made yet */
    uint64_t from_orders, to_orders;
    double from_us, to_us, from_bytes, to_bytes; /* an order */
};

/* Adds one execution; `is_first`: of its order. Worker's thread. */
void ordo__rule_cost_add(struct ordo__rule_costs *costs, uint64_t generation, bool is_first, int64_t ns,
                         uint64_t bytes);
/* Compares the generation with the one before if both have decided enough, and logs it, once. Profiler's thread. */
void ordo__rule_tax_look(struct ordo_engine *engine);
/* "tax":{…}; nothing when there is none. Any thread. */
void ordo__rule_tax_write(struct ordo_engine *engine, struct ordo_json_writer *json);
