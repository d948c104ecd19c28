/* SPDX-License-Identifier: MIT
 * memory_shard.c: records, the table that finds them, and the rings that order them.
 */
#include "memory_shard.h"

#include <stdlib.h>

enum { SLOTS_FIRST = 64, RING_FIRST = 64, PREFETCH = 4 };

/* What the table and the rings take for a record, at their usual fill. */
enum { OVERHEAD = 96 };

static ordo_str copy_text(char **to, ordo_str text)
{
    ordo_str copy = {*to, text.len};

    if (text.len > 0)
        memcpy(*to, text.ptr, text.len);
    *to += text.len;
    return copy;
}

struct memory_record *memory_record_new(const struct ordo_record *from)
{
    size_t size =
        sizeof(struct memory_record) + from->id.len + from->customer.len + from->order.len + from->answer.len;
    struct memory_record *record = malloc(size);
    char *to;

    if (record == NULL)
        return NULL;
    atomic_init(&record->references, 1);
    record->size = size + OVERHEAD;
    record->sequence = 0;
    record->next = NULL;
    record->record = *from;
    record->record.size = sizeof(record->record);
    to = record->text;
    record->record.id = copy_text(&to, from->id);
    record->record.customer = copy_text(&to, from->customer);
    record->record.order = copy_text(&to, from->order);
    record->record.answer = copy_text(&to, from->answer);
    return record;
}

void memory_record_unref(struct memory_record *record)
{
    if (record != NULL && atomic_fetch_sub_explicit(&record->references, 1, memory_order_acq_rel) == 1)
        free(record);
}

