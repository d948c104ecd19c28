/* SPDX-License-Identifier: MIT
 * timeline_read.c: copying rings that go on being written.
 *
 * A slot belongs to the reader until its owner has announced, by `head`, that it will write it anew. The owner's words are
 * released behind that announcement, so whoever has read one of them reads a head that tells of it. Events that may have been
 * overwritten while they were copied are cut off in the end.
 */
#include "base/timeline_read.h"

#include <stdlib.h>

static void read_slot(struct ordo_timeline *ring, uint64_t index, struct ordo_timeline_event *ret_event)
{
    _Atomic uint64_t *slot = ring->slots[index & ring->mask];
    uint64_t words[4];

    for (int i = 0; i < 4; i++)
        words[i] = atomic_load_explicit(&slot[i], memory_order_acquire);
    memcpy(ret_event, words, sizeof(words));
}

/* Whoever changes it meanwhile is waited for by trying again: it takes the owner some nanoseconds, unless it is interrupted
 * there; then these turns are left out. */
static void read_turns(struct ordo_timeline *ring, struct ordo_timeline_event *ret_turns)
{
    *ret_turns = (struct ordo_timeline_event){0};
    for (int tries = 0; tries < 1000; tries++) {
        uint64_t version = atomic_load(&ring->turns.version);
        struct ordo_timeline_event turns = {
            .at = atomic_load_explicit(&ring->turns.at, memory_order_acquire),
            .number = atomic_load_explicit(&ring->turns.inside, memory_order_acquire),
            .extra = (uint32_t)atomic_load_explicit(&ring->turns.count, memory_order_acquire),
            .name = ORDO_TIMELINE_TURN,
        };

        turns.more = atomic_load_explicit(&ring->turns.end, memory_order_acquire) - turns.at;
        if (version % 2 != 0 || atomic_load(&ring->turns.version) != version)
            continue;
        if (turns.extra > 0) {
            turns.kind = ORDO_TIMELINE_MERGED;
            *ret_turns = turns;
        }
        return;
    }
}

/* The turns were read before the events: what has been written meanwhile is there. */
static void drop_written_turns(struct ordo_timeline_copy *copy)
{
    for (size_t i = copy->count; i > 0; i--) {
        const struct ordo_timeline_event *event = &copy->events[i - 1];

        if (event->name != ORDO_TIMELINE_TURN)
            continue;
        if (event->at >= copy->turns.at)
            copy->turns.kind = ORDO_TIMELINE_EMPTY;
        if (event->at + event->more > copy->turn_at)
            copy->turn_at = 0;
        break;
    }
    if (copy->turns.kind != ORDO_TIMELINE_EMPTY && copy->turns.at + copy->turns.more > copy->turn_at)
        copy->turn_at = 0;
}

static void copy_ring(void *context, struct ordo_timeline *ring)
{
    struct ordo_timeline_copies *copies = context;
    struct ordo_timeline_copy *copy = &copies->items[copies->count];
    uint64_t head, from, size = ring->mask + 1, safe;

    if (copies->count == copies->room)
        return;
    *copy = (struct ordo_timeline_copy){.tid = ring->tid, .ring = ring->id, .ended = !ring->in_use};
    memcpy(copy->thread, ring->thread, sizeof(copy->thread));
    copy->share = (struct ordo_timeline_event){
        .at = atomic_load_explicit(&ring->interval_at, memory_order_relaxed),
        .more = atomic_load_explicit(&ring->seen, memory_order_relaxed),
        .number = atomic_load_explicit(&ring->chosen, memory_order_relaxed),
        .extra = (uint32_t)atomic_load_explicit(&ring->left_out, memory_order_relaxed),
        .kind = ORDO_TIMELINE_SHARE,
    };
    /* Before the events: a turn that ends meanwhile is then seen once or twice, and not missed. */
    copy->turn_at = atomic_load_explicit(&ring->turn_at, memory_order_acquire);
    read_turns(ring, &copy->turns);
    head = atomic_load_explicit(&ring->head, memory_order_acquire);
    from = head - ring->first > size ? head - size : ring->first;
    copy->events = malloc((size_t)(head - from) * sizeof(*copy->events) + 1);
    ORDO_REQUIRE(copy->events != NULL);
    for (uint64_t i = from; i < head; i++)
        read_slot(ring, i, &copy->events[i - from]);
    /* The slot of the event behind head may be half written. */
    safe = atomic_load_explicit(&ring->head, memory_order_acquire) + 1;
    safe = safe > size ? safe - size : 0;
    if (safe > head)
        safe = head;
    if (safe < from)
        safe = from;
    copy->count = (size_t)(head - safe);
    copy->first = safe;
    copy->is_cut = safe > ring->first;
    memmove(copy->events, copy->events + (safe - from), copy->count * sizeof(*copy->events));
    drop_written_turns(copy);
    copies->count++;
}

static void count_ring(void *context, struct ordo_timeline *ring)
{
    (void)ring;
    ++*(size_t *)context;
}

void ordo_timeline_copy(struct ordo_timeline_copies *ret_copies)
{
    size_t count = 0;

    *ret_copies = (struct ordo_timeline_copies){0};
    ordo__timeline_each(count_ring, &count);
    ret_copies->room = count + 16; /* for those that are made meanwhile */
    ret_copies->items = calloc(ret_copies->room, sizeof(*ret_copies->items));
    ORDO_REQUIRE(ret_copies->items != NULL);
    ret_copies->ticks = ordo_timeline_ticks();
    ordo__timeline_each(copy_ring, ret_copies);
    ordo_timeline_clock_copy(&ret_copies->clock);
}

void ordo_timeline_copy_done(struct ordo_timeline_copies *copies)
{
    for (size_t i = 0; i < copies->count; i++)
        free(copies->items[i].events);
    free(copies->items);
    *copies = (struct ordo_timeline_copies){0};
}

int64_t ordo_timeline_began_ns(const struct ordo_timeline_copies *copies,
                               const struct ordo_timeline_event *event)
{
    return event->is_ns ? (int64_t)event->at : ordo_timeline_clock_ns(&copies->clock, event->at);
}

int64_t ordo_timeline_ended_ns(const struct ordo_timeline_copies *copies,
                               const struct ordo_timeline_event *event)
{
    bool is_span = event->kind == ORDO_TIMELINE_SPAN || event->kind == ORDO_TIMELINE_MERGED;

    if (!is_span || event->is_ns)
        return ordo_timeline_began_ns(copies, event) + (is_span ? (int64_t)event->more : 0);
    return ordo_timeline_clock_ns(&copies->clock, event->at + event->more);
}
