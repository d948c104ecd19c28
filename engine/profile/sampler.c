/* SPDX-License-Identifier: MIT
 * sampler.c: who listens, the timers, and the way from the rings to the listeners.
 *
 * Timers are the cheapest way, but fire by the kernel's tick only; for more, and for threads that wait, there is the beat.
 */
#include "profile/sampler.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "profile/sampler_impl.h"
#include "vm/interrupt.h"

enum { SCAN_NS = 1000000000 };

/* glibc has no name for it yet. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* --- slots --- */

static void timer_begin(struct ordo_sampler *sampler, struct ordo__slot *slot)
{
    int64_t period_ns = 1000000000 / sampler->timers_hz;
    struct itimerspec every = {.it_interval.tv_nsec = period_ns % 1000000000,
                               .it_interval.tv_sec = period_ns / 1000000000};
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF, .sigev_value.sival_ptr = slot};

    event.sigev_notify_thread_id = atomic_load_explicit(&slot->tid, memory_order_relaxed);
    slot->has_timer = timer_create(slot->clock, &event, &slot->timer) == 0;
    if (!slot->has_timer)
        return; /* the thread just ended */
    every.it_value = every.it_interval;
    timer_settime(slot->timer, 0, &every, NULL);
}

static void timer_end(struct ordo__slot *slot)
{
    if (slot->has_timer)
        timer_delete(slot->timer);
    slot->has_timer = false;
}

