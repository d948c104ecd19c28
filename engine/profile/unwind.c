/* SPDX-License-Identifier: MIT
 * unwind.c: joins the three parts of a stack that goes through a VM.
 *
 * libunwind goes through the interpreter, but ends at compiled code, or guesses a few frames behind it. So what it
 * gives is cut at the first address in the VM's own code, whichever that is; the rest of the stack is known otherwise.
 * The frames below the VM are walked by their frame pointers, which the engine's code keeps, from the function that
 * entered the VM to the first one that is not the program's own.
 */
#define UNW_LOCAL_ONLY
#include "profile/unwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <libunwind.h>

#include "vm/entry.h"
#include "vm/stack.h"

enum { RAW_MAX = ORDO_UNWIND_MAX + 32 }; /* room for the handler's or the allocator's own frames */

_Thread_local volatile bool ordo_unwinding __attribute__((tls_model("initial-exec")));

#ifdef __SANITIZE_THREAD__
/* unw_backtrace keeps a table for each thread, and gives it back when the sanitizer has left that thread already. */
static __attribute__((noinline)) int backtrace_native(void **ret_frames, int most)
{
    unw_context_t context;
    unw_cursor_t cursor;
    unw_word_t address;
    int count = 0;

    unw_getcontext(&context);
    if (unw_init_local(&cursor, &context) < 0)
        return 0;
    do {
        if (unw_get_reg(&cursor, UNW_REG_IP, &address) < 0 || address == 0)
            break;
        ret_frames[count++] = (void *)address; /* NOLINT(performance-no-int-to-ptr) */
    } while (count < most && unw_step(&cursor) > 0);
    /* The first is this function's. */
    memmove(ret_frames, ret_frames + 1, (size_t)(count > 0 ? count - 1 : 0) * sizeof(*ret_frames));
    return count > 0 ? count - 1 : 0;
}
#else
static inline __attribute__((always_inline)) int backtrace_native(void **ret_frames, int most)
{
    return unw_backtrace(ret_frames, most);
}
#endif

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

__attribute__((noinline)) size_t ordo_unwind_native(uint64_t pc, uint64_t *ret_frames, size_t most,
                                                    size_t *ret_leaves)
{
    void *raw[RAW_MAX];
    int taken = 0, from = 0;
    size_t count = 0;
    bool through_vm = ordo_vm_running() != NULL;
    int saved_errno = errno; /* libunwind tries memory by system calls */

    *ret_leaves = 0;
    if (most == 0)
        return 0;
    if (ordo_unwinding) { /* a handler that struck the unwinder itself */
        *ret_leaves = 1;
        ret_frames[0] = pc != 0 ? pc : (uint64_t)(uintptr_t)__builtin_return_address(0);
        return 1;
    }
    ordo_unwinding = true;
    if (!(through_vm && pc != 0 && is_vm_code(pc)))
        taken = backtrace_native(raw, RAW_MAX);
    if (pc != 0) {
        while (from < taken && (uint64_t)(uintptr_t)raw[from] != pc)
            from++;
        if (from == taken && !(through_vm && is_vm_code(pc))) /* it did not get out of the handler */
            ret_frames[count++] = pc;
    } else {
        from = 1; /* this function */
    }
    for (; from < taken && count < most; from++) {
        uint64_t address = (uint64_t)(uintptr_t)raw[from];

        if (through_vm && is_vm_code(address))
            break;
        ret_frames[count++] = address;
    }
    *ret_leaves = count;
    if (through_vm)
        count += walk_below(ret_frames + count, most - count);
    ordo_unwinding = false;
    errno = saved_errno;
    return count;
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

    count = ordo_unwind_native(0, native, ORDO_UNWIND_MAX, &leaves);
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

void ordo_unwind_warm_up(void)
{
    void *raw[RAW_MAX];

    backtrace_native(raw, RAW_MAX);
}
