/* SPDX-License-Identifier: MIT
 * sampler_impl.h: what the files of the sampler share.
 *
 *   sampler.c          who listens, timers, emptying the rings
 *   sampler_threads.c  which threads there are
 *   sampler_beat.c     ticks that no timer gives: more often than the kernel's, and of threads that wait
 *   sampler_tick.c     the signal handler, and the workers' side
 */
#pragma once

#include <signal.h>
#include <time.h>

#include "base/lock.h"
#include "base/thread.h"
#include "profile/sampler.h"
#include "profile/sampler_ring.h"

enum { ORDO__SLOTS = 512, ORDO__NAME_SIZE = 16 };
enum {
    ORDO__BEAT_LENT = 7
}; /* parts of the CPU time that a sample of the beat leaves to the next ones, for each that it takes */

/* A thread that is sampled. Slots are used again, and never freed while the sampler lives. */
struct ordo__slot {
    _Atomic int32_t tid; /* 0: free */
    uint64_t started;    /* by the kernel's clock: tells a new thread from an old one of the same tid */
    char name[ORDO__NAME_SIZE];
    clockid_t clock; /* of its CPU time */
    timer_t timer;
    bool has_timer, is_seen;                   /* is_seen: by the last scan */
    int64_t cpu_seen_ns;                       /* by the beat */
    _Atomic int64_t beat_cpu_ns, beat_wall_ns; /* what the next signal of the beat stands for */
    _Atomic bool beat_on_cpu;                  /* the thread ran when it was asked */
    _Atomic(struct ordo__ring *) ring;         /* kept for the next thread */

    /* added to by the thread's handler */
    _Atomic uint64_t samples, dropped, unjoined, handler_ns;
};

/* The words of a record. */
enum ordo__record {
    ORDO__RECORD_LENGTH, /* the ring's */
    ORDO__RECORD_WHAT,   /* struct ordo__what */
    ORDO__RECORD_AT,
    ORDO__RECORD_CPU,
    ORDO__RECORD_WALL,
    ORDO__RECORD_ORDER,
    ORDO__RECORD_GENERATION,
    ORDO__RECORD_COUNTS, /* struct ordo__counts */
    ORDO__RECORD_FRAMES,
};

enum ordo__record_kind { ORDO__SAMPLE = 1, ORDO__ORDER_ENDED }; /* of an end: AT is how long it took */

struct ordo__what {
    uint8_t kind, state, priority;
    uint8_t in_vm : 1, is_waiting : 1;
    uint16_t worker, ticks;
};

struct ordo__counts {
    uint16_t leaves, lua, below, unused; /* in this order, innermost first */
};

struct ordo_sampler {
    struct ordo__slot slots[ORDO__SLOTS];
    struct ordo_sampler_listener *listeners;
    struct ordo_lock lock; /* guards which slots are taken, against the beat */
    int64_t scanned_ns;
    bool is_open;
    unsigned kernel_hz; /* ticks of CPU timers a second, at most */
    unsigned timers_hz;
    _Atomic uint32_t threads;
    _Atomic unsigned hz; /* 0: off */

    struct ordo_thread beat;
    struct ordo_waker beat_waker;
    _Atomic unsigned beat_hz; /* 0: it sleeps */
    _Atomic bool beat_wall, beat_stops;
};

/* What handlers need; set for good by the first sampler. */
extern _Atomic int64_t ordo__tick_ns;      /* of the timers */
extern _Atomic bool ordo__ends_are_wanted; /* somebody listens for the ends of orders */
extern _Atomic bool ordo__is_urgent;       /* somebody listens who cannot wait for C to return */

/* sampler_threads.c: takes and frees slots so that there is one for each thread of the process. */
void ordo__threads_scan(struct ordo_sampler *sampler);
/* Called by it with the slot of a thread that is new (under the lock), and of one that is gone. */
void ordo__slot_begin(struct ordo_sampler *sampler, struct ordo__slot *slot);
void ordo__slot_end(struct ordo_sampler *sampler, struct ordo__slot *slot);

/* sampler_beat.c */
void ordo__beat_start(struct ordo_sampler *sampler);
void ordo__beat_stop(struct ordo_sampler *sampler);

/* sampler_tick.c */
void ordo__tick_install(void);
