/* SPDX-License-Identifier: MIT
 * moment.h: what waits, and what every thread does, at one moment: the counterpart of Go's profile of goroutines.
 */
#pragma once

#include "profile/coroutines.h"
#include "profile/sampler.h"
#include "profile/symbols.h"

enum { ORDO_MOMENT_NAME = 16, ORDO_MOMENT_FRAMES = ORDO_SAMPLE_NATIVE + ORDO_VM_STACK_MAX };

struct ordo_moment_thread {
    int32_t tid;
    char name[ORDO_MOMENT_NAME];
    const char *state; /* "waiting", "interpreter", ...; NULL: it did not answer */
    bool lacks_lua;    /* Lua runs or has called, and its lines were not had */
    char kernel_state; /* ... and then what the kernel says of it, as in /proc/PID/stat; 0: it is gone */
    size_t lua_at, lua_count; /* where in frames the Lua lines are */
    size_t frame_count;
    uint64_t frames[ORDO_MOMENT_FRAMES];
};

struct ordo_moment {
    int64_t at_ns, at_utc_ms;
    struct ordo_coroutines coroutines;
    struct ordo_moment_thread *threads; /* on the heap */
    size_t thread_count;
};

void ordo_moment_done(struct ordo_moment *moment);

struct ordo_profile *ordo_moment_profile(const struct ordo_moment *moment, struct ordo_symbols *symbols);
/* As Go's texts: 1: stacks with how many stand there; 2: each coroutine and thread. */
void ordo_moment_text(const struct ordo_moment *moment, unsigned debug, struct ordo_symbols *symbols,
                      struct ordo_buffer *out);
