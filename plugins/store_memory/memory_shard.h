/* SPDX-License-Identifier: MIT
 * memory_shard.h: one part of the memory store: the records whose ids hash to it, under one lock.
 *
 * A record is one allocation and never changes: a later state of the order is a new record that takes the
 * place of the old one. Readers take a reference under the lock and look at the record without it, so nothing
 * is ever called under a lock.
 *
 * A shard finds its records by a table (open addressing) and keeps two rings: `order` in the sequence in
 * which orders came, for listings, and `finals` in the sequence in which they became final, which is the one
 * of dropping. Both hold what the search for a victim or a page needs, so that neither has to touch the
 * records it passes by.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include <ordo/store.h>

enum memory_ring_kind { MEMORY_RING_ORDER = 0, MEMORY_RING_FINALS, MEMORY_RING_COUNT };

struct memory_record {
    _Atomic uint32_t references;
    size_t size;                    /* what it counts against the bound on bytes */
    uint64_t at[MEMORY_RING_COUNT]; /* its place in each ring; under the shard's lock */
    uint64_t sequence;              /* of its decision in the outbox; 0: it has none there */
    struct memory_record *next;     /* in a list of dropped records only */
    struct ordo_record record;      /* its strings point into text */
    char text[];
};

/* A record is NULL where it was taken out. */
struct memory_entry {
    uint64_t key; /* order: the sequence number; finals: the hash */
    struct memory_record *record;
};

struct memory_ring {
    struct memory_entry *entries;
    uint64_t first, end; /* places in use; an entry stands at place & (capacity - 1) */
    size_t capacity;     /* 0 or a power of two */
    size_t live;         /* entries with a record */
};

struct memory_slot {
    uint64_t hash;
    struct memory_record *record; /* NULL: free */
};

struct memory_shard {
    _Alignas(64) pthread_mutex_t lock; /* guards everything below */
    struct memory_slot *slots;
    size_t capacity, count; /* of slots; a power of two */
    struct memory_ring rings[MEMORY_RING_COUNT];
    uint64_t dropped, writes, refused;
};

/* Copies a record; NULL when out of memory. The caller has the one reference. */
struct memory_record *memory_record_new(const struct ordo_record *from);
void memory_record_unref(struct memory_record *record); /* NULL is allowed */
static inline void memory_record_ref(struct memory_record *record)
{
    atomic_fetch_add_explicit(&record->references, 1, memory_order_relaxed);
}

/* Whether a record in this state may be dropped. A held order is not decided. */
static inline bool memory_status_is_final(enum ordo_status status)
{
    return status == ORDO_STATUS_DONE || status == ORDO_STATUS_INVALID || status == ORDO_STATUS_DEAD;
}

int memory_shard_init(struct memory_shard *shard); /* 0 or ORDO_ENOMEM */
void memory_shard_done(struct memory_shard *shard);

/* Brings what a write will touch nearer. Needs no lock: it reads where the table is and looks at nothing in
 * it. */
void memory_shard_prefetch(const struct memory_shard *shard, uint64_t hash);

/* The functions below need the lock. */

struct memory_slot *memory_shard_find(const struct memory_shard *shard, uint64_t hash, ordo_str id);
/* Room in the table and the rings for one more; 0 or ORDO_ENOMEM. The next insert or replace cannot fail. */
int memory_shard_reserve(struct memory_shard *shard);
void memory_shard_insert(struct memory_shard *shard, uint64_t hash, uint64_t sequence,
                         struct memory_record *record);
/* Puts `record` in the place of the slot's, which is returned. */
struct memory_record *memory_shard_replace(struct memory_shard *shard, struct memory_slot *slot,
                                           struct memory_record *record);
/* Takes out the record that has been final for longest; NULL when there is none, and when not all sinks have taken its
 * decision: `taken` is the sequence number up to which they have. */
struct memory_record *memory_shard_drop(struct memory_shard *shard, uint64_t taken);
/* The place of the first entry of `order` whose sequence number is not below. */
uint64_t memory_shard_seek(const struct memory_shard *shard, uint64_t sequence);

static inline struct memory_entry *memory_ring_at(const struct memory_ring *ring, uint64_t place)
{
    return &ring->entries[place & (ring->capacity - 1)];
}
