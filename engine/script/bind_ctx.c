/* SPDX-License-Identifier: MIT
 * bind_ctx.c: `ctx`, what a script may know of the world: the time of its attempt, random numbers that come
 * out the same again, reference tables, and waiting.
 *
 * What the generation does not tell is kept with the decision by note(): so whoever asks why it came out so sees what the
 * rules were told.
 */
#include "script/script_impl.h"

#include <stdio.h>

#include "base/clock.h"
#include "core/nearest.h"

enum { SLEEP_MAX_MS = 86400000 };

/* The answer is on top of the stack. */
static void note(lua_State *L, struct ordo__run *run, const char *call, ordo_str value)
{
    struct ordo_place place = {.line = 0};
    struct ordo__unit *unit;
    struct ordo_error err;

    ordo__place_find(run, L, 1, &place, &unit);
    if (ordo_decision_answer(&run->run.decision, call, value, place, &err) != 0)
        luaL_error(L, "ctx.%s: %s", call, err.message);
}

static struct ordo_json_writer begin_note(lua_State *L)
{
    ordo_buffer_clear(&ordo__script_of(L)->scratch);
    return ordo_json_writer(&ordo__script_of(L)->scratch);
}

static void note_whole(lua_State *L, struct ordo__run *run, const char *call, int64_t number)
{
    struct ordo_json_writer json = begin_note(L);

    ordo_json_int(&json, number);
    note(L, run, call, ordo_buffer_str(json.out));
}

/* It is the same for the whole attempt, so the first answer says it all. */
static int now(lua_State *L)
{
    struct ordo__run *run = ordo__bind_run(L, "ctx");

    lua_pushnumber(L, (lua_Number)run->now_ms);
    if (!run->knows_now)
        note_whole(L, run, "now", run->now_ms);
    run->knows_now = true;
    return 1;
}

/* FNV-1a over the id, then the attempt: the same order and attempt draw the same numbers. */
static uint64_t seed_of(const struct ordo__run *run)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < run->id.len; i++)
        hash = (hash ^ (unsigned char)run->id.ptr[i]) * 0x100000001b3u;
    return hash ^ (uint64_t)run->attempt * 0x9e3779b97f4a7c15u;
}

static int wrong_answer(lua_State *L)
{
    char text[80];

    return luaL_error(L, "ctx.random: the test's answer must be a number 0 ≤ x < 1, got %s",
                      ordo__bind_describe(L, -1, text, sizeof(text)));
}

/* splitmix64; its top 53 bits are what a double holds. */
static int draw(lua_State *L)
{
    struct ordo__run *run = ordo__bind_run(L, "ctx");
    struct ordo_json_writer json;
    uint64_t mixed;

    if (ordo__fakes_answer(L, ORDO__FAKE_RANDOM)) {
        if (lua_type(L, -1) != LUA_TNUMBER || !(lua_tonumber(L, -1) >= 0 && lua_tonumber(L, -1) < 1))
            return wrong_answer(L);
        return 1;
    }
    if (!run->seeded) {
        run->random = seed_of(run);
        run->seeded = true;
    }
    mixed = run->random += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    mixed ^= mixed >> 31;
    lua_pushnumber(L, (lua_Number)(mixed >> 11) * 0x1p-53);
    json = begin_note(L);
    ordo_json_double(&json, lua_tonumber(L, -1));
    note(L, run, "random", ordo_buffer_str(json.out));
    return 1;
}

static bool is_function(lua_State *L, int index, const char *library, const char *name)
{
    bool same;

    lua_getglobal(L, library);
    lua_getfield(L, -1, name);
    same = lua_rawequal(L, index, -1);
    lua_pop(L, 2);
    return same;
}

/* Lua cannot wait while one of its C functions runs, which has called back: there is no way to go on with that later.
 * In this LuaJIT these are few: iterators, metamethods of operators and pcall can wait. */
static int cannot_wait(lua_State *L)
{
    static const char *const callers[][2] = {{"table", "sort"}, {"string", "gsub"}};
    lua_Debug frame;

    for (int level = 1; lua_getstack(L, level, &frame) != 0; level++) {
        lua_getinfo(L, "f", &frame);
        for (size_t i = 0; i < sizeof(callers) / sizeof(*callers); i++)
            if (is_function(L, lua_gettop(L), callers[i][0], callers[i][1]))
                return luaL_error(L, "ctx.sleep: cannot wait inside of what %s.%s calls; wait before it",
                                  callers[i][0], callers[i][1]);
        lua_pop(L, 1);
    }
    return luaL_error(
        L, "ctx.sleep: cannot wait inside of an error handler, or what print calls; wait before it");
}

