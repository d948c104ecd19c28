/* SPDX-License-Identifier: MIT
 * timeline_clock.c: which clock it is, and pairs of both clocks.
 */
#include "base/timeline_clock.h"

#include <stdio.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/lock.h"

enum { TRIES = 16, NS_FIRST = 2000000 };

bool ordo_timeline_counts;
static struct ordo_lock lock = ORDO_LOCK_INITIALIZER(TIMELINE_CLOCK);
static struct ordo_timeline_clock pairs; /* under lock */

/* The counter runs at one rate in all states of the processor, and the kernel found the processors' counters to agree. */
static bool counter_is_even(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d = 0;
    char source[32] = "";
    FILE *file;

    if (__get_cpuid(0x80000007, &a, &b, &c, &d) == 0 || (d & (1u << 8)) == 0)
        return false;
    file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (file == NULL)
        return false;
    if (fgets(source, sizeof(source), file) == NULL)
        source[0] = '\0';
    fclose(file);
    return strcmp(source, "tsc\n") == 0;
#else
    return false;
#endif
}

/* The pair whose two readings of the counter lie closest together: no interrupt came between. */
static void take_pair(uint64_t *ret_ticks, int64_t *ret_ns)
{
    uint64_t closest = UINT64_MAX;

    for (int i = 0; i < TRIES; i++) {
        uint64_t before = ordo_timeline_ticks();
        int64_t ns = ordo_clock_ns();
        uint64_t apart = ordo_timeline_ticks() - before;

        if (!ordo_timeline_counts) {
            *ret_ticks = (uint64_t)ns;
            *ret_ns = ns;
            return;
        }
        if (apart < closest) {
            closest = apart;
            *ret_ticks = before + apart / 2;
            *ret_ns = ns;
        }
    }
}

void ordo_timeline_clock_mark(void)
{
    uint64_t ticks = 0;
    int64_t ns = 0;
    size_t kept = ORDO_TIMELINE_PAIRS / 2;

    ordo_lock(&lock);
    take_pair(&ticks, &ns);
    if (pairs.count == ORDO_TIMELINE_PAIRS) {
        memmove(pairs.ticks, pairs.ticks + ORDO_TIMELINE_PAIRS - kept, kept * sizeof(*pairs.ticks));
        memmove(pairs.ns, pairs.ns + ORDO_TIMELINE_PAIRS - kept, kept * sizeof(*pairs.ns));
        pairs.count = kept;
    }
    /* Too close to the last one, the line through both would be steep by the error of either. */
    if (pairs.count > 1 && ns - pairs.ns[pairs.count - 1] < NS_FIRST)
        pairs.count--;
    pairs.ticks[pairs.count] = ticks;
    pairs.ns[pairs.count++] = ns;
    ordo_unlock(&lock);
}

void ordo_timeline_clock_start(void)
{
    int64_t until_ns;

    ordo_lock(&lock);
    if (pairs.count == 0)
        ordo_timeline_counts = counter_is_even();
    ordo_unlock(&lock);
    ordo_timeline_clock_mark();
    /* A rate from the start on; ORDO_TIMELINE_PAIRS are taken over the next seconds. */
    until_ns = ordo_clock_ns() + NS_FIRST;
    while (ordo_timeline_counts && ordo_clock_ns() < until_ns) {
    }
    ordo_timeline_clock_mark();
}

void ordo_timeline_clock_copy(struct ordo_timeline_clock *ret_clock)
{
    ordo_timeline_clock_mark();
    ordo_lock(&lock);
    *ret_clock = pairs;
    ordo_unlock(&lock);
}

/* Along the line through pairs i and i + 1. */
static int64_t along(const struct ordo_timeline_clock *clock, size_t i, uint64_t ticks)
{
    double rate = (double)(clock->ns[i + 1] - clock->ns[i]) / (double)(clock->ticks[i + 1] - clock->ticks[i]);

    return clock->ns[i] + (int64_t)((double)(int64_t)(ticks - clock->ticks[i]) * rate);
}

int64_t ordo_timeline_clock_ns(const struct ordo_timeline_clock *clock, uint64_t ticks)
{
    size_t low = 0, high;

    if (!ordo_timeline_counts)
        return (int64_t)ticks;
    if (clock->count < 2)
        return 0;
    high = clock->count - 1; /* the line that begins at `low` is looked for */
    while (high - low > 1) {
        size_t middle = (low + high) / 2;

        if (clock->ticks[middle] <= ticks)
            low = middle;
        else
            high = middle;
    }
    return along(clock, low, ticks);
}
