/* SPDX-License-Identifier: MIT
 * probe.c: finds out in a new VM whether LuaJIT keeps its state where it is expected, and whether compiled
 * code stops at its guards, by trying: a short chunk is run, compiled, interrupted, and looked at.
 *
 * Two packages have the same LuaJIT by name with other offsets, so nothing is taken for granted. Every address that is
 * read lies in the block that lua_newstate has made, until that is known to be right.
 */
#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>

#include "base/log.h"
#include "vm/vm_impl.h"

const struct ordo__vm_layout ordo__vm_layout = {
    .search = 1024,
    .state_global = 16,
    .state_base = 32,
    .state_top = 40,
    .state_cframe = 80,
    .hookmask = 145,
    .vmstate = 184,
    .current = 368,
    .jit_base = 376,
    .hook_left = 328,
    .hook_count = 332,
    .cframe_state = 16,
    .cframe_pc = 24,
    .cframe_size = 80,
    .gc_total = 16,
    .gc_threshold = 24,
    .gc_white = 32,
    .gc_state = 33,
    .gc_debt = 88,
    .gc_estimate = 96,
    .code_bytes = 728 + 3080,
    .exit_trace = 728 + 3016,
    .exit_number = 728 + 3020,
    .guard_operation = 21,
};

enum { MASK_COUNT_REST = 1 << 30, VALUE = 8, EXITS = 32 /* more than the trial has */ };

static void ignore(lua_State *L, lua_Debug *about)
{
    (void)L, (void)about;
}

/* The byte that follows the masks given to lua_sethook; 0 when there is none, or more than one. */
static unsigned find_hookmask(lua_State *L, unsigned search)
{
    static const int masks[] = {1, 2, 4, 8, 5, 10, 0};
    const volatile uint8_t *block = (const volatile uint8_t *)L;
    unsigned found = 0;

    for (unsigned at = 1; at < search; at++) {
        bool follows = true;

        for (size_t i = 0; i < sizeof(masks) / sizeof(*masks) && follows; i++) {
            lua_sethook(L, masks[i] != 0 ? ignore : NULL, masks[i],
                        masks[i] & LUA_MASKCOUNT ? MASK_COUNT_REST : 0);
            follows = block[at] == masks[i];
        }
        if (follows && found != 0)
            found = search;
        else if (follows)
            found = at;
    }
    lua_sethook(L, NULL, 0, 0);
    return found < search ? found : 0;
}

/* Is the count of the hook where the layout says? */
static bool find_count(struct ordo_vm *vm)
{
    struct ordo__vm_inside *inside = vm->inside;
    bool found = true;

    inside->hook_left = (volatile int32_t *)(inside->global + inside->layout.hook_left);
    for (int count = MASK_COUNT_REST; count > MASK_COUNT_REST - 3 && found; count--) {
        lua_sethook(vm->L, ignore, LUA_MASKCOUNT, count);
        found = *inside->hook_left == count &&
                *(volatile int32_t *)(inside->global + inside->layout.hook_count) == count;
    }
    lua_sethook(vm->L, NULL, 0, 0);
    return found;
}

/* --- what is seen from inside of a C function --- */

struct sight {
    struct ordo_vm *vm;
    const char *trouble;
    bool compiled;                               /* an allocation came from compiled code */
    int interpreted_at, stepped_at, compiled_at; /* lines that were reached */
    bool frames;
    size_t code_bytes;
    int32_t trace; /* that was left at a guard */
    bool exits;    /* ... and by which exit is known */
};

static const char *look(struct ordo__vm_inside *inside, lua_State *L)
{
    if (*inside->vmstate != ORDO__STATE_C)
        return "vmstate does not say that a C function runs while one does";
    if (*inside->current != L)
        return "cur_L is not the coroutine that runs";
    if (*inside->jit_base != NULL)
        return "jit_base is set though no compiled code runs";
    for (int count = 0; count < 3; count++, lua_pushnil(L))
        if (*(char **)((char *)L + inside->layout.state_top) -
                *(char **)((char *)L + inside->layout.state_base) !=
            lua_gettop(L) * VALUE)
            return "a state's stack is not where it should be";
    return NULL;
}

