/* SPDX-License-Identifier: MIT
 * profiler.h: takes profiles when asked, on a thread of its own.
 *
 * Whoever asks is answered by a call on the profiler's thread, now or when the window that it asked for is over. One window
 * of a kind is open at a time; a second is refused and told who has the first. What is captured continuously
 * counts for neither.
 */
#pragma once

#include "base/json_write.h"
#include "profile/coroutines.h"
#include "profile/waits.h"
#include "vm/vm.h"

enum ordo_profile_kind {
    ORDO_PROFILE_CPU = 0,
    ORDO_PROFILE_HEAP,
    ORDO_PROFILE_TRACE,
    ORDO_PROFILE_GC,
    ORDO_PROFILE_JIT,
    ORDO_PROFILE_LEAKS,
    ORDO_PROFILE_KEPT,   /* one of the history, by `id` */
    ORDO_PROFILE_DIFF,   /* two of the history: from `base` to `id` */
    ORDO_PROFILE_LIST,   /* of the history */
    ORDO_PROFILE_FORGET, /* one of the history */
    ORDO_PROFILE_STATUS,
    ORDO_PROFILE_SYMBOL,     /* the names of the addresses in `text` */
    ORDO_PROFILE_BLOCK,      /* the waits of orders */
    ORDO_PROFILE_MUTEX,      /* waits for the engine's locks */
    ORDO_PROFILE_COROUTINES, /* what waits now, and what threads do */
    ORDO_PROFILE_KINDS,
};

enum ordo_profile_format {
    ORDO_FORMAT_PPROF = 0,
    ORDO_FORMAT_COLLAPSED,
    ORDO_FORMAT_SPEEDSCOPE,
    ORDO_FORMAT_SVG,
    ORDO_FORMAT_TEXT,
    ORDO_FORMAT_GPERFTOOLS, /* CPU, for jeprof */
    ORDO_FORMAT_RAW,        /* heap: jemalloc's own text */
    ORDO_FORMAT_SYMBOLIZED, /* heap: the same with names, for jeprof without the engine */
    ORDO_FORMAT_JSON,
    ORDO_FORMAT_PERF_MAP, /* JIT: for `perf report` */
};

struct ordo_profile_request {
    enum ordo_profile_kind kind;
    enum ordo_profile_format format;
    int64_t duration_ns; /* heap: the change meanwhile; 0: of now */
    unsigned hz;
    bool wall;              /* CPU: waiting counts, too */
    char rule[64];          /* CPU: only samples of this rule; empty: of all */
    int priority;           /* CPU: only of this class; -1: of all */
    int64_t slower_than_ns; /* CPU: only of orders that took longer; 0: of all */
    bool collect;           /* heap: Lua's garbage is collected first */
    bool peak;              /* heap: as it was when it was largest */
    bool allocs;            /* heap: shows what was allocated in place of what lives */
    int64_t last_ns;        /* trace: of the past, in place of a duration; 0: not so */
    char slow[136];         /* trace: of this order, that was too slow; "1": which there are; empty: not so */
    int64_t rate_ns;        /* waits: measured at this rate meanwhile; 0: as it is set up */
    unsigned debug;         /* coroutines, waits: text as of Go's; 0: not */
    uint64_t base, id;      /* of the history; base: the change from this one is answered; 0: none */
    ordo_str text;          /* copied */
    char who[64];           /* for the one who is refused meanwhile */
};

enum ordo_profile_result {
    ORDO_PROFILE_TAKEN = 0,
    ORDO_PROFILE_BUSY,        /* text says who has the window, and for how long */
    ORDO_PROFILE_UNAVAILABLE, /* text says why, and what to do about it */
    ORDO_PROFILE_WRONG,       /* the request makes no sense; text says what */
    ORDO_PROFILE_ABSENT,      /* the history has no such profile; text says which */
    ORDO_PROFILE_STOPPING,
    ORDO_PROFILE_CANCELLED,
};

