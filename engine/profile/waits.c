/* SPDX-License-Identifier: MIT
 * waits.c: chooses, and counts in a table of stacks.
 *
 * A place of the table is taken for good by the first who needs it. While it is being filled, others that look for the same
 * stack pass by and may fill another with it: the sums are then in two places, and readers add what is equal.
 */
#include "profile/waits.h"

#include <string.h>

#include "base/clock.h"
#include "base/lock.h"
#include "profile/unwind.h"
#include "profile/waits_impl.h"
#include "vm/line_table.h"

_Atomic int64_t ordo_waits_rate_ns[ORDO_WAIT_KINDS];
struct ordo__wait_place ordo__wait_places[ORDO_WAIT_KINDS][ORDO__WAIT_PLACES];

enum { PROBES = 64 };

static uint64_t draw(void)
{
    static _Thread_local uint64_t random;

    if (random == 0)
        random = (uint64_t)ordo_clock_ns() ^ (uint64_t)(uintptr_t)&random << 20 ^ 0x9e3779b97f4a7c15u;
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    return random;
}

bool ordo_waits_choose(enum ordo_wait_kind kind, int64_t waited_ns, struct ordo_wait *ret_wait)
{
    int64_t rate_ns = atomic_load_explicit(&ordo_waits_rate_ns[kind], memory_order_relaxed);

    if (rate_ns <= 0 || waited_ns <= 0)
        return false;
    if (waited_ns >= rate_ns) {
        *ret_wait = (struct ordo_wait){kind, 1, waited_ns};
        return true;
    }
    if ((int64_t)(draw() % (uint64_t)rate_ns) >= waited_ns)
        return false;
    *ret_wait = (struct ordo_wait){kind, (double)rate_ns / (double)waited_ns, rate_ns};
    return true;
}

/* --- the table --- */

static uint64_t hash_of(struct ordo_wait_about about, const uint64_t *frames, size_t count)
{
    uint64_t hash = (uint64_t)about.worker << 16 ^ (uint64_t)about.priority << 8 ^ about.lock;

    for (size_t i = 0; i < count; i++)
        hash = ((hash ^ frames[i]) * 0x9e3779b97f4a7c15u) ^ hash >> 29;
    return hash ^ hash >> 32;
}

static bool is_same(const struct ordo__wait_place *place, uint64_t hash, struct ordo_wait_about about,
                    const uint64_t *frames, size_t count)
{
    return place->hash == hash && place->frame_count == count && place->about.worker == about.worker &&
           place->about.priority == about.priority && place->about.lock == about.lock &&
           memcmp(place->frames, frames, count * sizeof(*frames)) == 0;
}

static void fill(struct ordo__wait_place *place, uint64_t hash, struct ordo_wait_about about,
                 const uint64_t *frames, size_t count)
{
    place->hash = hash;
    place->about = about;
    place->frame_count = (uint32_t)count;
    memcpy(place->frames, frames, count * sizeof(*frames));
    atomic_store_explicit(&place->state, ORDO__WAIT_READY, memory_order_release);
}

/* NULL: there is none left near by. */
static struct ordo__wait_place *find(struct ordo__wait_place *places, struct ordo_wait_about about,
                                     const uint64_t *frames, size_t count)
{
    uint64_t hash = hash_of(about, frames, count);

    for (size_t probe = 0; probe < PROBES; probe++) {
        struct ordo__wait_place *place = &places[(hash + probe) % ORDO_WAIT_STACKS];
        int state = atomic_load_explicit(&place->state, memory_order_acquire);

        if (state == ORDO__WAIT_FREE &&
            atomic_compare_exchange_strong_explicit(&place->state, &state, ORDO__WAIT_FILLED,
                                                    memory_order_acquire, memory_order_acquire)) {
            fill(place, hash, about, frames, count);
            return place;
        }
        if (state == ORDO__WAIT_READY && is_same(place, hash, about, frames, count))
            return place;
    }
    return NULL;
}

/* The last place is of those that found none. */
static struct ordo__wait_place *find_last(struct ordo__wait_place *places)
{
    struct ordo__wait_place *place = &places[ORDO_WAIT_STACKS];
    uint64_t frame = ordo_line_address("=(too many stacks)", 0, 0);
    int state = ORDO__WAIT_FREE;

    if (atomic_compare_exchange_strong(&place->state, &state, ORDO__WAIT_FILLED))
        fill(place, 0, (struct ordo_wait_about){0}, &frame, 1);
    return place;
}

void ordo_waits_add(const struct ordo_wait *wait, struct ordo_wait_about about, const uint64_t *frames,
                    size_t count)
{
    struct ordo__wait_place *places = ordo__wait_places[wait->kind], *place;

    if (count > ORDO_WAIT_DEPTH)
        count = ORDO_WAIT_DEPTH;
    place = find(places, about, frames, count);
    if (place == NULL)
        place = find_last(places);
    atomic_fetch_add_explicit(&place->count, (uint64_t)(wait->count * ORDO__WAIT_ONE + 0.5),
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&place->ns, (uint64_t)wait->ns, memory_order_relaxed);
}

/* --- locks --- */

static void waited_for_lock(enum ordo_lock_name name, int64_t waited_ns)
{
    uint64_t frames[ORDO_UNWIND_MAX];
    struct ordo_wait wait;
    size_t count;

    if (!ordo_waits_choose(ORDO_WAIT_MUTEX, waited_ns, &wait))
        return;
    count = ordo_unwind(frames, ORDO_UNWIND_MAX);
    ordo_waits_add(&wait, (struct ordo_wait_about){.lock = (uint8_t)(name + 1)}, frames + 1,
                   count - 1); /* without this function */
}

void ordo_waits_set_rate(enum ordo_wait_kind kind, int64_t rate_ns)
{
    atomic_store(&ordo_waits_rate_ns[kind], rate_ns);
    if (kind == ORDO_WAIT_MUTEX)
        atomic_store(&ordo_lock_waited, rate_ns > 0 ? waited_for_lock : NULL);
}
