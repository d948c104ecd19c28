/* SPDX-License-Identifier: MIT
 * generation.c: a rule set becomes functions: every file is compiled and run, then one driver calls them all.
 *
 * The driver is Lua text made for this rule set, a call a line and no loop: each call then has one target,
 * which the JIT inlines; a loop over a list of functions would have it compile the same place again and
 * again. Line n calls unit n, so the line of the driver's frame tells which unit runs.
 *
 * A second driver does the same with a mark before each call, for orders whose rules are to be seen on the timeline or
 * measured one by one; so the others pay nothing for it. It is interpreted, since a call to C in every other place would leave many small traces; the
 * rules that it calls are compiled.
 *
 * All files are tried, so that every broken one is reported at once.
 */
#include "script/script_impl.h"

#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/timeline.h"

/* A Lua function has at most 60 upvalues; units beyond this many are called through a table. */
enum { DIRECT_MAX = 50 };

/* One attempt to load a rule set; inside of a protected call. */
struct loading {
    struct ordo_script *script;
    struct ordo__generation *generation;
    struct ordo__unit *unit;
    struct ordo_buffer *errors, *warnings;
    bool failed;
    struct ordo_buffer driver;
};

static void report(struct loading *loading, const struct ordo__unit *unit, int line, ordo_str message)
{
    ordo_buffer_printf(loading->errors, "%s/%s", loading->generation->ruleset->folder, unit->file->path);
    if (line > 0)
        ordo_buffer_printf(loading->errors, ":%d", line);
    ordo_buffer_printf(loading->errors, ": " ORDO_STR_FMT "\n", ORDO_STR_ARG(message));
    loading->failed = true;
}

/* The error on top of the stack, about `unit` unless it names another file. [-1, +0] */
static void report_error(struct loading *loading, struct ordo__unit *unit)
{
    lua_State *L = loading->script->vm->L;
    ordo_str message = ordo__error_text(L, -1);
    int line = 0;
    struct ordo__unit *named = ordo__place_strip(loading->generation, &message, &line);

    report(loading, named != NULL ? named : unit, line, message);
    lua_pop(L, 1);
}

/* 30_coupon.lua -> coupon */
static ordo_str name_from_path(ordo_str path)
{
    const char *slash = memchr(path.ptr, '/', path.len);
    ordo_str name = {slash + 1, path.len - (size_t)(slash + 1 - path.ptr) - 4};
    size_t digits = 0;

    while (digits < name.len && name.ptr[digits] >= '0' && name.ptr[digits] <= '9')
        digits++;
    if (digits > 0 && digits + 1 < name.len && name.ptr[digits] == '_')
        name = (ordo_str){name.ptr + digits + 1, name.len - digits - 1};
    return name;
}

/* Keeps the string on top for as long as the generation lives. [-1, +0] */
static ordo_str keep_string(lua_State *L, const struct ordo__generation *generation)
{
    ordo_str kept;

    kept.ptr = lua_tolstring(L, -1, &kept.len);
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->names_ref);
    lua_insert(L, -2);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    return kept;
}

void ordo__generation_run_file(lua_State *L, struct ordo__generation *generation, struct ordo__unit *unit)
{
    const struct ordo_script_file *file = unit->file;

    if (luaL_loadbufferx(L, file->source, file->len, unit->source, "t") != 0)
        lua_error(L);
    ordo__sandbox_env(L, generation);
    lua_setfenv(L, -2);
    lua_call(L, 0, 1);
}

static int run_file(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);

    lua_settop(L, 0);
    ordo__generation_run_file(L, loading->generation, loading->unit);
    return 1;
}

static int find_warnings(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    const struct ordo_script_file *file = loading->unit->file;

    lua_settop(L, 0);
    if (luaL_loadbufferx(L, file->source, file->len, loading->unit->source, "t") != 0)
        return lua_error(L);
    ordo__warnings_find(L, loading->generation, loading->unit, loading->warnings);
    return 0;
}

/* Calls `function` protected, with the loading as its argument. 0, or the error is on the stack. */
static int call(struct loading *loading, lua_CFunction function, int results)
{
    lua_State *L = loading->script->vm->L;

    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, loading);
    return lua_pcall(L, 1, results, 0);
}

