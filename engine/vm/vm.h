/* SPDX-License-Identifier: MIT
 * vm.h: one LuaJIT state and its mechanics: the allocator that counts, and what budgets will hook into.
 * It knows nothing of orders. A VM belongs to one thread.
 */
#pragma once

#include <lua.h>

#include "base/error.h"

struct ordo_vm {
    lua_State *L;
    void *owner;        /* struct of the layer above; reached from C functions by ordo_vm_of(L)->owner */
    size_t bytes, peak; /* Lua heap now, and at most so far */
    size_t limit;       /* allocations beyond it fail with LUA_ERRMEM; SIZE_MAX: none */
    bool jit;
};

struct ordo_vm *ordo_vm_new(void *owner, bool jit, struct ordo_error *err); /* no libraries are open */
void ordo_vm_free(struct ordo_vm *vm);

/* The VM of any of its coroutines; two loads. */
static inline struct ordo_vm *ordo_vm_of(lua_State *L)
{
    void *vm;

    lua_getallocf(L, &vm);
    return vm;
}

/* Functions that may leave by longjmp (lua_error) are marked so; they hold no C resource when they raise. */
#define ORDO_LJMP
