/* SPDX-License-Identifier: MIT
 * test_sandbox.c: what scripts find as globals and what they cannot do. Escapes that worked in other engines
 * are tried.
 */
#include "fixture.h"

#include <stdio.h>

static int jit;

static int setup(void **state)
{
    static struct fixture fixture;

    fixture_init(&fixture, jit);
    fixture_write(&fixture, "rules/99_other.lua", "return { name = 'other', apply = function() end }");
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_done(*state);
    return 0;
}

static void test_only_what_is_allowed_is_there(void **state)
{
    static const char *const absent[] = {
        "load",           "loadstring",  "loadfile", "dofile",   "module",  "package", "io",     "os",
        "debug",          "jit",         "ffi",      "newproxy", "getfenv", "setfenv", "gcinfo", "_G",
        "collectgarbage", "getregistry", "thread",   "arg"};
    static const char *const absent_fields[] = {"string.dump",           "string.gfind",   "table.foreach",
                                                "table.foreachi",        "table.getn",     "math.mod",
                                                "coroutine.isyieldable", "coroutine.close"};
    static const char *const present[] = {
        "assert",     "error",         "getmetatable", "ipairs",     "next",     "pairs",
        "pcall",      "print",         "rawequal",     "rawget",     "rawset",   "require",
        "select",     "setmetatable",  "tonumber",     "tostring",   "type",     "unpack",
        "xpcall",     "string.format", "table.sort",   "math.floor", "bit.band", "coroutine.wrap",
        "string.rep", "table.concat"};
    struct fixture *fixture = *state;
    char text[256], expected[256];

    for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++) {
        snprintf(text, sizeof(text), "return %s", absent[i]);
        snprintf(expected, sizeof(expected), "global '%s' is not declared: use local", absent[i]);
        assert_string_equal(fixture_break(fixture, text), expected);
    }
    for (size_t i = 0; i < sizeof(absent_fields) / sizeof(*absent_fields); i++) {
        snprintf(text, sizeof(text), "return %s", absent_fields[i]);
        assert_contains(fixture_break(fixture, text), " has no '");
    }
    for (size_t i = 0; i < sizeof(present) / sizeof(*present); i++) {
        snprintf(text, sizeof(text), "type(%s)", present[i]);
        assert_string_equal(fixture_value(fixture, text), "function");
    }
}

static void test_undeclared_globals_are_errors(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(fixture_break(fixture, "x = 1"), "global 'x' is not declared: use local");
    assert_string_equal(fixture_break(fixture, "return x"), "global 'x' is not declared: use local");
    assert_string_equal(fixture_break(fixture, "pairs = nil"), "global 'pairs' is not declared: use local");
    assert_string_equal(fixture_break(fixture, "function helper() end"),
                        "global 'helper' is not declared: use local");
}

static void test_engine_objects_are_read_only(void **state)
{
    static const char *const objects[] = {"string",
                                          "table",
                                          "math",
                                          "bit",
                                          "coroutine",
                                          "decide",
                                          "ctx",
                                          "ctx.null",
                                          "require('money')",
                                          "require('list')",
                                          "require('text')",
                                          "require('time')"};
    struct fixture *fixture = *state;
    char text[256];

    for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
        snprintf(text, sizeof(text), "local o = %s o.x = 1", objects[i]);
        assert_contains(fixture_break(fixture, text), " is read-only");
        snprintf(text, sizeof(text), "rawset(%s, 'x', 1)", objects[i]);
        assert_contains(fixture_break(fixture, text), "table expected");
        snprintf(text, sizeof(text), "table.insert(%s, 1)", objects[i]);
        assert_contains(fixture_break(fixture, text), "table expected");
        snprintf(text, sizeof(text), "setmetatable(%s, {})", objects[i]);
        assert_contains(fixture_break(fixture, text), "table expected");
        snprintf(text, sizeof(text), "getmetatable(%s)", objects[i]);
        assert_string_equal(fixture_value(fixture, text), "false");
    }
    assert_string_equal(fixture_value(fixture, "getmetatable('')"), "false");
}

/* Bytecode, as a string or as a file: Redis CVE-2015-4335. */
static void test_bytecode_is_refused(void **state)
{
    struct fixture *fixture = *state;

    assert_contains(fixture_break(fixture, "local f = string.dump"), "string has no 'dump'");
    fixture_write(fixture, "rules/20_bytecode.lua", "\033LJ\002\n");
    assert_int_equal(fixture_load(fixture), ORDO_ESCRIPT);
    assert_contains(fixture->errors.ptr, "rules/20_bytecode.lua: attempt to load chunk with wrong mode");
}

