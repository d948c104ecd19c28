/* SPDX-License-Identifier: MIT
 * vm.c: making a LuaJIT state, and the allocator that counts what it uses.
 *
 * Lua's memory comes from malloc, as all memory of the program: the heap profile then sees it, and small
 * blocks are faster than through an arena of jemalloc's own. With jemalloc a block is given back with its
 * size, which spares a look-up; elsewhere that function does not exist and free() does.
 */
#include "vm/vm.h"

#include <stdlib.h>

#include <lauxlib.h>
#include <luajit.h>

#include "base/log.h"

extern void sdallocx(void *memory, size_t size, int flags) __attribute__((weak));

/* Read by jemalloc. Lua's collector frees thousands of small blocks at once and soon needs as many again: with the
 * preset 200 blocks a size, a thread's cache would hand most of them back to the shared arena in between. */
__attribute__((visibility("default"))) const char *malloc_conf =
    "tcache_nslots_small_max:2000,lg_tcache_nslots_mul:4";

static void give_back(void *memory, size_t size)
{
    if (sdallocx != NULL && memory != NULL)
        sdallocx(memory, size, 0);
    else
        free(memory);
}

/* The contract of lua_Alloc: old_size is exact, and making a block smaller cannot fail. */
static void *allocate(void *context, void *memory, size_t old_size, size_t new_size)
{
    struct ordo_vm *vm = context;

    if (new_size == 0) {
        vm->bytes -= old_size;
        give_back(memory, old_size);
        return NULL;
    }
    if (new_size > old_size && (vm->bytes > vm->limit || new_size - old_size > vm->limit - vm->bytes))
        return NULL;
    memory = memory == NULL ? malloc(new_size) : realloc(memory, new_size);
    if (memory == NULL)
        return NULL;
    vm->bytes = vm->bytes - old_size + new_size;
    if (vm->bytes > vm->peak)
        vm->peak = vm->bytes;
    return memory;
}

/* An error outside of any protected call: the state cannot be trusted any more. */
static int panic(lua_State *L)
{
    const char *message = lua_tostring(L, -1);

    ordo_log_error("vm", "unprotected error in Lua: %s", message == NULL ? "(not a string)" : message);
    ORDO_REQUIRE(!"unprotected error in Lua");
    return 0;
}

struct ordo_vm *ordo_vm_new(void *owner, bool jit, struct ordo_error *err)
{
    struct ordo_vm *vm = calloc(1, sizeof(*vm));
    int mode = LUAJIT_MODE_ENGINE | (jit ? LUAJIT_MODE_ON : LUAJIT_MODE_OFF);

    ORDO_REQUIRE(vm != NULL);
    *vm = (struct ordo_vm){.owner = owner, .limit = SIZE_MAX};
    vm->L = lua_newstate(allocate, vm);
    if (vm->L == NULL) {
        free(vm);
        ordo_fail(err, ORDO_ESCRIPT, NULL, "LuaJIT made no state: it needs to be built for GC64 (x86-64)");
        return NULL;
    }
    lua_atpanic(vm->L, panic);
    /* Fails where the processor has no JIT backend; rules are then interpreted. */
    vm->jit = luaJIT_setmode(vm->L, 0, mode) != 0 && jit;
    return vm;
}

void ordo_vm_free(struct ordo_vm *vm)
{
    if (vm == NULL)
        return;
    lua_close(vm->L);
    free(vm);
}
