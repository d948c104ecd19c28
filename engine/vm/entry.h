/* SPDX-License-Identifier: MIT
 * entry.h: from where a thread went into its VM, for whoever walks its native stack: unwinders do not get through
 * compiled code, but what is below it stands still as long as the VM runs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ordo_vm_entry {
    const void *
        frame; /* that the entering function has: the caller's frame pointer, then the address to return to */
    const void *stack_end; /* of the thread: what is above is not its stack; NULL: it has entered no VM yet */
};

/* The calling thread's; frame is valid while ordo_vm_running() says that it runs a VM. Async-signal-safe. */
extern _Thread_local struct ordo_vm_entry ordo_vm_entry __attribute__((tls_model("initial-exec")));

/* Fills stack_end. Allocates. */
void ordo_vm_entry_prepare(void);

/* Does the function that begins there move Lua stacks to other memory? Async-signal-safe. */
bool ordo_vm_is_mover(uint64_t function);
/* Is it an address in LuaJIT's interpreter, which is written in assembler? Async-signal-safe. */
bool ordo_vm_is_interpreter(uint64_t address);