/* A script's table is on top: takes its name and function; the function replaces the table. */
static bool read_script(struct loading *loading, struct ordo__unit *unit, const char *function)
{
    lua_State *L = loading->script->vm->L;
    char text[160];
    lua_Debug about;

    if (!lua_istable(L, -1)) {
        snprintf(text, sizeof(text),
                 "the script must return a table {name = …, %s = function(…) … end}, not %s", function,
                 lua_isnil(L, -1) ? "nothing" : luaL_typename(L, -1));
        report(loading, unit, 0, ordo_str_from(text));
        return false;
    }
    lua_pushliteral(L, "name");
    lua_rawget(L, -2);
    if (lua_type(L, -1) == LUA_TSTRING && lua_objlen(L, -1) > 0) {
        unit->name = keep_string(L, loading->generation);
    } else if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
    } else {
        lua_pop(L, 1);
        report(loading, unit, 0, ORDO_STR("`name` must be a string that is not empty"));
        return false;
    }
    lua_pushstring(L, function);
    lua_rawget(L, -2);
    if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1)) {
        snprintf(text, sizeof(text), "the script's table has no function `%s`", function);
        report(loading, unit, 0, ordo_str_from(text));
        lua_pop(L, 1);
        return false;
    }
    lua_remove(L, -2);
    lua_pushvalue(L, -1);
    lua_getinfo(L, ">S", &about);
    unit->line = about.linedefined;
    return true;
}

/* Loads one unit; leaves its function, module or tests, or nil. [-0, +1] */
static void load_unit(struct loading *loading, struct ordo__unit *unit)
{
    lua_State *L = loading->script->vm->L;
    int top = lua_gettop(L);
    bool good = false;

    loading->unit = unit;
    if (call(loading, run_file, 1) != 0) {
        report_error(loading, unit);
    } else if (unit->file->kind == ORDO_SCRIPT_RULE || unit->file->kind == ORDO_SCRIPT_VALIDATION) {
        good = read_script(loading, unit, unit->file->kind == ORDO_SCRIPT_RULE ? "apply" : "check");
    } else if (!lua_istable(L, -1)) {
        report(loading, unit, 0,
               ORDO_STR("a file of tests must return a list of tests: "
                        "{{name = …, order = …, expect = …}, …}"));
    } else {
        good = true;
    }
    if (!good) {
        lua_settop(L, top);
        lua_pushnil(L);
    } else if (loading->warnings != NULL && call(loading, find_warnings, 0) != 0) {
        lua_pop(L, 1);
    }
}

/* `require` runs it, unless another file has needed it already. */
static int require_unit(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    ordo_str path = loading->unit->path;

    lua_pushlightuserdata(L, loading->generation);
    lua_pushcclosure(L, ordo__modules_require, 1);
    lua_pushlstring(L, path.ptr + 4, path.len - 8);
    lua_call(L, 1, 0);
    return 0;
}

static void load_module(struct loading *loading, struct ordo__unit *unit)
{
    lua_State *L = loading->script->vm->L;
    ordo_str name = {unit->path.ptr + 4, unit->path.len - 8};

    loading->unit = unit;
    if (unit->broken) /* reported by the file that needed it */
        return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, loading->script->engine_ref);
    lua_pushlstring(L, name.ptr, name.len);
    lua_rawget(L, -2);
    if (!lua_isnil(L, -1))
        report(loading, unit, 0, ORDO_STR("the engine has a module of this name; choose another"));
    lua_pop(L, 2);
    if (call(loading, require_unit, 0) != 0)
        report_error(loading, unit);
    else if (loading->warnings != NULL && call(loading, find_warnings, 0) != 0)
        lua_pop(L, 1);
    /* A circle of requires, or one that broke: the marks of modules on their way. */
    lua_rawgeti(L, LUA_REGISTRYINDEX, loading->generation->modules_ref);
    for (size_t i = 0; i < loading->generation->count; i++) {
        const struct ordo__unit *other = &loading->generation->units[i];

        if (other->file->kind != ORDO_SCRIPT_LIB || !other->broken)
            continue;
        lua_pushlstring(L, other->path.ptr + 4, other->path.len - 8);
        lua_pushnil(L);
        lua_rawset(L, -3);
    }
    lua_pop(L, 1);
}

