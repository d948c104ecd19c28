/* SPDX-License-Identifier: MIT
 * unwind.h: the stack of the calling thread as addresses, C and Lua in one list. The one unwinder of the
 * engine: the allocator's samples and the sampler's signal handlers use it.
 *
 * Nothing is allocated and no lock is taken, by us or by what is called. Compiled Lua has no unwind information, and
 * libgcc's unwinder aborts the process on it. So a stack through a VM is made of three parts: the C code that Lua called
 * (by its call frame information), the lines of Lua (by the VM), and what went into the VM (by its frame pointers, from
 * the place that ordo_vm_entry remembers).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

enum { ORDO_UNWIND_MAX = 128 };

/* The native frames, innermost first, from where a signal struck the thread; NULL: from the caller.
 * *ret_leaves of them are above the VM that the thread runs: the lines of Lua belong behind these. Without a
 * VM all are. Async-signal-safe, on any thread. */
size_t ordo_unwind_native(const ucontext_t *struck, uint64_t *ret_frames, size_t most, size_t *ret_leaves);

/* Can the Lua stack of the thread be read from the handler? It stands in C that a VM has called, all of which is known, and
 * nothing of it moves that stack to other memory or takes it down for an error. Async-signal-safe. */
bool ordo_unwind_is_still(const ucontext_t *struck);

/* All of the caller's stack, with what a VM does instead of running Lua as a frame of its own:
 * "=(garbage collector)", "=(compiler)". Not in a signal handler. */
size_t ordo_unwind(uint64_t *ret_frames, size_t most);

/* The range of the object (program or library) that an address is of; false: of none. Async-signal-safe. */
bool ordo_unwind_object(uint64_t address, uint64_t *ret_start, uint64_t *ret_end);
