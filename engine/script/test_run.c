/* SPDX-License-Identifier: MIT
 * test_run.c: the tests of a rule set: files of `tests/` return lists of orders with what is expected of
 * their decisions.
 *
 * An order of a test is written as JSON and goes the way of a client's order; the decision comes back as the
 * JSON that clients get and is compared in Lua (lua/test.lua). ctx.sleep passes at once, and what else the
 * order would ask of the world the test answers (fakes.c). Whatever may raise is called protected, and never
 * between the start of a run and its end.
 *
 * LuaJIT does not say on which line a table was made, so a test is found in its file by its name.
 */
#include "script/script_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

static const int64_t DEFAULT_NOW_MS = 1790000000000; /* 2026-09-21, a Monday */

struct testing {
    struct ordo_script *script;
    const struct ordo__unit *unit;
    int unit_number; /* from 1 */
    int test;        /* from 1 */
    int count;       /* of the file */
    bool skipped;    /* the filter does not name it */
    bool failed;
    int compare_ref; /* function of lua/test.lua */
    struct ordo_json_parser *parser;
    struct ordo_buffer order, got, name;
    struct ordo_buffer sentences, blocks; /* of struct ordo_test_result */
    int64_t now_ms;
    struct ordo__fakes fakes;
    const struct ordo_test_options *options;
    struct ordo_test_counts counts;
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
    ordo_buffer_put(&testing->name, '\0');
}

static bool is_wanted(const struct testing *testing)
{
    const char *filter = testing->options->filter;

    return filter == NULL || strcasestr(testing->name.ptr, filter) != NULL ||
           strcasestr(testing->unit->file->path, filter) != NULL;
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
    testing->skipped = !is_wanted(testing);
    if (testing->skipped)
        return 0;
    lua_pushnil(L);
    while (lua_next(L, entry) != 0) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";

        if (strcmp(key, "name") != 0 && strcmp(key, "order") != 0 && strcmp(key, "now") != 0 &&
            strcmp(key, "ctx") != 0 && strcmp(key, "expect") != 0)
            return luaL_error(L, "a test has name, order, now, ctx and expect, but not `%s`", key);
        lua_pop(L, 1);
    }
    lua_getfield(L, entry, "now");
    testing->now_ms =
        lua_isnil(L, -1) ? DEFAULT_NOW_MS : ordo__bind_whole(L, -1, "test", "now", " of milliseconds");
    ordo__fakes_take(L, entry, &testing->fakes);
    lua_getfield(L, entry, "order");
    if (!lua_istable(L, -1))
        return luaL_error(L, "the test needs an order, which is a table");
    ordo_buffer_clear(&testing->order);
    ordo__json_pull(L, -1, "order", &json);
    return 0;
}

static void put_line(struct ordo_buffer *out, ordo_str line)
{
    ordo_buffer_append(out, line);
    ordo_buffer_put(out, '\n');
}

static void add_failure(struct testing *testing, ordo_str sentence, ordo_str block)
{
    put_line(&testing->sentences, sentence);
    put_line(&testing->blocks, block);
    testing->failed = true;
}

static int compare(lua_State *L)
{
    struct testing *testing = lua_touserdata(L, 1);
    int count;

    lua_rawgeti(L, LUA_REGISTRYINDEX, testing->compare_ref);
    push_test(L, testing);
    lua_getfield(L, -1, "expect");
    lua_remove(L, -2);
    ordo__json_push(L, ordo_json_root(testing->parser));
    lua_pushstring(L, testing->script->loaded->ruleset->folder);
    lua_call(L, 3, 1);
    count = (int)lua_objlen(L, -1);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        add_failure(testing, ordo__error_text(L, -2), ordo__error_text(L, -1));
        lua_pop(L, 3);
    }
    return 0;
}

/* What is wrong with the test itself, or what it lacks. */
static void report(struct testing *testing, ordo_str message)
{
    struct ordo_buffer block = {0};
    int line;

    ordo__place_strip(testing->script->loaded, &message, &line);
    ordo_buffer_put(&block, '=');
    ordo_buffer_append(&block, message);
    add_failure(testing, message, ordo_buffer_str(&block));
    ordo_buffer_done(&block);
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

    if (ordo_json_parse_buffer(testing->parser, buffer, &err) == 0)
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
    run = ordo_script_decide(script, &order);
    write_outcome(testing, run, order.id, order.priority);
    ordo_script_finish(script, run);
    if (testing->fakes.missing.len > 0) {
        report(testing, ordo_buffer_str(&testing->fakes.missing));
        return false;
    }
    return parse(testing, &testing->got);
}

/* Is the string that begins at `quote` the value of `name`? */
static bool is_named(const char *begin, const char *quote)
{
    static const char key[] = "name";
    const size_t len = sizeof(key) - 1;

    while (quote > begin && (quote[-1] == ' ' || quote[-1] == '\t'))
        quote--;
    if (quote == begin || *--quote != '=')
        return false;
    while (quote > begin && (quote[-1] == ' ' || quote[-1] == '\t'))
        quote--;
    return (size_t)(quote - begin) >= len && memcmp(quote - len, key, len) == 0;
}

/* The line on which the string `name` stands in the file, as the value of `name` if there is such a place; 0: nowhere, the
 * name is put together by the file. */
