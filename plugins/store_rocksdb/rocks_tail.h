/* SPDX-License-Identifier: MIT
 * rocks_tail.h: the newest changes of the indexes, in memory, until the sorted files of RocksDB have them.
 *
 * A tail has a fixed number of segments of a fixed size: the store's thread fills one, the full ones before it are being
 * filed. Each has its changes in the order in which they came, and finds them by id and by customer.
 *
 * Any thread reads, and takes no lock: it pins the segments that are there, looks, and unpins them. What a change consists of is
 * whole before the slot that leads to it is stored. The store's thread uses a segment again when it is dropped and nobody has
 * pinned it. To pin is to count and then to look whether it is still the same one; to use again is to drop and then to look
 * at the count; both in one order for all threads, so one of the two sees the other.
 *
 * A segment is dropped only when RocksDB has what is in it. So a look that goes through the segments, the newest first, and
 * then to RocksDB misses nothing.
 */
#pragma once

#include <stdatomic.h>

#include "rocks_changes.h"

enum {
    ROCKS_SEGMENTS = 4,
    ROCKS_TAIL_MIN =
        64
        << 10, /* bytes of a tail at least: a segment then has room for some dozens of the largest changes */
};

/* Slots lead to changes: the upper half has bits of the hash, the lower one the unit; 0 is a free slot. */
struct rocks_slots {
    _Atomic uint64_t *slots;
    size_t mask;
};

struct rocks_segment {
    _Atomic uint64_t generation; /* counts up with each use; 0: dropped, or not used yet */
    _Atomic uint32_t pins;
    struct rocks_arena arena; /* a change's word: the older change of the same customer */
    struct rocks_slots ids, customers;
    size_t count_max;
    uint64_t
        last; /* number of its newest change in the log; the store's thread, and the others once it is full */
};

struct rocks_tail {
    struct rocks_segment segments[ROCKS_SEGMENTS]; /* generation G is in G % ROCKS_SEGMENTS */
    _Atomic uint64_t newest;                       /* generation that is being filled */
    _Atomic uint64_t oldest; /* generation that is filed next; whoever files stores it */
    uint64_t seed[2];
    struct rocks_change_item *items; /* to sort one segment; whoever files */
    char *memory;
};

/* Takes so many bytes at most. 0 or ORDO_ENOMEM. */
int rocks_tail_init(struct rocks_tail *tail, size_t bytes);
void rocks_tail_done(struct rocks_tail *tail);

/* The store's thread: adds an encoded change, whose number in the log is one higher than the last one's. False: the segment is full. */
bool rocks_tail_add(struct rocks_tail *tail, const char *change, size_t len, uint64_t number);
/* The store's thread: goes to the next segment. False: it is not filed yet. */
bool rocks_tail_roll(struct rocks_tail *tail);

/* Whoever files, one thread at a time: the oldest segment that is full; NULL: none is. */
struct rocks_segment *rocks_tail_full(struct rocks_tail *tail);
/* Drops that one, which RocksDB has now. */
void rocks_tail_drop(struct rocks_tail *tail);

/* The segments that are there, the newest first, pinned. */
struct rocks_tail_view {
    struct rocks_tail *tail;
    struct rocks_segment *segments[ROCKS_SEGMENTS];
    size_t count;
};
void rocks_tail_pin(struct rocks_tail *tail, struct rocks_tail_view *ret_view);
void rocks_tail_unpin(struct rocks_tail_view *view);
/* The newest change of the id, which points into the view. False: there is none. */
bool rocks_tail_find(const struct rocks_tail_view *view, ordo_str id, struct rocks_change *ret_change);
/* The newest places of the customer's orders that are strictly older than `from` and not received before since_ms: at most `limit`, the newest
 * first, a place perhaps twice. Free them. 0 or ORDO_ENOMEM. */
int rocks_tail_list(const struct rocks_tail_view *view, ordo_str customer, const struct rocks_place *from,
                    int64_t since_ms, size_t limit, struct rocks_place **ret_places, size_t *ret_count);
