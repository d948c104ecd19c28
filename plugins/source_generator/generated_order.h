/* SPDX-License-Identifier: MIT
 * generated_order.h: makes up one order of a small web shop.
 *
 * A customer keeps tier, country and currency from order to order. The same random state gives the same
 * order.
 */
#pragma once

#include <ordo/types.h>

#include "random.h"

enum { GENERATED_ORDER_MAX = 2048 /* bytes; the longest order is well below */ };

struct generated_mix {
    uint32_t shares[ORDO_PRIORITY_COUNT]; /* of each class; their sum is not 0 */
    uint32_t customers;                   /* at least 1 */
};

/* Writes the order's JSON and returns its length. */
size_t generated_order_write(struct random_state *random, const struct generated_mix *mix,
                             char out[GENERATED_ORDER_MAX]);
