/* SPDX-License-Identifier: MIT
 * store_memory.h: what the files of the memory store share: the store as a whole.
 */
#pragma once

#include "memory_shard.h"

enum {
    MEMORY_SHARDS_MAX = 16,
    /* A shard drops its own oldest records, so what is dropped is only about the oldest of all. Small stores,
     * where that would show, have one shard. */
    MEMORY_SHARD_RECORDS = 4096,
};

/* Decisions that some sink has not taken yet, by their sequence numbers, which have no gaps. */
struct memory_outbox {
    pthread_mutex_t lock;
    struct memory_record **records; /* under lock; each is a reference; n stands at n & (capacity - 1) */
    size_t capacity;                /* under lock; 0 or a power of two */
    uint64_t first, newest;         /* under lock; those kept are first .. newest */
    uint64_t *taken;                /* under lock; by sink */
    size_t sink_count;
    _Atomic uint64_t taken_by_all;
};

struct memory_store {
    /* set once */
    uint64_t records_max, bytes_max;
    uint64_t seed[2];
    size_t shard_count; /* a power of two */
    struct memory_shard *shards;

    struct memory_outbox outbox;
    _Alignas(64) _Atomic uint64_t usage; /* records << MEMORY_BYTES_BITS | bytes */
    _Atomic uint64_t sequence;           /* of the next new order; taken under its shard's lock */
};

/* Records and bytes in one number, so that a write counts with one atomic operation. */
enum { MEMORY_BYTES_BITS = 40 };
#define MEMORY_BYTES_MASK (((uint64_t)1 << MEMORY_BYTES_BITS) - 1)
#define MEMORY_USAGE_RECORD ((uint64_t)1 << MEMORY_BYTES_BITS)

int memory_list(void *self, const struct ordo_store_query *query, ordo_record_fn visit, void *context,
                struct ordo_store_cursor *ret_after);
int memory_pending(void *self, enum ordo_priority priority, struct ordo_store_cursor after, uint32_t limit,
                   ordo_record_fn visit, void *context, struct ordo_store_cursor *ret_after);

/* memory_outbox.c */
void memory_outbox_init(struct memory_store *store);
void memory_outbox_done(struct memory_store *store);
/* Under the lock of the record's shard, so that the decisions of one order come in their order. Open locks the outbox and
 * makes room for one more (false when out of memory, and nothing is locked); close adds the record's decision (NULL:
 * none) and unlocks. */
bool memory_outbox_open(struct memory_store *store);
void memory_outbox_close(struct memory_store *store, struct memory_record *record);
uint64_t memory_outbox_newest(struct memory_store *store);
/* The sequence number up to which all sinks have taken everything. */
static inline uint64_t memory_outbox_taken(const struct memory_store *store)
{
    return atomic_load_explicit(&store->outbox.taken_by_all, memory_order_relaxed);
}
int memory_sinks(void *self, const ordo_str *names, size_t count, uint64_t *ret_taken,
                 struct ordo_error *err);
int memory_emissions(void *self, uint64_t after, ordo_emission_fn visit, void *context);
void memory_taken(void *self, size_t sink, uint64_t sequence);
