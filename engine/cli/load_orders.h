/* SPDX-License-Identifier: MIT
 * load_orders.h: makes orders for the load generator: random ids, customers and items, a mix of priorities.
 *
 * The same seed makes the same orders, ids included. One thread.
 */
#pragma once

#include "base/buffer.h"

struct ordo_load_orders {
    uint64_t state[2];                      /* of the random numbers */
    uint32_t mix[ORDO_PRIORITY_COUNT], sum; /* shares: high, medium, low */
};

/* At least one share is above 0. */
void ordo_load_orders_init(struct ordo_load_orders *orders, uint64_t seed,
                           const uint32_t mix[ORDO_PRIORITY_COUNT]);

/* Appends one order as a line of JSON without the newline, at most ORDO_LOAD_ORDER_MAX bytes. */
void ordo_load_orders_write(struct ordo_load_orders *orders, struct ordo_buffer *out);

enum { ORDO_LOAD_ORDER_MAX = 1024 };