void ordo__slot_begin(struct ordo_sampler *sampler, struct ordo__slot *slot)
{
    if (atomic_load(&slot->ring) == NULL) { /* pages are taken as they are written to */
        void *ring =
            mmap(NULL, sizeof(struct ordo__ring), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        ORDO_REQUIRE(ring != MAP_FAILED);
        atomic_store(&slot->ring, ring);
    }
    slot->cpu_seen_ns = ordo_clock_of_ns(slot->clock);
    atomic_store(&slot->beat_cpu_ns, 0);
    atomic_store(&slot->beat_wall_ns, 0);
    if (sampler->timers_hz > 0)
        timer_begin(sampler, slot);
}

static void drain(struct ordo_sampler *sampler, struct ordo__slot *slot);

void ordo__slot_end(struct ordo_sampler *sampler, struct ordo__slot *slot)
{
    timer_end(slot);
    drain(sampler, slot);
    atomic_store(&slot->tid, 0);
}

/* --- from a ring to the listeners --- */

static void tell_sample(struct ordo_sampler *sampler, const struct ordo__slot *slot, const uint64_t *record,
                        const struct ordo__what *what)
{
    struct ordo__counts counts;
    struct ordo_sample sample = {
        .at_ns = (int64_t)record[ORDO__RECORD_AT],
        .cpu_ns = (int64_t)record[ORDO__RECORD_CPU],
        .wall_ns = (int64_t)record[ORDO__RECORD_WALL],
        .count = what->ticks,
        .tid = atomic_load_explicit(&slot->tid, memory_order_relaxed),
        .thread = slot->name,
        .in_vm = what->in_vm,
        .is_waiting = what->is_waiting,
        .state = what->state,
        .context = {.order = record[ORDO__RECORD_ORDER],
                    .generation = (uint32_t)record[ORDO__RECORD_GENERATION],
                    .worker = what->worker,
                    .priority = what->priority},
        .frames = record + ORDO__RECORD_FRAMES,
    };

    memcpy(&counts, &record[ORDO__RECORD_COUNTS], sizeof(counts));
    sample.frame_count = (size_t)counts.leaves + counts.lua + counts.below;
    sample.lua_at = counts.leaves;
    sample.lua_count = counts.lua;
    for (struct ordo_sampler_listener *listener = sampler->listeners; listener != NULL;
         listener = listener->next)
        if (listener->wall ? sample.wall_ns > 0 : sample.cpu_ns > 0)
            listener->sample(listener, &sample);
}

static void tell_end(struct ordo_sampler *sampler, uint64_t order, int64_t took_ns)
{
    for (struct ordo_sampler_listener *listener = sampler->listeners; listener != NULL;
         listener = listener->next)
        if (listener->order_ended != NULL)
            listener->order_ended(listener, order, took_ns);
}

static void drain(struct ordo_sampler *sampler, struct ordo__slot *slot)
{
    const uint64_t *record;

    while ((record = ordo__ring_oldest(slot->ring)) != NULL) {
        struct ordo__what what;

        memcpy(&what, &record[ORDO__RECORD_WHAT], sizeof(what));
        if (what.kind == ORDO__SAMPLE)
            tell_sample(sampler, slot, record, &what);
        else
            tell_end(sampler, record[ORDO__RECORD_ORDER], (int64_t)record[ORDO__RECORD_AT]);
        ordo__ring_release(slot->ring);
    }
}

static void drain_all(struct ordo_sampler *sampler)
{
    for (size_t i = 0; i < ORDO__SLOTS; i++)
        if (atomic_load_explicit(&sampler->slots[i].tid, memory_order_relaxed) != 0)
            drain(sampler, &sampler->slots[i]);
}

/* --- who listens --- */

static void set_timers(struct ordo_sampler *sampler, unsigned hz)
{
    if (sampler->timers_hz == hz)
        return;
    ordo_lock(&sampler->lock);
    sampler->timers_hz = hz;
    if (hz > 0)
        atomic_store(&ordo__tick_ns, 1000000000 / hz);
    for (size_t i = 0; i < ORDO__SLOTS; i++) {
        struct ordo__slot *slot = &sampler->slots[i];

        if (atomic_load_explicit(&slot->tid, memory_order_relaxed) == 0)
            continue;
        timer_end(slot);
        if (hz > 0)
            timer_begin(sampler, slot);
    }
    ordo_unlock(&sampler->lock);
}

static void set_beat(struct ordo_sampler *sampler, unsigned hz, bool wall)
{
    atomic_store(&sampler->beat_wall, wall);
    if (atomic_exchange(&sampler->beat_hz, hz) == 0 && hz > 0)
        ordo_waker_wake(&sampler->beat_waker);
}

/* Fits timers and beat to those who listen. */
static void adapt(struct ordo_sampler *sampler)
{
    unsigned hz = 0;
    bool wall = false, ends = false, urgent = false, by_beat;

    for (struct ordo_sampler_listener *listener = sampler->listeners; listener != NULL;
         listener = listener->next) {
        hz = listener->hz > hz ? listener->hz : hz;
        wall = wall || listener->wall;
        ends = ends || listener->order_ended != NULL;
        urgent = urgent || listener->at_once;
    }
    by_beat = wall || hz > sampler->kernel_hz;
    atomic_store(&ordo__ends_are_wanted, ends);
    atomic_store(&ordo__is_urgent, urgent);
    set_timers(sampler, by_beat ? 0 : hz);
    set_beat(sampler, by_beat ? hz : 0, wall);
    atomic_store(&sampler->hz, hz);
}

void ordo_sampler_listen(struct ordo_sampler *sampler, struct ordo_sampler_listener *listener)
{
    if (sampler->listeners == NULL)
        ordo__threads_scan(sampler);
    ordo_sampler_turn(sampler); /* what came before is not for the new one */
    listener->next = sampler->listeners;
    sampler->listeners = listener;
    adapt(sampler);
}

void ordo_sampler_leave(struct ordo_sampler *sampler, struct ordo_sampler_listener *listener)
{
    struct ordo_sampler_listener **link = &sampler->listeners;

    ordo_sampler_turn(sampler); /* what is there already is for the one that leaves, too */
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    adapt(sampler);
}

void ordo_sampler_turn(struct ordo_sampler *sampler)
{
    int64_t now_ns = ordo_clock_ns();

    if (now_ns - sampler->scanned_ns > SCAN_NS) {
        sampler->scanned_ns = now_ns;
        ordo__threads_scan(sampler);
    }
    drain_all(sampler);
}

void ordo_sampler_each_thread(struct ordo_sampler *sampler,
                              void (*visit)(void *context, int32_t tid, const char *name), void *context)
{
    ordo__threads_scan(sampler);
    for (size_t i = 0; i < ORDO__SLOTS; i++) {
        const struct ordo__slot *slot = &sampler->slots[i];
        int32_t tid = atomic_load_explicit(&slot->tid, memory_order_relaxed);

        if (tid != 0)
            visit(context, tid, slot->name);
    }
}

void ordo_sampler_figures(struct ordo_sampler *sampler, struct ordo_sampler_figures *ret_figures)
{
    *ret_figures = (struct ordo_sampler_figures){
        .threads = atomic_load_explicit(&sampler->threads, memory_order_relaxed),
        .hz = atomic_load_explicit(&sampler->hz, memory_order_relaxed),
    };
    for (size_t i = 0; i < ORDO__SLOTS; i++) {
        const struct ordo__slot *slot = &sampler->slots[i];

        ret_figures->samples += atomic_load_explicit(&slot->samples, memory_order_relaxed);
        ret_figures->dropped += atomic_load_explicit(&slot->dropped, memory_order_relaxed);
        ret_figures->unjoined += atomic_load_explicit(&slot->unjoined, memory_order_relaxed);
        ret_figures->handler_ns += atomic_load_explicit(&slot->handler_ns, memory_order_relaxed);
    }
}

/* CPU timers are looked at when the kernel ticks, which is also how fine its coarse clock is. */
static unsigned kernel_hz(void)
{
    struct timespec tick;

    if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) != 0 || tick.tv_nsec == 0)
        return 100;
    return (unsigned)(1000000000 / tick.tv_nsec);
}

/* Signals may be on their way when nobody listens any more, and hold the address of a slot: so slots are never freed. */
static struct ordo_sampler only;

struct ordo_sampler *ordo_sampler_new(void)
{
    ORDO_REQUIRE(!only.is_open);
    only.is_open = true;
    ordo_lock_init(&only.lock, ORDO_LOCK_SAMPLER);
    only.kernel_hz = kernel_hz();
    ordo__tick_install();
    ordo__beat_start(&only);
    return &only;
}

void ordo_sampler_free(struct ordo_sampler *sampler)
{
    if (sampler == NULL)
        return;
    ORDO_REQUIRE(sampler->listeners == NULL);
    ordo__beat_stop(sampler);
    ordo_lock_done(&sampler->lock);
    sampler->is_open = false;
}
