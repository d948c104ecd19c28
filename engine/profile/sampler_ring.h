/* SPDX-License-Identifier: MIT
 * sampler_ring.h: records of words from one thread, its signal handler included, to the profiler's thread.
 *
 * Records lie in a row and never wrap: one that does not fit before the end begins anew at the start, behind a filler. The
 * first word of a record holds its length in words; what the others hold is their writer's matter. A record is published
 * in one step, so the reader sees all of it or nothing.
 */
#pragma once

#include <stdatomic.h>

#include "base/error.h"

enum { ORDO__RING_WORDS = 32768 }; /* 256 KiB */

struct ordo__ring {
    _Atomic uint64_t written, read; /* words ever; their position is the remainder */
    uint64_t words[ORDO__RING_WORDS];
};

/* What the first word of a filler has besides its length. */
#define ORDO__RING_FILLER ((uint64_t)1 << 63)

/* Room for `count` words in a row, or NULL when the ring is full. Nothing is visible before ordo__ring_publish. */
static inline uint64_t *ordo__ring_reserve(struct ordo__ring *ring, size_t count)
{
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    uint64_t used = written - atomic_load_explicit(&ring->read, memory_order_acquire);
    size_t at = written % ORDO__RING_WORDS, to_end = ORDO__RING_WORDS - at;

    if (used + count + (to_end < count ? to_end : 0) > ORDO__RING_WORDS)
        return NULL;
    if (to_end < count) {
        ring->words[at] = to_end | ORDO__RING_FILLER;
        atomic_store_explicit(&ring->written, written + to_end, memory_order_release);
        at = 0;
    }
    ring->words[at] = count;
    return &ring->words[at];
}

static inline void ordo__ring_publish(struct ordo__ring *ring, size_t count)
{
    atomic_store_explicit(&ring->written, atomic_load_explicit(&ring->written, memory_order_relaxed) + count,
                          memory_order_release);
}

static inline void ordo__ring_release(struct ordo__ring *ring)
{
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);

    atomic_store_explicit(&ring->read, read + (ring->words[read % ORDO__RING_WORDS] & ~ORDO__RING_FILLER),
                          memory_order_release);
}

/* The oldest record, to be given back with ordo__ring_release; NULL: there is none. */
static inline const uint64_t *ordo__ring_oldest(struct ordo__ring *ring)
{
    for (;;) {
        uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);

        if (read == atomic_load_explicit(&ring->written, memory_order_acquire))
            return NULL;
        if ((ring->words[read % ORDO__RING_WORDS] & ORDO__RING_FILLER) == 0)
            return &ring->words[read % ORDO__RING_WORDS];
        ordo__ring_release(ring);
    }
}
