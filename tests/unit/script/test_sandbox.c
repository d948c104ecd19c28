/* SPDX-License-Identifier: MIT
 * test_sandbox.c: what scripts find as globals and what they cannot do. Escapes that worked in other engines
 * are tried.
 */
#include "fixture.h"

static void test_only_what_is_allowed_is_there(void **state)
{
    static const char *const absent[] = {
        "load",           "loadstring", "loadfile", "dofile",   "module",  "package", "io",     "os",
        "debug",          "jit",        "ffi",      "newproxy", "getfenv", "setfenv", "gcinfo", "_G",
        "collectgarbage", "utf8"};
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
        snprintf(expected, sizeof(expected), "%s is not here: ", absent[i]);
        assert_contains(fixture_break(fixture, text), expected);
    }
    assert_string_equal(fixture_break(fixture, "return getregistry"),
                        "there is no global 'getregistry'; declare it with local");
    for (size_t i = 0; i < sizeof(absent_fields) / sizeof(*absent_fields); i++) {
        snprintf(text, sizeof(text), "return %s", absent_fields[i]);
        snprintf(expected, sizeof(expected), "%s is not here: ", absent_fields[i]);
        assert_contains(fixture_break(fixture, text), expected);
    }
    for (size_t i = 0; i < sizeof(present) / sizeof(*present); i++) {
        snprintf(text, sizeof(text), "type(%s)", present[i]);
        assert_string_equal(fixture_value(fixture, text), "function");
    }
}

