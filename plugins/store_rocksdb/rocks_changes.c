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

static int compare_texts(ordo_str a, ordo_str b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* As the keys that they have in the family, which are not made for it. */
static int compare_changes(enum rocks_family family, const struct rocks_change *a,
                           const struct rocks_change *b)
{
    int order;

    if (family == ROCKS_IDS)
        return compare_texts(a->id, b->id);
    if (a->customer.len != b->customer.len)
        return a->customer.len < b->customer.len ? -1 : 1;
    order = memcmp(a->customer.ptr, b->customer.ptr, a->customer.len);
    if (order == 0) /* time and number stand behind the priority here, and before it there */
        order = memcmp(a->order_key + 1, b->order_key + 1, ROCKS_KEY - 1);
    return order != 0 ? order : a->order_key[0] - b->order_key[0];
}

/* The first bytes of the key, as a number that compares as they do. */
static uint64_t prefix_of(enum rocks_family family, const struct rocks_change *change)
{
    char first[sizeof(uint64_t) + ROCKS_KEY] = {0};
    uint64_t number;
    size_t len;

    if (family == ROCKS_IDS) {
        len = change->id.len < sizeof(number) ? change->id.len : sizeof(number);
        memcpy(first, change->id.ptr, len);
    } else {
        len = change->customer.len < sizeof(number) - 1 ? change->customer.len : sizeof(number) - 1;
        first[0] = (char)change->customer.len;
        memcpy(first + 1, change->customer.ptr, len);
        memcpy(first + 1 + len, change->order_key + 1, ROCKS_KEY - 1);
    }
    memcpy(&number, first, sizeof(number));
    return __builtin_bswap64(number);
}

struct order {
    const struct rocks_arena *arena;
    enum rocks_family family;
};

static int compare_units(const struct order *order, uint32_t a_unit, uint32_t b_unit)
{
    const struct rocks_change a = rocks_change_at(rocks_arena_change(order->arena, a_unit));
    const struct rocks_change b = rocks_change_at(rocks_arena_change(order->arena, b_unit));

    return compare_changes(order->family, &a, &b);
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

        if (family == ROCKS_IDS || change.customer.len > 0)
            items[count++] = (struct rocks_change_item){prefix_of(family, &change), unit};
        unit += rocks_arena_units(rocks_change_len(&change));
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
    size_t from = 0;

    while (from < count) {
        size_t middle = from + (count - from) / 2;
        const struct rocks_change change = rocks_change_at(rocks_arena_change(arena, items[middle].unit));
        char buffer[ROCKS_CUSTOMER_KEY];
        int compared = compare_texts(key, rocks_changes_key(&change, family, buffer));

        if (compared == 0)
            return &items[middle];
        if (compared > 0)
            from = middle + 1;
        else
            count = middle;
    }
    return NULL;
}