static int look_in_coroutine(lua_State *L)
{
    struct sight *sight = lua_touserdata(L, lua_upvalueindex(1));

    if (sight->trouble == NULL)
        sight->trouble = look(sight->vm->inside, L);
    return 0;
}

/* --- the trial --- */

/* Line 2 is interrupted while interpreted, line 5 compiled. */
static const char trial[] = "local ask = ...\n"
                            "ask()\n"
                            "local t = {}\n"
                            "for i = 1, 300 do\n"
                            "  t[i] = {i}\n"
                            "end\n";
enum { LINE_ASK = 2, LINE_AFTER = 3, LINE_LOOP = 4, LINE_END = 6 };

static int ask(lua_State *L)
{
    ordo__interrupt_ask(ordo_vm_of(L));
    return 0;
}

/* In place of the VM's allocator: asks once from within compiled code. */
static void *allocate_and_ask(void *context, void *memory, size_t old_size, size_t new_size)
{
    struct ordo_vm *vm = context;
    struct ordo__vm_inside *inside = vm->inside;
    struct sight *sight = inside->context;

    if (!sight->compiled && *inside->jit_base != NULL && *inside->vmstate >= 0) {
        sight->compiled = true;
        sight->trace = *inside->vmstate;
        ordo__interrupt_ask(vm);
    }
    return ordo__vm_allocate(context, memory, old_size, new_size);
}

static int line_of(lua_State *L)
{
    lua_Debug about;

    return lua_getstack(L, 0, &about) && lua_getinfo(L, "l", &about) ? about.currentline : -1;
}

static void note_line(struct ordo_vm *vm, void *context)
{
    struct ordo__vm_inside *inside = vm->inside;
    struct sight *sight = context;
    lua_State *L = inside->at;

    if (sight->compiled) {
        sight->compiled_at = line_of(L);
        sight->exits = *(int32_t *)(inside->global + inside->layout.exit_trace) == sight->trace &&
                       *(uint32_t *)(inside->global + inside->layout.exit_number) < EXITS;
        return;
    }
    sight->interpreted_at = line_of(L);
    sight->frames = ordo__frame_of(inside, L) != NULL;
    if (sight->frames) {
        ordo__frame_step(inside, L, -1);
        sight->stepped_at = line_of(L);
        ordo__frame_step(inside, L, 1);
    }
}

/* Switches the compiler on, and hides its library: whoever opens it later finds none. Leaves it. [-0, +1] */
static void open_compiler(lua_State *L)
{
    static const char *const names[] = {LUA_JITLIBNAME, LUA_JITLIBNAME ".opt"};

    lua_pushcfunction(L, luaopen_jit);
    lua_pushliteral(L, LUA_JITLIBNAME);
    lua_call(L, 1, 0);
    lua_getglobal(L, LUA_JITLIBNAME);
    lua_pushnil(L);
    lua_setglobal(L, LUA_JITLIBNAME);
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        lua_pushnil(L);
        lua_setfield(L, -2, names[i]);
    }
    lua_pop(L, 1);
}

/* (sight): runs the chunk in a coroutine. */
static int run_trial(lua_State *L)
{
    struct sight *sight = lua_touserdata(L, 1);
    struct ordo_vm *vm = sight->vm;
    lua_State *thread;
    int status;

    lua_settop(L, 0);
    if (vm->jit)
        open_compiler(L);
    sight->trouble = look(vm->inside, L);
    thread = lua_newthread(L);
    lua_pushlightuserdata(thread, sight);
    lua_pushcclosure(thread, look_in_coroutine, 1);
    lua_call(thread, 0, 0);
    if (sight->trouble != NULL)
        return 0;
    if (luaL_loadbuffer(thread, trial, sizeof(trial) - 1, "=probe") != 0)
        return luaL_error(L, "%s", lua_tostring(thread, -1));
    lua_pushcfunction(thread, ask);
    vm->inside->context = sight;
    vm->inside->reached = note_line;
    lua_setallocf(L, allocate_and_ask, vm);
    status = lua_pcall(thread, 1, 0, 0);
    lua_setallocf(L, ordo__vm_allocate, vm);
    if (status != 0)
        return luaL_error(L, "%s", lua_tostring(thread, -1));
    sight->code_bytes = *(size_t *)(vm->inside->global + vm->inside->layout.code_bytes);
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH);
    lua_settop(L, 1);
    if (vm->jit)
        ordo__traces_open(L, vm);
    return 0;
}

