/* SPDX-License-Identifier: MIT
 * sampler.h: where threads spend their time, C and Lua alike.
 *
 * Each thread of the process, also those of libraries, gets a timer on its own CPU clock, whose signal is handled on that
 * thread. The handler takes the native stack; on a thread that runs Lua it also asks the VM to come to a safe point, where
 * the Lua stack is taken and both are joined. Samples go through one ring a thread to the profiler's thread, which
 * gives each of them to all who listen. While nobody listens there is no timer.
 *
 * Native frames that the handler took and Lua frames are from two moments, at most one line of Lua apart.
 */
#pragma once

#include "vm/stack.h"

enum {
    ORDO_SAMPLE_NATIVE = 96, /* native frames that are taken; what is below them is left out */
    ORDO_SAMPLE_HZ_MAX = 1000,
};

/* What a worker executes; written by the worker, read by its own signal handler. */
struct ordo_sample_context {
    uint64_t order;      /* a number for each attempt at an order; 0: none is executed */
    uint32_t generation; /* of its rules; 0: not known yet */
    uint16_t worker;     /* from 0 */
    uint8_t priority;    /* enum ordo_priority */
};

struct ordo_sample {
    int64_t at_ns;   /* monotonic */
    int64_t cpu_ns;  /* the CPU time that it stands for */
    int64_t wall_ns; /* the time that it stands for when waiting counts; 0 unless somebody listens for it */
    uint32_t count;  /* ticks that found the same */
    int32_t tid;
    const char *thread; /* its name */
    bool in_vm;         /* state, context and Lua frames mean something: a worker's sample */
    bool is_waiting;    /* only in wall mode: the thread was inside a system call */
    enum ordo_vm_state state;
    struct ordo_sample_context context;
    const uint64_t *frames; /* innermost first: native leaves, Lua lines, the engine's frames below */
    size_t frame_count;
    size_t lua_at, lua_count; /* where in frames the Lua lines are */
};

/* Called on the profiler's thread. The owner sets the upper part, the sampler has the rest. */
struct ordo_sampler_listener {
    void (*sample)(struct ordo_sampler_listener *listener, const struct ordo_sample *sample);
    /* An attempt at an order ended of which there were samples; how long it took from its receipt. NULL: not wanted. */
    void (*order_ended)(struct ordo_sampler_listener *listener, uint64_t order, int64_t took_ns);
    unsigned hz;  /* samples a second; with several listeners, the highest is taken by all */
    bool wall;    /* samples with wall_ns in place of those with cpu_ns */
    bool at_once; /* a sample in C that Lua called does not wait until that returns */

    struct ordo_sampler_listener *next;
};

struct ordo_sampler;

/* At most one in a process. */
struct ordo_sampler *ordo_sampler_new(void);
void ordo_sampler_free(struct ordo_sampler *sampler); /* nobody listens any more; NULL is allowed */

/* Profiler's thread. */
void ordo_sampler_listen(struct ordo_sampler *sampler, struct ordo_sampler_listener *listener);
void ordo_sampler_leave(struct ordo_sampler *sampler, struct ordo_sampler_listener *listener);
/* Looks for new threads and empties the rings. To be called every ORDO_SAMPLER_TURN_NS while anybody listens. */
enum { ORDO_SAMPLER_TURN_NS = 100000000 };
void ordo_sampler_turn(struct ordo_sampler *sampler);

/* The threads that the process has now. */
void ordo_sampler_each_thread(struct ordo_sampler *sampler,
                              void (*visit)(void *context, int32_t tid, const char *name), void *context);

/* A thread's state in /proc, 'S' and the like; 0: there is no such thread. Any thread. */
char ordo_sampler_kernel_state(int32_t tid);

struct ordo_sampler_figures {
    uint64_t samples,
        dropped;         /* since the start; dropped: the ring was full, or the thread was busy with it */
    uint64_t unjoined;   /* of a thread that ran Lua, whose Lua stack was not reached */
    uint64_t handler_ns; /* spent in handlers */
    uint32_t threads;    /* that have a timer now */
    unsigned hz;         /* now; 0: off */
};
void ordo_sampler_figures(struct ordo_sampler *sampler,
                          struct ordo_sampler_figures *ret_figures); /* any thread */

/* --- on the threads that are sampled --- */

/* Before the thread runs Lua for the first time, and after the last: without it, its samples have native frames only. */
void ordo_sampler_join(struct ordo_vm *vm, unsigned worker);
void ordo_sampler_part(void);
/* What the thread executes from now on; order 0: nothing. A few stores. */
void ordo_sampler_executes(uint64_t order, uint8_t priority, uint32_t generation);
/* One load unless somebody wants to hear of it. */
void ordo_sampler_order_ended(uint64_t order, int64_t took_ns);
