/* SPDX-License-Identifier: MIT
 * entry.c: the bounds of a thread's stack, and of the interpreter's code.
 */
#include "vm/entry.h"

#include <pthread.h>

#include "vm/vm_impl.h"

_Thread_local struct ordo_vm_entry ordo_vm_entry __attribute__((tls_model("initial-exec")));

void ordo_vm_entry_prepare(void)
{
    pthread_attr_t attributes;
    void *start;
    size_t size;

    ORDO_REQUIRE(pthread_getattr_np(pthread_self(), &attributes) == 0);
    ORDO_REQUIRE(pthread_attr_getstack(&attributes, &start, &size) == 0);
    pthread_attr_destroy(&attributes);
    ordo_vm_entry.stack_end = (char *)start + size;
}

/* The collector makes them smaller, too: a VM's state tells that. */
bool ordo_vm_is_mover(uint64_t function)
{
    return function == (uintptr_t)lj_state_growstack;
}

bool ordo_vm_is_interpreter(uint64_t address)
{
    return address >= (uintptr_t)lj_vm_asm_begin && address < (uintptr_t)lj_vm_ffi_call;
}
