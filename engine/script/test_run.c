/* SPDX-License-Identifier: MIT
 * test_run.c: the tests of a rule set: files of `tests/` return lists of orders with what is expected of
 * their decisions.
 *
 * An order of a test is written as JSON and goes the way of a client's order; the decision comes back as the
 * JSON that clients get and is compared in Lua (lua/test.lua). ctx.sleep passes at once. Whatever may raise
 * is called protected, and never between the start of a run and its end.
 */
#include "script/script_impl.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t DEFAULT_NOW_MS = 1790000000000; /* 2026-09-21, a Monday */

struct testing {
    struct ordo_script *script;
    const struct ordo__unit *unit;
    int unit_number; /* from 1 */
    int test;        /* from 1 */
    int count;       /* of the file */
    struct ordo_json_parser *parser;
    struct ordo_buffer *errors;
    struct ordo_buffer order, got, name;
    int64_t now_ms;
    size_t run, failed;
};

/* Pushes the entry of the test. [-0, +1] */
static void push_test(lua_State *L, const struct testing *testing)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, testing->script->loaded->tests_ref);
    lua_rawgeti(L, -1, testing->unit_number);
    lua_rawgeti(L, -1, testing->test);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

static int count_tests(lua_State *L)
{
    struct testing *testing = lua_touserdata(L, 1);

    lua_rawgeti(L, LUA_REGISTRYINDEX, testing->script->loaded->tests_ref);
    lua_rawgeti(L, -1, testing->unit_number);
    testing->count = (int)lua_objlen(L, -1);
    lua_pushnil(L);
    for (int keys = 0; lua_next(L, -2) != 0; lua_pop(L, 1))
        if (++keys > testing->count)
            return luaL_error(L,
                              "the file must return a list of tests: {{name = …, order = …, expect = …}, …}");
    return 0;
}

static void put_name(struct testing *testing, ordo_str name)
{
    ordo_buffer_clear(&testing->name);
    ordo_buffer_append(&testing->name, name);
}

static int read_test(lua_State *L)
{
    struct testing *testing = lua_touserdata(L, 1);
    struct ordo_json_writer json = ordo_json_writer(&testing->order);
    int entry;

    push_test(L, testing);
    entry = lua_gettop(L);
    if (!lua_istable(L, entry))
        return luaL_error(L, "a test must be a table {name = …, order = …, expect = …}");
    lua_getfield(L, entry, "name");
    if (lua_type(L, -1) != LUA_TSTRING)
        return luaL_error(L, "a test needs a name");
    put_name(testing, ordo__error_text(L, -1));
    lua_pushnil(L);
    while (lua_next(L, entry) != 0) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";

        if (strcmp(key, "name") != 0 && strcmp(key, "order") != 0 && strcmp(key, "now") != 0 &&
            strcmp(key, "expect") != 0)
            return luaL_error(L, "a test has name, order, now and expect, but not `%s`", key);
        lua_pop(L, 1);
    }
    lua_getfield(L, entry, "now");
    testing->now_ms =
        lua_isnil(L, -1) ? DEFAULT_NOW_MS : ordo__bind_whole(L, -1, "test", "now", " of milliseconds");
    lua_getfield(L, entry, "order");
    if (!lua_istable(L, -1))
        return luaL_error(L, "the test needs an order, which is a table");
    ordo_buffer_clear(&testing->order);
    ordo__json_pull(L, -1, "order", &json);
    return 0;
}

