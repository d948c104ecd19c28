/* SPDX-License-Identifier: MIT
 * interrupt.h: takes a VM to a safe point, wherever it is, compiled code included.
 *
 * A signal handler on the VM's own thread asks; the VM leaves compiled code at its next guard, and calls `reached`
 * there, with the coroutine that was interrupted as its running one. It works because every VM is told at its start that
 * it is profiled: LuaJIT then puts a guard into what it compiles, at each new line.
 *
 * It needs to know where LuaJIT keeps some bytes of its state, and finds out at the start of each VM. When what
 * it finds does not hold, ordo_vm_probe says why: rules are then not compiled, and are reached by hooks alone.
 */
#pragma once

#include "vm/vm.h"

/* What the start of a VM found out. */
struct ordo_vm_probe {
    bool guarded;         /* compiled code can be interrupted, and the state can be read */
    unsigned hookmask_at; /* bytes behind the lua_State; 0: not found */
    const char *trouble;  /* what did not hold; NULL: nothing */
};
const struct ordo_vm_probe *ordo_vm_probe(const struct ordo_vm *vm);

/* At most one for a VM. It must not raise, allocate in Lua or leave anything on a stack. */
typedef void (*ordo_vm_reached_fn)(struct ordo_vm *vm, void *context);
void ordo_vm_on_reached(struct ordo_vm *vm, ordo_vm_reached_fn reached, void *context); /* owner thread */

/* Async-signal-safe, on the owner's thread. `pc` is where the signal struck. False: not now (the VM runs nothing, is in
 * `reached` already, or its compiler is at work, which a question would disturb); ask again at the next tick. `reached`
 * is called once, however often it was asked for until then, and not at all when the call into Lua ends before. */
bool ordo_vm_interrupt(struct ordo_vm *vm, uint64_t pc);
