/* SPDX-License-Identifier: MIT
 * vm_impl.h: what the files of vm/ share: where LuaJIT keeps the bytes of its state that are read here, and what is
 * kept of a VM beside it.
 *
 *   vm.c         making one, its allocator     enter.c        calls into Lua
 *   probe.c      is LuaJIT what is expected    interrupt.c    from a signal to a safe point
 *   stack.c      where Lua stands              line_table.c   lines as addresses
 *   trace_table.c, trace_words.c               what was compiled, and what was not
 */
#pragma once

#include <stdatomic.h>

#include "vm/interrupt.h"
#include "vm/stack.h"

/* Bytes. Those of LuaJIT 2.1's x86-64 builds with GC64; the probe checks each in every VM. Tests give wrong ones. */
struct ordo__vm_layout {
    unsigned search; /* the hook mask is looked for in so many bytes behind the state */
    unsigned state_global, state_base, state_top, state_cframe; /* in lua_State */
    unsigned hookmask, vmstate, current, jit_base;              /* in global_State */
    unsigned hook_left, hook_count;                /* ... instructions until the count hook, and between */
    unsigned cframe_state, cframe_pc, cframe_size; /* in the frame that the VM has on the native stack */
    unsigned gc_total, gc_threshold, gc_white, gc_state, gc_debt, gc_estimate; /* in global_State */
    unsigned code_bytes, exit_trace, exit_number;                              /* behind it, in its block */
    unsigned guard_operation; /* number of the compiler\'s operation for a guard (IR_PROF) */
};
extern const struct ordo__vm_layout ordo__vm_layout;

/* Bits of LuaJIT's hook mask. */
enum { ORDO__HOOK_VMEVENT = 0x20, ORDO__HOOK_PROFILE = 0x80 };
/* What LuaJIT's vmstate says, when it is not the number of the trace that runs. */
enum { ORDO__STATE_INTERPRETER = ~0, ORDO__STATE_C = ~1, ORDO__STATE_GC = ~2 };

/* Where the last tick struck. */
enum ordo__struck {
    ORDO__STRUCK_VM = 0,   /* the interpreter itself: where it stands is right */
    ORDO__STRUCK_C,        /* C that the interpreter called */
    ORDO__STRUCK_COMPILED, /* compiled code, or C that it called */
};

struct ordo__traces;

struct ordo__vm_inside {
    struct ordo_vm_probe probe;
    struct ordo__vm_layout layout;
    /* Set once by the probe; valid when probe.guarded. */
    char *global;
    volatile uint8_t *hookmask;
    volatile int32_t *vmstate;
    lua_State *volatile *current;
    void *volatile *jit_base;
    volatile int32_t *hook_left;
    const uint32_t *exit_trace, *exit_number; /* by which compiled code was left last; NULL: not found */
    bool frames; /* the layout of native frames holds too: resumers and exact lines are found */

    /* Owner thread and its signal handlers. */
    lua_State *outer; /* the coroutine that was entered */
    lua_State *at;    /* at a safe point: the coroutine that stands there */
    ordo_vm_reached_fn reached;
    void *context;
    volatile enum ordo__struck struck;

    bool collector; /* the collector's figures were found */
    uint8_t white;  /* with what it marked last */
    /* written by the owner */
    _Atomic uint64_t cycles, cycles_inside, beyond_headroom, full_collections;
    _Atomic int64_t full_ns, full_longest_ns;
    _Atomic size_t due_from; /* collector.c */
    _Atomic bool taken;      /* the collector works when ordo_vm_collector_step is called */
    /* owner only */
    bool inside_call; /* ... but now inside of a call, because that went beyond the headroom */
    int step_kib;     /* how much these are for */
    unsigned pause;   /* percent */
    size_t headroom;

    int through_ref, empty_ref; /* functions of Lua (enter.c) */
    int steps_ref, full_ref;    /* of C (collector.c) */

    struct ordo__traces *traces; /* NULL: nothing is compiled */
};

/* --- vm.c --- */

/* As ordo_vm_new, with another layout. */
struct ordo_vm *ordo__vm_new(void *owner, bool jit, const struct ordo__vm_layout *layout,
                             struct ordo_error *err);
void *ordo__vm_allocate(void *context, void *memory, size_t old_size, size_t new_size);
/* Counts a cycle if one has marked all since the last call. */
void ordo__vm_count_cycle(struct ordo_vm *vm);

/* --- enter.c --- */

#define ORDO__ENTER_SOURCE "=vm" /* of its functions of Lua, which no stack shows */
ORDO_LJMP int ordo__enter_open(lua_State *L);
/* Calls one of the functions of collector.c. Allocates nothing. An error (of a finaliser, or because the collector itself had no
 * memory) ends it; the collector goes on behind it when it is called again. */
void ordo__enter_collector(struct ordo_vm *vm, int function_ref);

/* --- probe.c --- */

/* Looks at a new VM, and starts its guards. Sets probe; what it did not find leaves the VM without its JIT. */
void ordo__probe(struct ordo_vm *vm);

/* --- interrupt.c --- */

void ordo__interrupt_start(struct ordo_vm *vm); /* from now on compiled code has guards */
void ordo__interrupt_ask(struct ordo_vm *vm);   /* the next guard or bytecode calls `reached` */
/* Takes back what was asked and not reached. */
void ordo__interrupt_withdraw(struct ordo_vm *vm);

/* --- stack.c --- */

/* The frame of a coroutine that runs, on the native stack; NULL: it is not where the layout says. */
char *ordo__frame_of(const struct ordo__vm_inside *inside, lua_State *L);
/* Moves the instruction at which it stands. */
void ordo__frame_step(const struct ordo__vm_inside *inside, lua_State *L, int instructions);

/* --- trace_table.c --- */

/* Begins a table for the VM. The library `jit` is on the stack. [-0, +0] */
ORDO_LJMP void ordo__traces_open(lua_State *L, struct ordo_vm *vm);
void ordo__traces_free(struct ordo__traces *traces);
/* Owner thread. Is the exit at the beginning of a line of which nothing has run? */
bool ordo__trace_exit_begins(const struct ordo_vm *vm, uint32_t number, uint32_t exit);
/* No lock. The trace in which a chain of side traces begins; 0: not known. */
uint32_t ordo__trace_root(const struct ordo_vm *vm, uint32_t number);

/* --- memory.c --- */

bool ordo__memory_probe(struct ordo_vm *vm, size_t code_bytes);
size_t ordo__memory_estimate(const struct ordo_vm *vm); /* of what is alive; when the collector is known */

/* --- collector.c --- */

/* From the allocator: the call is beyond its headroom. */
void ordo__collector_restart(struct ordo_vm *vm);
ORDO_LJMP int ordo__collector_steps(lua_State *L);
ORDO_LJMP int ordo__collector_full(lua_State *L);

/* --- LuaJIT's own, linked statically --- */

extern const char lj_state_growstack[] __attribute__((visibility("hidden")));
/* The VM's assembler lies between them. */
extern const char lj_vm_asm_begin[] __attribute__((visibility("hidden")));
extern const char lj_vm_ffi_call[] __attribute__((visibility("hidden")));
