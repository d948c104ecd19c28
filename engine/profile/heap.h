/* SPDX-License-Identifier: MIT
 * heap.h: who holds the memory, and who allocated it: jemalloc's samples, C and Lua alike.
 *
 * jemalloc samples one allocation in every so many bytes (512 KiB) with its stack. Sampling goes on from the start of
 * main, because what was allocated before would be missing. A dump is jemalloc's text; this reads it, and makes a
 * profile of it, alone or as the change since an earlier one.
 *
 * Where there is no jemalloc (sanitizers), or it was told not to sample (MALLOC_CONF=prof:false), taking a dump fails
 * with a text that says so. Any thread but a signal handler; a dump takes milliseconds and stops no other thread
 * for longer than jemalloc needs to copy its counts.
 */
#pragma once

#include "profile/profile.h"

struct ordo_symbols;

/* Installs the unwinder that stands compiled Lua, and only then lets jemalloc sample. At the start of main, once. */
void ordo_heap_start(void);
/* Why there are no heap profiles; 0: there are. */
int ordo_heap_check(struct ordo_error *err);

struct ordo_heap_stack {
    uint32_t first, count; /* in ordo_heap_dump.frames, innermost first */
};

/* What was sampled on one stack by one thread. Not yet scaled up: see ordo_heap_unsample. */
struct ordo_heap_sample {
    uint32_t stack;  /* index in ordo_heap_dump.stacks */
    uint32_t thread; /* index in ordo_heap_dump.threads */
    int64_t live_objects, live_bytes;
    int64_t all_objects,
        all_bytes; /* since the start; 0 when jemalloc does not count them (prof_accum:false) */
};

struct ordo_heap_thread {
    uint64_t number;
    ordo_str name; /* in ordo_heap_dump.text; may be empty */
};

struct ordo_heap_dump {
    struct ordo_buffer text; /* as jemalloc wrote it: for jeprof */
    int64_t utc_ns;          /* when it was taken; 0: not known */
    int64_t rate;            /* bytes between two samples, on average */
    uint64_t *frames;
    size_t frame_count, frame_capacity;
    struct ordo_heap_stack *stacks;
    size_t stack_count, stack_capacity;
    struct ordo_heap_sample *samples;
    size_t sample_count, sample_capacity;
    struct ordo_heap_thread *threads;
    size_t thread_count, thread_capacity;
};

/* NULL and *err when it cannot be had. */
struct ordo_heap_dump *ordo_heap_dump_take(struct ordo_error *err);
/* Reads one that was taken elsewhere, "heap_v2/...". The text is copied. */
struct ordo_heap_dump *ordo_heap_dump_read(ordo_str text, struct ordo_error *err);
void ordo_heap_dump_free(struct ordo_heap_dump *dump); /* NULL is allowed */

/* What sampled numbers stand for. Untouched when there is nothing. */
void ordo_heap_unsample(int64_t rate, int64_t *objects, int64_t *bytes);

/* A profile with the four values of ordo_meaning_heap and labels `thread` and `worker`. LuaJIT's own functions are left
 * out where they end a stack on behalf of a line of Lua, so that the line is what allocated. `base`: the change
 * since this earlier dump; NULL: all. `allocs`: shows what was allocated, rather than what is live. */
struct ordo_profile *ordo_heap_profile(const struct ordo_heap_dump *dump, const struct ordo_heap_dump *base,
                                       struct ordo_symbols *symbols, bool allocs);
/* For what adds profiles up over time: of what was allocated, the change since `base`, and what lives as it is. The time
 * is not set. */
struct ordo_profile *ordo_heap_profile_step(const struct ordo_heap_dump *dump,
                                            const struct ordo_heap_dump *base, struct ordo_symbols *symbols);
/* The same dump as text for jeprof, with every stack as ordo_heap_profile has it. */
void ordo_heap_dump_trim(const struct ordo_heap_dump *dump, struct ordo_symbols *symbols,
                         struct ordo_buffer *out);
