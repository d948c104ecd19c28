/* SPDX-License-Identifier: MIT
 * unwind.h: the stack of the calling thread as addresses, C and Lua in one list. The one unwinder of the
 * engine: the allocator's samples and the sampler's signal handlers use it.
 *
 * Nothing is allocated, and no lock of ours is taken. Compiled Lua has no unwind information, and libgcc's
 * unwinder aborts the process on it; libunwind's stops there. So a stack through a VM is made of three parts:
 * the C code that Lua called (by libunwind), the lines of Lua (by the VM), and what went into the VM (by its
 * frame pointers, from the place that ordo_vm_entry remembers).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORDO_UNWIND_MAX = 128 };

/* True while this thread unwinds: a signal handler that finds it true gets one frame from the unwinder. */
extern _Thread_local volatile bool ordo_unwinding __attribute__((tls_model("initial-exec")));

/* The native frames, innermost first. `pc` is where a signal struck the thread; 0: begins with the caller.
 * *ret_leaves of them are above the VM that the thread runs: the lines of Lua belong behind these. Without a
 * VM all are. Async-signal-safe once the thread has called it, or ordo_unwind, outside of a handler. */
size_t ordo_unwind_native(uint64_t pc, uint64_t *ret_frames, size_t most, size_t *ret_leaves);

/* All of the caller's stack, with what a VM does instead of running Lua as a frame of its own:
 * "=(garbage collector)", "=(compiler)". Not in a signal handler. */
size_t ordo_unwind(uint64_t *ret_frames, size_t most);

/* Makes what the first unwinding of a thread allocates. Not in a signal handler. */
void ordo_unwind_warm_up(void);

/* The range of the object (program or library) that an address is of; false: of none. */
bool ordo_unwind_object(uint64_t address, uint64_t *ret_start, uint64_t *ret_end);