int memory_shard_init(struct memory_shard *shard)
{
    pthread_mutexattr_t attributes;

    *shard = (struct memory_shard){.capacity = SLOTS_FIRST};
    shard->slots = calloc(SLOTS_FIRST, sizeof(*shard->slots));
    if (shard->slots == NULL)
        return ORDO_ENOMEM;
    /* Held for less time than it takes to fall asleep and wake. */
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(&shard->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return 0;
}

void memory_shard_done(struct memory_shard *shard)
{
    struct memory_ring *order = &shard->rings[MEMORY_RING_ORDER];

    if (shard->slots == NULL)
        return;
    for (uint64_t place = order->first; place < order->end; place++)
        memory_record_unref(memory_ring_at(order, place)->record);
    for (size_t i = 0; i < MEMORY_RING_COUNT; i++)
        free(shard->rings[i].entries);
    free(shard->slots);
    shard->slots = NULL;
    pthread_mutex_destroy(&shard->lock);
}

/* Makes room for one more entry. Entries that were taken out are left behind, so a ring that holds one old
 * order and many dropped ones does not grow. */
static int ring_reserve(struct memory_ring *ring, enum memory_ring_kind kind)
{
    size_t capacity = ring->capacity == 0               ? RING_FIRST
                      : ring->live * 2 > ring->capacity ? ring->capacity * 2
                                                        : ring->capacity;
    struct memory_entry *entries;
    uint64_t to = ring->first;

    if (ring->end - ring->first < ring->capacity)
        return 0;
    entries = malloc(capacity * sizeof(*entries));
    if (entries == NULL)
        return ORDO_ENOMEM;
    for (uint64_t place = ring->first; place < ring->end; place++) {
        struct memory_entry entry = *memory_ring_at(ring, place);

        if (entry.record == NULL)
            continue;
        if (to != place)
            entry.record->at[kind] = to;
        entries[to++ & (capacity - 1)] = entry;
    }
    free(ring->entries);
    ring->entries = entries;
    ring->capacity = capacity;
    ring->end = to;
    return 0;
}

static void ring_push(struct memory_ring *ring, enum memory_ring_kind kind, uint64_t key,
                      struct memory_record *record)
{
    record->at[kind] = ring->end;
    *memory_ring_at(ring, ring->end++) = (struct memory_entry){key, record};
    ring->live++;
}

static void ring_remove(struct memory_ring *ring, uint64_t place)
{
    memory_ring_at(ring, place)->record = NULL;
    ring->live--;
    while (ring->first < ring->end && memory_ring_at(ring, ring->first)->record == NULL)
        ring->first++;
}

void memory_shard_prefetch(const struct memory_shard *shard, uint64_t hash)
{
    /* Two loads that may not belong together while another thread grows the table: the address is a hint, no
     * more. */
    const struct memory_slot *slots = __atomic_load_n(&shard->slots, __ATOMIC_RELAXED);
    size_t capacity = __atomic_load_n(&shard->capacity, __ATOMIC_RELAXED);

    for (size_t at = 0; at < sizeof(*shard); at += 64)
        __builtin_prefetch((const char *)shard + at, 1);
    __builtin_prefetch((const void *)((uintptr_t)slots + (hash & (capacity - 1)) * sizeof(*slots)));
}

struct memory_slot *memory_shard_find(const struct memory_shard *shard, uint64_t hash, ordo_str id)
{
    size_t mask = shard->capacity - 1;

    for (size_t i = hash & mask; shard->slots[i].record != NULL; i = (i + 1) & mask)
        if (shard->slots[i].hash == hash && ordo_str_equal(shard->slots[i].record->record.id, id))
            return &shard->slots[i];
    return NULL;
}

static void slot_put(struct memory_slot *slots, size_t capacity, struct memory_slot slot)
{
    size_t i = slot.hash & (capacity - 1);

    while (slots[i].record != NULL)
        i = (i + 1) & (capacity - 1);
    slots[i] = slot;
}

/* Closes the gap: every slot behind it that may stand there moves up, so that no search ends too early. */
static void slot_remove(struct memory_shard *shard, uint64_t hash, const struct memory_record *record)
{
    size_t mask = shard->capacity - 1, gap = hash & mask;

    while (shard->slots[gap].record != record)
        gap = (gap + 1) & mask;
    for (size_t i = (gap + 1) & mask; shard->slots[i].record != NULL; i = (i + 1) & mask) {
        size_t home = shard->slots[i].hash & mask;

        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        shard->slots[gap] = shard->slots[i];
        gap = i;
    }
    shard->slots[gap].record = NULL;
    shard->count--;
}

int memory_shard_reserve(struct memory_shard *shard)
{
    struct memory_slot *slots;

    for (size_t i = 0; i < MEMORY_RING_COUNT; i++)
        if (ring_reserve(&shard->rings[i], (enum memory_ring_kind)i) != 0)
            return ORDO_ENOMEM;
    if ((shard->count + 1) * 3 <= shard->capacity * 2)
        return 0;
    slots = calloc(shard->capacity * 2, sizeof(*slots));
    if (slots == NULL)
        return ORDO_ENOMEM;
    for (size_t i = 0; i < shard->capacity; i++)
        if (shard->slots[i].record != NULL)
            slot_put(slots, shard->capacity * 2, shard->slots[i]);
    free(shard->slots);
    __atomic_store_n(&shard->slots, slots, __ATOMIC_RELAXED);
    __atomic_store_n(&shard->capacity, shard->capacity * 2, __ATOMIC_RELAXED);
    return 0;
}

void memory_shard_insert(struct memory_shard *shard, uint64_t hash, uint64_t sequence,
                         struct memory_record *record)
{
    slot_put(shard->slots, shard->capacity, (struct memory_slot){hash, record});
    shard->count++;
    ring_push(&shard->rings[MEMORY_RING_ORDER], MEMORY_RING_ORDER, sequence, record);
    if (memory_status_is_final(record->record.status))
        ring_push(&shard->rings[MEMORY_RING_FINALS], MEMORY_RING_FINALS, hash, record);
}

struct memory_record *memory_shard_replace(struct memory_shard *shard, struct memory_slot *slot,
                                           struct memory_record *record)
{
    struct memory_ring *order = &shard->rings[MEMORY_RING_ORDER], *finals = &shard->rings[MEMORY_RING_FINALS];
    struct memory_record *old = slot->record;

    record->at[MEMORY_RING_ORDER] = old->at[MEMORY_RING_ORDER];
    memory_ring_at(order, record->at[MEMORY_RING_ORDER])->record = record;
    if (memory_status_is_final(old->record.status))
        ring_remove(finals, old->at[MEMORY_RING_FINALS]);
    if (memory_status_is_final(record->record.status))
        ring_push(finals, MEMORY_RING_FINALS, slot->hash, record);
    slot->record = record;
    return old;
}

struct memory_record *memory_shard_drop(struct memory_shard *shard, uint64_t taken)
{
    struct memory_ring *finals = &shard->rings[MEMORY_RING_FINALS];
    struct memory_record *record;
    struct memory_entry entry;

    if (finals->live == 0)
        return NULL;
    entry = *memory_ring_at(finals, finals->first);
    record = entry.record;
    if (record->sequence > taken)
        return NULL;
    if (finals->end - finals->first > PREFETCH) {
        /* Records that are dropped were last touched long ago: the next ones are on their way while this one
         * is used. */
        const struct memory_entry *later = memory_ring_at(finals, finals->first + PREFETCH);

        __builtin_prefetch(later->record, 1);
        __builtin_prefetch(&shard->slots[later->key & (shard->capacity - 1)], 1);
    }
    ring_remove(finals, finals->first);
    ring_remove(&shard->rings[MEMORY_RING_ORDER], record->at[MEMORY_RING_ORDER]);
    slot_remove(shard, entry.key, record);
    shard->dropped++;
    return record;
}

uint64_t memory_shard_seek(const struct memory_shard *shard, uint64_t sequence)
{
    const struct memory_ring *order = &shard->rings[MEMORY_RING_ORDER];
    uint64_t low = order->first, high = order->end;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (memory_ring_at(order, middle)->key < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
