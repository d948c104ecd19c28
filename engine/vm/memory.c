/* SPDX-License-Identifier: MIT
 * memory.c: reads the collector's figures from LuaJIT's global state, once the probe found them there.
 */
#include "vm/memory.h"

#include "base/clock.h"
#include "vm/vm_impl.h"

enum { COMPILER_BYTES = 0x1000 }; /* memory for code comes in pages */

static const char *const state_names[] = {"pause", "mark", "atomic", "sweep strings", "sweep", "finalize"};
enum { STATES = sizeof(state_names) / sizeof(*state_names) };

static size_t read_size(const struct ordo__vm_inside *inside, unsigned at)
{
    return __atomic_load_n((size_t *)(inside->global + at), __ATOMIC_RELAXED);
}

void ordo_vm_memory(const struct ordo_vm *vm, struct ordo_vm_memory *ret_memory)
{
    const struct ordo__vm_inside *inside = vm->inside;
    const struct ordo__vm_layout *layout = &inside->layout;
    uint8_t state;

    *ret_memory = (struct ordo_vm_memory){
        .bytes = atomic_load_explicit(&vm->bytes, memory_order_relaxed),
        .peak = atomic_load_explicit(&vm->peak, memory_order_relaxed),
        .limit = vm->limit,
        .cycles = atomic_load_explicit(&inside->cycles, memory_order_relaxed),
        .full_collections = atomic_load_explicit(&inside->full_collections, memory_order_relaxed),
        .full_ns = atomic_load_explicit(&inside->full_ns, memory_order_relaxed),
        .full_longest_ns = atomic_load_explicit(&inside->full_longest_ns, memory_order_relaxed),
        .known = inside->collector,
    };
    if (!inside->collector)
        return;
    state = *(volatile uint8_t *)(inside->global + layout->gc_state);
    ret_memory->state = state < STATES ? state_names[state] : "?";
    ret_memory->total = read_size(inside, layout->gc_total);
    ret_memory->threshold = read_size(inside, layout->gc_threshold);
    ret_memory->estimate = read_size(inside, layout->gc_estimate);
    ret_memory->debt = read_size(inside, layout->gc_debt);
    ret_memory->code_bytes = read_size(inside, layout->code_bytes);
}

uint64_t ordo_vm_cycles(const struct ordo_vm *vm)
{
    return atomic_load_explicit(&vm->inside->cycles, memory_order_relaxed);
}

int64_t ordo_vm_collect(struct ordo_vm *vm)
{
    struct ordo__vm_inside *inside = vm->inside;
    int64_t start = ordo_clock_ns(), took;

    lua_gc(vm->L, LUA_GCCOLLECT, 0);
    took = ordo_clock_ns() - start;
    atomic_store_explicit(&inside->full_collections, inside->full_collections + 1, memory_order_relaxed);
    atomic_store_explicit(&inside->full_ns, inside->full_ns + took, memory_order_relaxed);
    if (took > inside->full_longest_ns)
        atomic_store_explicit(&inside->full_longest_ns, took, memory_order_relaxed);
    return took;
}

/* Does the collector's state follow what lua_gc does? Called by the probe, after the trial; `code_bytes` is what was seen
 * while the trial's code existed. */
bool ordo__memory_probe(struct ordo_vm *vm, size_t code_bytes)
{
    const struct ordo__vm_inside *inside = vm->inside;
    const struct ordo__vm_layout *layout = &inside->layout;
    lua_State *L = vm->L;
    size_t total, count;

    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCSTOP, 0);
    total = read_size(inside, layout->gc_total);
    count = (size_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 + (size_t)lua_gc(L, LUA_GCCOUNTB, 0);
    if (total != count || *(uint8_t *)(inside->global + layout->gc_state) != 0 ||
        read_size(inside, layout->gc_threshold) <= total) {
        lua_gc(L, LUA_GCRESTART, 0);
        return false;
    }
    lua_gc(L, LUA_GCRESTART, 0); /* begins with what is there */
    if (read_size(inside, layout->gc_threshold) != total || read_size(inside, layout->gc_estimate) > total)
        return false;
    lua_gc(L, LUA_GCCOLLECT, 0);
    if (!vm->jit)
        return read_size(inside, layout->code_bytes) == 0;
    return code_bytes > 0 && code_bytes % COMPILER_BYTES == 0 && read_size(inside, layout->code_bytes) == 0;
}
