/* SPDX-License-Identifier: MIT
 * collector.h: Lua's garbage collector, driven from outside.
 *
 * By itself LuaJIT collects in small steps between instructions, and nothing outside sees how long one takes. A VM whose
 * collector was taken over does its steps between two calls into Lua instead, each of which is timed:
 *
 *   ordo_vm_collector_take(vm, headroom);
 *   for (;;) { calls into Lua; ordo_vm_collector_step(vm, least, &step); }
 *
 * The pace is LuaJIT's own, by the pause and the step multiplier that are set: a cycle begins when the heap has grown to so
 * many percent of what was alive after the last one, and from then on each KiB that the heap grows by is paid for with a step.
 *
 * One call that grows the heap by more than `headroom` is collected inside of itself, by LuaJIT, until it ends. What
 * happened there is counted, and not timed.
 */
#pragma once

#include "vm/vm.h"

struct ordo_vm_step {
    int64_t began_ns, ended_ns; /* monotonic */
    unsigned from, to;          /* states of the collector before and after (ordo_vm_collector_state) */
};

/* All by the owner, between calls into Lua. */

/* Once. Nothing happens where the probe did not find the collector (`known`, memory.h): then LuaJIT goes on by itself. */
void ordo_vm_collector_take(struct ordo_vm *vm, size_t headroom);
/* After a call into Lua, or some: does the steps that are due, if these are for `least` bytes or more. Calls that follow
 * have all of the headroom again. False: none was done. */
bool ordo_vm_collector_step(struct ordo_vm *vm, size_t least, struct ordo_vm_step *ret_step);
/* A full collection, also when the collector was not taken over. Returns how long it took. */
int64_t ordo_vm_collect(struct ordo_vm *vm);
