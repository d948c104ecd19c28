/* SPDX-License-Identifier: MIT
 * rocks_changes.h: changes of the two indexes that lie in random places (ids, customers), in the order in which they were
 * made: as bytes, in memory one behind the other, and sorted.
 *
 * A change is in the log of changes (the family `changes`, rocks_key.h) from the commit of its order until the sorted files of
 * ids and customers have it.
 */
#pragma once

#include "rocks_key.h"

/* One behind the other, each with a word before it that is the owner's. A change is named by its unit, which rises from 1;
 * 0 is none. */
struct rocks_arena {
    char *bytes;
    size_t size, used; /* in bytes; changes begin behind the first unit */
    size_t count;
};
enum { ROCKS_UNIT = 4 /* bytes that a unit counts */ };
#define ROCKS_ARENA_MAX ((size_t)UINT32_MAX * ROCKS_UNIT)

/* The caller's memory. */
void rocks_arena_init(struct rocks_arena *arena, char *bytes, size_t size);
/* Copies an encoded change; its unit, or 0 when there is no room. */
uint32_t rocks_arena_add(struct rocks_arena *arena, const char *change, size_t len);

/* Units of a change with so many bytes. */
static inline uint32_t rocks_arena_units(size_t len)
{
    return (uint32_t)((sizeof(uint32_t) + len + ROCKS_UNIT - 1) / ROCKS_UNIT);
}

static inline uint32_t *rocks_arena_word(const struct rocks_arena *arena, uint32_t unit)
{
    return (uint32_t *)(void *)(arena->bytes + (size_t)unit * ROCKS_UNIT);
}

static inline const char *rocks_arena_change(const struct rocks_arena *arena, uint32_t unit)
{
    return arena->bytes + (size_t)unit * ROCKS_UNIT + sizeof(uint32_t);
}

/* A change, to be sorted: the first bytes of its key, so that most comparisons look no further. */
struct rocks_change_item {
    uint64_t prefix;
    uint32_t unit;
};

/* What the changes come to for one of the two families: the newest change of each key, in the order of keys. `items` has room
 * for arena->count. Their number. */
size_t rocks_changes_sort(const struct rocks_arena *arena, enum rocks_family family,
                          struct rocks_change_item *items);
/* The key of a change in the family; in `buffer` when it has to be made. */
ordo_str rocks_changes_key(const struct rocks_change *change, enum rocks_family family,
                           char buffer[ROCKS_CUSTOMER_KEY]);
/* The sorted change with this key; NULL: there is none. */
const struct rocks_change_item *rocks_changes_find(const struct rocks_arena *arena, enum rocks_family family,
                                                   const struct rocks_change_item *items, size_t count,
                                                   ordo_str key);