/* Ways out that CVEs of embedded Lua took: 2022-0543, 2024-31449, 2025-46817, 2025-46818. */
static void test_known_escapes(void **state)
{
    struct fixture *fixture = *state;

    assert_contains(fixture_break(fixture, "package.loadlib('x', 'y')"), "global 'package' is not declared");
    assert_contains(fixture_break(fixture, "require 'ffi'"), "require: there is no module \"ffi\"");
    assert_contains(fixture_break(fixture, "require '../../etc/passwd'"), "require: there is no module");
    assert_contains(fixture_break(fixture, "require(5)"),
                    "require: the module's name must be a string, got number");
    assert_string_equal(fixture_value(fixture, "bit.tohex(1, -2147483648):len() < 300"), "true");
    assert_contains(fixture_break(fixture, "unpack({}, 0, 2147483647)"), "too many results to unpack");
    assert_contains(fixture_break(fixture, "unpack({}, -2147483648, 2147483647)"),
                    "too many results to unpack");
    /* basic types have no metatable that could be poisoned for others */
    assert_contains(fixture_break(fixture, "getmetatable('').__index.upper = nil"),
                    "attempt to index a boolean value");
    assert_contains(fixture_break(fixture, "getmetatable(nil).__index = 1"), "attempt to index a nil value");
    assert_contains(fixture_break(fixture, "getmetatable(print).__index = 1"),
                    "attempt to index a nil value");
    /* int64 literals load parts of the FFI; nothing of it can be reached */
    assert_string_equal(fixture_value(fixture, "type(1LL)"), "cdata");
    assert_string_equal(fixture_value(fixture, "getmetatable(1LL)"), "ffi");
    assert_contains(fixture_break(fixture, "decide:fee('x', 1LL)"),
                    "amount must be a whole number of minor units");
    /* the engine's own coroutine cannot be had */
    assert_string_equal(fixture_value(fixture, "coroutine.running()"), "nil");
    assert_string_equal(
        fixture_value(fixture, "type(coroutine.wrap(function() return coroutine.running() end)())"),
        "thread");
    assert_contains(fixture_break(fixture, "coroutine.yield()"),
                    "coroutine.yield: not inside of a coroutine");
    assert_contains(fixture_break(fixture, "coroutine.wrap(function() ctx.sleep(1) end)()"),
                    "ctx.sleep: cannot wait inside of a coroutine of the script's own");
    assert_string_equal(
        fixture_value(fixture,
                      "(function() local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) "
                      "return b * 2 end) return co(1) + co(10) end)()"),
        "22");
}

static void test_scripts_do_not_see_each_other(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(
        fixture, "rules/05_first.lua",
        "local s, mt = setmetatable({}, {__index = function() return 7 end}), {}\n"
        "return { apply = function(order) rawset(order, 'mark', s.x) pcall(function() y = 1 end) end }");
    assert_string_equal(fixture_value(fixture, "order.mark"), "7"); /* the order is shared */
    assert_contains(fixture_break(fixture, "return y"), "global 'y' is not declared");
}

static void test_no_addresses(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(
        fixture_value(fixture, "tostring({}) .. tostring(print) .. tostring(coroutine.create(print))"),
        "tablefunctionthread");
    assert_string_equal(fixture_value(fixture, "tostring(math) .. tostring(decide) .. tostring(ctx.null)"),
                        "mathdecidenull");
    assert_string_equal(fixture_value(fixture, "('%s %s %5.1f %d%%'):format({}, print, 2.26, 3)"),
                        "table function   2.3 3%");
    assert_string_equal(fixture_value(fixture, "string.format('%s|%s|%s|%s', 1, 'a', nil, true)"),
                        "1|a|nil|true");
    assert_string_equal(fixture_value(fixture, "string.format('plain')"), "plain");
    assert_contains(fixture_break(fixture, "return string.format('%p', {})"),
                    "string.format: there is no %p here");
    assert_contains(fixture_break(fixture, "return ('%-20p'):format({})"),
                    "string.format: there is no %p here");
    assert_string_equal(fixture_value(fixture, "('%%p %d'):format(1)"), "%p 1");
    assert_contains(fixture_break(fixture, "return string.format('%d')"), "bad argument #2 to");
    assert_string_equal(
        fixture_value(fixture, "setmetatable({}, {__tostring = function() return 'own' end})"), "own");
    assert_contains(fixture_break(fixture, "return {} .. 'x'"), "attempt to concatenate a table value");
}

