/* SPDX-License-Identifier: MIT
 * timeline.c: rings and their owners, and how much is written.
 *
 * Room is rationed so that a ring holds the last HOLD_S seconds. Turns and other short spans are merged or left out when
 * they are many, so they take a bounded share. The rest goes to what is followed: each interval the ring's owner looks at what
 * was written and at what one followed order costs, and allows as many as fit. More than these are chosen by chance, so that
 * the first of a burst are not preferred; SHARE events tell how many there were.
 */
#include "base/timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/lock.h"

enum {
    HOLD_S = 7, /* what is meant to be held is 5; bursts may take the rest */
    INTERVALS_S = 10,
    SHORT_SHARE = 8, /* of the room of an interval, for short spans one by one */
    BURST = 8,       /* intervals whose room is kept for a burst */
    COST_FIRST = 40, /* events that a followed one takes, before any was */
    SLOW_MAX = 50,   /* notes in one interval */
    KEPT_S = 10,     /* a ring of a thread that ended is not used again for so long */
};

/* In microseconds. */
enum { LONG_US = 250, MERGE_US = 1000, GAP_US = 500 };

static struct ordo_lock lock = ORDO_LOCK_INITIALIZER(TIMELINE);
static struct ordo_timeline *rings; /* under lock, as is the next one; newest first */
static size_t ring_count;
static pthread_key_t ended;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic size_t ring_bytes; /* 0: off */
static uint64_t us_ticks, long_ticks, merge_ticks, gap_ticks, interval_ticks;

_Thread_local struct ordo_timeline *ordo_timeline_own;
_Atomic int64_t ordo_timeline_slow_ns = INT64_MAX;
_Atomic uint64_t ordo_timeline_slow_noted, ordo_timeline_slow_refused;

static void thread_ended(void *ring)
{
    (void)ring;
    ordo_timeline_leave();
}

static void begin(void)
{
    ORDO_REQUIRE(pthread_key_create(&ended, thread_ended) == 0);
}

void ordo_timeline_start(const struct ordo_timeline_options *options)
{
    struct ordo_timeline_clock clock;
    uint64_t us;

    ORDO_REQUIRE((options->ring_bytes & (options->ring_bytes - 1)) == 0);
    pthread_once(&once, begin);
    if (options->ring_bytes > 0) {
        ordo_timeline_clock_start();
        ordo_timeline_clock_copy(&clock);
        us = (clock.ticks[clock.count - 1] - clock.ticks[0]) * 1000 /
             (uint64_t)(clock.ns[clock.count - 1] - clock.ns[0]);
        us_ticks = us;
        long_ticks = LONG_US * us;
        merge_ticks = MERGE_US * us;
        gap_ticks = GAP_US * us;
        interval_ticks = 1000000 / INTERVALS_S * us;
    }
    atomic_store(&ordo_timeline_slow_ns,
                 options->slow_ns > 0 && options->ring_bytes > 0 ? options->slow_ns : INT64_MAX);
    atomic_store(&ring_bytes, options->ring_bytes);
}

bool ordo_timeline_is_on(void)
{
    return atomic_load_explicit(&ring_bytes, memory_order_relaxed) > 0;
}

/* --- rings; under lock --- */

static bool is_free(const struct ordo_timeline *ring, size_t bytes, int64_t now_ns)
{
    return !ring->in_use && (ring->mask + 1) * sizeof(struct ordo_timeline_event) == bytes &&
           now_ns - ring->ended_ns > KEPT_S * INT64_C(1000000000);
}

static struct ordo_timeline *make_ring(size_t bytes)
{
    struct ordo_timeline *ring;
    void *slots;

    if (ring_count == ORDO_TIMELINE_RINGS)
        return NULL;
    slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (slots == MAP_FAILED)
        return NULL;
    ring = aligned_alloc(_Alignof(struct ordo_timeline), sizeof(*ring));
    ORDO_REQUIRE(ring != NULL);
    memset(ring, 0, sizeof(*ring));
    ring->slots = slots;
    ring->mask = bytes / sizeof(struct ordo_timeline_event) - 1;
    ring->id = (unsigned)ring_count++;
    ring->numbers = (uint64_t)ring_count << 40;
    ring->random = ring->numbers;
    ring->cost = COST_FIRST * 16;
    ring->next = rings;
    rings = ring;
    return ring;
}

