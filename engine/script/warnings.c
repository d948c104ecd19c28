/* SPDX-License-Identifier: MIT
 * warnings.c: what `ordo check` warns of in files that load; lua/lint.lua looks for it.
 */
#include "script/script_impl.h"

/* It is made when it is asked for, by the loader that luaopen_jit has left. */
void ordo__jit_util_push(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_PRELOAD");
    lua_getfield(L, -1, "jit.util");
    lua_remove(L, -2);
    lua_call(L, 0, 1);
}

void ordo__warnings_find(lua_State *L, struct ordo__generation *generation, const struct ordo__unit *unit,
                         struct ordo_buffer *warnings)
{
    int count;

    ordo__embedded_load(L, "lint.lua");
    lua_insert(L, -2);
    ordo__jit_util_push(L);
    ordo__sandbox_env(L, generation);
    lua_getfield(L, -1, "require");
    lua_pushlightuserdata(L, generation);
    lua_pushcclosure(L, ordo__modules_exists, 1);
    lua_call(L, 5, 1);
    count = (int)lua_objlen(L, -1);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        ordo_buffer_printf(warnings, "%s/%s:%d: %s\n", generation->ruleset->folder, unit->file->path,
                           (int)lua_tointeger(L, -2), lua_tostring(L, -1));
        lua_pop(L, 3);
    }
    lua_pop(L, 1);
}
