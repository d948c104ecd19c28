/* SPDX-License-Identifier: MIT
 * intern.h: numbers for byte strings: equal ones have the same number, the first has 0, the next 1, and so on.
 *
 * Texts, and also keys that are made of numbers: (parent, function) of a tree. The bytes are copied, stay where they
 * are until the end, start at a multiple of 8, and a NUL stands behind them. One owner.
 *
 *   struct ordo_intern texts = {0};
 *   uint32_t number = ordo_intern(&texts, ORDO_STR("coupon"));
 *   ordo_str text = ordo_intern_at(&texts, number);
 *   ordo_intern_done(&texts);
 */
#pragma once

#include "base/arena.h"

struct ordo_intern_entry {
    ordo_str bytes;
    uint64_t hash;
};

struct ordo_intern {
    struct ordo_arena arena;
    struct ordo_intern_entry *entries;
    uint32_t *slots; /* number + 1; 0: free */
    uint32_t count, capacity;
};

void ordo_intern_done(struct ordo_intern *intern);
uint32_t ordo_intern(struct ordo_intern *intern, ordo_str bytes);
/* The same; tells whether it was new. */
uint32_t ordo_intern_is_new(struct ordo_intern *intern, ordo_str bytes, bool *ret_is_new);

static inline ordo_str ordo_intern_at(const struct ordo_intern *intern, uint32_t number)
{
    return intern->entries[number].bytes;
}
