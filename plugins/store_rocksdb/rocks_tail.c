/* SPDX-License-Identifier: MIT
 * rocks_tail.c: the segments of the tail.
 */
#include "rocks_tail.h"

#include <sched.h>
#include <stdlib.h>

#include <ordo/plugin.h>

#include "id_hash.h"

/* Of a segment's bytes: a quarter at most for the slots by id, and as much for those by customer. */
static void lay_out(struct rocks_segment *segment, char *memory, size_t bytes)
{
    size_t slots = 1, slot_bytes;

    while (slots * 2 * sizeof(uint64_t) * 4 <= bytes)
        slots *= 2;
    slot_bytes = slots * sizeof(uint64_t);
    segment->ids = (struct rocks_slots){(_Atomic uint64_t *)(void *)memory, slots - 1};
    segment->customers = (struct rocks_slots){(_Atomic uint64_t *)(void *)(memory + slot_bytes), slots - 1};
    segment->count_max = slots / 4 * 3;
    rocks_arena_init(&segment->arena, memory + 2 * slot_bytes, bytes - 2 * slot_bytes);
}

static void begin(struct rocks_tail *tail, struct rocks_segment *segment, uint64_t generation)
{
    size_t slot_bytes = (segment->ids.mask + 1) * sizeof(uint64_t);

    memset((void *)segment->ids.slots, 0, 2 * slot_bytes); /* those by customer are behind them */
    rocks_arena_init(&segment->arena, segment->arena.bytes, segment->arena.size);
    atomic_store_explicit(&segment->generation, generation, memory_order_seq_cst);
    atomic_store_explicit(&tail->newest, generation, memory_order_release);
}

int rocks_tail_init(struct rocks_tail *tail, size_t bytes)
{
    /* The items take 3/8 of a segment at most: one for 3/4 of the slots by id. */
    size_t each = bytes / 32 * 7 / sizeof(uint64_t) * sizeof(uint64_t);

    *tail = (struct rocks_tail){.memory = calloc(ROCKS_SEGMENTS, each)};
    if (tail->memory == NULL)
        return ORDO_ENOMEM;
    for (size_t i = 0; i < ROCKS_SEGMENTS; i++)
        lay_out(&tail->segments[i], tail->memory + i * each, each);
    tail->items = calloc(tail->segments[0].count_max, sizeof(*tail->items));
    if (tail->items == NULL) {
        rocks_tail_done(tail);
        return ORDO_ENOMEM;
    }
    id_hash_seed(tail->seed);
    atomic_init(&tail->oldest, 1);
    begin(tail, &tail->segments[1 % ROCKS_SEGMENTS], 1);
    return 0;
}

void rocks_tail_done(struct rocks_tail *tail)
{
    free(tail->items);
    free(tail->memory);
    *tail = (struct rocks_tail){.memory = NULL};
}

static struct rocks_segment *segment_of(struct rocks_tail *tail, uint64_t generation)
{
    return &tail->segments[generation % ROCKS_SEGMENTS];
}

/* The text that slots are for. */
static ordo_str text_at(const struct rocks_segment *segment, const struct rocks_slots *slots, uint32_t unit)
{
    struct rocks_change change = rocks_change_at(rocks_arena_change(&segment->arena, unit));

    return slots == &segment->ids ? change.id : change.customer;
}

/* The slot of the text, or the free one where it goes; *ret_unit: what it leads to, or 0. */
static _Atomic uint64_t *find_slot(const struct rocks_segment *segment, const struct rocks_slots *slots,
                                   ordo_str text, uint64_t hash, uint32_t *ret_unit)
{
    for (size_t at = hash & slots->mask;; at = (at + 1) & slots->mask) {
        uint64_t slot = atomic_load_explicit(&slots->slots[at], memory_order_acquire);

        *ret_unit = (uint32_t)slot;
        if (slot == 0 ||
            (slot >> 32 == hash >> 32 && ordo_str_equal(text_at(segment, slots, (uint32_t)slot), text)))
            return &slots->slots[at];
    }
}

bool rocks_tail_add(struct rocks_tail *tail, const char *bytes, size_t len, uint64_t number)
{
    struct rocks_segment *segment =
        segment_of(tail, atomic_load_explicit(&tail->newest, memory_order_relaxed));
    struct rocks_change change = rocks_change_at(bytes);
    uint64_t id_hash_value = id_hash(tail->seed, change.id), customer_hash = 0;
    _Atomic uint64_t *id_slot, *customer_slot = NULL;
    uint32_t unit, older = 0, ignored;

    unit = segment->arena.count < segment->count_max ? rocks_arena_add(&segment->arena, bytes, len) : 0;
    if (unit == 0)
        return false;
    if (change.customer.len > 0) {
        customer_hash = id_hash(tail->seed, change.customer);
        customer_slot = find_slot(segment, &segment->customers, change.customer, customer_hash, &older);
    }
    *rocks_arena_word(&segment->arena, unit) = older;
    segment->last = number;
    id_slot = find_slot(segment, &segment->ids, change.id, id_hash_value, &ignored);
    atomic_store_explicit(id_slot, id_hash_value >> 32 << 32 | unit, memory_order_release);
    if (customer_slot != NULL)
        atomic_store_explicit(customer_slot, customer_hash >> 32 << 32 | unit, memory_order_release);
    return true;
}

