/* SPDX-License-Identifier: MIT
 * sandbox.c: what a script finds as its globals: an allow list, built by hand.
 *
 * Each script has an empty environment that reads through to a base which no script can reach, so nothing
 * that one does is seen by another. Reading or writing a name that is not there is an error, which
 * sandbox_hints.c words. The libraries are sealed objects (see ordo__bind_seal); strings get their methods
 * from a table of the engine's own.
 *
 * Rules are semi-trusted: this limits mistakes and how far they reach. It is no wall against an attacker.
 */
#include <luajit.h>
#include <lualib.h>

#include "base/log.h"
#include "script/script_impl.h"

static const char *const base_functions[] = {"assert",   "error",  "getmetatable", "ipairs", "pcall",
                                             "rawequal", "rawget", "rawset",       "select", "setmetatable",
                                             "tonumber", "type",   "unpack",       "xpcall", "_VERSION"};

/* NULL ends each list. What is not named is not there: string.dump, table.foreach (an order of keys of its
 * own), … */
static const char *const string_functions[] = {"byte",  "char",  "find", "format",  "gmatch", "gsub",  "len",
                                               "lower", "match", "rep",  "reverse", "sub",    "upper", NULL};
static const char *const table_functions[] = {"concat", "insert", "maxn", "move", "remove", "sort", NULL};
static const char *const math_functions[] = {
    "abs",   "acos", "asin",  "atan", "atan2", "ceil", "cos",   "cosh", "deg", "exp",
    "floor", "fmod", "frexp", "huge", "ldexp", "log",  "log10", "max",  "min", "modf",
    "pi",    "pow",  "rad",   "sin",  "sinh",  "sqrt", "tan",   "tanh", NULL};
static const char *const bit_functions[] = {"arshift", "band", "bnot",   "bor",   "bswap", "bxor", "lshift",
                                            "rol",     "ror",  "rshift", "tobit", "tohex", NULL};
static const char *const coroutine_functions[] = {"create", "resume", "status", "wrap", NULL};

static int read_undeclared(lua_State *L)
{
    return ordo__hint_read(L, 1, 2);
}

/* Upvalue 1: the globals. */
static int write_undeclared(lua_State *L)
{
    return ordo__hint_write(L, lua_upvalueindex(1), 2);
}

static int read_only(lua_State *L)
{
    return luaL_error(L, "%s is read-only", lua_tostring(L, lua_upvalueindex(1)));
}

static int no_field(lua_State *L)
{
    return ordo__hint_field(L, lua_tostring(L, lua_upvalueindex(1)), 1, 2);
}

static int name_of(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    return 1;
}

static void set_closure(lua_State *L, const char *field, lua_CFunction function, const char *upvalue)
{
    lua_pushstring(L, upvalue);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, field);
}

void ordo__bind_seal(lua_State *L, const char *what)
{
    lua_createtable(L, 0, 1);
    set_closure(L, "__index", no_field, what);
    lua_setmetatable(L, -2);
    lua_newuserdata(L, 0);
    lua_createtable(L, 0, 4);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    set_closure(L, "__newindex", read_only, what);
    set_closure(L, "__tostring", name_of, what);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_remove(L, -2);
}

/* coroutine.yield: the engine's own coroutine only waits by ctx.sleep. */
static int coroutine_yield(lua_State *L)
{
    struct ordo_script *script = ordo__script_of(L);

    if (script->current == NULL || script->current->thread == L)
        return luaL_error(L, "coroutine.yield: not inside of a coroutine of the script's own");
    return lua_yield(L, lua_gettop(L));
}

/* coroutine.running: nil in the engine's own coroutine, which a script must not get hold of. */
static int coroutine_running(lua_State *L)
{
    struct ordo_script *script = ordo__script_of(L);

    if (script->current == NULL || script->current->thread == L || lua_pushthread(L))
        lua_pushnil(L);
    return 1;
}

/* print: to the log, at debug. Upvalue 1: tostring. */
static int print(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_Buffer text;

    if (!ordo_log_is_on(ORDO_LOG_DEBUG))
        return 0;
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushvalue(L, i);
        lua_call(L, 1, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            return luaL_error(L, "print: argument %d has a __tostring that gives no string", i);
        lua_replace(L, i);
    }
    luaL_buffinit(L, &text);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&text, ' ');
        lua_pushvalue(L, i);
        luaL_addvalue(&text);
    }
    luaL_pushresult(&text);
    ordo_log_debug("script", "%s", lua_tostring(L, -1));
    return 0;
}

static void open_library(lua_State *L, lua_CFunction open, const char *name)
{
    lua_pushcfunction(L, open);
    lua_pushstring(L, name);
    lua_call(L, 1, 0);
}