static void test_no_randomness(void **state)
{
    struct fixture *fixture = *state;

    assert_contains(fixture_break(fixture, "math.random()"), "use ctx.random()");
    assert_contains(fixture_break(fixture, "math.randomseed(1)"), "ctx.random() is seeded by the order");
}

static void test_pairs_is_in_order(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(
        fixture_value(
            fixture,
            "(function() local out = {} for k, v in pairs { z = 1, [2] = 2, a = 3, [true] = 4, [-1] = 5, "
            "[false] = 6, [1.5] = 7, B = 8, [''] = 9, ['a\\0'] = 1, ['\\255'] = 2 } do out[#out + 1] = "
            "tostring(k):gsub('%z', '0'):gsub('\\255', '255') end return table.concat(out, ' ') end)()"),
        "-1 1.5 2  B a a0 z 255 false true");
    assert_string_equal(
        fixture_value(fixture,
                      "(function() local out, t = {}, {} for i = 40, 1, -1 do t['k' .. i % 7 .. i] = i "
                      "end local last = '' for k in pairs(t) do assert(last < k) last = k out[#out + 1]"
                      " = k end return #out end)()"),
        "40");
    /* keys that are removed meanwhile are passed over, new ones are not seen */
    assert_string_equal(
        fixture_value(fixture, "(function() local t, out = { a = 1, b = 2, c = 3 }, '' for k in pairs(t) do "
                               "out = out .. k t.b = nil t.d = 4 end return out end)()"),
        "ac");
    assert_string_equal(
        fixture_value(fixture, "next({}) == nil and next({ b = 1, a = 2 }) .. next({ b = 1, a = 2 }, 'a')"),
        "ab");
    assert_string_equal(fixture_value(fixture, "select(2, next({ 5, 6 }, 1))"), "6");
    assert_string_equal(
        fixture_value(fixture,
                      "(function() local n = 0 for k, v in next, { 1, 2, x = 3 } do n = n + v end return n "
                      "end)()"),
        "6");
    assert_contains(fixture_break(fixture, "pairs { [{}] = 1 }"),
                    "pairs: the table has a key of type table, which has no order");
    assert_contains(fixture_break(fixture, "next { [print] = 1 }"),
                    "next: the table has a key of type function");
    assert_contains(fixture_break(fixture, "pairs(nil)"), "pairs: a table is needed, got nil");
    assert_contains(fixture_break(fixture, "pairs(math)"), "pairs: a table is needed, got userdata");
}

/* Two states hash strings alike here, but insert in another order: the loops must agree. */
static void test_pairs_is_the_same_in_two_states(void **state)
{
    static const char *const forms[] = {
        "for i = 1, 50 do t['k' .. i * 7919 % 101] = i end",
        "for i = 50, 1, -1 do t['k' .. i * 7919 % 101] = i end t.x = 1 t.x = nil"};
    struct fixture *fixture = *state;
    char body[512], first[2048] = "";

    for (int i = 0; i < 2; i++) {
        struct fixture other;
        const char *got;

        fixture_init(&other, i);
        snprintf(body, sizeof(body),
                 "local t, out = {}, {} %s for k, v in pairs(t) do out[#out + 1] = k .. '=' .. v end "
                 "decide:note(table.concat(out, ' '))",
                 forms[i]);
        got = fixture_run(&other, body);
        assert_contains(got, "accepted\nnote 'k");
        if (i == 0)
            snprintf(first, sizeof(first), "%s", got);
        else
            assert_string_equal(got, first);
        fixture_done(&other);
    }
    (void)fixture;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_only_what_is_allowed_is_there),
        TEST(test_undeclared_globals_are_errors),
        TEST(test_engine_objects_are_read_only),
        TEST(test_bytecode_is_refused),
        TEST(test_known_escapes),
        TEST(test_scripts_do_not_see_each_other),
        TEST(test_no_addresses),
        TEST(test_no_randomness),
        TEST(test_pairs_is_in_order),
        TEST(test_pairs_is_the_same_in_two_states),
    };
    int failed = 0;

    for (jit = 0; jit <= 1; jit++)
        failed += cmocka_run_group_tests_name(jit ? "sandbox, compiled" : "sandbox, interpreted", tests, NULL,
                                              NULL);
    return failed;
}