static int sleep_ms(lua_State *L)
{
    struct ordo__run *run = ordo__bind_run(L, "ctx");
    int64_t ms;

    if (lua_isuserdata(L, 1) && lua_gettop(L) > 1) /* ctx itself */
        return luaL_error(L, "call it with a dot: ctx.sleep(...)");
    ms = ordo__bind_whole(L, 1, "ctx.sleep", "ms", " of milliseconds");
    if (ms < 0 || ms > SLEEP_MAX_MS)
        return luaL_error(L, "ctx.sleep: ms must be from 0 to %d, got %f", SLEEP_MAX_MS, (lua_Number)ms);
    if (run->thread != L)
        return luaL_error(L, "ctx.sleep: cannot wait inside of a coroutine of the script's own");
    if (ms == 0)
        return 0;
    if (!lua_isyieldable(L))
        return cannot_wait(L);
    note_whole(L, run, "sleep", ms);
    lua_settop(L, 0);
    run->run.waits_for = "sleep";
    run->run.waits_since_ns = ordo_clock_ns();
    run->run.wake_ns = run->run.waits_since_ns + ms * 1000000;
    run->sleeping = true;
    return lua_yield(L, 0);
}

static const struct ordo_reference *find_table(lua_State *L, const struct ordo_ruleset *ruleset,
                                               ordo_str name)
{
    struct ordo_nearest nearest = ordo_nearest(name.ptr);

    for (size_t i = ruleset->scripts; i < ruleset->count; i++)
        if (ordo_str_equal(ordo_reference_name(ruleset->files[i].table), name))
            return ruleset->files[i].table;
    if (ruleset->scripts == ruleset->count)
        luaL_error(L, "ctx.lookup: there is no table \"%s\": data/ has none; add data/%s.csv or .json",
                   name.ptr, name.ptr);
    for (size_t i = ruleset->scripts; i < ruleset->count; i++)
        ordo_nearest_try(&nearest, ordo_reference_name(ruleset->files[i].table));
    if (nearest.best[0] != '\0')
        luaL_error(L, "ctx.lookup: there is no table \"%s\"; did you mean \"%s\"?", name.ptr, nearest.best);
    luaL_error(L, "ctx.lookup: there is no table \"%s\"; add data/%s.csv or .json", name.ptr, name.ptr);
    return NULL;
}

/* A whole number stands for its digits: keys of tables are text. */
static ordo_str key_of(lua_State *L, int index)
{
    char digits[32];

    if (lua_type(L, index) != LUA_TNUMBER)
        return ordo__bind_text(L, index, "ctx.lookup", "key");
    snprintf(digits, sizeof(digits), "%lld", (long long)ordo__bind_whole(L, index, "ctx.lookup", "key", ""));
    lua_pushstring(L, digits);
    lua_replace(L, index);
    return ordo__bind_text(L, index, "ctx.lookup", "key");
}

/* The value is made anew each time: what a script does to it, no other order meets. */
static int lookup(lua_State *L)
{
    struct ordo__run *run = ordo__bind_run(L, "ctx");
    const struct ordo_reference *table;
    struct ordo_json_value value;

    if (lua_isuserdata(L, 1) && lua_gettop(L) > 2) /* ctx itself */
        return luaL_error(L, "call it with a dot: ctx.lookup(...)");
    lua_settop(L, lua_gettop(L) < 2 ? lua_gettop(L) : 2);
    table = find_table(L, run->generation->ruleset, ordo__bind_text(L, 1, "ctx.lookup", "table"));
    if (lua_gettop(L) == 2 && lua_isnil(L, 2)) /* a field that the order has not */
        return 1;
    if (!ordo_reference_get(table, key_of(L, 2), &value) || ordo_json_type(value) == ORDO_JSON_NULL)
        lua_pushnil(L);
    else
        ordo__json_push(L, value);
    return 1;
}

static int not_yet(lua_State *L)
{
    return luaL_error(L, "ctx.%s is not available yet", lua_tostring(L, lua_upvalueindex(1)));
}

void ordo__null_push(lua_State *L)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, ordo__script_of(L)->null_ref);
}

static void push_null(lua_State *L)
{
    struct ordo_script *script = ordo__script_of(L);

    lua_newtable(L);
    ordo__bind_seal(L, "null");
    lua_pushvalue(L, -1);
    script->null_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void ordo__bind_ctx_open(lua_State *L)
{
    static const char *const later[] = {"fetch", "count"};

    lua_createtable(L, 0, 8);
    lua_pushcfunction(L, now);
    lua_setfield(L, -2, "now");
    lua_pushcfunction(L, draw);
    lua_setfield(L, -2, "random");
    lua_pushcfunction(L, sleep_ms);
    lua_setfield(L, -2, "sleep");
    lua_pushcfunction(L, lookup);
    lua_setfield(L, -2, "lookup");
    push_null(L);
    lua_setfield(L, -2, "null");
    for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++) {
        lua_pushstring(L, later[i]);
        lua_pushcclosure(L, not_yet, 1);
        lua_setfield(L, -2, later[i]);
    }
    ordo__bind_seal(L, "ctx");
}