static struct ordo_timeline *take_ring(size_t bytes)
{
    int64_t now_ns = ordo_clock_ns();
    struct ordo_timeline *ring = rings;

    while (ring != NULL && !is_free(ring, bytes, now_ns))
        ring = ring->next;
    if (ring == NULL && (ring = make_ring(bytes)) == NULL)
        return NULL;
    ring->first = atomic_load_explicit(&ring->head, memory_order_relaxed);
    ring->interval_head = ring->first;
    atomic_store(&ring->interval_at, 0);
    ring->seen_before = ring->detail = ring->followed = ring->slow_count = ring->short_spans = 0;
    ring->in_use = true;
    return ring;
}

bool ordo_timeline_enter(const char *thread)
{
    size_t bytes = atomic_load(&ring_bytes);
    struct ordo_timeline *ring;

    if (ordo_timeline_own != NULL || bytes == 0)
        return ordo_timeline_own != NULL;
    ordo_lock(&lock);
    ring = take_ring(bytes);
    if (ring != NULL) {
        snprintf(ring->thread, sizeof(ring->thread), "%s", thread);
        ring->tid = (int)gettid();
    }
    ordo_unlock(&lock);
    pthread_setspecific(ended, ring);
    ordo_timeline_own = ring;
    return ring != NULL;
}

void ordo_timeline_leave(void)
{
    struct ordo_timeline *ring = ordo_timeline_own;

    if (ring == NULL)
        return;
    ordo_timeline_own = NULL;
    pthread_setspecific(ended, NULL);
    atomic_store(&ring->turn_at, 0);
    ordo_lock(&lock);
    ring->in_use = false;
    ring->ended_ns = ordo_clock_ns();
    ordo_unlock(&lock);
}

void ordo__timeline_each(void (*visit)(void *context, struct ordo_timeline *ring), void *context)
{
    ordo_lock(&lock);
    for (struct ordo_timeline *ring = rings; ring != NULL; ring = ring->next)
        visit(context, ring);
    ordo_unlock(&lock);
}

/* Room for one interval's events. */
static int64_t interval_room(const struct ordo_timeline *ring)
{
    return (int64_t)((ring->mask + 1) / (HOLD_S * INTERVALS_S));
}

/* --- spans of threads --- */