static const char *judge(const struct ordo_vm *vm, const struct sight *sight)
{
    if (sight->trouble != NULL)
        return sight->trouble;
    if (sight->interpreted_at != LINE_AFTER)
        return "the interpreter does not stop at the next instruction";
    if (vm->jit && !sight->compiled)
        return "a loop was not compiled, or vmstate and jit_base do not show it";
    if (vm->jit && (sight->compiled_at < LINE_LOOP || sight->compiled_at > LINE_END))
        return "compiled code has no guard, or does not stop at it";
    return NULL;
}

static const char *try_it(struct ordo_vm *vm)
{
    struct sight sight = {.vm = vm};
    struct ordo__vm_inside *inside = vm->inside;
    lua_State *L = vm->L;

    ordo__interrupt_start(vm);
    if (lua_cpcall(L, run_trial, &sight) != 0) {
        ordo_log_warn("vm", "the probe broke: %s", lua_tostring(L, -1));
        lua_pop(L, 1);
        sight.trouble = "the trial broke off";
    }
    inside->collector = ordo__memory_probe(vm, sight.code_bytes);
    inside->cycles = 0;
    vm->peak = vm->bytes;
    inside->reached = NULL;
    if (sight.exits) {
        inside->exit_trace = (uint32_t *)(inside->global + inside->layout.exit_trace);
        inside->exit_number = (uint32_t *)(inside->global + inside->layout.exit_number);
    }
    inside->frames = sight.frames && sight.stepped_at == LINE_ASK;
    return judge(vm, &sight);
}

static const char *find(struct ordo_vm *vm)
{
    struct ordo__vm_inside *inside = vm->inside;
    const struct ordo__vm_layout *layout = &inside->layout;
    char *state = (char *)vm->L;
    void *owner;

    inside->probe.hookmask_at = find_hookmask(vm->L, layout->search);
    if (inside->probe.hookmask_at == 0)
        return "no byte behind the state follows lua_sethook";
    inside->global = state + inside->probe.hookmask_at - layout->hookmask;
    if (*(char **)(state + layout->state_global) != inside->global)
        return "the hook mask is not where it should be in the global state";
    if (((lua_Alloc *)inside->global)[0] != lua_getallocf(vm->L, &owner) ||
        ((void **)inside->global)[1] != owner)
        return "the global state does not begin with the allocator";
    inside->hookmask = (volatile uint8_t *)(inside->global + layout->hookmask);
    inside->vmstate = (volatile int32_t *)(inside->global + layout->vmstate);
    inside->current = (lua_State *volatile *)(inside->global + layout->current);
    inside->jit_base = (void *volatile *)(inside->global + layout->jit_base);
    if (!find_count(vm))
        return "the count of hooks is not where it should be";
    return try_it(vm);
}

void ordo__probe(struct ordo_vm *vm)
{
    static atomic_flag warned = ATOMIC_FLAG_INIT;
    struct ordo_vm_probe *probe = &vm->inside->probe;

    probe->trouble = find(vm);
    probe->guarded = probe->trouble == NULL;
    if (probe->guarded)
        return;
    vm->jit = false;
    luaJIT_setmode(vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    luaJIT_setmode(vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH);
    if (!atomic_flag_test_and_set(&warned))
        ordo_log_warn(
            "vm", "this LuaJIT is not as expected: %s; rules are not compiled, so that they can be stopped",
            probe->trouble);
}
