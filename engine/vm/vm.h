/* SPDX-License-Identifier: MIT
 * vm.h: one LuaJIT state and its mechanics: the allocator that counts, and the calls by which Lua is entered.
 * It knows nothing of orders. A VM belongs to one thread.
 */
#pragma once

#include <lua.h>

#include "base/error.h"

struct ordo_vm {
    lua_State *L;
    void *owner; /* struct of the layer above; reached from C functions by ordo_vm_of(L)->owner */
    _Atomic size_t bytes,
        peak;           /* Lua heap now, and at most so far; written by the owner, read by any thread */
    uint64_t allocated; /* bytes so far, freed ones included; owner thread */
    size_t limit;       /* allocations beyond it fail with LUA_ERRMEM; SIZE_MAX: none */
    size_t
        collect_beyond; /* with more, the collector goes on inside of the call (collector.h); SIZE_MAX: never */
    bool jit;           /* rules are compiled; off also where the probe failed (interrupt.h) */
    struct ordo__vm_inside *inside;
};

struct ordo_vm *ordo_vm_new(void *owner, bool jit, struct ordo_error *err); /* no libraries are open */
void ordo_vm_free(struct ordo_vm *vm);

/* As lua_cpcall(vm->L, …) and lua_resume(thread, …). Lua is entered by these two alone: they tell the profiler whose
 * code the thread runs. Inside of them, plain lua_pcall() is fine. */
int ordo_vm_cpcall(struct ordo_vm *vm, lua_CFunction function, void *context);
int ordo_vm_resume(struct ordo_vm *vm, lua_State *thread, int arguments);

/* The VM of any of its coroutines; two loads. */
static inline struct ordo_vm *ordo_vm_of(lua_State *L)
{
    void *vm;

    lua_getallocf(L, &vm);
    return vm;
}

/* Functions that may leave by longjmp (lua_error) are marked so; they hold no C resource when they raise. */
#define ORDO_LJMP
