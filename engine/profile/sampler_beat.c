/* SPDX-License-Identifier: MIT
 * sampler_beat.c: a thread that asks the others for samples where timers cannot: more often than the kernel's tick, by which
 * CPU timers fire, and of threads that wait. A thread that used no CPU time is left in peace unless waiting counts.
 *
 * The time between two beats varies around its mean, so that nothing which repeats is always, or never, met.
 */
#include "profile/sampler_impl.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

static int64_t cpu_ns(const struct ordo__slot *slot)
{
    int64_t now_ns = ordo_clock_of_ns(slot->clock);

    return now_ns > 0 ? now_ns : slot->cpu_seen_ns; /* 0: it ended */
}

static void ask(const struct ordo__slot *slot, int32_t tid)
{
    siginfo_t info;

    memset(&info, 0, sizeof(info));
    info.si_signo = SIGPROF;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_ptr = (void *)(uintptr_t)slot;
    syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGPROF, &info);
}

/* The time is added to what the thread has not yet made a sample of, should its last signal be on its way still. */
static void ask_all(struct ordo_sampler *sampler, int64_t passed_ns, int64_t period_ns, bool wall)
{
    ordo_lock(&sampler->lock);
    for (size_t i = 0; i < ORDO__SLOTS; i++) {
        struct ordo__slot *slot = &sampler->slots[i];
        int32_t tid = atomic_load_explicit(&slot->tid, memory_order_relaxed);
        int64_t now_ns;
        bool on_cpu;

        if (tid == 0)
            continue;
        now_ns = cpu_ns(slot);
        if (!wall && now_ns == slot->cpu_seen_ns)
            continue;
        /* The clock of a thread that is on a CPU goes on. One that waits for a CPU looks like one that sleeps. */
        on_cpu = wall || cpu_ns(slot) != now_ns;
        if (!on_cpu && now_ns - slot->cpu_seen_ns < period_ns / 8)
            continue;
        atomic_store_explicit(&slot->beat_on_cpu, on_cpu, memory_order_relaxed);
        atomic_fetch_add_explicit(&slot->beat_cpu_ns, now_ns - slot->cpu_seen_ns, memory_order_relaxed);
        slot->cpu_seen_ns = now_ns;
        if (wall)
            atomic_fetch_add_explicit(&slot->beat_wall_ns, passed_ns, memory_order_relaxed);
        ask(slot, tid);
    }
    ordo_unlock(&sampler->lock);
}

/* CPU time from before the beat began belongs to nobody. What the first samples leave to later ones is lent to them. */
static void forget_past(struct ordo_sampler *sampler, int64_t period_ns)
{
    ordo_lock(&sampler->lock);
    for (size_t i = 0; i < ORDO__SLOTS; i++) {
        if (atomic_load_explicit(&sampler->slots[i].tid, memory_order_relaxed) == 0)
            continue;
        sampler->slots[i].cpu_seen_ns = cpu_ns(&sampler->slots[i]);
        atomic_store_explicit(&sampler->slots[i].beat_cpu_ns, ORDO__BEAT_LENT * period_ns,
                              memory_order_relaxed);
    }
    ordo_unlock(&sampler->lock);
}

static void sleep_ns(int64_t ns)
{
    struct timespec until = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

    clock_nanosleep(CLOCK_MONOTONIC, 0, &until, NULL);
}

static void run(void *context)
{
    struct ordo_sampler *sampler = context;
    uint32_t random = 2463534242;
    int64_t last_ns = 0;

    while (!atomic_load(&sampler->beat_stops)) {
        unsigned hz = atomic_load(&sampler->beat_hz);
        int64_t period_ns, now_ns;

        if (hz == 0) {
            ordo_waker_wait(&sampler->beat_waker, INT64_MAX);
            hz = atomic_load(&sampler->beat_hz);
            forget_past(sampler, hz > 0 ? 1000000000 / hz : 0);
            last_ns = ordo_clock_ns();
            continue;
        }
        period_ns = 1000000000 / hz;
        random ^= random << 13, random ^= random >> 17, random ^= random << 5;
        sleep_ns(period_ns / 2 + random % (uint32_t)period_ns); /* period_ns in the mean */
        now_ns = ordo_clock_ns();
        ask_all(sampler, now_ns - last_ns, period_ns, atomic_load(&sampler->beat_wall));
        last_ns = now_ns;
    }
}

void ordo__beat_start(struct ordo_sampler *sampler)
{
    atomic_store(&sampler->beat_stops, false);
    ordo_waker_init(&sampler->beat_waker);
    ORDO_REQUIRE(ordo_thread_start(&sampler->beat, "profiler-beat", run, sampler) == 0);
}

void ordo__beat_stop(struct ordo_sampler *sampler)
{
    atomic_store(&sampler->beat_stops, true);
    ordo_waker_wake(&sampler->beat_waker);
    ordo_thread_join(&sampler->beat);
    ordo_waker_done(&sampler->beat_waker);
}
