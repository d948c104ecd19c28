/* SPDX-License-Identifier: MIT
 * profiler_impl.h: what the files of the profiler share.
 *
 *   profiler.c        the thread: requests, windows, turns
 *   continuous.c      windows that it opens by itself
 *   window_cpu.c      ... one file a kind of profile
 *   window_kept.c     what is answered from the history
 *   answer.c          a profile in the format that was asked for
 */
#pragma once

#include <time.h>

#include "base/thread.h"
#include "profile/encode.h"
#include "profile/heap_figures.h"
#include "profile/history.h"
#include "profile/leaks.h"
#include "profile/profiler.h"
#include "profile/sampler.h"

/* What was asked for, from then until it is answered. */
struct ordo__window {
    struct ordo__window *next;
    struct ordo_profile_request request;
    ordo_profile_done_fn done;
    void *context;
    char *text; /* the request's */
    uint64_t ticket;
    bool is_continuous;                     /* the profiler's own: in nobody's way */
    int64_t began_ns, end_ns, began_utc_ns; /* began_ns 0: when it is opened */
    uint64_t orders_before;
    int64_t ended_ns; /* when it is at its end */
    uint64_t orders_after;
    void *state; /* the kind's */
};

/* A kind of profile. All on the profiler's thread. */
struct ordo__kind {
    const char *name; /* "CPU" */
    /* False: it cannot be; the answer says why. NULL: there is nothing to begin. */
    bool (*begin)(struct ordo_profiler *, struct ordo__window *, struct ordo_profile_answer *);
    void (*end)(struct ordo_profiler *, struct ordo__window *,
                struct ordo_profile_answer *); /* fills the answer */
    void (*abandon)(struct ordo_profiler *,
                    struct ordo__window *); /* ends without an answer; NULL: nothing to end */
};

extern const struct ordo__kind ordo__kind_cpu, ordo__kind_heap, ordo__kind_trace, ordo__kind_gc,
    ordo__kind_jit, ordo__kind_leaks, ordo__kind_kept, ordo__kind_diff, ordo__kind_list, ordo__kind_forget,
    ordo__kind_status, ordo__kind_symbol, ordo__kind_block, ordo__kind_mutex, ordo__kind_coroutines;

struct ordo_profiler {
    struct ordo_profiler_options options;
    struct ordo_profiled profiled; /* set before is_connected; functions may be NULL */
    struct ordo_thread thread;
    struct ordo_waker waker;
    struct ordo_symbols *symbols;
    struct ordo_sampler *sampler;
    struct ordo_history *history; /* NULL: nothing is kept */
    struct ordo_heap_peak peak;
    struct ordo_leaks *leaks;
    uint64_t leaks_orders; /* decided before the last window of leaks */
    size_t leaks_told;
    int64_t look_next_ns, leaks_next_ns;
    bool watches;                      /* there are heap profiles */
    struct ordo_profile_capture round; /* the last CPU profile of `continuous`, without bytes */
    struct ordo_heap_dump *round_heap; /* how memory was at the end of the one before; NULL: not known */

    struct ordo_lock lock;
    struct ordo__window *asked; /* under lock; newest first */
    uint64_t tickets;           /* under lock */
    uint64_t *cancelled;        /* under lock */
    size_t cancelled_count, cancelled_room;
    bool is_connected, stopping; /* under lock */

    struct ordo__window *open; /* the thread's */

    /* copies for readers */
    _Atomic uint64_t seen_kept, seen_kept_bytes, seen_leaks, seen_leak_rate; /* the rate in bytes a second */
    _Atomic int64_t seen_cpu_ns;                                             /* of the thread */
};

static inline uint64_t ordo__orders(const struct ordo_profiler *profiler)
{
    return profiler->profiled.orders == NULL ? 0 : profiler->profiled.orders(profiler->profiled.context);
}

/* window_cpu.c: "waiting", "compiled", ... */
const char *ordo__sample_state(const struct ordo_sample *sample);

/* profiler.c: opens a window of the profiler's own. */
void ordo__window_open(struct ordo_profiler *profiler, struct ordo__window *window);

/* profiler_expose.c: renews the copies for readers. */
void ordo__profiler_publish(struct ordo_profiler *profiler);

const char *ordo__kind_name(const struct ordo__window *window);

/* watch.c: looks at the heap now and then: how large it is, and what grows. When it wants to look again. */
int64_t ordo__watch(struct ordo_profiler *profiler);

/* continuous.c */

/* Opens the first window. */
void ordo__continuous_start(struct ordo_profiler *profiler);
/* A window of its own is at its end and still listens: the one behind it is opened. */
void ordo__continuous_follow(struct ordo_profiler *profiler, const struct ordo__window *window);
/* Whether somebody wants what this window takes. */
bool ordo__continuous_is_wanted(const struct ordo_profiler *profiler, const struct ordo__window *window);
/* Hands it over: CPU as it is kept; memory as the change since the dump before this one, which it takes over. */
void ordo__continuous_hand_cpu(struct ordo_profiler *profiler, const struct ordo__window *window,
                               const struct ordo_history_entry *entry, ordo_str pprof);
void ordo__continuous_hand_heap(struct ordo_profiler *profiler, struct ordo_heap_dump *dump);
/* At the end. */
void ordo__continuous_done(struct ordo_profiler *profiler);

/* answer.c */

/* What HTTP says of it: `name` begins the file's name. */
void ordo__answer_name(const struct ordo__window *window, const char *name,
                       struct ordo_profile_answer *answer);
/* A profile that is whole: it is kept in the history, and answered in the format that was asked for, or as the change from
 * the one that was asked for. `name` is its kind in the history. */
void ordo__answer_profile(struct ordo_profiler *profiler, const struct ordo__window *window, const char *name,
                          const char *title, struct ordo_profile *profile,
                          struct ordo_profile_answer *answer);
/* One of the history; NULL, and the answer says why. *ret_divisor: orders that were decided meanwhile, or seconds. */
struct ordo_profile *ordo__answer_kept(struct ordo_profiler *profiler, uint64_t id,
                                       struct ordo_history_entry *ret_entry,
                                       struct ordo_profile_answer *answer);
/* The profile as it is, or the change from one to the other; each with what the history says of it. */
void ordo__answer_encode(const struct ordo__window *window, const char *title,
                         const struct ordo_profile *profile, struct ordo_profile_answer *answer);
void ordo__answer_diff(const struct ordo__window *window, const char *title, const struct ordo_profile *base,
                       const struct ordo_history_entry *base_entry, const struct ordo_profile *profile,
                       const struct ordo_history_entry *entry, struct ordo_profile_answer *answer);
