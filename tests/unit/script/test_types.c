/* SPDX-License-Identifier: MIT
 * test_types.c: the names that editors and luacheck know (scripts/types/ordo.lua, .luacheckrc) are those that
 * scripts find, in both directions.
 */
#include "fixture.h"

#include "script/script_impl.h"

/* Replaces an object that scripts get by the table that it reads from. [-1, +1] */
static void open_seal(lua_State *L)
{
    assert_true(lua_isuserdata(L, -1) && lua_getmetatable(L, -1));
    lua_getfield(L, -1, "__index");
    lua_replace(L, -3);
    lua_pop(L, 1);
    assert_true(lua_istable(L, -1));
}

static void push_ref(lua_State *L, int ref)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    open_seal(L);
}

/* A table: decide, problems, ctx, list, money, text, time -> the table of its functions. [-0, +1] */
static void push_objects(lua_State *L, const struct ordo_script *script)
{
    static const char *const modules[] = {"list", "money", "text", "time"};

    lua_newtable(L);
    push_ref(L, script->decide_ref);
    lua_setfield(L, -2, "decide");
    push_ref(L, script->problems_ref);
    lua_setfield(L, -2, "problems");
    push_ref(L, script->ctx_ref);
    lua_setfield(L, -2, "ctx");
    lua_rawgeti(L, LUA_REGISTRYINDEX, script->engine_ref);
    for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
        lua_getfield(L, -1, modules[i]);
        open_seal(L);
        lua_setfield(L, -3, modules[i]);
    }
    lua_pop(L, 1);
}

static int count_parameters(const char *list)
{
    int count = list[0] != 0;

    for (; *list != 0; list++)
        count += *list == ',';
    return count;
}

/* The function on top takes as many arguments as declared; one in C does not tell. */
static void check_parameters(lua_State *L, const char *name, const char *parameters)
{
    int count = 0;

    if (lua_iscfunction(L, -1))
        return;
    while (lua_getlocal(L, NULL, count + 1) != NULL)
        count++;
    if (count != count_parameters(parameters))
        fail_msg("%s(%s): the function has %d parameters", name, parameters, count);
}

/* "function decide:cap(kind, amount, reason) end": takes the function out of the table on top. */
static void check_declaration(lua_State *L, const char *line)
{
    char object[32], separator, field[32], parameters[128] = "", name[80];
    int is_method;

    if (sscanf(line, "function %31[a-z]%c%31[a-z_](%127[^)])", object, &separator, field, parameters) < 3)
        return;
    snprintf(name, sizeof(name), "%s%c%s", object, separator, field);
    is_method = strcmp(object, "decide") == 0 || strcmp(object, "problems") == 0;
    if (separator != (is_method ? ':' : '.'))
        fail_msg("%s must be declared with a %s", name, is_method ? "colon" : "dot");
    lua_getfield(L, -1, object);
    if (!lua_istable(L, -1))
        fail_msg("%s: there is no object of this name", name);
    lua_pushstring(L, field);
    lua_rawget(L, -2); /* not getfield, whose error nobody would catch */
    if (!lua_isfunction(L, -1))
        fail_msg("scripts/types/ordo.lua declares %s, which scripts do not find, or twice", name);
    check_parameters(L, name, parameters);
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_setfield(L, -2, field);
    lua_pop(L, 1);
}

static void test_annotations_declare_what_scripts_find(void **state)
{
    struct fixture *fixture = *state;
    lua_State *L = fixture->script->vm->L;
    FILE *file = fixture_open_source("scripts/types/ordo.lua");
    char line[512];

    push_objects(L, fixture->script);
    while (fgets(line, sizeof(line), file) != NULL)
        check_declaration(L, line);
    fclose(file);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
            if (lua_isfunction(L, -1)) /* what is left was not declared; ctx.null is a field */
                fail_msg("scripts/types/ordo.lua does not declare %s.%s", lua_tostring(L, -4),
                         lua_tostring(L, -2));
    lua_pop(L, 1);
}

/* Runs .luacheckrc and leaves stds.sandbox.read_globals: names, and names -> {fields = {name -> {}}}. [-0, +1] */
static void push_luacheck_globals(lua_State *L)
{
    static const char head[] = "local stds, files = {}, {} ", tail[] = " return stds.sandbox.read_globals";
    static char text[16384];
    FILE *file = fixture_open_source(".luacheckrc");
    size_t len = sizeof(head) - 1;

    memcpy(text, head, len);
    len += fread(text + len, 1, sizeof(text) - len - sizeof(tail), file);
    fclose(file);
    memcpy(text + len, tail, sizeof(tail));
    if (luaL_loadstring(L, text) != 0 || lua_pcall(L, 0, 1, 0) != 0)
        fail_msg("%s", lua_tostring(L, -1));
}

/* Every key of the table on top is one of the table below it; `known` says whose keys these are. */
static void check_keys(lua_State *L, const char *of, const char *whose)
{
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_rawget(L, -5);
        if (lua_isnil(L, -1))
            fail_msg("%s: %s is known only to %s", of, lua_tostring(L, -3), whose);
        lua_pop(L, 1);
    }
}

static void check_both(lua_State *L, const char *of)
{
    check_keys(L, of, "the sandbox");
    lua_insert(L, -2);
    check_keys(L, of, ".luacheckrc");
}

static void test_luacheck_knows_the_globals_of_scripts(void **state)
{
    struct fixture *fixture = *state;
    lua_State *L = fixture->script->vm->L;
    int count, top = lua_gettop(L);

    push_luacheck_globals(L);
    count = (int)lua_objlen(L, -1);
    lua_newtable(
        L); /* its names as keys: the libraries, the others, and require, which each generation has */
    for (lua_pushnil(L); lua_next(L, -3) != 0; lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING) {
            lua_pushvalue(L, -2);
            lua_pushboolean(L, 1);
            lua_rawset(L, -5);
        }
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, -2, i);
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
    }
    lua_getfield(L, -1, "require");
    assert_true(lua_toboolean(L, -1));
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_setfield(L, -2, "require");
    lua_rawgeti(L, LUA_REGISTRYINDEX, fixture->script->base_ref);
    check_both(L, "globals");
    lua_settop(L, top);
}

static void test_luacheck_knows_the_fields_of_the_libraries(void **state)
{
    static const char *const libraries[] = {"bit", "coroutine", "math", "string", "table"};
    struct fixture *fixture = *state;
    lua_State *L = fixture->script->vm->L;
    int top = lua_gettop(L);

    for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
        push_luacheck_globals(L);
        lua_getfield(L, -1, libraries[i]);
        lua_getfield(L, -1, "fields");
        lua_rawgeti(L, LUA_REGISTRYINDEX, fixture->script->base_ref);
        lua_getfield(L, -1, libraries[i]);
        lua_replace(L, -2);
        open_seal(L);
        if (strcmp(libraries[i], "math") == 0) { /* they are there to say that they are not */
            lua_pushnil(L);
            lua_setfield(L, -2, "random");
            lua_pushnil(L);
            lua_setfield(L, -2, "randomseed");
        }
        check_both(L, libraries[i]);
        lua_settop(L, top);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_annotations_declare_what_scripts_find),
        FIXTURE_TEST(test_luacheck_knows_the_globals_of_scripts),
        FIXTURE_TEST(test_luacheck_knows_the_fields_of_the_libraries),
    };

    fixture_sources(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
