/* SPDX-License-Identifier: MIT
 * bind.c: what the bindings share: who is calling, and arguments checked by name.
 */
#include "script/script_impl.h"

#include <math.h>
#include <stdio.h>

struct ordo__run *ordo__bind_run(lua_State *L, const char *object)
{
    struct ordo__run *run = ordo__script_of(L)->current;

    if (run == NULL)
        luaL_error(L, "%s is used outside of its order", object);
    return run;
}

struct ordo__run *ordo__bind_self(lua_State *L, const void *self, const char *object, const char *method)
{
    if (lua_topointer(L, 1) != self)
        luaL_error(L, "call it with a colon: %s:%s(...)", object, method);
    return ordo__bind_run(L, object);
}

const char *ordo__bind_describe(lua_State *L, int index, char *out, size_t size)
{
    ordo_str text;

    switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL:
        snprintf(out, size, "nothing");
        break;
    case LUA_TBOOLEAN:
        snprintf(out, size, "%s", lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TNUMBER: /* a NaN has a sign, which depends on who computed it */
        if (isnan(lua_tonumber(L, index)))
            snprintf(out, size, "nan");
        else
            snprintf(out, size, "%.14g", lua_tonumber(L, index));
        break;
    case LUA_TSTRING:
        text.ptr = lua_tolstring(L, index, &text.len);
        snprintf(out, size, "\"%.*s\"", (int)ordo_text_cut(text.ptr, text.len, 40), text.ptr);
        break;
    case LUA_TUSERDATA: /* a sealed object, which knows its name: ctx, null, money */
        if (luaL_callmeta(L, index, "__tostring") != 0) {
            snprintf(out, size, "%s", lua_tostring(L, -1));
            lua_pop(L, 1);
            break;
        }
        /* fall through */
    default:
        snprintf(out, size, "a %s", luaL_typename(L, index));
    }
    return out;
}

ordo_str ordo__bind_text(lua_State *L, int index, const char *call, const char *argument)
{
    char got[64];
    ordo_str text;

    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "%s: %s must be a string, got %s", call, argument,
                   ordo__bind_describe(L, index, got, sizeof(got)));
    text.ptr = lua_tolstring(L, index, &text.len);
    return text;
}

int64_t ordo__bind_whole(lua_State *L, int index, const char *call, const char *argument, const char *unit)
{
    lua_Number number = lua_tonumber(L, index);
    char got[64];

    if (lua_type(L, index) != LUA_TNUMBER || number != floor(number) || isinf(number))
        luaL_error(L, "%s: %s must be a whole number%s, got %s", call, argument, unit,
                   ordo__bind_describe(L, index, got, sizeof(got)));
    if (!(fabs(number) <= (lua_Number)ORDO_AMOUNT_MAX))
        luaL_error(L, "%s: %s is %s9007199254740992", call, argument, number < 0 ? "below -" : "over ");
    return (int64_t)number;
}
