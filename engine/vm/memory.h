/* SPDX-License-Identifier: MIT
 * memory.h: what a VM holds of memory, and how far its collector is.
 *
 * LuaJIT's collector works in steps between instructions and says nothing of them: how long one takes is not to be had
 * from outside (a clock read at each block that it frees would cost more than the step). Its share of the time is that of
 * the samples in the state ORDO_VM_GC; a full collection is timed here.
 */
#pragma once

#include "vm/vm.h"

struct ordo_vm_memory {
    size_t bytes, peak, limit;
    uint64_t cycles; /* of the collector so far: of its marking, each of which frees something */
    uint64_t full_collections;
    int64_t full_ns, full_longest_ns; /* time in them */
    /* Below: only where the probe found them. */
    bool known;
    const char *state;       /* "pause", "mark", "atomic", "sweep strings", "sweep", "finalize" */
    size_t total, threshold; /* of the collector's own count; it goes on when total reaches threshold */
    size_t estimate;         /* of what is alive, after the last cycle */
    size_t debt;             /* how much it is behind */
    size_t code_bytes;       /* memory for compiled code; not in bytes: LuaJIT maps it itself */
};

/* Any thread, while the VM exists: each figure is right, though they may be of different moments. */
void ordo_vm_memory(const struct ordo_vm *vm, struct ordo_vm_memory *ret_memory);
/* Its cycles alone, in one load. */
uint64_t ordo_vm_cycles(const struct ordo_vm *vm);

/* A full collection; owner thread, not from within Lua. Returns how long it took. */
int64_t ordo_vm_collect(struct ordo_vm *vm);
