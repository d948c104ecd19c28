/* SPDX-License-Identifier: MIT
 * fakes.c: what a test answers in place of the world when a rule asks `ctx`.
 *
 * A test names its answers by the call: `ctx = { random = { 0.5, 0.1 } }`. A list has an answer for each call, in their
 * order; a function is called with what the rule gave; any other value answers every call. A call that the test does
 * not answer breaks the rule, and fails the test even if the rule catches that: what it would have been told is chance.
 *
 * A call of ctx takes part by a row in the table, and by asking ordo__fakes_answer before it does anything else.
 */
#include "script/script_impl.h"

/* What a test can give for each call of ctx. */
static const struct {
    const char *name;
    const char *example; /* NULL: it cannot be answered, because ... */
    const char *reason;
} calls[] = {
    [ORDO__FAKE_RANDOM] = {"random", "0.5", NULL},
    {"now", NULL, "write now = 1790000000000 beside ctx: it is the same during the whole order"},
    {"sleep", NULL, "leave it out: in a test it passes at once"},
    {"fetch", NULL, "it is not available yet"},
    {"lookup", NULL, "it reads the tables of data/ in a test too"},
    {"count", NULL, "it is not available yet"},
};

enum { CALL_COUNT = sizeof(calls) / sizeof(*calls) };

static size_t find_call(const char *name)
{
    size_t i = 0;

    while (i < CALL_COUNT && strcmp(calls[i].name, name) != 0)
        i++;
    return i;
}

void ordo__fakes_take(lua_State *L, int test, struct ordo__fakes *fakes)
{
    memset(fakes->asked, 0, sizeof(fakes->asked));
    ordo_buffer_clear(&fakes->missing);
    lua_getfield(L, test, "ctx");
    if (lua_isnil(L, -1))
        lua_newtable(L);
    if (!lua_istable(L, -1))
        luaL_error(L, "ctx must be a table of answers, such as ctx = { random = { 0.5 } }");
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        size_t call = find_call(name);

        if (call == CALL_COUNT)
            luaL_error(L,
                       "ctx has no call `%s` that a test could answer; there is ctx = { random = { 0.5 } }",
                       name);
        if (calls[call].example == NULL)
            luaL_error(L, "a test does not answer ctx.%s: %s", name, calls[call].reason);
    }
    lua_rawseti(L, LUA_REGISTRYINDEX, fakes->answers_ref);
}

/* Keeps the first for the test, and raises. */
static int no_answer(lua_State *L, struct ordo__fakes *fakes, enum ordo__fake call, int answers)
{
    struct ordo__run *run = ordo__script_of(L)->current;
    const char *name = calls[call].name, *example = calls[call].example;
    struct ordo_place place;
    struct ordo__unit *unit;

    if (fakes->missing.len == 0 && ordo__place_find(run, L, 0, &place, &unit)) {
        ordo_buffer_printf(&fakes->missing,
                           "the rule \"" ORDO_STR_FMT "\" calls ctx.%s at " ORDO_STR_FMT
                           ":%d, and the test has ",
                           ORDO_STR_ARG(place.rule), name, ORDO_STR_ARG(place.file), place.line);
        if (answers < 0)
            ordo_buffer_printf(&fakes->missing, "no answer for it; add ctx = { %s = { %s } } to the test",
                               name, example);
        else
            ordo_buffer_printf(&fakes->missing,
                               "%d answer%s, which %s used up; add one more to its ctx = { %s = { … } }",
                               answers, answers == 1 ? "" : "s", answers == 1 ? "is" : "are", name);
    }
    return luaL_error(L, "ctx.%s: the test has no answer for this call", name);
}

bool ordo__fakes_answer(lua_State *L, enum ordo__fake call)
{
    struct ordo__fakes *fakes = ordo__script_of(L)->fakes;
    int arguments = lua_gettop(L);

    if (fakes == NULL)
        return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, fakes->answers_ref);
    lua_getfield(L, -1, calls[call].name);
    lua_remove(L, -2);
    if (lua_istable(L, -1)) {
        int count = (int)lua_objlen(L, -1);

        if (++fakes->asked[call] > count)
            no_answer(L, fakes, call, count);
        lua_rawgeti(L, -1, fakes->asked[call]);
        lua_remove(L, -2);
    } else if (lua_isfunction(L, -1)) {
        for (int i = 1; i <= arguments; i++)
            lua_pushvalue(L, i);
        lua_call(L, arguments, 1);
    } else if (lua_isnil(L, -1)) {
        no_answer(L, fakes, call, -1);
    }
    return true;
}