static void write_call(struct ordo_buffer *text, const struct ordo__unit *unit, size_t number)
{
    const char *arguments =
        unit->file->kind == ORDO_SCRIPT_RULE ? "order, decide, ctx" : "order, problems, ctx";

    if (number <= DIRECT_MAX)
        ordo_buffer_printf(text, "u%zu(%s)", number, arguments);
    else
        ordo_buffer_printf(text, "all[%zu](%s)", number, arguments);
}

/* See the head of this file. Everything up to the first call stands on its line. */
static void write_driver(struct ordo_buffer *text, const struct ordo__generation *generation, bool marked)
{
    size_t count = generation->checks + generation->rules;

    ordo_buffer_clear(text);
    ordo_buffer_printf(text, "local all, prepare, flags, decide, problems, ctx, pcall, mark = ... ");
    for (size_t i = 1; i <= count && i <= DIRECT_MAX; i++)
        ordo_buffer_printf(text, "local u%zu = all[%zu] ", i, i);
    ordo_buffer_printf(text, "return function() local order = prepare() ");
    for (size_t i = 1; i <= count; i++) {
        if (generation->checks > 0 && i == generation->checks + 1)
            ordo_buffer_printf(text, "if flags[1] then return end ");
        if (marked)
            ordo_buffer_printf(text, "mark(%zu) ", i);
        write_call(text, &generation->units[i - 1], i);
        ordo_buffer_printf(text, "\n");
    }
    ordo_buffer_printf(text, "end");
}

/* The checks from number `from` on, for an order that is known to be wrong: what breaks is passed over. */
static void write_checks(struct ordo_buffer *text, const struct ordo__generation *generation)
{
    ordo_buffer_clear(text);
    ordo_buffer_printf(text, "local all, prepare, flags, decide, problems, ctx, pcall = ... "
                             "return function(from) local order = prepare() ");
    for (size_t i = 1; i <= generation->checks; i++)
        ordo_buffer_printf(text, "if from <= %zu then pcall(all[%zu], order, problems, ctx) end\n", i, i);
    ordo_buffer_printf(text, "end");
}

/* Runs the text in `driver`, whose arguments are the functions (at stack index 1) and the engine's
 * objects. Leaves the function that it returns. [-0, +1] */
static void make_driver(lua_State *L, struct loading *loading)
{
    struct ordo_script *script = loading->script;

    if (luaL_loadbufferx(L, loading->driver.ptr, loading->driver.len, script->driver_source, "t") != 0)
        lua_error(L);
    lua_pushvalue(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->prepare_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->flags_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->decide_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->problems_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->ctx_ref);
    lua_getglobal(L, "pcall");
    lua_pushcfunction(L, ordo__run_mark);
    lua_call(L, 8, 1);
}

/* The table of functions is the argument. */
static int make_drivers(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 2);

    write_driver(&loading->driver, loading->generation, false);
    make_driver(L, loading);
    loading->generation->driver_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    write_driver(&loading->driver, loading->generation, true);
    make_driver(L, loading);
    luaJIT_setmode(L, -1, LUAJIT_MODE_FUNC | LUAJIT_MODE_OFF);
    loading->generation->marked_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    write_checks(&loading->driver, loading->generation);
    make_driver(L, loading);
    loading->generation->checks_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void warn_same_names(struct loading *loading)
{
    const struct ordo__generation *generation = loading->generation;
    size_t count = generation->checks + generation->rules;

    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            const struct ordo__unit *a = &generation->units[i], *b = &generation->units[j];

            if (a->file->kind == b->file->kind && ordo_str_equal(a->name, b->name))
                ordo_buffer_printf(loading->warnings,
                                   "%s/%s: the name \"" ORDO_STR_FMT
                                   "\" is that of %s too; explanations tell them apart by file only\n",
                                   generation->ruleset->folder, b->file->path, ORDO_STR_ARG(b->name),
                                   a->file->path);
        }
}

/* All of loading; errors of scripts are collected, one that gets out of here is the engine's or lack of
 * memory. */
