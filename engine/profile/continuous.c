/* SPDX-License-Identifier: MIT
 * continuous.c: profiles that the profiler takes by itself, one behind the other: CPU, and the heap at the end of each.
 *
 * They listen to the same samples as whoever asks, in a window of their own, so they are in nobody's way. The next window
 * is open before the last one ends, and begins when that one ends: no sample is in both, and none in between.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "profile/heap.h"
#include "profile/profiler_impl.h"

/* A clock that is further off than this was set. */
#define CLOCK_SET_NS ((int64_t)1000000000)

static void ignore(void *context, struct ordo_profile_answer *answer)
{
    (void)context, (void)answer;
}

static struct ordo__window *new_window(struct ordo_profiler *profiler, enum ordo_profile_kind kind)
{
    struct ordo__window *window = calloc(1, sizeof(*window));

    ORDO_REQUIRE(window != NULL);
    window->request = (struct ordo_profile_request){
        .kind = kind,
        .duration_ns = kind == ORDO_PROFILE_CPU ? profiler->options.interval_ns : 0,
        .hz = profiler->options.continuous_hz,
        .priority = -1,
    };
    window->done = ignore;
    window->context = profiler;
    window->is_continuous = true;
    return window;
}

/* The answer is in the history already. */
static void take_heap(void *context, struct ordo_profile_answer *answer)
{
    struct ordo_profiler *profiler = context;

    if (answer->result != ORDO_PROFILE_STOPPING)
        ordo__window_open(profiler, new_window(profiler, ORDO_PROFILE_HEAP));
}

static struct ordo__window *new_cpu_window(struct ordo_profiler *profiler)
{
    struct ordo__window *window = new_window(profiler, ORDO_PROFILE_CPU);

    window->done = take_heap;
    return window;
}

void ordo__continuous_start(struct ordo_profiler *profiler)
{
    struct ordo_error unused;

    if (!profiler->options.continuous || (profiler->history == NULL && profiler->profiled.captured == NULL))
        return;
    if (profiler->profiled.captured != NULL)
        profiler->round_heap = ordo_heap_dump_take(&unused);
    ordo__window_open(profiler, new_cpu_window(profiler));
}

static int64_t until_utc_ns(const struct ordo__window *window)
{
    return window->began_utc_ns + (window->ended_ns - window->began_ns);
}

void ordo__continuous_follow(struct ordo_profiler *profiler, const struct ordo__window *window)
{
    struct ordo__window *next;
    int64_t utc_ns = ordo_clock_of_ns(CLOCK_REALTIME), until_ns = until_utc_ns(window);

    if (window->request.kind != ORDO_PROFILE_CPU)
        return;
    next = new_cpu_window(profiler);
    next->began_ns = window->ended_ns;
    next->began_utc_ns = llabs(utc_ns - until_ns) < CLOCK_SET_NS ? until_ns : utc_ns;
    next->orders_before = window->orders_after;
    ordo__window_open(profiler, next);
}

bool ordo__continuous_is_wanted(const struct ordo_profiler *profiler, const struct ordo__window *window)
{
    return window->is_continuous && profiler->profiled.captured != NULL;
}

static void hand(struct ordo_profiler *profiler, const char *kind, unsigned hz, ordo_str pprof)
{
    struct ordo_profile_capture capture = profiler->round;

    capture.kind = kind;
    capture.hz = hz;
    capture.pprof = pprof;
    profiler->profiled.captured(profiler->profiled.context, &capture);
}

void ordo__continuous_hand_cpu(struct ordo_profiler *profiler, const struct ordo__window *window,
                               const struct ordo_history_entry *entry, ordo_str pprof)
{
    profiler->round = (struct ordo_profile_capture){
        .from_utc_ns = window->began_utc_ns,
        .until_utc_ns = until_utc_ns(window),
        .generation = entry->generation,
        .orders = entry->orders,
    };
    hand(profiler, "cpu", window->request.hz, pprof);
}

/* Of the same time as the CPU profile before it. Without a dump to compare with there is none: what was allocated before
 * would count as if it were new. */
void ordo__continuous_hand_heap(struct ordo_profiler *profiler, struct ordo_heap_dump *dump)
{
    const struct ordo_profile_capture *round = &profiler->round;
    struct ordo_heap_dump *before = profiler->round_heap;
    struct ordo_buffer bytes = {0};

    profiler->round_heap = dump;
    if (before == NULL)
        return;
    struct ordo_profile *profile = ordo_heap_profile_step(dump, before, profiler->symbols);

    ordo_profile_set_time(profile, round->from_utc_ns, round->until_utc_ns - round->from_utc_ns);
    ordo_encode_pprof(profile, &bytes);
    hand(profiler, "memory", 0, ordo_buffer_str(&bytes));
    ordo_buffer_done(&bytes);
    ordo_profile_free(profile);
    ordo_heap_dump_free(before);
}

void ordo__continuous_done(struct ordo_profiler *profiler)
{
    ordo_heap_dump_free(profiler->round_heap);
    profiler->round_heap = NULL;
}
