/* SPDX-License-Identifier: MIT
 * limits.h: what an order may be. Set once from the configuration, then read by everyone.
 */
#pragma once

#include <ordo/types.h>

/* Largest amount or quantity: every integer up to it is exact in a Lua number. */
#define ORDO_AMOUNT_MAX ((int64_t)1 << 53)

struct ordo_limits {
    size_t order_bytes;     /* limits.order_bytes, 1 MiB */
    size_t batch_bytes;     /* limits.batch_bytes, 64 MiB */
    uint32_t items;         /* limits.items, 10,000 an order */
    uint32_t depth;         /* limits.depth, 64 */
    uint32_t operations;    /* limits.operations, 10,000 a decision */
    size_t attribute_bytes; /* limits.attribute_bytes, 4 KiB a value of decide:set */
    size_t decision_bytes;  /* limits.decision_bytes, 4 MiB: arena of one decision */
};

extern const struct ordo_limits ordo_limits_preset; /* the defaults above */
