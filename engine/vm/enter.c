/* SPDX-License-Identifier: MIT
 * enter.c: the calls into Lua, and whose code a thread runs.
 *
 * A function of C is called through one of Lua. When the compiler gives up a trace and somebody listens (trace_table.c),
 * LuaJIT 2.1 of 2022 looks down the stack for a function of Lua, and runs off its bottom where there is none. It may give
 * up late: an error ends a recording, and the next call of whatever function finds that out. So an empty function of Lua
 * is called before, to find it out, and the one in between is what the search ends at. Coroutines begin with a function
 * of Lua.
 */
#include <lauxlib.h>
#include <luajit.h>

#include "vm/entry.h"
#include "vm/vm_impl.h"

/* initial-exec: a handler must not be the first to touch it, which could allocate. */
static _Thread_local struct ordo_vm *running __attribute__((tls_model("initial-exec")));

struct ordo_vm *ordo_vm_running(void)
{
    return running;
}

struct entered {
    struct ordo_vm *vm;
    lua_State *outer;
    const void *frame;
};

/* `frame`: of the function that is called from outside. A VM that is entered again from within keeps its first. */
static struct entered enter(struct ordo_vm *vm, lua_State *L, const void *frame)
{
    struct entered before = {running, vm->inside->outer, ordo_vm_entry.frame};

    if (ordo_vm_entry.stack_end == NULL)
        ordo_vm_entry_prepare();
    vm->inside->outer = L;
    if (running != vm)
        ordo_vm_entry.frame = frame;
    atomic_signal_fence(memory_order_seq_cst);
    running = vm;
    atomic_signal_fence(memory_order_seq_cst);
    return before;
}

static void leave(struct ordo_vm *vm, struct entered before)
{
    atomic_signal_fence(memory_order_seq_cst);
    running = before.vm;
    atomic_signal_fence(memory_order_seq_cst);
    ordo_vm_entry.frame = before.frame;
    vm->inside->outer = before.outer;
    if (before.vm == NULL)
        ordo__interrupt_withdraw(vm);
}

struct call {
    struct ordo_vm *vm;
    lua_CFunction function;
    void *context;
};

/* Between the function of Lua and the one that is meant, so that its errors name no line of the former. */
static int call_in_lua(lua_State *L)
{
    const struct call *call = lua_touserdata(L, 1);

    lua_settop(L, 0);
    lua_pushcfunction(L, call->function);
    lua_pushlightuserdata(L, call->context);
    lua_call(L, 1, 0);
    return 0;
}

static int call_through_lua(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);

    lua_rawgeti(L, LUA_REGISTRYINDEX, call->vm->inside->through_ref);
    lua_pushcfunction(L, call_in_lua);
    lua_pushlightuserdata(L, call);
    lua_call(L, 2, 0);
    return 0;
}

static void call_empty(struct ordo_vm *vm)
{
    lua_rawgeti(vm->L, LUA_REGISTRYINDEX, vm->inside->empty_ref);
    if (lua_pcall(vm->L, 0, 0, 0) != 0)
        lua_pop(vm->L, 1);
}

int ordo_vm_cpcall(struct ordo_vm *vm, lua_CFunction function, void *context)
{
    struct call call = {vm, function, context};
    struct entered before = enter(vm, vm->L, __builtin_frame_address(0));
    int status;

    call_empty(vm);
    status = lua_cpcall(vm->L, call_through_lua, &call);
    leave(vm, before);
    return status;
}

void ordo__enter_collector(struct ordo_vm *vm, int function_ref)
{
    struct entered before = enter(vm, vm->L, __builtin_frame_address(0));

    call_empty(vm);
    lua_rawgeti(vm->L, LUA_REGISTRYINDEX, vm->inside->through_ref);
    lua_rawgeti(vm->L, LUA_REGISTRYINDEX, function_ref);
    if (lua_pcall(vm->L, 1, 0, 0) != 0)
        lua_pop(vm->L, 1);
    leave(vm, before);
}

int ordo__enter_open(lua_State *L)
{
    static const char text[] = "return function(f, c) f(c) end, function() end";
    struct ordo__vm_inside *inside = ordo_vm_of(L)->inside;

    if (luaL_loadbuffer(L, text, sizeof(text) - 1, ORDO__ENTER_SOURCE) != 0)
        return lua_error(L);
    lua_call(L, 0, 2);
    luaJIT_setmode(L, -1, LUAJIT_MODE_FUNC | LUAJIT_MODE_OFF);
    luaJIT_setmode(L, -2, LUAJIT_MODE_FUNC | LUAJIT_MODE_OFF);
    inside->empty_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    inside->through_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushcfunction(L, ordo__collector_steps);
    inside->steps_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushcfunction(L, ordo__collector_full);
    inside->full_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

int ordo_vm_resume(struct ordo_vm *vm, lua_State *thread, int arguments)
{
    struct entered before = enter(vm, thread, __builtin_frame_address(0));
    int status = lua_resume(thread, arguments);

    leave(vm, before);
    return status;
}
