/* SPDX-License-Identifier: MIT
 * watch.c: what the profiler does without being asked: it looks how large the heap is, so that its high water can be shown,
 * and compares a heap profile a minute with those before, so that leaks are found.
 */
#include "base/clock.h"
#include "base/log.h"
#include "profile/profiler_impl.h"

#define SECOND_NS ((int64_t)1000000000)

enum { NAMED_MOST = 3 };

/* A line that was found to grow is said once, and again when others join it. */
static void log_leaks(struct ordo_profiler *profiler)
{
    struct ordo_leak leaks[NAMED_MOST];
    size_t count = ordo_leaks_find(profiler->leaks, leaks, NAMED_MOST);

    if (count > profiler->leaks_told)
        for (size_t i = 0; i < count && i < NAMED_MOST; i++)
            ordo_log_warn("leaks",
                          ORDO_STR_FMT " (" ORDO_STR_FMT
                                       ":%d) holds %.1f MiB and grows by %.1f KiB/s: see /profile/leaks",
                          ORDO_STR_ARG(leaks[i].site.function), ORDO_STR_ARG(leaks[i].site.file),
                          leaks[i].site.line, (double)leaks[i].live_bytes / 1048576,
                          leaks[i].bytes_per_second / 1024);
    profiler->leaks_told = count;
}

static void compare(struct ordo_profiler *profiler, int64_t now_ns)
{
    uint64_t orders = ordo__orders(profiler);
    struct ordo_heap_dump *dump;
    struct ordo_profile *profile;
    struct ordo_error err;

    dump = ordo_heap_dump_take(&err);
    if (dump == NULL)
        return;
    profile = ordo_heap_profile(dump, NULL, profiler->symbols, false);
    ordo_leaks_add_profile(profiler->leaks, profile, profiler->symbols, now_ns,
                           orders - profiler->leaks_orders);
    profiler->leaks_orders = orders;
    ordo_profile_free(profile);
    ordo_heap_dump_free(dump);
    ordo_symbols_rest(profiler->symbols);
    log_leaks(profiler);
}

int64_t ordo__watch(struct ordo_profiler *profiler)
{
    int64_t now_ns = ordo_clock_ns();

    if (now_ns >= profiler->look_next_ns) {
        if (profiler->profiled.look != NULL)
            profiler->profiled.look(profiler->profiled.context);
        if (profiler->watches)
            ordo_heap_peak_look(&profiler->peak);
        ordo__profiler_publish(profiler);
        profiler->look_next_ns = now_ns + SECOND_NS;
    }
    if (!profiler->watches)
        return profiler->look_next_ns;
    if (now_ns >= profiler->leaks_next_ns) {
        compare(profiler, now_ns);
        profiler->leaks_next_ns = now_ns + profiler->options.leaks_interval_ns;
    }
    return profiler->look_next_ns < profiler->leaks_next_ns ? profiler->look_next_ns
                                                            : profiler->leaks_next_ns;
}
