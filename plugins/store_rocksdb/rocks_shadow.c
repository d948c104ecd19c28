/* SPDX-License-Identifier: MIT
 * rocks_shadow.c: see rocks_shadow.h.
 */
#include "rocks_shadow.h"

#include <stdlib.h>

enum { FIRST_BYTES = 64 << 10 };
static const enum rocks_family families[ROCKS_SHADOWED] = {ROCKS_IDS, ROCKS_CUSTOMERS};

/* -1: it is none of them. */
static int number_of(enum rocks_family family)
{
    for (int i = 0; i < ROCKS_SHADOWED; i++)
        if (families[i] == family)
            return i;
    return -1;
}

static bool grow(struct rocks_arena *arena)
{
    size_t size = arena->size == 0 ? FIRST_BYTES : arena->size * 2;
    char *bytes = size > ROCKS_ARENA_MAX ? NULL : realloc(arena->bytes, size);

    if (bytes == NULL)
        return false;
    if (arena->size == 0)
        rocks_arena_init(arena, bytes, size);
    arena->bytes = bytes;
    arena->size = size;
    return true;
}

bool rocks_shadow_add(struct rocks_shadow *shadow, const char *change, size_t len)
{
    while (shadow->arena.size == 0 || rocks_arena_add(&shadow->arena, change, len) == 0)
        if (!grow(&shadow->arena))
            return false;
    return true;
}

bool rocks_shadow_sort(struct rocks_shadow *shadow)
{
    for (int i = 0; i < ROCKS_SHADOWED && shadow->arena.count > 0; i++) {
        shadow->items[i] = calloc(shadow->arena.count, sizeof(*shadow->items[i]));
        if (shadow->items[i] == NULL)
            return false;
        shadow->counts[i] = rocks_changes_sort(&shadow->arena, families[i], shadow->items[i]);
    }
    return true;
}

void rocks_shadow_done(struct rocks_shadow *shadow)
{
    for (int i = 0; i < ROCKS_SHADOWED; i++)
        free(shadow->items[i]);
    free(shadow->arena.bytes);
}

bool rocks_shadow_find(const struct rocks_shadow *shadow, enum rocks_family family, ordo_str key,
                       struct rocks_change *ret_change)
{
    int number = number_of(family);
    const struct rocks_change_item *item;

    if (number < 0)
        return false;
    item = rocks_changes_find(&shadow->arena, family, shadow->items[number], shadow->counts[number], key);
    if (item == NULL)
        return false;
    *ret_change = rocks_change_at(rocks_arena_change(&shadow->arena, item->unit));
    return true;
}

bool rocks_shadow_at(const struct rocks_shadow *shadow, enum rocks_family family, size_t at,
                     struct rocks_change *ret_change)
{
    int number = number_of(family);

    if (number < 0 || at >= shadow->counts[number])
        return false;
    *ret_change = rocks_change_at(rocks_arena_change(&shadow->arena, shadow->items[number][at].unit));
    return true;
}
