/* SPDX-License-Identifier: MIT
 * modules.c: the engine's own Lua modules, and `require`.
 *
 * `require "name"` gives a module of the engine (money, list, text, time: the same sealed object for all),
 * else what scripts/lib/name.lua of the caller's own generation returned. That file runs once a generation,
 * when it is needed first.
 */
#include "script/script_impl.h"

#include <stdio.h>

static const char *const engine_modules[] = {"list", "money", "text", "time"};

void ordo__embedded_load(lua_State *L, const char *name)
{
    char chunk[64];

    snprintf(chunk, sizeof(chunk), "@engine/%s", name);
    for (size_t i = 0; i < ordo__embedded_count; i++) {
        const struct ordo_embedded *file = &ordo__embedded[i];

        if (strcmp(file->name, name) != 0)
            continue;
        if (luaL_loadbufferx(L, file->text, file->len, chunk, "t") != 0)
            lua_error(L);
        return;
    }
    luaL_error(L, "there is no file %s in this program", name);
}

void ordo__embedded_run(lua_State *L, const char *name)
{
    ordo__embedded_load(L, name);
    lua_call(L, 0, 1);
}

void ordo__modules_open(lua_State *L)
{
    struct ordo_script *script = ordo__script_of(L);

    lua_newtable(L);
    for (size_t i = 0; i < sizeof(engine_modules) / sizeof(*engine_modules); i++) {
        char name[32];

        snprintf(name, sizeof(name), "%s.lua", engine_modules[i]);
        ordo__embedded_run(L, name);
        ordo__bind_seal(L, engine_modules[i]);
        lua_setfield(L, -2, engine_modules[i]);
    }
    script->engine_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* lib/prices.lua -> prices */
static ordo_str module_name(const struct ordo__unit *unit)
{
    return (ordo_str){unit->path.ptr + 4, unit->path.len - 8};
}

static struct ordo__unit *find_unit(struct ordo__generation *generation, ordo_str name)
{
    for (size_t i = 0; i < generation->count; i++) {
        struct ordo__unit *unit = &generation->units[i];

        if (unit->file->kind == ORDO_SCRIPT_LIB && ordo_str_equal(module_name(unit), name))
            return unit;
    }
    return NULL;
}

static int unknown_module(lua_State *L, struct ordo__generation *generation, const char *name)
{
    luaL_Buffer text;
    bool any = false;

    ordo__hint_module(L, name);
    luaL_buffinit(L, &text);
    for (size_t i = 0; i < generation->count; i++) {
        const struct ordo__unit *unit = &generation->units[i];

        if (unit->file->kind != ORDO_SCRIPT_LIB)
            continue;
        luaL_addstring(&text, any ? ", " : "; scripts/lib has ");
        luaL_addlstring(&text, module_name(unit).ptr, module_name(unit).len);
        any = true;
    }
    luaL_pushresult(&text);
    return luaL_error(L, "require: there is no module \"%s\"; the engine has list, money, text, time%s", name,
                      lua_tostring(L, -1));
}

int ordo__modules_exists(lua_State *L)
{
    struct ordo__generation *generation = lua_touserdata(L, lua_upvalueindex(1));
    ordo_str name;

    name.ptr = luaL_checklstring(L, 1, &name.len);
    lua_rawgeti(L, LUA_REGISTRYINDEX, ordo__script_of(L)->engine_ref);
    lua_pushvalue(L, 1);
    lua_rawget(L, -2);
    lua_pushboolean(L, !lua_isnil(L, -1) || find_unit(generation, name) != NULL);
    return 1;
}

int ordo__modules_require(lua_State *L)
{
    struct ordo_script *script = ordo__script_of(L);
    struct ordo__generation *generation = lua_touserdata(L, lua_upvalueindex(1));
    struct ordo__unit *unit;
    ordo_str name;

    if (lua_type(L, 1) != LUA_TSTRING)
        return luaL_error(L, "require: the module's name must be a string, got %s", luaL_typename(L, 1));
    lua_settop(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->engine_ref);
    lua_pushvalue(L, 1);
    lua_rawget(L, 2);
    if (!lua_isnil(L, -1))
        return 1;
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->modules_ref);
    lua_replace(L, 2);
    lua_pushvalue(L, 1);
    lua_rawget(L, 2);
    if (lua_islightuserdata(L, -1)) /* set below, while the file runs */
        return luaL_error(L, "require: \"%s\" is being loaded and needs itself, directly or through others",
                          lua_tostring(L, 1));
    if (!lua_isnil(L, -1))
        return 1;
    name.ptr = lua_tolstring(L, 1, &name.len);
    unit = find_unit(generation, name);
    if (unit == NULL)
        return unknown_module(L, generation, name.ptr);
    if (unit->broken)
        return luaL_error(L, "require: \"%s\" is broken, see %s", name.ptr, unit->file->path);
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, generation);
    lua_rawset(L, 2);
    unit->broken = true; /* until it has run to its end */
    ordo__generation_run_file(L, generation, unit);
    if (lua_isnil(L, -1))
        return luaL_error(L, "require: %s returns nothing; it must return its module", unit->file->path);
    unit->broken = false;
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, 2);
    return 1;
}