static int line_of(const struct ordo_script_file *file, ordo_str name)
{
    const char *end = file->source + file->len, *found = NULL;
    int line = 1;

    for (const char *at = file->source;
         name.len > 0 && (at = memmem(at, (size_t)(end - at), name.ptr, name.len)) != NULL; at++) {
        if (at == file->source || (at[-1] != '"' && at[-1] != '\'') || at[name.len] != at[-1])
            continue;
        if (found == NULL)
            found = at;
        if (is_named(file->source, at - 1)) {
            found = at;
            break;
        }
    }
    for (const char *at = file->source; found != NULL && at < found; at++)
        line += *at == '\n';
    return found != NULL ? line : 0;
}

/* Tells what came of the test, or of the file. */
static void finish_test(struct testing *testing, int64_t began_ns)
{
    char number[32];
    struct ordo_test_result result = {
        .path = testing->unit->file->path,
        .passed = !testing->failed,
        .took_ns = ordo_clock_ns() - began_ns,
        .sentences = ordo_buffer_str(&testing->sentences),
        .blocks = ordo_buffer_str(&testing->blocks),
        .name = {testing->name.ptr, strlen(testing->name.ptr)},
    };

    if (testing->failed)
        result.line = line_of(testing->unit->file, result.name);
    if (result.name.len == 0 && testing->test > 0) {
        snprintf(number, sizeof(number), "test %d", testing->test);
        result.name = ordo_str_from(number);
    }
    testing->counts.failed += testing->failed;
    if (testing->options->each != NULL)
        testing->options->each(testing->options->context, &result);
}

static void begin_test(struct testing *testing)
{
    put_name(testing, ORDO_STR_NONE);
    ordo_buffer_clear(&testing->sentences);
    ordo_buffer_clear(&testing->blocks);
    testing->failed = testing->skipped = false;
}

static void run_file(struct testing *testing)
{
    int64_t began_ns = ordo_clock_ns();

    testing->count = 0;
    testing->test = 0;
    begin_test(testing);
    testing->counts.files++;
    if (!call(testing, count_tests)) {
        finish_test(testing, began_ns);
        return;
    }
    testing->counts.all += (size_t)testing->count;
    for (testing->test = 1; testing->test <= testing->count; testing->test++) {
        began_ns = ordo_clock_ns();
        begin_test(testing);
        if (call(testing, read_test) && !testing->skipped && decide(testing))
            call(testing, compare);
        if (testing->skipped)
            continue;
        testing->counts.run++;
        finish_test(testing, began_ns);
    }
}

/* The registry keeps what all tests need. */
static int prepare(lua_State *L)
{
    struct testing *testing = lua_touserdata(L, 1);

    lua_pushboolean(L, 0);
    testing->fakes.answers_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    ordo__embedded_run(L, "test.lua");
    testing->compare_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

int ordo_script_test_each(struct ordo_script *script, const struct ordo_test_options *options,
                          struct ordo_test_counts *ret_counts)
{
    struct testing testing = {.script = script, .options = options, .compare_ref = LUA_NOREF};

    ORDO_REQUIRE(script->loaded != NULL);
    testing.fakes.answers_ref = LUA_NOREF;
    /* Decisions hold the order's values some levels deeper. */
    testing.parser = ordo_json_parser_new(script->options.limits.depth + 4);
    ORDO_REQUIRE(ordo_vm_cpcall(script->vm, prepare, &testing) == 0);
    script->fakes = &testing.fakes;
    for (size_t i = 0; i < script->loaded->count; i++) {
        testing.unit = &script->loaded->units[i];
        testing.unit_number = (int)i + 1;
        if (testing.unit->file->kind == ORDO_SCRIPT_TEST)
            run_file(&testing);
    }
    script->fakes = NULL;
    luaL_unref(script->vm->L, LUA_REGISTRYINDEX, testing.compare_ref);
    luaL_unref(script->vm->L, LUA_REGISTRYINDEX, testing.fakes.answers_ref);
    ordo_json_parser_free(testing.parser);
    ordo_buffer_done(&testing.order);
    ordo_buffer_done(&testing.got);
    ordo_buffer_done(&testing.name);
    ordo_buffer_done(&testing.sentences);
    ordo_buffer_done(&testing.blocks);
    ordo_buffer_done(&testing.fakes.missing);
    *ret_counts = testing.counts;
    return testing.counts.failed == 0 ? 0 : ORDO_ESCRIPT;
}

struct lines {
    const char *folder;
    struct ordo_buffer *out;
};

/* Each reason of a failed test, with its place. */
static void put_failed(void *context, const struct ordo_test_result *result)
{
    const struct lines *lines = context;
    ordo_str rest = result->sentences, line;

    while (!result->passed && ordo_text_next_line(&rest, &line)) {
        ordo_buffer_printf(lines->out, "%s/%s", lines->folder, result->path);
        if (result->line > 0)
            ordo_buffer_printf(lines->out, ":%d", result->line);
        if (result->name.len > 0)
            ordo_buffer_printf(lines->out, ": \"" ORDO_STR_FMT "\"", ORDO_STR_ARG(result->name));
        ordo_buffer_printf(lines->out, ": " ORDO_STR_FMT "\n", ORDO_STR_ARG(line));
    }
}

int ordo_script_test(struct ordo_script *script, struct ordo_buffer *errors, size_t *ret_count)
{
    struct lines lines = {script->loaded->ruleset->folder, errors};
    struct ordo_test_options options = {.each = put_failed, .context = &lines};
    struct ordo_test_counts counts;
    int code = ordo_script_test_each(script, &options, &counts);

    if (ret_count != NULL)
        *ret_count = counts.run;
    return code;
}
