/* SPDX-License-Identifier: MIT
 * memory.c: reads the collector's figures from LuaJIT's global state, once the probe found them there.
 */
#include "vm/memory.h"

#include <assert.h>

#include "vm/vm_impl.h"

enum { COMPILER_BYTES = 0x1000 }; /* memory for code comes in pages */

static size_t read_size(const struct ordo__vm_inside *inside, unsigned at)
{
    return __atomic_load_n((size_t *)(inside->global + at), __ATOMIC_RELAXED);
}

void ordo_vm_memory(const struct ordo_vm *vm, struct ordo_vm_memory *ret_memory)
{
    const struct ordo__vm_inside *inside = vm->inside;
    const struct ordo__vm_layout *layout = &inside->layout;
    size_t due_from = atomic_load_explicit(&inside->due_from, memory_order_relaxed);

    *ret_memory = (struct ordo_vm_memory){
        .bytes = atomic_load_explicit(&vm->bytes, memory_order_relaxed),
        .peak = atomic_load_explicit(&vm->peak, memory_order_relaxed),
        .limit = vm->limit,
        .cycles = atomic_load_explicit(&inside->cycles, memory_order_relaxed),
        .cycles_inside = atomic_load_explicit(&inside->cycles_inside, memory_order_relaxed),
        .beyond_headroom = atomic_load_explicit(&inside->beyond_headroom, memory_order_relaxed),
        .full_collections = atomic_load_explicit(&inside->full_collections, memory_order_relaxed),
        .full_ns = atomic_load_explicit(&inside->full_ns, memory_order_relaxed),
        .full_longest_ns = atomic_load_explicit(&inside->full_longest_ns, memory_order_relaxed),
        .known = inside->collector,
    };
    if (!inside->collector)
        return;
    ret_memory->state = ordo_vm_collector_state_name(ordo_vm_collector_state(vm));
    ret_memory->total = read_size(inside, layout->gc_total);
    ret_memory->threshold = read_size(inside, layout->gc_threshold);
    ret_memory->estimate = read_size(inside, layout->gc_estimate);
    ret_memory->debt = read_size(inside, layout->gc_debt);
    ret_memory->code_bytes = read_size(inside, layout->code_bytes);
    if (!atomic_load_explicit(&inside->taken, memory_order_relaxed))
        return;
    ret_memory->threshold = due_from;
    if (ret_memory->bytes > due_from)
        ret_memory->debt += ret_memory->bytes - due_from;
}

unsigned ordo_vm_collector_state(const struct ordo_vm *vm)
{
    const struct ordo__vm_inside *inside = vm->inside;
    uint8_t state;

    if (!inside->collector)
        return ORDO_VM_COLLECTOR_STATES;
    state = *(volatile uint8_t *)(inside->global + inside->layout.gc_state);
    return state < ORDO_VM_COLLECTOR_STATES ? state : ORDO_VM_COLLECTOR_STATES;
}

const char *ordo_vm_collector_state_name(unsigned state)
{
    static const char *const names[] = {"pause", "mark", "atomic", "sweep strings", "sweep", "finalize", "?"};

    static_assert(sizeof(names) / sizeof(*names) == ORDO_VM_COLLECTOR_STATES + 1, "one for each");
    return names[state];
}

size_t ordo__memory_estimate(const struct ordo_vm *vm)
{
    return read_size(vm->inside, vm->inside->layout.gc_estimate);
}

uint64_t ordo_vm_cycles(const struct ordo_vm *vm)
{
    return atomic_load_explicit(&vm->inside->cycles, memory_order_relaxed);
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
