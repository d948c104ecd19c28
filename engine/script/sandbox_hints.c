/* SPDX-License-Identifier: MIT
 * sandbox_hints.c: what the sandbox says of names that it leaves out: why, and what to use instead.
 *
 * The texts end up in explanations of orders, so the same mistake always gives the same one.
 */
#include "script/script_impl.h"

#include <stdlib.h>

#include "core/nearest.h"

#define NO_CLOCK "a decision must come out the same again; use ctx.now(), and the module time"
#define NO_IO "a decision reads and writes nothing; use decide:note, or print while you work on a rule"
#define NO_CODE "code comes from files that are checked and tested; put it into lib/ and use require"
#define NO_MODULE "a file of lib/ returns its module, and require \"name\" gives it"
#define NO_ENV "scripts keep the globals that they are given; use local, and arguments"
#define NO_MEMORY "the engine looks after memory; leave it out"
#define IN_APPLY "is an argument of a rule's function: apply = function(order, decide, ctx)"
#define IN_CHECK "is an argument of a check's function: check = function(order, problems, ctx)"

/* Sorted by name. `says` stands behind "NAME is not here: ", or, where it begins with "is ", behind "NAME ". */
static const struct hint {
    const char *name, *says;
} hints[] = {
    {"_G", "scripts have no table of globals; use local, and lib/ to share"},
    {"collectgarbage", NO_MEMORY},
    {"coroutine.close", "this is Lua 5.1; let the coroutine run to its end"},
    {"coroutine.isyieldable",
     "this is Lua 5.1; coroutine.running() is nil where coroutine.yield is an error"},
    {"ctx", IN_APPLY},
    {"debug",
     "it reaches around the sandbox; errors name file and line, and print shows values while you work"},
    {"decide", IN_APPLY},
    {"dofile", NO_CODE},
    {"ffi", "it reaches around the sandbox; the module money and bit compute with whole numbers"},
    {"gcinfo", NO_MEMORY},
    {"getfenv", NO_ENV},
    {"io", NO_IO},
    {"jit", "the engine compiles rules by itself; leave it out"},
    {"list", "is a module: local list = require \"list\""},
    {"load", NO_CODE},
    {"loadfile", NO_CODE},
    {"loadstring", NO_CODE},
    {"math.mod", "it has another name; use %, or math.fmod"},
    {"module", NO_MODULE},
    {"money", "is a module: local money = require \"money\""},
    {"newproxy", "it reaches around the sandbox; use setmetatable({}, …)"},
    {"order", IN_APPLY},
    {"os", NO_CLOCK},
    {"package", NO_MODULE},
    {"problems", IN_CHECK},
    {"setfenv", NO_ENV},
    {"string.dump", NO_CODE},
    {"string.gfind", "it has another name; use string.gmatch"},
    {"table.foreach", "its order differs from run to run; use for k, v in pairs(t)"},
    {"table.foreachi", "use for i, v in ipairs(t)"},
    {"table.getn", "use #t"},
    {"table.pack", "this is Lua 5.1; use {n = select(\"#\", ...), ...}"},
    {"table.unpack", "this is Lua 5.1; use unpack"},
    {"text", "is a module: local text = require \"text\""},
    {"time", "is a module: local time = require \"time\""},
    {"utf8", "this is Lua 5.1; strings are bytes, and the module text works on them"},
};

static int compare(const void *name, const void *hint)
{
    return strcmp(name, ((const struct hint *)hint)->name);
}

static const char *find_hint(const char *name)
{
    const struct hint *found = bsearch(name, hints, sizeof(hints) / sizeof(*hints), sizeof(*hints), compare);

    return found == NULL ? NULL : found->says;
}

static bool push_hint(lua_State *L, const char *name)
{
    const char *says = find_hint(name);

    if (says == NULL)
        return false;
    lua_pushfstring(L, strncmp(says, "is ", 3) == 0 ? "%s %s" : "%s is not here: %s", name, says);
    return true;
}

/* The key of the table that is nearest to the word; of several the first by name. Empty: none is near. */
static struct ordo_nearest nearest_key(lua_State *L, int table, const char *word)
{
    struct ordo_nearest best = ordo_nearest(word);

    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
        struct ordo_nearest one = ordo_nearest(word);

        if (lua_type(L, -2) != LUA_TSTRING)
            continue;
        ordo_nearest_try(&one, ordo_str_from(lua_tostring(L, -2)));
        if (one.best[0] != 0 &&
            (one.distance < best.distance ||
             (best.best[0] != 0 && one.distance == best.distance && strcmp(one.best, best.best) < 0)))
            best = one;
    }
    return best;
}

static const char *key_name(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : luaL_typename(L, index);
}

int ordo__hint_field(lua_State *L, const char *object, int table, int key)
{
    const char *name = key_name(L, key);
    struct ordo_nearest near;

    lua_pushfstring(L, "%s.%s", object, name);
    if (push_hint(L, lua_tostring(L, -1)))
        return luaL_error(L, "%s", lua_tostring(L, -1));
    near = nearest_key(L, table, name);
    if (near.best[0] != 0)
        return luaL_error(L, "%s has no '%s'; did you mean '%s'?", object, name, near.best);
    return luaL_error(L, "%s has no '%s'", object, name);
}

int ordo__hint_read(lua_State *L, int globals, int key)
{
    const char *name = key_name(L, key);
    struct ordo_nearest near;

    if (push_hint(L, name))
        return luaL_error(L, "%s", lua_tostring(L, -1));
    near = nearest_key(L, globals, name);
    if (near.best[0] != 0)
        return luaL_error(L, "there is no global '%s'; declare it with local, or did you mean '%s'?", name,
                          near.best);
    return luaL_error(L, "there is no global '%s'; declare it with local", name);
}

int ordo__hint_write(lua_State *L, int globals, int key)
{
    const char *name = key_name(L, key);

    lua_pushvalue(L, key);
    lua_rawget(L, globals);
    if (!lua_isnil(L, -1))
        return luaL_error(L, "'%s' is the same for all scripts and cannot be set; write local %s", name,
                          name);
    return luaL_error(L,
                      "'%s' would be a global, which scripts do not have; write local %s, and share by lib/",
                      name, name);
}

void ordo__hint_module(lua_State *L, const char *name)
{
    if (strcmp(name, "bit") == 0 || strcmp(name, "string") == 0 || strcmp(name, "table") == 0 ||
        strcmp(name, "math") == 0 || strcmp(name, "coroutine") == 0)
        luaL_error(L, "require: %s is there without require; leave the line out", name);
    if (push_hint(L, name))
        luaL_error(L, "require: %s", lua_tostring(L, -1));
}