/* What is missing, and what to do instead; the same text in each run, since explanations keep it. */
static void test_errors_name_the_cure(void **state)
{
    static const char *const pairs[][2] = {
        {"return os.time()",
         "os is not here: a decision must come out the same again; use ctx.now(), and the module time"},
        {"io.write('x')",
         "io is not here: a decision reads and writes nothing; use decide:note, or print while you work on "
         "a rule"},
        {"load('x')", "load is not here: code comes from files that are checked and tested; put it into lib/ "
                      "and use require"},
        {"loadstring('x')", "loadstring is not here: code comes from files that are checked and tested; put "
                            "it into lib/ and use require"},
        {"dofile('x')", "dofile is not here: code comes from files that are checked and tested; put it into "
                        "lib/ and use require"},
        {"string.dump(print)", "string.dump is not here: code comes from files that are checked and tested; "
                               "put it into lib/ and use require"},
        {"debug.traceback()",
         "debug is not here: it reaches around the sandbox; errors name file and line, and print shows "
         "values while you work"},
        {"collectgarbage()", "collectgarbage is not here: the engine looks after memory; leave it out"},
        {"jit.off()", "jit is not here: the engine compiles rules by itself; leave it out"},
        {"return _G.x", "_G is not here: scripts have no table of globals; use local, and lib/ to share"},
        {"setfenv(1, {})",
         "setfenv is not here: scripts keep the globals that they are given; use local, and arguments"},
        {"table.unpack {}", "table.unpack is not here: this is Lua 5.1; use unpack"},
        {"math.mod(5, 2)", "math.mod is not here: it has another name; use %, or math.fmod"},
        {"coroutine.close()",
         "coroutine.close is not here: this is Lua 5.1; let the coroutine run to its end"},
        {"math.random()",
         "math.random is not here: a decision must come out the same again; use ctx.random()"},
        {"math.randomseed(1)",
         "math.randomseed is not here: ctx.random() is seeded by the order and the attempt"},
        {"return money.share", "money is a module: local money = require \"money\""},
        {"problems:add('x', 'y')",
         "problems is an argument of a check's function: check = function(order, problems, ctx)"},
        {"require 'ffi'",
         "require: ffi is not here: it reaches around the sandbox; the module money and bit compute with "
         "whole numbers"},
        {"require 'bit'", "require: bit is there without require; leave the line out"},
        {"require 'json'", "require: there is no module \"json\"; the engine has list, money, text, time"},
        {"x = 1", "'x' would be a global, which scripts do not have; write local x, and share by lib/"},
        {"function helper() end",
         "'helper' would be a global, which scripts do not have; write local helper, and share by lib/"},
        {"pairs = nil", "'pairs' is the same for all scripts and cannot be set; write local pairs"},
        {"return x", "there is no global 'x'; declare it with local"},
        {"return tostrin(5)",
         "there is no global 'tostrin'; declare it with local, or did you mean 'tostring'?"},
        {"decide:discont('d', 1)", "decide has no 'discont'; did you mean 'discount'?"},
        {"ctx.slep(5)", "ctx has no 'slep'; did you mean 'sleep'?"},
        {"return ('x'):uper()", "string has no 'uper'; did you mean 'upper'?"},
        {"return string.uper('x')", "string has no 'uper'; did you mean 'upper'?"},
        {"return math.sinn", "math has no 'sinn'; did you mean 'sin'?"}, /* not sinh, which is as near */
        {"return math.whatever", "math has no 'whatever'"},
        {"return decide[5]", "decide has no 'number'"},
        {"coroutine.yield()", "coroutine.yield: not inside of a coroutine of the script's own"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        struct ordo_run *run;

        assert_string_equal(fixture_break(fixture, pairs[i][0]), pairs[i][1]);
        run = fixture_start(fixture, ORDER(""));
        assert_string_equal(run->error.place, "rules/10_test.lua");
        assert_int_equal(run->error.line, 2);
        fixture_finish(fixture, run);
    }
}

/* The same texts with file and line, for code that no order has come to yet. */
static void test_loading_warns_of_names_that_are_not_there(void **state)
{
    struct fixture *fixture = *state;
    char expected[2048];

    fixture_write(fixture, "lib/known.lua", "return { late = function()\n  return os.time()\nend }");
    fixture_write(fixture, "rules/20_names.lua",
                  "local function deep()\n"
                  "  return function() return io.open('x') end\n"
                  "end\n"
                  "return { apply = function(order, decide)\n"
                  "  if order.x then count = 1 end\n"
                  "  if order.y then require 'missing' end\n"
                  "  if order.z then return string.dump(deep), string.upper('x'), string.dump(deep) end\n"
                  "  if order.z then return order[money], require 'known', require 'money' end\n"
                  "  if order.a then local os = { time = 5 } return os.time, print('os.time') end\n"
                  "  if order.b then return math.floo(1) end\n"
                  "end }");
    fixture_rule(fixture, "if order.coupon == 'x' then return os.date() end");
    snprintf(expected, sizeof(expected),
             "F/lib/known.lua:2: os is not here: a decision must come out the same again; use ctx.now(), and "
             "the module "
             "time\n"
             "F/rules/10_test.lua:2: os is not here: a decision must come out the same again; use ctx.now(), "
             "and the "
             "module time\n"
             "F/rules/20_names.lua:2: io is not here: a decision reads and writes nothing; use decide:note, "
             "or print while "
             "you work on a rule\n"
             "F/rules/20_names.lua:5: 'count' would be a global, which scripts do not have; write local "
             "count, and share by "
             "lib/\n"
             "F/rules/20_names.lua:6: require: there is no module \"missing\"; the engine has list, money, "
             "text, time; "
             "scripts/lib has known\n"
             "F/rules/20_names.lua:7: string.dump is not here: code comes from files that are checked and "
             "tested; put it "
             "into lib/ and use require\n"
             "F/rules/20_names.lua:8: money is a module: local money = require \"money\"\n"
             "F/rules/20_names.lua:10: math has no 'floo'; did you mean 'floor'?\n");
    assert_string_equal(fixture_warnings(fixture), expected);
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

    fixture_write(fixture, "rules/20_bytecode.lua", "\033LJ\002\n");
    assert_int_equal(fixture_load(fixture), ORDO_ESCRIPT);
    assert_contains(fixture->errors.ptr, "rules/20_bytecode.lua: attempt to load chunk with wrong mode");
}

/* Ways out that CVEs of embedded Lua took: 2022-0543, 2024-31449, 2025-46817, 2025-46818. */
static void test_known_escapes(void **state)
{
    struct fixture *fixture = *state;

    assert_contains(fixture_break(fixture, "package.loadlib('x', 'y')"), "package is not here: ");
    assert_contains(fixture_break(fixture, "require 'ffi'"), "require: ffi is not here");
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
    assert_contains(fixture_break(fixture, "return y"), "there is no global 'y'");
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
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_only_what_is_allowed_is_there),
        FIXTURE_TEST(test_errors_name_the_cure),
        FIXTURE_TEST(test_loading_warns_of_names_that_are_not_there),
        FIXTURE_TEST(test_engine_objects_are_read_only),
        FIXTURE_TEST(test_bytecode_is_refused),
        FIXTURE_TEST(test_known_escapes),
        FIXTURE_TEST(test_scripts_do_not_see_each_other),
        FIXTURE_TEST(test_no_addresses),
        FIXTURE_TEST(test_pairs_is_in_order),
        FIXTURE_TEST(test_pairs_is_the_same_in_two_states),
    };

    return FIXTURE_RUN_BOTH(tests);
}
