/* SPDX-License-Identifier: MIT
 * memory.h: what a VM holds of memory, and how far its collector is.
 *
 * How long the collector works is known where it was taken over (collector.h); where it was not, and inside of calls, its
 * share of the time is that of the samples in the state ORDO_VM_GC.
 */
#pragma once

#include "vm/vm.h"

struct ordo_vm_memory {
    size_t bytes, peak, limit;
    uint64_t cycles;          /* of the collector so far: of its marking, each of which frees something */
    uint64_t cycles_inside;   /* of these, by a collector that was taken over, inside of calls into Lua */
    uint64_t beyond_headroom; /* calls that it went on inside of */
    uint64_t full_collections;
    int64_t full_ns, full_longest_ns; /* time in them */
    /* Below: only where the probe found them. */
    bool known;
    const char *state;       /* its name */
    size_t total, threshold; /* of the collector's own count; it goes on when total reaches threshold */
    size_t estimate;         /* of what is alive, after the last cycle */
    size_t debt;             /* how much it is behind: what was allocated, and is to be paid for with steps */
    size_t code_bytes;       /* memory for compiled code; not in bytes: LuaJIT maps it itself */
};

/* Any thread, while the VM exists: each figure is right, though they may be of different moments. */
void ordo_vm_memory(const struct ordo_vm *vm, struct ordo_vm_memory *ret_memory);
/* Its cycles alone, in one load. */
uint64_t ordo_vm_cycles(const struct ordo_vm *vm);

/* The states of a cycle. */
enum {
    ORDO_VM_COLLECTOR_PAUSE = 0, /* between two cycles */
    ORDO_VM_COLLECTOR_MARK,
    ORDO_VM_COLLECTOR_ATOMIC,
    ORDO_VM_COLLECTOR_SWEEP_STRINGS,
    ORDO_VM_COLLECTOR_SWEEP,
    ORDO_VM_COLLECTOR_FINALIZE,
    ORDO_VM_COLLECTOR_STATES, /* not known: "?" */
};
unsigned ordo_vm_collector_state(const struct ordo_vm *vm);
const char *ordo_vm_collector_state_name(unsigned state);
