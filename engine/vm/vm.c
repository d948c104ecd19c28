/* SPDX-License-Identifier: MIT
 * vm.c: making a LuaJIT state, and the allocator that counts what it uses.
 *
 * Lua's memory comes from malloc, as all memory of the program: the heap profile then sees it, and small
 * blocks are faster than through an arena of jemalloc's own. With jemalloc a block is given back with its
 * size, which spares a look-up; elsewhere that function does not exist and free() does.
 */
#include <stdlib.h>

#include <lauxlib.h>
#include <luajit.h>

#include "base/log.h"
#include "vm/vm_impl.h"

extern void sdallocx(void *memory, size_t size, int flags) __attribute__((weak));

/* Read by jemalloc; MALLOC_CONF of the environment overrides it. Lua's collector frees thousands of small blocks at once
 * and soon needs as many again: with the preset 200 blocks a size, a thread's cache would hand most of them back to
 * the shared arena in between.
 *
 * Heap profiles are made possible here, but a program samples only once ordo_heap_start has told jemalloc to: its own
 * unwinder aborts the process at the first sample that compiled Lua takes. */
__attribute__((visibility("default"))) const char *malloc_conf =
    "tcache_nslots_small_max:2000,lg_tcache_nslots_mul:4,"
    "prof:true,prof_active:false,lg_prof_sample:19,prof_accum:true";

static void give_back(void *memory, size_t size)
{
    if (sdallocx != NULL && memory != NULL)
        sdallocx(memory, size, 0);
    else
        free(memory);
}

static void set_bytes(struct ordo_vm *vm, size_t bytes)
{
    atomic_store_explicit(&vm->bytes, bytes, memory_order_relaxed);
    if (bytes > atomic_load_explicit(&vm->peak, memory_order_relaxed))
        atomic_store_explicit(&vm->peak, bytes, memory_order_relaxed);
}

/* The collector changes its white in each cycle, and frees afterwards what has the old one. */
void ordo__vm_count_cycle(struct ordo_vm *vm)
{
    struct ordo__vm_inside *inside = vm->inside;
    uint8_t white;

    if (!inside->collector)
        return;
    white = *(const uint8_t *)(inside->global + inside->layout.gc_white);
    if (white == inside->white)
        return;
    inside->white = white;
    atomic_store_explicit(&inside->cycles, inside->cycles + 1, memory_order_relaxed);
    if (inside->inside_call)
        atomic_store_explicit(&inside->cycles_inside, inside->cycles_inside + 1, memory_order_relaxed);
}

/* The contract of lua_Alloc: old_size is exact, and making a block smaller cannot fail. */
void *ordo__vm_allocate(void *context, void *memory, size_t old_size, size_t new_size)
{
    struct ordo_vm *vm = context;
    size_t bytes = atomic_load_explicit(&vm->bytes, memory_order_relaxed);

    if (new_size == 0) {
        set_bytes(vm, bytes - old_size);
        ordo__vm_count_cycle(vm); /* before: the last block is that of the state itself */
        give_back(memory, old_size);
        return NULL;
    }
    if (new_size > old_size && (bytes > vm->limit || new_size - old_size > vm->limit - bytes))
        return NULL;
    memory = memory == NULL ? malloc(new_size) : realloc(memory, new_size);
    if (memory == NULL)
        return NULL;
    bytes += new_size - old_size;
    set_bytes(vm, bytes);
    if (new_size > old_size)
        vm->allocated += new_size - old_size;
    if (bytes > vm->collect_beyond)
        ordo__collector_restart(vm);
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

struct ordo_vm *ordo__vm_new(void *owner, bool jit, const struct ordo__vm_layout *layout,
                             struct ordo_error *err)
{
    struct ordo_vm *vm = calloc(1, sizeof(*vm));

    ORDO_REQUIRE(vm != NULL);
    *vm = (struct ordo_vm){.owner = owner,
                           .limit = SIZE_MAX,
                           .collect_beyond = SIZE_MAX,
                           .inside = calloc(1, sizeof(*vm->inside))};
    ORDO_REQUIRE(vm->inside != NULL);
    vm->inside->layout = *layout;
    vm->L = lua_newstate(ordo__vm_allocate, vm);
    if (vm->L == NULL) {
        free(vm->inside);
        free(vm);
        ordo_fail(err, ORDO_ESCRIPT, NULL, "LuaJIT made no state: it needs to be built for GC64 (x86-64)");
        return NULL;
    }
    lua_atpanic(vm->L, panic);
    /* The compiler is off in a new state, and luaopen_jit is what switches it on: not luaJIT_setmode, which would have
     * loops counted to 32,768 instead of 56 before each is compiled for the first time. */
    vm->jit = jit;
    if (lua_cpcall(vm->L, ordo__enter_open, NULL) != 0) {
        ordo_fail(err, ORDO_ESCRIPT, NULL, "LuaJIT has no memory for its first functions");
        ordo_vm_free(vm);
        return NULL;
    }
    ordo__probe(vm);
    return vm;
}

struct ordo_vm *ordo_vm_new(void *owner, bool jit, struct ordo_error *err)
{
    return ordo__vm_new(owner, jit, &ordo__vm_layout, err);
}

void ordo_vm_free(struct ordo_vm *vm)
{
    if (vm == NULL)
        return;
    vm->collect_beyond = SIZE_MAX;
    lua_close(vm->L);
    ordo__traces_free(vm->inside->traces);
    free(vm->inside);
    free(vm);
}
