/* SPDX-License-Identifier: MIT
 * rocks_shadow.h: all changes of the log at once, for who reads a database without opening it for writing: what they come to lies
 * above what the families ids and customers have.
 */
#pragma once

#include "rocks_changes.h"

enum { ROCKS_SHADOWED = 2 /* families: ids, customers */ };

struct rocks_shadow {
    struct rocks_arena arena;
    struct rocks_change_item *items[ROCKS_SHADOWED];
    size_t counts[ROCKS_SHADOWED];
};

/* Adds an encoded change, newer than all before. False when out of memory. */
bool rocks_shadow_add(struct rocks_shadow *shadow, const char *change, size_t len);
/* All are added. False when out of memory. */
bool rocks_shadow_sort(struct rocks_shadow *shadow);
void rocks_shadow_done(struct rocks_shadow *shadow);

/* Whether a change says what a family has under the key, or that it has nothing there. Other families are never changed so. */
bool rocks_shadow_find(const struct rocks_shadow *shadow, enum rocks_family family, ordo_str key,
                       struct rocks_change *ret_change);
/* The change at a place among those of a family, by key; false behind the last one. */
bool rocks_shadow_at(const struct rocks_shadow *shadow, enum rocks_family family, size_t at,
                     struct rocks_change *ret_change);