static int compare(lua_State *L)
{
    struct testing *testing = lua_touserdata(L, 1);
    int count;

    ordo__embedded_run(L, "test.lua");
    push_test(L, testing);
    lua_getfield(L, -1, "expect");
    lua_remove(L, -2);
    ordo__json_push(L, ordo_json_root(testing->parser));
    lua_call(L, 2, 1);
    count = (int)lua_objlen(L, -1);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        ordo_buffer_printf(testing->errors, "%s/%s: \"" ORDO_STR_FMT "\": %s\n",
                           testing->script->loaded->ruleset->folder, testing->unit->file->path,
                           ORDO_STR_ARG(ordo_buffer_str(&testing->name)), lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    testing->failed += count > 0;
    return 0;
}

static void report(struct testing *testing, ordo_str message)
{
    const struct ordo__generation *generation = testing->script->loaded;
    int line = 0;

    ordo_buffer_printf(testing->errors, "%s/%s", generation->ruleset->folder, testing->unit->file->path);
    if (ordo__place_strip(generation, &message, &line) != NULL && line > 0)
        ordo_buffer_printf(testing->errors, ":%d", line);
    if (testing->name.len > 0)
        ordo_buffer_printf(testing->errors, ": \"" ORDO_STR_FMT "\"",
                           ORDO_STR_ARG(ordo_buffer_str(&testing->name)));
    else if (testing->test > 0)
        ordo_buffer_printf(testing->errors, ": test %d", testing->test);
    ordo_buffer_printf(testing->errors, ": " ORDO_STR_FMT "\n", ORDO_STR_ARG(message));
    testing->failed++;
}

/* Calls a step protected; false when it raised, which is reported. */
static bool call(struct testing *testing, lua_CFunction function)
{
    lua_State *L = testing->script->vm->L;

    if (ordo_vm_cpcall(testing->script->vm, function, testing) == 0)
        return true;
    report(testing, ordo__error_text(L, -1));
    lua_pop(L, 1);
    return false;
}

static void write_problems(struct ordo_json_writer *json, const struct ordo_problems *problems)
{
    ordo_json_key(json, ORDO_STR("problems"));
    ordo_json_array(json);
    for (const struct ordo_problem *problem = problems->first; problem != NULL; problem = problem->next) {
        ordo_json_object(json);
        ordo_json_key_string(json, ORDO_STR("field"), problem->field);
        ordo_json_key_string(json, ORDO_STR("message"), problem->message);
        ordo_json_key_string(json, ORDO_STR("rule"), problem->rule);
        ordo_json_end_object(json);
    }
    ordo_json_end_array(json);
}

/* What lua/test.lua compares with: the decision as clients get it; for orders without one, what there is
 * instead. */
static void write_outcome(struct testing *testing, const struct ordo_run *run, ordo_str id,
                          enum ordo_priority priority)
{
    struct ordo_json_writer json = ordo_json_writer(&testing->got);
    struct ordo_decision_facts facts = {
        .id = id, .revision = 1, .attempt = 1, .priority = priority, .decided_ms = testing->now_ms};
    char text[900];

    ordo_buffer_clear(&testing->got);
    if (run->state == ORDO_RUN_DECIDED && run->decision.verdict != ORDO_VERDICT_RETRY) {
        ordo_decision_write(&run->decision, &facts, &testing->got);
        if (!run->broke)
            return;
        testing->got.len--; /* its closing brace: one member more */
        json.comma = true;
    } else {
        ordo_json_object(&json);
        ordo_json_key_string(&json, ORDO_STR("decision"),
                             run->state == ORDO_RUN_INVALID ? ORDO_STR("invalid") : ORDO_STR("retry"));
        if (run->state == ORDO_RUN_INVALID) {
            write_problems(&json, &run->problems);
        } else {
            ordo_json_key_string(&json, ORDO_STR("reason"), run->decision.reason);
            ordo_json_key_int(&json, ORDO_STR("retry_after_ms"), run->decision.retry_after_ms);
        }
    }
    if (run->broke)
        ordo_json_key_string(&json, ORDO_STR("error"),
                             ordo_str_from(ordo_error_format(&run->error, text, sizeof(text))));
    ordo_json_end_object(&json);
}

/* Parses what `buffer` holds; the text gets its padding. */
static bool parse(struct testing *testing, struct ordo_buffer *buffer)
{
    struct ordo_error err;
    char text[900];

    memset(ordo_buffer_reserve(buffer, ORDO_JSON_PADDING), 0, ORDO_JSON_PADDING);
    if (ordo_json_parse(testing->parser, buffer->ptr, buffer->len, &err) == 0)
        return true;
    report(testing, ordo_str_from(ordo_error_format(&err, text, sizeof(text))));
    return false;
}

static bool decide(struct testing *testing)
{
    struct ordo_script *script = testing->script;
    struct ordo_envelope envelope;
    struct ordo_script_order order = {.attempt = 1, .now_ms = testing->now_ms};
    struct ordo_run *run;

    if (!parse(testing, &testing->order))
        return false;
    order.root = ordo_json_root(testing->parser);
    ordo_envelope_read(order.root, &envelope);
    order.id = envelope.id.len > 0 ? envelope.id : ORDO_STR("test");
    order.priority = envelope.priority;
    run = ordo_script_start(script, &order);
    while (run->state == ORDO_RUN_WAITING)
        ordo_script_resume(script, run);
    write_outcome(testing, run, order.id, order.priority);
    ordo_script_finish(script, run);
    return parse(testing, &testing->got);
}

static void run_file(struct testing *testing)
{
    testing->count = 0;
    testing->test = 0;
    ordo_buffer_clear(&testing->name);
    if (!call(testing, count_tests))
        return;
    for (testing->test = 1; testing->test <= testing->count; testing->test++) {
        ordo_buffer_clear(&testing->name);
        testing->run++;
        if (call(testing, read_test) && decide(testing))
            call(testing, compare);
    }
}

int ordo_script_test(struct ordo_script *script, struct ordo_buffer *errors, size_t *ret_count)
{
    struct testing testing = {.script = script, .errors = errors};

    ORDO_REQUIRE(script->loaded != NULL);
    /* Decisions hold the order's values some levels deeper. */
    testing.parser = ordo_json_parser_new(script->options.limits.depth + 4);
    for (size_t i = 0; i < script->loaded->count; i++) {
        testing.unit = &script->loaded->units[i];
        testing.unit_number = (int)i + 1;
        if (testing.unit->file->kind == ORDO_SCRIPT_TEST)
            run_file(&testing);
    }
    ordo_json_parser_free(testing.parser);
    ordo_buffer_done(&testing.order);
    ordo_buffer_done(&testing.got);
    ordo_buffer_done(&testing.name);
    if (ret_count != NULL)
        *ret_count = testing.run;
    return testing.failed == 0 ? 0 : ORDO_ESCRIPT;
}
