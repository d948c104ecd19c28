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

struct memory_store {
    /* set once */
    uint64_t records_max, bytes_max;
    uint64_t seed[2];
    size_t shard_count; /* a power of two */
    struct memory_shard *shards;

    _Alignas(64) _Atomic uint64_t usage; /* records << MEMORY_BYTES_BITS | bytes */
    _Atomic uint64_t sequence;           /* of the next new order; taken under its shard's lock */
};

/* Records and bytes in one number, so that a write counts with one atomic operation. */
enum { MEMORY_BYTES_BITS = 40 };
#define MEMORY_BYTES_MASK (((uint64_t)1 << MEMORY_BYTES_BITS) - 1)
#define MEMORY_USAGE_RECORD ((uint64_t)1 << MEMORY_BYTES_BITS)

int memory_list(void *self, const struct ordo_store_query *query, ordo_record_fn visit, void *context,
                struct ordo_store_cursor *ret_after);
int memory_pending(void *self, ordo_record_fn visit, void *context);
