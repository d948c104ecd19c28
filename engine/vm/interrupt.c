/* SPDX-License-Identifier: MIT
 * interrupt.c: asks a VM for a safe point, by the means of LuaJIT's own profiler.
 *
 * That profiler serves one VM a process, but only its timer does: a VM that asks for line mode gets guards into its
 * compiled code whoever has the profiler, and the function of whoever has it is called for any VM. So a VM that
 * does nothing else has it, its timer is stopped, and the bit that its timer would set is set from here.
 *
 * LuaJIT's own handler sets that bit wherever the signal strikes, so it is set wherever it strikes here too: what LuaJIT
 * was about to write to the mask loses the request at worst, and it is made again at the next tick. One thing goes wrong
 * for longer (LuaJIT #1460): a signal in the middle of the function that makes the interpreter's tables follow the mask,
 * whose second half then overwrites what was written from here. So a request that was not reached until the next tick
 * is made anew from the start, which writes all of the tables.
 *
 * The tables are brought up to date by lua_sethook with the hook that is set already. It begins that hook's count again,
 * which is put back, and ends a recording of the compiler, which would count against the line: so the compiler is not
 * interrupted.
 */
#include "vm/interrupt.h"

#include <lauxlib.h>
#include <luajit.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "vm/vm_impl.h"

static void at_safe_point(struct ordo_vm *vm, lua_State *L)
{
    struct ordo__vm_inside *inside = vm->inside;

    if (inside->reached == NULL)
        return;
    inside->at = L;
    inside->reached(vm, inside->context);
    inside->at = NULL;
}

static void at_guard(void *unused, lua_State *L, int samples, int state)
{
    (void)unused, (void)samples, (void)state;
    at_safe_point(ordo_vm_of(L), L);
}

/* For a VM without guards. */
static void at_hook(lua_State *L, lua_Debug *about)
{
    (void)about;
    lua_sethook(L, NULL, 0, 0);
    at_safe_point(ordo_vm_of(L), L);
}

/* --- the VM that has the profiler --- */

static void take_profiler(void)
{
    static lua_State *holder; /* for as long as the process lives */
    struct itimerval timer, other;
    struct sigaction action;

    holder = luaL_newstate();
    if (holder == NULL)
        return; /* the probe finds that nothing is reached */
    sigaction(SIGPROF, NULL, &action);
    getitimer(ITIMER_PROF, &timer);
    luaJIT_profile_start(holder, "i1000000000", at_guard, NULL);
    setitimer(ITIMER_PROF, &timer, &other);
    sigaction(SIGPROF, &action, NULL);
}

void ordo__interrupt_start(struct ordo_vm *vm)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, take_profiler);
    luaJIT_profile_start(vm->L, "l", at_guard, NULL);
}

/* --- asking --- */

static void set_bit(struct ordo_vm *vm, bool on)
{
    struct ordo__vm_inside *inside = vm->inside;
    int32_t left = *inside->hook_left;

    if (on)
        *inside->hookmask |= ORDO__HOOK_PROFILE;
    else
        *inside->hookmask &= (uint8_t)~ORDO__HOOK_PROFILE;
    lua_sethook(vm->L, lua_gethook(vm->L), lua_gethookmask(vm->L), lua_gethookcount(vm->L));
    *inside->hook_left = left;
}

void ordo__interrupt_ask(struct ordo_vm *vm)
{
    if (*vm->inside->hookmask & ORDO__HOOK_PROFILE)
        set_bit(vm, false);
    set_bit(vm, true);
}

void ordo__interrupt_withdraw(struct ordo_vm *vm)
{
    struct ordo__vm_inside *inside = vm->inside;

    if (!inside->probe.guarded) {
        if (lua_gethook(vm->L) == at_hook)
            lua_sethook(vm->L, NULL, 0, 0);
    } else if (*inside->hookmask & ORDO__HOOK_PROFILE) {
        set_bit(vm, false);
    }
}

static bool between(uint64_t pc, const void *from, const void *to)
{
    return pc >= (uint64_t)(uintptr_t)from && pc < (uint64_t)(uintptr_t)to;
}

bool ordo_vm_interrupt(struct ordo_vm *vm, uint64_t pc)
{
    struct ordo__vm_inside *inside = vm->inside;

    if (ordo_vm_running() != vm)
        return false;
    if (!inside->probe.guarded) {
        if (lua_gethook(vm->L) != NULL && lua_gethook(vm->L) != at_hook)
            return false;
        lua_sethook(vm->L, at_hook, LUA_MASKCOUNT, 1);
        return true;
    }
    if (*inside->hookmask &
        ORDO__HOOK_VMEVENT) /* in `reached`, or in the trace table: it would be forgotten */
        return false;
    if (ordo_vm_state(vm) == ORDO_VM_JIT)
        return false;
    inside->struck = *inside->jit_base != NULL                      ? ORDO__STRUCK_COMPILED
                     : between(pc, lj_vm_asm_begin, lj_vm_ffi_call) ? ORDO__STRUCK_VM
                                                                    : ORDO__STRUCK_C;
    ordo__interrupt_ask(vm);
    return true;
}

void ordo_vm_on_reached(struct ordo_vm *vm, ordo_vm_reached_fn reached, void *context)
{
    vm->inside->reached = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    vm->inside->context = context;
    vm->inside->reached = reached;
}

const struct ordo_vm_probe *ordo_vm_probe(const struct ordo_vm *vm)
{
    return &vm->inside->probe;
}