/* Pushes a new table with the named fields of the global table `library`. [-0, +1] */
static void push_part(lua_State *L, const char *library, const char *const *names)
{
    lua_newtable(L);
    lua_getglobal(L, library);
    for (; *names != NULL; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, -3, *names);
    }
    lua_pop(L, 1);
}

static void copy_boot(lua_State *L, int boot, const char *from, const char *to)
{
    lua_getfield(L, boot, from);
    lua_setfield(L, -2, to);
}

/* Seals the table on top and puts it into the base under its name. [-1, +0] */
static void add_sealed(lua_State *L, int base, const char *name)
{
    ordo__bind_seal(L, name);
    lua_setfield(L, base, name);
}

static void add_libraries(lua_State *L, int base, int boot)
{
    push_part(L, "string", string_functions);
    copy_boot(L, boot, "format", "format");
    /* All strings share one metatable: methods come from the same table, and it is out of reach. */
    lua_pushliteral(L, "");
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
    add_sealed(L, base, "string");

    push_part(L, "math", math_functions);
    copy_boot(L, boot, "no_random", "random");
    copy_boot(L, boot, "no_seed", "randomseed");
    add_sealed(L, base, "math");

    push_part(L, "table", table_functions);
    add_sealed(L, base, "table");
    push_part(L, "bit", bit_functions);
    add_sealed(L, base, "bit");

    push_part(L, "coroutine", coroutine_functions);
    lua_pushcfunction(L, coroutine_yield);
    lua_setfield(L, -2, "yield");
    lua_pushcfunction(L, coroutine_running);
    lua_setfield(L, -2, "running");
    add_sealed(L, base, "coroutine");
}

/* More room for compiled code than LuaJIT's 512 KiB: a set of rules with its modules, and the one before
 * it. */
static void tune_jit(lua_State *L)
{
    lua_getglobal(L, "jit");
    lua_getfield(L, -1, "opt");
    lua_getfield(L, -1, "start");
    lua_pushliteral(L, "maxmcode=4096");
    lua_pushliteral(L, "maxtrace=4000");
    lua_pushliteral(L, "maxsnap=1000");
    lua_call(L, 3, 0);
    lua_pop(L, 2);
}

void ordo__sandbox_open(lua_State *L)
{
    struct ordo_script *script = ordo__script_of(L);
    int base, boot;

    open_library(L, luaopen_base, "");
    open_library(L, luaopen_string, "string");
    open_library(L, luaopen_table, "table");
    open_library(L, luaopen_math, "math");
    open_library(L, luaopen_bit, "bit");
    open_library(L, luaopen_jit, "jit");
    if (script->vm->jit)
        tune_jit(L);
    else /* luaopen_jit switches the compiler on */
        luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);

    ordo__embedded_run(L, "base.lua");
    boot = lua_gettop(L);
    lua_newtable(L);
    base = lua_gettop(L);
    for (size_t i = 0; i < sizeof(base_functions) / sizeof(*base_functions); i++) {
        lua_getglobal(L, base_functions[i]);
        lua_setfield(L, base, base_functions[i]);
    }
    copy_boot(L, boot, "tostring", "tostring");
    copy_boot(L, boot, "pairs", "pairs");
    copy_boot(L, boot, "next", "next");
    /* The engine's modules see the same: they are loaded after this. */
    lua_getfield(L, boot, "pairs");
    lua_setglobal(L, "pairs");
    lua_getfield(L, boot, "tostring");
    lua_pushvalue(L, -1);
    lua_setglobal(L, "tostring");
    lua_pushcclosure(L, print, 1);
    lua_setfield(L, base, "print");
    add_libraries(L, base, boot);
    script->base_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    script->boot_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* The metatable that environments of a generation share: it reads from the base and the generation's
 * `require`. */
static void push_env_meta(lua_State *L, struct ordo__generation *generation)
{
    lua_createtable(L, 0, 3);
    lua_newtable(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, ordo__script_of(L)->base_ref);
    for (lua_pushnil(L); lua_next(L, -2);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -5);
    }
    lua_pop(L, 1);
    lua_pushlightuserdata(L, generation);
    lua_pushcclosure(L, ordo__modules_require, 1);
    lua_setfield(L, -2, "require");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, read_undeclared);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__index");
    lua_pushcclosure(L, write_undeclared, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
}

void ordo__sandbox_env(lua_State *L, struct ordo__generation *generation)
{
    lua_newtable(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->env_ref);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        push_env_meta(L, generation);
        lua_pushvalue(L, -1);
        generation->env_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_setmetatable(L, -2);
}