struct ordo_profile_answer {
    enum ordo_profile_result result;
    char text[600];          /* unless taken */
    const char *type;        /* of the content */
    char file[64];           /* a name for it: cpu_profile_1790000000.prof */
    uint64_t id;             /* under which the history has it; 0: it has not */
    struct ordo_buffer body; /* may be taken over */
};

/* On the profiler's thread. */
typedef void (*ordo_profile_done_fn)(void *context, struct ordo_profile_answer *answer);

struct ordo_profiler;

struct ordo_profiler_options {
    const char *folder; /* of the history; NULL: nothing is kept */
    uint64_t history_bytes;
    bool continuous;     /* takes profiles by itself, one after the other */
    int64_t interval_ns; /* how long each of them is */
    unsigned continuous_hz;
    int64_t leaks_interval_ns; /* between two looks for leaks */
    const char
        *filling; /* "store_memory.so": a module that fills up to a bound, which is no leak; may be NULL */
    uint64_t filling_bytes;                /* the bound */
    int64_t wait_rate_ns[ORDO_WAIT_KINDS]; /* 0: not measured, unless asked for */
};

/* A profile that was taken by `continuous`, for whoever wants it elsewhere. */
struct ordo_profile_capture {
    const char *kind; /* "cpu", "memory" */
    int64_t from_utc_ns,
        until_utc_ns; /* the next one of its kind begins where this one ends, unless the clock was set */
    uint64_t generation, orders; /* at its end; meanwhile */
    unsigned hz;                 /* 0: memory */
    ordo_str
        pprof; /* valid during the call. Of memory: what was allocated meanwhile, and what is live at the end */
};

/* What the profiler needs to know of whatever is profiled. Called on its thread. */
struct ordo_profiled {
    void *context;
    uint64_t (*orders)(void *context);     /* decided since the start */
    uint64_t (*generation)(void *context); /* of the rules now */
    void (*collect)(void *context);        /* Lua's garbage, in every VM; returns after a second at most */
    void (*look)(void *context);           /* every second: whatever it compares by itself */
    void (*coroutines)(void *context, struct ordo_coroutines *out); /* those that wait; a second at most */
    void (*captured)(void *context,
                     const struct ordo_profile_capture *capture); /* must not wait; NULL: nobody wants them */
    void (*each_vm)(void *context, void (*visit)(void *visitor, unsigned worker, const struct ordo_vm *vm),
                    void *visitor);
    /* Durations in ns of the steps of that worker's collector; lives as long as the context. */
    const struct ordo_histogram *(*collector_steps)(void *context, unsigned worker);
};

/* At most one in a process. NULL and *err: no thread could be started, or the folder cannot be used. */
struct ordo_profiler *ordo_profiler_start(const struct ordo_profiler_options *options,
                                          struct ordo_error *err);
/* Once; nothing is answered before. The context must live until ordo_profiler_end. */
void ordo_profiler_connect(struct ordo_profiler *profiler, const struct ordo_profiled *profiled);
/* Answers what is open, and whatever is asked from now on, that it stops; returns when the thread has ended. NULL is
 * allowed, here and below. */
void ordo_profiler_end(struct ordo_profiler *profiler);
void ordo_profiler_free(struct ordo_profiler *profiler); /* after its end; nobody uses it any more */

/* `done` is called once, after the end perhaps inside. Returns a ticket for cancelling. Any thread. */
uint64_t ordo_profiler_ask(struct ordo_profiler *profiler, const struct ordo_profile_request *request,
                           ordo_profile_done_fn done, void *context);
/* Ends the window if it is open still; `done` is called all the same. Any thread. */
void ordo_profiler_cancel(struct ordo_profiler *profiler, uint64_t ticket);

/* Appends metrics: samples, what profiling costs, profiles kept, leaks. Any thread. */
void ordo_profiler_expose(struct ordo_profiler *profiler, struct ordo_buffer *out);

/* Any thread. */
struct ordo_symbols *ordo_profiler_symbols(struct ordo_profiler *profiler);