static int load(lua_State *L)
{
    struct loading *loading = lua_touserdata(L, 1);
    struct ordo__generation *generation = loading->generation;
    int functions;

    lua_newtable(L);
    generation->names_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    generation->modules_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    for (size_t i = 0; i < generation->count; i++) {
        lua_pushfstring(L, "@%s", generation->units[i].file->path);
        generation->units[i].source = keep_string(L, generation).ptr;
    }
    for (size_t i = 0; i < generation->count; i++)
        if (generation->units[i].file->kind == ORDO_SCRIPT_LIB)
            load_module(loading, &generation->units[i]);
    lua_newtable(L);
    functions = lua_gettop(L);
    for (size_t i = 0; i < generation->count; i++)
        if (generation->units[i].file->kind != ORDO_SCRIPT_LIB) {
            load_unit(loading, &generation->units[i]);
            lua_rawseti(L, functions, (int)i + 1);
        }
    if (loading->failed)
        return 0;
    if (loading->warnings != NULL)
        warn_same_names(loading);
    for (size_t i = 0; i < generation->checks + generation->rules; i++)
        generation->units[i].span = ordo_timeline_intern(generation->units[i].name);
    lua_pushvalue(L, functions);
    generation->tests_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushcfunction(L, make_drivers);
    lua_pushvalue(L, functions);
    lua_pushlightuserdata(L, loading);
    lua_call(L, 2, 0);
    return 0;
}

static struct ordo__generation *generation_of(struct ordo_ruleset *ruleset)
{
    struct ordo__generation *generation = calloc(1, sizeof(*generation));

    ORDO_REQUIRE(generation != NULL);
    *generation = (struct ordo__generation){
        .ruleset = ordo_ruleset_ref(ruleset),
        .units = calloc(ruleset->scripts + 1, sizeof(*generation->units)),
        .count = ruleset->scripts,
        .driver_ref = LUA_NOREF,
        .marked_ref = LUA_NOREF,
        .checks_ref = LUA_NOREF,
        .env_ref = LUA_NOREF,
        .modules_ref = LUA_NOREF,
        .names_ref = LUA_NOREF,
        .tests_ref = LUA_NOREF,
    };
    ORDO_REQUIRE(generation->units != NULL);
    for (size_t i = 0; i < ruleset->scripts; i++) {
        struct ordo__unit *unit = &generation->units[i];

        unit->file = &ruleset->files[i];
        unit->path = ordo_str_from(unit->file->path);
        unit->name = name_from_path(unit->path);
        generation->checks += unit->file->kind == ORDO_SCRIPT_VALIDATION;
        generation->rules += unit->file->kind == ORDO_SCRIPT_RULE;
    }
    return generation;
}

struct ordo__generation *ordo__generation_new(struct ordo_script *script, struct ordo_ruleset *ruleset,
                                              struct ordo_buffer *errors, struct ordo_buffer *warnings)
{
    struct ordo__generation *generation = generation_of(ruleset);
    int tables = ordo_ruleset_open_tables(ruleset, errors);
    struct loading loading = {.script = script,
                              .generation = generation,
                              .errors = errors,
                              .warnings = warnings,
                              .failed = tables != 0};
    lua_State *L = script->vm->L;

    if (ordo_vm_cpcall(script->vm, load, &loading) != 0) {
        ordo_buffer_printf(errors, "%s: " ORDO_STR_FMT "\n", ruleset->folder,
                           ORDO_STR_ARG(ordo__error_text(L, -1)));
        lua_pop(L, 1);
        loading.failed = true;
    }
    ordo_buffer_done(&loading.driver);
    if (loading.failed) {
        ordo__generation_free(script, generation);
        return NULL;
    }
    return generation;
}

void ordo__generation_free(struct ordo_script *script, struct ordo__generation *generation)
{
    lua_State *L = script->vm->L;

    luaL_unref(L, LUA_REGISTRYINDEX, generation->driver_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, generation->marked_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, generation->checks_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, generation->env_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, generation->modules_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, generation->names_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, generation->tests_ref);
    ordo_ruleset_unref(generation->ruleset);
    free(generation->units);
    free(generation);
}

void ordo__generation_drop(struct ordo_script *script, struct ordo__generation *generation)
{
    struct ordo__generation **link = &script->generations;

    if (!generation->retired || generation->runs > 0)
        return;
    while (*link != generation)
        link = &(*link)->next;
    *link = generation->next;
    ordo__generation_free(script, generation);
}
