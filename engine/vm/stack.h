/* SPDX-License-Identifier: MIT
 * stack.h: where Lua stands, as addresses of the line table.
 *
 * Owner thread. Nothing is allocated, and nothing is left on a Lua stack. Right at a safe point (interrupt.h), in a C
 * function that Lua called, and in the VM's allocator; in a signal handler the state may be any, but that of a VM which
 * stands still in C that it called (ordo_unwind_is_still).
 */
#pragma once

#include "vm/line_table.h"
#include "vm/vm.h"

enum { ORDO_VM_STACK_MAX = 64 }; /* frames that are taken; what is below them is left out */

/* What a VM is doing. */
enum ordo_vm_state {
    ORDO_VM_IDLE = 0, /* no coroutine of it runs */
    ORDO_VM_INTERPRETER,
    ORDO_VM_COMPILED,
    ORDO_VM_C,
    ORDO_VM_GC,
    ORDO_VM_JIT, /* the compiler: recording, optimising, assembling, leaving a trace */
};

/* The VM whose code this thread runs; NULL: none. Async-signal-safe. */
struct ordo_vm *ordo_vm_running(void);
/* Async-signal-safe. Without a probe that succeeded it tells only IDLE from INTERPRETER. */
enum ordo_vm_state ordo_vm_state(const struct ordo_vm *vm);

/* Frames of the running coroutine, innermost first, then those of the coroutine that resumed it, and so on; C functions
 * are left out. While compiled code runs (in the allocator), the line where its trace begins stands for the
 * innermost frame and for calls that were inlined, and its callers follow. Returns how many; 0 when the VM runs nothing. */
size_t ordo_vm_stack(struct ordo_vm *vm, uint64_t *ret_frames, size_t most);
/* Frames of a coroutine of the VM that has yielded. */
size_t ordo_vm_stack_of(lua_State *waiting, uint64_t *ret_frames, size_t most);
