/* SPDX-License-Identifier: MIT
 * rocks_changes.c: changes in memory, and what they come to.
 */
#include "rocks_changes.h"

#include <stdlib.h>

void rocks_arena_init(struct rocks_arena *arena, char *bytes, size_t size)
{
    *arena = (struct rocks_arena){.bytes = bytes, .size = size, .used = ROCKS_UNIT};
}

uint32_t rocks_arena_add(struct rocks_arena *arena, const char *change, size_t len)
{
    size_t whole = (size_t)rocks_arena_units(len) * ROCKS_UNIT;
    uint32_t unit = (uint32_t)(arena->used / ROCKS_UNIT);

    if (whole > arena->size - arena->used)
        return 0;
    memcpy(arena->bytes + arena->used + sizeof(uint32_t), change, len);
    arena->used += whole;
    arena->count++;
    return unit;
}

ordo_str rocks_changes_key(const struct rocks_change *change, enum rocks_family family,
                           char buffer[ROCKS_CUSTOMER_KEY])
{
    struct rocks_place place;

    if (family == ROCKS_IDS)
        return change->id;
    rocks_key_read_order(change->order_key, ROCKS_KEY, &place);
    return (ordo_str){buffer, rocks_key_customer(change->customer, &place, buffer)};
}

/* The first eight bytes of a key, as a number that compares as they do. */
static uint64_t prefix_of(ordo_str key)
{
    char first[8] = {0};
    uint64_t number;

    memcpy(first, key.ptr, key.len < sizeof(first) ? key.len : sizeof(first));
    memcpy(&number, first, sizeof(number));
    return __builtin_bswap64(number);
}

static int compare_keys(ordo_str a, ordo_str b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

struct order {
    const struct rocks_arena *arena;
    enum rocks_family family;
};

static ordo_str key_of(const struct order *order, uint32_t unit, char buffer[ROCKS_CUSTOMER_KEY])
{
    struct rocks_change change = rocks_change_at(rocks_arena_change(order->arena, unit));

    return rocks_changes_key(&change, order->family, buffer);
}

static int compare_units(const struct order *order, uint32_t a, uint32_t b)
{
    char buffer_a[ROCKS_CUSTOMER_KEY], buffer_b[ROCKS_CUSTOMER_KEY];

    return compare_keys(key_of(order, a, buffer_a), key_of(order, b, buffer_b));
}

/* Of two with the same key, the newer one comes last. */
static int compare_items(const void *a_item, const void *b_item, void *context)
{
    const struct rocks_change_item *a = a_item, *b = b_item;
    int order;

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    order = compare_units(context, a->unit, b->unit);
    return order != 0 ? order : (a->unit > b->unit) - (a->unit < b->unit);
}

size_t rocks_changes_sort(const struct rocks_arena *arena, enum rocks_family family,
                          struct rocks_change_item *items)
{
    struct order order = {arena, family};
    size_t count = 0, newest = 0;
    uint32_t unit = 1;

    for (size_t i = 0; i < arena->count; i++) {
        struct rocks_change change = rocks_change_at(rocks_arena_change(arena, unit));
        char buffer[ROCKS_CUSTOMER_KEY];

        if (family == ROCKS_IDS || change.customer.len > 0)
            items[count++] =
                (struct rocks_change_item){prefix_of(rocks_changes_key(&change, family, buffer)), unit};
        unit += rocks_arena_units(ROCKS_CHANGE_HEAD + change.id.len + change.customer.len);
    }
    qsort_r(items, count, sizeof(*items), compare_items, &order);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || items[i].prefix != items[i + 1].prefix ||
            compare_units(&order, items[i].unit, items[i + 1].unit) != 0)
            items[newest++] = items[i];
    return newest;
}

const struct rocks_change_item *rocks_changes_find(const struct rocks_arena *arena, enum rocks_family family,
                                                   const struct rocks_change_item *items, size_t count,
                                                   ordo_str key)
{
    const struct order order = {arena, family};
    char buffer[ROCKS_CUSTOMER_KEY];
    size_t from = 0;

    while (from < count) {
        size_t middle = from + (count - from) / 2;
        int compared = compare_keys(key, key_of(&order, items[middle].unit, buffer));

        if (compared == 0)
            return &items[middle];
        if (compared > 0)
            from = middle + 1;
        else
            count = middle;
    }
    return NULL;
}
