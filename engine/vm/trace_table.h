/* SPDX-License-Identifier: MIT
 * trace_table.h: what the compiler of a VM made of which line, what it gave up, and why.
 *
 * A trace is a path through a loop or a call that was compiled; one that begins at an exit of another is its side trace.
 * The table hears of each from LuaJIT itself, when it is made, given up, or when all are thrown away; nothing is
 * paid while rules run.
 *
 * Any thread may read, while the VM exists: a lock is held for as long as a copy takes, and the owner takes it only when
 * something is compiled. What says so below takes no lock, for signal handlers and the allocator.
 */
#pragma once

#include "base/buffer.h"
#include "vm/line_table.h"
#include "vm/vm.h"

enum { ORDO_TRACES_MAX = 4096, ORDO_TRACE_ABORTS_MAX = 512, ORDO_TRACE_REASON_MAX = 96 };

struct ordo_trace {
    uint32_t number;       /* from 1 */
    uint32_t parent, exit; /* a side trace: of which, from which exit; 0: none */
    uint32_t root;         /* where the chain of parents begins; its own number when it has none */
    uint64_t line;         /* where it begins: an address of the line table */
    uint64_t code;         /* address */
    uint32_t code_bytes, instructions;
    const char *link_kind;    /* what follows it: "loop", "root", "return", "interpreter", "stitch", … */
    uint32_t link;            /* number of the trace that follows; 0: none */
    int64_t made_ns, took_ns; /* monotonic clock */
};

/* Attempts that were given up at the same line, begun at the same line, for the same reason. */
struct ordo_trace_abort {
    uint64_t start, line; /* where it began, and where it was given up: addresses of the line table */
    uint64_t count;
    bool blacklisted;                     /* it is not tried again at `start`: that stays interpreted */
    int code;                             /* LuaJIT's; -1: an error of another kind */
    char reason[ORDO_TRACE_REASON_MAX];   /* in words for who writes rules */
    char original[ORDO_TRACE_REASON_MAX]; /* LuaJIT's words */
};

struct ordo_trace_totals {
    uint64_t compiled, aborted, blacklisted, flushes; /* so far */
    uint64_t unkept;                                  /* traces and aborts that had no room in the table */
    uint32_t live;                                    /* traces now */
    uint64_t live_bytes;                              /* of their code */
};

void ordo_traces_totals(const struct ordo_vm *vm, struct ordo_trace_totals *ret_totals);
/* Those that live, by number. Returns how many there are; at most `most` are copied. */
size_t ordo_traces_list(const struct ordo_vm *vm, struct ordo_trace *ret_traces, size_t most);
size_t ordo_traces_aborts(const struct ordo_vm *vm, struct ordo_trace_abort *ret_aborts, size_t most);
/* The trace whose code has the address. */
bool ordo_traces_find(const struct ordo_vm *vm, uint64_t pc, struct ordo_trace *ret_trace);
/* Lines for /tmp/perf-PID.map: "START SIZE name", by which `perf report` names compiled code. */
void ordo_traces_perf_map(const struct ordo_vm *vm, struct ordo_buffer *out);

/* No lock. The line where a trace begins; 0: not known. */
uint64_t ordo_trace_line(const struct ordo_vm *vm, uint32_t number);

/* --- events, as they happen --- */

enum ordo_trace_event_kind { ORDO_TRACE_COMPILED = 0, ORDO_TRACE_ABORTED, ORDO_TRACE_FLUSHED };
struct ordo_trace_event {
    enum ordo_trace_event_kind kind;
    const struct ordo_trace *trace;       /* when COMPILED */
    const struct ordo_trace_abort *abort; /* when ABORTED; its count is that of this one */
    int64_t began_ns, ended_ns;
};
/* Owner thread; at most one for a VM. It must not call Lua or read this table. */
typedef void (*ordo_trace_event_fn)(struct ordo_vm *vm, const struct ordo_trace_event *event, void *context);
void ordo_traces_on_event(struct ordo_vm *vm, ordo_trace_event_fn heard, void *context); /* owner thread */
