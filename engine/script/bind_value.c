/* SPDX-License-Identifier: MIT
 * bind_value.c: Lua values -> JSON, for decide:set and the orders of tests.
 *
 * The same value always gives the same text: keys are sorted by their bytes. A table with the keys 1 to n is
 * an array, an empty one an object. What JSON cannot hold (functions, NaN, keys that are not strings,
 * circles) is an error with its path.
 */
#include "script/script_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct puller {
    lua_State *L;
    const char *what;
    struct ordo_json_writer *json;
    uint32_t depth, max_depth;
};

static void pull(struct puller *from, int index);

static int refuse(struct puller *from, const char *why)
{
    return luaL_error(from->L, "%s: %s", from->what, why);
}

static bool is_null(lua_State *L, int index)
{
    bool same;

    ordo__null_push(L);
    same = lua_rawequal(L, index, -1);
    lua_pop(L, 1);
    return same;
}

/* The number of members when the keys are 1 to n, else -1. */
static int array_length(lua_State *L, int index)
{
    int count = 0;
    lua_Number largest = 0;

    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        lua_Number key = lua_tonumber(L, -2);

        if (lua_type(L, -2) != LUA_TNUMBER || key < 1 || key != floor(key)) {
            lua_pop(L, 2);
            return -1;
        }
        if (key > largest)
            largest = key;
        count++;
    }
    return largest == count ? count : -1;
}

static int compare_keys(const void *left, const void *right)
{
    const ordo_str *a = left, *b = right;
    size_t shorter = a->len < b->len ? a->len : b->len;
    int order = shorter == 0 ? 0 : memcmp(a->ptr, b->ptr, shorter);

    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* The keys are strings of the table and live as long as it does. The list belongs to the garbage
 * collector. */
static ordo_str *sorted_keys(struct puller *from, int index, size_t *ret_count)
{
    lua_State *L = from->L;
    size_t count = 0, at = 0;
    ordo_str *keys;

    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            refuse(from, lua_type(L, -2) == LUA_TNUMBER
                             ? "a table must be a list (1 to n) or have strings as keys, not both or gaps"
                             : "the keys of a table must be strings");
        count++;
    }
    keys = lua_newuserdata(L, (count + 1) * sizeof(*keys));
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        keys[at].ptr = lua_tolstring(L, -2, &keys[at].len);
        at++;
    }
    if (count > 1)
        qsort(keys, count, sizeof(*keys), compare_keys);
    *ret_count = count;
    return keys;
}

static void pull_table(struct puller *from, int index)
{
    lua_State *L = from->L;
    int length, top = lua_gettop(L);

    if (++from->depth > from->max_depth)
        refuse(from, "the table is nested too deeply, or contains itself (limits.depth)");
    luaL_checkstack(L, 8, "a table is nested too deeply");
    length = array_length(L, index);
    if (length > 0) {
        ordo_json_array(from->json);
        for (int i = 1; i <= length; i++) {
            lua_rawgeti(L, index, i);
            pull(from, lua_gettop(L));
            lua_pop(L, 1);
        }
        ordo_json_end_array(from->json);
    } else {
        size_t count;
        ordo_str *keys = sorted_keys(from, index, &count);

        ordo_json_object(from->json);
        for (size_t i = 0; i < count; i++) {
            ordo_json_key_escaped(from->json, keys[i]);
            lua_pushlstring(L, keys[i].ptr, keys[i].len);
            lua_rawget(L, index);
            pull(from, lua_gettop(L));
            lua_pop(L, 1);
        }
        ordo_json_end_object(from->json);
    }
    lua_settop(L, top);
    from->depth--;
}

static void pull(struct puller *from, int index)
{
    lua_State *L = from->L;
    ordo_str text;
    lua_Number number;
    char why[80];

    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        ordo_json_bool(from->json, lua_toboolean(L, index));
        return;
    case LUA_TNUMBER:
        number = lua_tonumber(L, index);
        if (isnan(number) || isinf(number))
            refuse(from, "a number is not finite");
        ordo_json_double(from->json, number);
        return;
    case LUA_TSTRING:
        text.ptr = lua_tolstring(L, index, &text.len);
        ordo_json_string(from->json, text);
        return;
    case LUA_TTABLE:
        pull_table(from, index);
        return;
    default:
        if (is_null(L, index)) {
            ordo_json_null(from->json);
            return;
        }
        snprintf(why, sizeof(why), "a %s is no JSON value", luaL_typename(L, index));
        refuse(from, why);
    }
}

void ordo__json_pull(lua_State *L, int index, const char *what, struct ordo_json_writer *json)
{
    struct puller from = {
        .L = L, .what = what, .json = json, .max_depth = ordo__script_of(L)->options.limits.depth};

    pull(&from, index < 0 ? lua_gettop(L) + index + 1 : index);
}
