/* SPDX-License-Identifier: MIT
 * bind_problems.c: `problems`, what a validation script reports through: problems:add("items[2].qty", "must
 * be positive").
 */
#include "script/script_impl.h"

#include <stdio.h>

static int add(lua_State *L)
{
    struct ordo_script *script = ordo__script_of(L);
    struct ordo__run *run = ordo__bind_self(L, script->problems, "problems", "add");
    ordo_str field = ordo__bind_text(L, 2, "problems:add", "field");
    ordo_str message = ordo__bind_text(L, 3, "problems:add", "message");
    struct ordo_place place;
    struct ordo__unit *unit;
    char at[512];
    int len;

    if (!ordo__place_find(run, L, 1, &place, &unit) || unit == NULL ||
        unit->file->kind != ORDO_SCRIPT_VALIDATION)
        return luaL_error(L,
                          "problems:add: only validation scripts report problems; a rule can decide:reject");
    if (message.len == 0)
        return luaL_error(L, "problems:add: message must not be empty");
    len = snprintf(at, sizeof(at), ORDO_STR_FMT ":%d", ORDO_STR_ARG(place.file), place.line);
    if (!ordo_problems_add(&run->run.problems, &run->run.arena, field, message, place.rule,
                           (ordo_str){at, len < (int)sizeof(at) ? (size_t)len : sizeof(at) - 1}))
        return luaL_error(L, "problems:add: too many problems (limits.decision_bytes)");
    ordo__run_set_flag(script, L, true);
    return 0;
}

/* problems:count() -> how many there are so far, the engine's own included. */
static int count(lua_State *L)
{
    struct ordo__run *run = ordo__bind_self(L, ordo__script_of(L)->problems, "problems", "count");

    lua_pushnumber(L, run->run.problems.count);
    return 1;
}

void ordo__bind_problems_open(lua_State *L)
{
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, add);
    lua_setfield(L, -2, "add");
    lua_pushcfunction(L, count);
    lua_setfield(L, -2, "count");
    ordo__bind_seal(L, "problems");
    ordo__script_of(L)->problems = lua_topointer(L, -1);
}
