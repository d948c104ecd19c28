/* SPDX-License-Identifier: MIT
 * unwind.c: joins the three parts of a stack that goes through a VM.
 *
 * Compiled Lua has no unwind information that an unwinder could use. So native frames are followed to the first address in
 * the VM's own code, whichever that is; the rest of the stack is known otherwise. The frames below the VM are walked by
 * their frame pointers, which the engine's code keeps, from the function that entered the VM to the first one that is not
 * the program's own.
 */
#include "profile/unwind.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "profile/unwind_rules.h"
#include "vm/entry.h"
#include "vm/stack.h"

enum { DEPTH_MAX = 1000 }; /* of recursions in C; about 0.1 ms */

/* By it errors of Lua are thrown. Its header has the name of ours. */
extern int _Unwind_RaiseException(void *exception); /* NOLINT(bugprone-reserved-identifier) */

/* What lies behind the stack of the thread. */
static _Thread_local uint64_t stack_bottom __attribute__((tls_model("initial-exec")));

/* The environment lies behind the first thread's. */
__attribute__((constructor)) static void note_first_stack(void)
{
    stack_bottom = (uint64_t)(uintptr_t)environ & ~(uint64_t)7;
}

/* glibc's: takes no lock, and may be called in a signal handler. */
bool ordo_unwind_object(uint64_t address, uint64_t *ret_start, uint64_t *ret_end)
{
    struct dl_find_object object;

    if (_dl_find_object((void *)(uintptr_t)address, &object) != 0) /* NOLINT(performance-no-int-to-ptr) */
        return false;
    *ret_start = (uint64_t)(uintptr_t)object.dlfo_map_start;
    *ret_end = (uint64_t)(uintptr_t)object.dlfo_map_end;
    return true;
}

/* The interpreter, or compiled code, which is of no object. */
static bool is_vm_code(uint64_t address)
{
    uint64_t start, end;

    return ordo_vm_is_interpreter(address) || !ordo_unwind_object(address, &start, &end);
}

/* What has called what entered the VM. */
static size_t walk_below(uint64_t *ret_frames, size_t most)
{
    const uint64_t *frame = ordo_vm_entry.frame, *end = ordo_vm_entry.stack_end;
    uint64_t program_start = 0, program_end = 0;
    size_t count = 0;

    ordo_unwind_object((uint64_t)(uintptr_t)walk_below, &program_start, &program_end);
    while (count < most && frame != NULL && frame + 2 <= end) {
        const uint64_t *caller =
            (const uint64_t *)(uintptr_t)frame[0]; /* NOLINT(performance-no-int-to-ptr) */
        uint64_t address = frame[1];

        ret_frames[count++] = address;
        if (address < program_start || address >= program_end || ordo_vm_is_interpreter(address) ||
            caller <= frame || (uintptr_t)caller % 8 != 0)
            break;
        frame = caller;
    }
    return count;
}

/* Where a signal struck the thread, or where this function is put. */
static inline __attribute__((always_inline)) void take_registers(struct ordo__registers *registers,
                                                                 const ucontext_t *struck)
{
    static const int numbers[ORDO__REGISTERS] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                                 REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                                 REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

    if (stack_bottom == 0) /* glibc puts what it knows of a thread behind its stack */
        stack_bottom = (uint64_t)pthread_self();
    registers->bottom = stack_bottom;
    registers->is_struck = struck != NULL;
    if (struck != NULL) {
        for (int i = 0; i < ORDO__REGISTERS; i++)
            registers->value[i] = (uint64_t)struck->uc_mcontext.gregs[numbers[i]];
        registers->known = (1u << ORDO__REGISTERS) - 1;
        return;
    }
    __asm__ volatile("lea 0(%%rip), %0\n\tmov %%rsp, %1\n\tmov %%rbp, %2"
                     : "=r"(registers->value[ORDO__RIP]), "=r"(registers->value[ORDO__RSP]),
                       "=r"(registers->value[ORDO__RBP]));
    registers->known = 1u << ORDO__RIP | 1u << ORDO__RSP | 1u << ORDO__RBP;
}

__attribute__((noinline)) size_t ordo_unwind_native(const ucontext_t *struck, uint64_t *ret_frames,
                                                    size_t most, size_t *ret_leaves)
{
    bool through_vm = ordo_vm_running() != NULL, has_more = true;
    struct ordo__registers registers;
    size_t count = 0;

    take_registers(&registers, struck);
    if (struck == NULL)
        has_more = ordo__cfi_step(&registers);
    for (; has_more && count < most; has_more = ordo__cfi_step(&registers)) {
        if (through_vm && is_vm_code(registers.value[ORDO__RIP]))
            break;
        ret_frames[count++] = registers.value[ORDO__RIP];
    }
    *ret_leaves = count;
    if (through_vm)
        count += walk_below(ret_frames + count, most - count);
    return count;
}

bool ordo_unwind_is_still(const ucontext_t *struck)
{
    uint64_t thrower_start = 0, thrower_end = 0, address;
    enum ordo_vm_state state = ordo_vm_state(ordo_vm_running());
    struct ordo__registers registers;

    take_registers(&registers, struck);
    if (state == ORDO_VM_IDLE || state == ORDO_VM_GC || state == ORDO_VM_JIT ||
        is_vm_code(registers.value[ORDO__RIP]) ||
        !ordo_unwind_object((uint64_t)(uintptr_t)_Unwind_RaiseException, &thrower_start, &thrower_end))
        return false;
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        address = registers.value[ORDO__RIP] - !registers.is_struck;
        if ((address >= thrower_start && address < thrower_end) ||
            ordo_vm_is_mover(ordo__function_start(address)) || !ordo__cfi_step(&registers))
            return false;
        if (is_vm_code(registers.value[ORDO__RIP]))
            return true;
    }
    return false;
}

/* The frame that says what the VM does; 0: it runs Lua, or C that Lua called. */
static uint64_t state_frame(const struct ordo_vm *vm)
{
    switch (ordo_vm_state(vm)) {
    case ORDO_VM_GC:
        return ordo_line_address("=(garbage collector)", 0, 0);
    case ORDO_VM_JIT:
        return ordo_line_address("=(compiler)", 0, 0);
    default:
        return 0;
    }
}

__attribute__((noinline)) size_t ordo_unwind(uint64_t *ret_frames, size_t most)
{
    uint64_t native[ORDO_UNWIND_MAX], state;
    size_t leaves, count, below, at;
    struct ordo_vm *vm = ordo_vm_running();

    count = ordo_unwind_native(NULL, native, ORDO_UNWIND_MAX, &leaves);
    at = leaves > 0 ? 1 : 0; /* the frame of this function, whose caller is wanted */
    below = count - leaves;
    count = leaves - at < most ? leaves - at : most;
    memcpy(ret_frames, native + at, count * sizeof(*native));
    if (vm == NULL)
        return count;
    state = state_frame(vm);
    if (state != 0 && count < most)
        ret_frames[count++] = state;
    count += ordo_vm_stack(vm, ret_frames + count, most - count);
    if (below > most - count)
        below = most - count;
    memcpy(ret_frames + count, native + leaves, below * sizeof(*native));
    return count + below;
}