static void add(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

static uint64_t own_value(_Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* Publishes the short turns so far; count 0: there are none. */
static void set_turns(struct ordo_timeline *ring, uint64_t at, uint64_t end, uint64_t inside, uint64_t count)
{
    uint64_t version = own_value(&ring->turns.version);

    atomic_store_explicit(&ring->turns.version, version + 1, memory_order_relaxed);
    atomic_store_explicit(&ring->turns.at, at, memory_order_release);
    atomic_store_explicit(&ring->turns.end, end, memory_order_release);
    atomic_store_explicit(&ring->turns.inside, inside, memory_order_release);
    atomic_store_explicit(&ring->turns.count, count, memory_order_release);
    atomic_store_explicit(&ring->turns.version, version + 2, memory_order_release);
}

static void write_turns(struct ordo_timeline *ring)
{
    uint64_t at = own_value(&ring->turns.at), count = own_value(&ring->turns.count);

    if (count == 0)
        return;
    ordo__timeline_put(ring, &(struct ordo_timeline_event){
                                 .at = at,
                                 .more = own_value(&ring->turns.end) - at,
                                 .number = own_value(&ring->turns.inside),
                                 .extra = (uint32_t)count,
                                 .name = ORDO_TIMELINE_TURN,
                                 .kind = ORDO_TIMELINE_MERGED,
                             });
    set_turns(ring, 0, 0, 0, 0);
}

static void begin_interval(struct ordo_timeline *ring, uint64_t now);

static bool has_room_for_short(struct ordo_timeline *ring)
{
    return (int64_t)++ring->short_spans <= interval_room(ring) / SHORT_SHARE;
}

static void look_at_interval(struct ordo_timeline *ring, uint64_t now)
{
    if (now - own_value(&ring->interval_at) >= interval_ticks)
        begin_interval(ring, now);
}

void ordo_timeline_turn_begin(void)
{
    struct ordo_timeline *ring = ordo_timeline_own;
    uint64_t now;

    if (ring == NULL || own_value(&ring->turn_at) != 0)
        return;
    now = ordo_timeline_ticks();
    look_at_interval(ring, now);
    atomic_store_explicit(&ring->turn_at, now, memory_order_release);
}

void ordo_timeline_turn_end(void)
{
    struct ordo_timeline *ring = ordo_timeline_own;
    uint64_t at, now, first;

    if (ring == NULL || (at = own_value(&ring->turn_at)) == 0)
        return;
    now = ordo_timeline_ticks();
    first = own_value(&ring->turns.at);
    if (own_value(&ring->turns.count) == 0) {
        first = at;
    } else if (now - first > merge_ticks || at - own_value(&ring->turns.end) > gap_ticks ||
               now - at >= long_ticks) {
        write_turns(ring);
        first = at;
    }
    if (now - at >= long_ticks || (own_value(&ring->turns.count) == 0 && has_room_for_short(ring)))
        ordo_timeline_span(ORDO_TIMELINE_TURN, at, 0);
    else
        set_turns(ring, first, now, own_value(&ring->turns.inside) + now - at,
                  own_value(&ring->turns.count) + 1);
    atomic_store_explicit(&ring->turn_at, 0, memory_order_release);
}

/* A long one, or one of few short ones; else it is counted. */
static bool is_let_in(struct ordo_timeline *ring, uint64_t took, uint64_t now)
{
    look_at_interval(ring, now);
    if (took >= long_ticks || has_room_for_short(ring))
        return true;
    if (now - ring->rationed_end < merge_ticks) {
        add(&ring->left_out, 1);
        return false;
    }
    ring->rationed_end = now;
    return true;
}

void ordo_timeline_span_rationed(uint16_t name, uint16_t detail, uint64_t began)
{
    struct ordo_timeline *ring = ordo_timeline_own;
    uint64_t now;

    if (ring == NULL)
        return;
    now = ordo_timeline_ticks();
    if (is_let_in(ring, now - began, now))
        ordo__timeline_put(
            ring,
            &(struct ordo_timeline_event){
                .at = began, .more = now - began, .extra = detail, .name = name, .kind = ORDO_TIMELINE_SPAN});
}

void ordo_timeline_span_between(uint16_t name, int64_t began_ns, int64_t ended_ns)
{
    struct ordo_timeline *ring = ordo_timeline_own;
    uint64_t took_ns = (uint64_t)(ended_ns - began_ns);

    if (ring != NULL && ended_ns >= began_ns &&
        is_let_in(ring, took_ns * us_ticks / 1000, ordo_timeline_ticks()))
        ordo__timeline_put(ring, &(struct ordo_timeline_event){.at = (uint64_t)began_ns,
                                                               .more = took_ns,
                                                               .name = name,
                                                               .kind = ORDO_TIMELINE_SPAN,
                                                               .is_ns = 1});
}

void ordo_timeline_took(uint16_t name, uint16_t detail, int64_t took_ns)
{
    uint64_t took = (uint64_t)took_ns * us_ticks / 1000;

    if (ordo_timeline_own != NULL)
        ordo__timeline_put(ordo_timeline_own,
                           &(struct ordo_timeline_event){.at = ordo_timeline_ticks() - took,
                                                         .more = took,
                                                         .extra = detail,
                                                         .name = name,
                                                         .kind = ORDO_TIMELINE_SPAN});
}

/* --- what is followed --- */

static void begin_interval(struct ordo_timeline *ring, uint64_t now)
{
    int64_t fresh = interval_room(ring), passed = BURST;
    uint64_t began = own_value(&ring->interval_at), seen = own_value(&ring->seen),
             left_out = own_value(&ring->left_out), head;

    if (seen > 0 || left_out > 0)
        ordo__timeline_put(ring, &(struct ordo_timeline_event){
                                     .at = began,
                                     .more = seen,
                                     .number = own_value(&ring->chosen),
                                     .extra = left_out < UINT32_MAX ? (uint32_t)left_out : UINT32_MAX,
                                     .kind = ORDO_TIMELINE_SHARE,
                                 });
    if (ring->followed > 0)
        ring->cost = (3 * ring->cost + 16 * ring->detail / ring->followed) / 4 + 1;
    head = own_value(&ring->head);
    if (now - began < BURST * interval_ticks)
        passed = (int64_t)((now - began) / interval_ticks);
    ring->room += passed * fresh - (int64_t)(head - ring->interval_head);
    if (ring->room > BURST * fresh)
        ring->room = BURST * fresh;
    if (ring->room < -BURST * fresh)
        ring->room = -BURST * fresh;
    ring->allowed = (uint64_t)(ring->room > fresh / 10 ? ring->room : fresh / 10) * 16 / ring->cost;
    ring->seen_before = passed > 1 ? 0 : seen;
    ring->interval_head = head;
    atomic_store_explicit(&ring->interval_at, now, memory_order_relaxed);
    ring->detail = ring->followed = ring->slow_count = ring->short_spans = 0;
    atomic_store_explicit(&ring->seen, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->chosen, 0, memory_order_relaxed);
    atomic_store_explicit(&ring->left_out, 0, memory_order_relaxed);
}

/* Below `bound`, each number with the same chance (xorshift64*). */
static uint64_t random_below(struct ordo_timeline *ring, uint64_t bound)
{
    ring->random ^= ring->random >> 12;
    ring->random ^= ring->random << 25;
    ring->random ^= ring->random >> 27;
    return ((ring->random * UINT64_C(2685821657736338717)) >> 32) * bound >> 32;
}

uint64_t ordo_timeline_choose(void)
{
    struct ordo_timeline *ring = ordo_timeline_own;
    uint64_t of;

    if (ring == NULL)
        return 0;
    add(&ring->seen, 1);
    of = own_value(&ring->seen);
    if (of < ring->seen_before)
        of = ring->seen_before;
    if (of > ring->allowed && random_below(ring, of) >= ring->allowed)
        return 0;
    add(&ring->chosen, 1);
    return ++ring->numbers;
}

void ordo_timeline_step_at(uint64_t number, uint16_t name, int64_t at_ns)
{
    struct ordo_timeline *ring = ordo_timeline_own;

    if (ring == NULL)
        return;
    ring->detail++;
    ordo__timeline_put(ring, &(struct ordo_timeline_event){
                                 .at = at_ns != 0 ? (uint64_t)at_ns : ordo_timeline_ticks(),
                                 .number = number,
                                 .name = name,
                                 .kind = ORDO_TIMELINE_STEP,
                                 .is_ns = at_ns != 0,
                             });
}

void ordo_timeline_label(uint64_t number, ordo_str label)
{
    struct ordo_timeline *ring = ordo_timeline_own;

    if (ring == NULL)
        return;
    ring->detail++;
    ordo__timeline_put(ring, &(struct ordo_timeline_event){.at = ordo_timeline_ticks(),
                                                           .number = number,
                                                           .extra = (uint32_t)label.len,
                                                           .kind = ORDO_TIMELINE_LABEL});
    for (size_t from = 0; from < label.len; from += ORDO_TIMELINE_TEXT_BYTES) {
        struct ordo_timeline_event text = {.kind = ORDO_TIMELINE_TEXT};
        size_t left = label.len - from;

        memcpy(&text, label.ptr + from, left < ORDO_TIMELINE_TEXT_BYTES ? left : ORDO_TIMELINE_TEXT_BYTES);
        ordo__timeline_put(ring, &text);
        ring->detail++;
    }
}

void ordo_timeline_followed(uint64_t number)
{
    if (number != 0 && ordo_timeline_own != NULL)
        ordo_timeline_own->followed++;
}

void ordo_timeline_note_slow(const struct ordo_timeline_slow *slow)
{
    struct ordo_timeline *ring = ordo_timeline_own;
    uint64_t number = slow->number;

    if (ring == NULL)
        return;
    if (ring->slow_count++ >= SLOW_MAX) {
        atomic_fetch_add_explicit(&ordo_timeline_slow_refused, 1, memory_order_relaxed);
        return;
    }
    if (number == 0)
        number = ++ring->numbers;
    ordo__timeline_put(ring, &(struct ordo_timeline_event){.at = (uint64_t)slow->began_ns,
                                                           .more = (uint64_t)slow->ended_ns,
                                                           .number = number,
                                                           .extra = slow->number != 0,
                                                           .kind = ORDO_TIMELINE_SLOW,
                                                           .is_ns = 1});
    ordo__timeline_put(ring, &(struct ordo_timeline_event){.at = (uint64_t)slow->steps_ns[0],
                                                           .more = (uint64_t)slow->steps_ns[1],
                                                           .number = (uint64_t)slow->steps_ns[2],
                                                           .extra = slow->attempt,
                                                           .kind = ORDO_TIMELINE_SLOW_STEPS,
                                                           .is_ns = 1});
    ordo_timeline_label(number, slow->label);
    atomic_fetch_add_explicit(&ordo_timeline_slow_noted, 1, memory_order_release);
}