bool rocks_tail_roll(struct rocks_tail *tail)
{
    uint64_t next = atomic_load_explicit(&tail->newest, memory_order_relaxed) + 1;
    struct rocks_segment *segment = segment_of(tail, next);

    if (atomic_load_explicit(&segment->generation, memory_order_seq_cst) != 0)
        return false;
    /* A reader holds it for one look. */
    while (atomic_load_explicit(&segment->pins, memory_order_seq_cst) != 0)
        sched_yield();
    begin(tail, segment, next);
    return true;
}

struct rocks_segment *rocks_tail_full(struct rocks_tail *tail)
{
    uint64_t oldest = atomic_load_explicit(&tail->oldest, memory_order_relaxed);

    return oldest < atomic_load_explicit(&tail->newest, memory_order_acquire) ? segment_of(tail, oldest)
                                                                              : NULL;
}

void rocks_tail_drop(struct rocks_tail *tail)
{
    uint64_t oldest = atomic_load_explicit(&tail->oldest, memory_order_relaxed);

    atomic_store_explicit(&segment_of(tail, oldest)->generation, 0, memory_order_seq_cst);
    atomic_store_explicit(&tail->oldest, oldest + 1, memory_order_release);
}

void rocks_tail_pin(struct rocks_tail *tail, struct rocks_tail_view *ret_view)
{
    uint64_t generation = atomic_load_explicit(&tail->newest, memory_order_acquire);

    *ret_view = (struct rocks_tail_view){.tail = tail};
    for (; generation > 0 && ret_view->count < ROCKS_SEGMENTS; generation--) {
        struct rocks_segment *segment = segment_of(tail, generation);

        atomic_fetch_add_explicit(&segment->pins, 1, memory_order_seq_cst);
        if (atomic_load_explicit(&segment->generation, memory_order_seq_cst) != generation) {
            atomic_fetch_sub_explicit(&segment->pins, 1, memory_order_release);
            break; /* dropped, as are the older ones */
        }
        ret_view->segments[ret_view->count++] = segment;
    }
}

void rocks_tail_unpin(struct rocks_tail_view *view)
{
    for (size_t i = 0; i < view->count; i++)
        atomic_fetch_sub_explicit(&view->segments[i]->pins, 1, memory_order_release);
    view->count = 0;
}

bool rocks_tail_find(const struct rocks_tail_view *view, ordo_str id, struct rocks_change *ret_change)
{
    uint64_t hash = id_hash(view->tail->seed, id);
    uint32_t unit = 0;

    for (size_t i = 0; i < view->count && unit == 0; i++) {
        const struct rocks_segment *segment = view->segments[i];

        find_slot(segment, &segment->ids, id, hash, &unit);
        if (unit != 0)
            *ret_change = rocks_change_at(rocks_arena_change(&segment->arena, unit));
    }
    return unit != 0;
}

/* Places, of which the newest are kept. */
struct places {
    struct rocks_place *items;
    size_t count, capacity, limit;
};

static int newest_first(const void *a, const void *b)
{
    return -rocks_place_compare(a, b);
}

static void keep_newest(struct places *places)
{
    if (places->count > 1)
        qsort(places->items, places->count, sizeof(*places->items), newest_first);
    if (places->count > places->limit)
        places->count = places->limit;
}

/* False when out of memory. */
static bool add_place(struct places *places, const struct rocks_place *place)
{
    if (places->count == places->limit * 2)
        keep_newest(places);
    if (places->count == places->capacity) {
        size_t capacity = places->capacity == 0 ? 64 : places->capacity * 2;
        struct rocks_place *items = realloc(places->items, capacity * sizeof(*items));

        if (items == NULL)
            return false;
        places->items = items;
        places->capacity = capacity;
    }
    places->items[places->count++] = *place;
    return true;
}

int rocks_tail_list(const struct rocks_tail_view *view, ordo_str customer, const struct rocks_place *from,
                    int64_t since_ms, size_t limit, struct rocks_place **ret_places, size_t *ret_count)
{
    uint64_t hash = id_hash(view->tail->seed, customer);
    struct places places = {.limit = limit};

    for (size_t i = 0; i < view->count; i++) {
        const struct rocks_segment *segment = view->segments[i];
        uint32_t unit;

        find_slot(segment, &segment->customers, customer, hash, &unit);
        for (; unit != 0; unit = *rocks_arena_word(&segment->arena, unit)) {
            struct rocks_change change = rocks_change_at(rocks_arena_change(&segment->arena, unit));
            struct rocks_place place;

            if (change.kind != ROCKS_CHANGE_PUT ||
                !rocks_key_read_order(change.order_key, ROCKS_KEY, &place) ||
                rocks_place_compare(&place, from) >= 0 || (int64_t)place.received_ms < since_ms)
                continue;
            if (!add_place(&places, &place)) {
                free(places.items);
                return ORDO_ENOMEM;
            }
        }
    }
    keep_newest(&places);
    *ret_places = places.items;
    *ret_count = places.count;
    return 0;
}
