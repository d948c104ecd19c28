/* SPDX-License-Identifier: MIT
 * collector.c: when Lua's collector works, and how much.
 *
 * LuaJIT compares its count of bytes with a threshold at each allocation, and goes on with a cycle when it is reached.
 * LUA_GCSTOP sets that threshold out of reach, LUA_GCRESTART to where the count is. LUA_GCSTEP with n KiB does as many steps as
 * LuaJIT would have done while the heap grew by that much (and one more), but ends with a cycle; both it and LUA_GCCOLLECT set
 * a threshold of their own, so the collector is stopped again behind each.
 *
 * Between two calls the collector never stands at "atomic" or "finalize": compiled code that is left then does a step in any
 * case, which would also start the collector.
 *
 * `due_from` is the size of the heap from which on growth is paid for: while a cycle goes on, its size behind the last
 * step; between two cycles, the size at which the next one begins.
 *
 * While steps are done here the headroom counts for nothing: a finaliser must not be collected in, so LuaJIT stops the
 * collector around it, and would forget that it was started meanwhile.
 */
#include "vm/collector.h"

#include "base/clock.h"
#include "vm/memory.h"
#include "vm/vm_impl.h"

enum { KIB_SHIFT = 10, KIB_MOST = 1 << 30 };

/* At most `most`, and half of what the limit leaves: garbage is to be collected before it is in the way. */
static size_t room(const struct ordo_vm *vm, size_t bytes, size_t most)
{
    size_t left = vm->limit > bytes ? (vm->limit - bytes) / 2 : 0;

    return most < left ? most : left;
}

static size_t bytes_of(const struct ordo_vm *vm)
{
    return atomic_load_explicit(&vm->bytes, memory_order_relaxed);
}

static void set_due_from(struct ordo_vm *vm, size_t bytes)
{
    atomic_store_explicit(&vm->inside->due_from, bytes, memory_order_relaxed);
}

/* Sets it to where the next cycle begins. */
static void rest(struct ordo_vm *vm)
{
    size_t alive = ordo__memory_estimate(vm), grown = alive / 100 * vm->inside->pause;

    set_due_from(vm, alive + room(vm, alive, grown > alive ? grown - alive : 0));
}

static bool must_go_on(const struct ordo_vm *vm)
{
    unsigned state = ordo_vm_collector_state(vm);

    return state == ORDO_VM_COLLECTOR_ATOMIC || state == ORDO_VM_COLLECTOR_FINALIZE;
}

static void work(struct ordo_vm *vm, int function_ref)
{
    ordo__enter_collector(vm, function_ref);
    vm->inside->step_kib = 0;
    while (must_go_on(vm))
        ordo__enter_collector(vm, vm->inside->steps_ref);
}

/* Behind steps that were done, by whomever. */
static void stop(struct ordo_vm *vm)
{
    lua_gc(vm->L, LUA_GCSTOP, 0);
    ordo__vm_count_cycle(vm);
    vm->inside->inside_call = false;
    if (ordo_vm_collector_state(vm) == ORDO_VM_COLLECTOR_PAUSE)
        rest(vm);
    else
        set_due_from(vm, bytes_of(vm));
}

/* Calls from now on have all of the headroom. */
static void give_headroom(struct ordo_vm *vm)
{
    size_t bytes = bytes_of(vm);

    vm->collect_beyond = bytes + room(vm, bytes, vm->inside->headroom);
}

void ordo_vm_collector_take(struct ordo_vm *vm, size_t headroom)
{
    struct ordo__vm_inside *inside = vm->inside;

    if (!inside->collector)
        return;
    inside->pause = (unsigned)lua_gc(vm->L, LUA_GCSETPAUSE, 0);
    lua_gc(vm->L, LUA_GCSETPAUSE, (int)inside->pause);
    inside->headroom = headroom;
    inside->taken = true;
    if (must_go_on(vm))
        work(vm, inside->steps_ref);
    stop(vm);
    give_headroom(vm);
}

void ordo__collector_restart(struct ordo_vm *vm)
{
    struct ordo__vm_inside *inside = vm->inside;

    vm->collect_beyond = SIZE_MAX;
    ordo__vm_count_cycle(vm);
    inside->inside_call = true;
    atomic_store_explicit(&inside->beyond_headroom, inside->beyond_headroom + 1, memory_order_relaxed);
    lua_gc(vm->L, LUA_GCRESTART, 0);
}

int ordo__collector_steps(lua_State *L)
{
    lua_gc(L, LUA_GCSTEP, ordo_vm_of(L)->inside->step_kib);
    return 0;
}

int ordo__collector_full(lua_State *L)
{
    lua_gc(L, LUA_GCCOLLECT, 0);
    return 0;
}

bool ordo_vm_collector_step(struct ordo_vm *vm, size_t least, struct ordo_vm_step *ret_step)
{
    struct ordo__vm_inside *inside = vm->inside;
    size_t bytes = bytes_of(vm), owed, kib;

    if (!inside->taken)
        return false;
    if (inside->inside_call)
        stop(vm);
    owed = bytes > inside->due_from ? bytes - inside->due_from : 0;
    if ((bytes < inside->due_from || owed < least) && !must_go_on(vm)) {
        give_headroom(vm);
        return false;
    }
    kib = owed >> KIB_SHIFT;
    inside->step_kib = kib < KIB_MOST ? (int)kib : KIB_MOST;
    vm->collect_beyond = SIZE_MAX;
    ret_step->from = ordo_vm_collector_state(vm);
    ret_step->began_ns = ordo_clock_ns();
    work(vm, inside->steps_ref);
    ret_step->ended_ns = ordo_clock_ns();
    ret_step->to = ordo_vm_collector_state(vm);
    stop(vm);
    give_headroom(vm);
    return true;
}

int64_t ordo_vm_collect(struct ordo_vm *vm)
{
    struct ordo__vm_inside *inside = vm->inside;
    int64_t start = ordo_clock_ns(), took;

    vm->collect_beyond = SIZE_MAX;
    work(vm, inside->full_ref);
    took = ordo_clock_ns() - start;
    if (inside->taken) {
        stop(vm);
        give_headroom(vm);
    }
    atomic_store_explicit(&inside->full_collections, inside->full_collections + 1, memory_order_relaxed);
    atomic_store_explicit(&inside->full_ns, inside->full_ns + took, memory_order_relaxed);
    if (took > inside->full_longest_ns)
        atomic_store_explicit(&inside->full_longest_ns, took, memory_order_relaxed);
    return took;
}
