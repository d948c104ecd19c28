/* SPDX-License-Identifier: MIT
 * Frames of Lua lines: names by the text of the chunk, as the VM numbers its functions, and by the rule; pseudo lines; and
 * names of C++ and paths as they are shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua.h>

#include "profile/symbols_impl.h"

static struct ordo_symbols *symbols;

static void assert_text(ordo_str text, const char *expected)
{
    char copy[512];

    snprintf(copy, sizeof(copy), ORDO_STR_FMT, ORDO_STR_ARG(text));
    assert_string_equal(copy, expected);
}

static struct ordo_frame find_line(const char *source, int function_line, int line)
{
    uint64_t address = ordo_line_address(source, function_line, line);
    struct ordo_frame frame, same;

    assert_int_equal(ordo_symbols_find(symbols, address, false, &frame, 1), 1);
    assert_int_equal(ordo_symbols_find(symbols, address, true, &same, 1), 1);
    assert_int_equal(frame.address, address);
    assert_int_equal(same.address, address); /* a line is no instruction: nothing is before it */
    assert_memory_equal(&frame.function, &same.function, sizeof(frame.function));
    return frame;
}

static void assert_function(const char *source, int function_line, const char *expected)
{
    assert_text(find_line(source, function_line, function_line + 1).function, expected);
}

static const char rule_text[] = "-- function comment(\n"
                                "local money = require 'money' --[[ function\n"
                                "here( ]] local function helper(a) return a end\n"
                                "local M = { weight = function() end, [\"dimen sion\"] = function() end }\n"
                                "function M.cost(order)\n"
                                "  return 'function text('\n"
                                "end\n"
                                "function M.inner:method() end\n"
                                "M.later = function()\n"
                                "end\n"
                                "return {\n"
                                "  name = \"coupon\",\n"
                                "  apply = function(order, decide)\n"
                                "    each(order.items, function(item)\n"
                                "      local share = function() return [==[ function x(]] ]==] end\n"
                                "    end)\n"
                                "    local equal = 1 == function() end\n"
                                "    local escaped = 'a\\'b\\\n"
                                "c' ; M.after = function() end\n"
                                "  end,\n"
                                "  lines =\n"
                                "    function\n"
                                "      () end,\n"
                                "}\n";

static void add(const char *source, const char *path, const char *text, const char *rule)
{
    ordo_symbols_add_chunk(symbols, source, path, ordo_str_from(text), ordo_str_from(rule));
}

static void test_names_of_functions(void **state)
{
    static const char source[] = "@rules/30_coupon.lua";

    (void)state;
    add(source, "/shop/rules/30_coupon.lua", rule_text, "coupon");
    assert_function(source, 3, "coupon.helper");
    assert_function(source, 4, "coupon.weight"); /* the first of two */
    assert_function(source, 5, "coupon.cost");
    assert_function(source, 8, "coupon.method");
    assert_function(source, 9, "coupon.later");
    assert_function(source, 13, "coupon.apply");
    assert_function(source, 14, "coupon.function@14");
    assert_function(source, 15, "coupon.share");
    assert_function(source, 17, "coupon.function@17");
    assert_function(source, 19, "coupon.after");
    assert_function(source, 23, "coupon.lines");
    assert_function(source, 0, "coupon (file)");
    assert_function(source, 99, "coupon.function@99"); /* of another text than this */
}

struct numbered {
    int lines[32];
    size_t count;
};

static void take_line(void *context, int line, ordo_str name)
{
    struct numbered *found = context;

    (void)name;
    found->lines[found->count++] = line;
}

static void take_vm_line(lua_State *L, lua_Debug *about)
{
    struct numbered *found;

    if (lua_getinfo(L, "S", about) == 0 || about->linedefined == 0 || *about->what == 'C')
        return;
    lua_getfield(L, LUA_REGISTRYINDEX, "found");
    found = lua_touserdata(L, -1);
    found->lines[found->count++] = about->linedefined;
    lua_pop(L, 1);
}

/* Each function of the text is called, in its order, and the VM says where it begins. */
static void test_lines_are_those_of_the_vm(void **state)
{
    static const char text[] = "local function one() end one()\n"
                               "local function\n"
                               "two() end two()\n"
                               "local M = {} function M.three() end M.three()\n"
                               "function\n"
                               "M.four() end M.four()\n"
                               "local five = function\n"
                               "() end five()\n"
                               "local six = --[[\n"
                               "]] function --\n"
                               "(a) end six()\r\n"
                               "local seven = function() end seven()\n"
                               "local s = [[\n"
                               "\n"
                               "]] .. \"\\\n"
                               "\" local function eight() end eight();\n"
                               "(function\n"
                               "() end)()\n";
    struct numbered ours = {.count = 0}, theirs = {.count = 0};
    lua_State *L = luaL_newstate();

    (void)state;
    assert_non_null(L);
    lua_pushlightuserdata(L, &theirs);
    lua_setfield(L, LUA_REGISTRYINDEX, "found");
    assert_int_equal(luaL_loadbuffer(L, text, sizeof(text) - 1, "=text"), 0);
    lua_sethook(L, take_vm_line, LUA_MASKCALL, 0);
    assert_int_equal(lua_pcall(L, 0, 0, 0), 0);
    lua_close(L);
    ordo__lua_functions(ordo_str_from(text), take_line, &ours);
    assert_int_equal(ours.count, 9);
    assert_int_equal(theirs.count, 9);
    for (size_t i = 0; i < ours.count; i++)
        assert_int_equal(ours.lines[i], theirs.lines[i]);
}

/* Whatever the text is, nothing is read behind its end. */
static void test_texts_that_end_anywhere(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(rule_text); len++) {
        char *exact = test_malloc(len + (len == 0));
        struct numbered found = {.count = 0};

        memcpy(exact, rule_text, len);
        ordo__lua_functions((ordo_str){exact, len}, take_line, &found);
        assert_true(found.count <= 12);
        test_free(exact);
    }
}

static void test_files_and_lines(void **state)
{
    struct ordo_frame frame;

    (void)state;
    add("@lib/shipping.lua", "/shop/lib/shipping.lua", "local M = {}\nfunction M.cost()\nend\nreturn M\n",
        "");
    frame = find_line("@lib/shipping.lua", 2, 3);
    assert_text(frame.function, "shipping.cost");
    assert_text(frame.file, "/shop/lib/shipping.lua");
    assert_text(frame.module, "");
    assert_int_equal(frame.line, 3);
    assert_int_equal(frame.function_line, 2);
    assert_int_equal(frame.kind, ORDO_FRAME_LUA);

    frame = find_line("@engine/money.lua", 7, 8); /* nobody told of it */
    assert_text(frame.function, "money.function@7");
    assert_text(frame.file, "engine/money.lua");
    assert_int_equal(frame.kind, ORDO_FRAME_LUA);
}

static void test_later_text_replaces_the_earlier(void **state)
{
    (void)state;
    add("@rules/10_a.lua", "/shop/rules/10_a.lua", "local function first() end", "a");
    assert_function("@rules/10_a.lua", 1, "a.first");
    add("@rules/10_a.lua", "/other/rules/10_a.lua", "local function second() end", "b");
    assert_function("@rules/10_a.lua", 1, "b.second");
    assert_text(find_line("@rules/10_a.lua", 1, 1).file, "/other/rules/10_a.lua");
    assert_text(ordo_symbols_rule(symbols, ordo_line_address("@rules/10_a.lua", 1, 1)), "b");
}

static void test_rules(void **state)
{
    (void)state;
    add("@rules/20_tier.lua", "/shop/rules/20_tier.lua", "", "tier");
    add("@lib/cart.lua", "/shop/lib/cart.lua", "", "");
    assert_text(ordo_symbols_rule(symbols, ordo_line_address("@rules/20_tier.lua", 3, 4)), "tier");
    assert_text(ordo_symbols_rule(symbols, ordo_line_address("@lib/cart.lua", 3, 4)), "");
    assert_text(ordo_symbols_rule(symbols, ordo_line_address("=driver", 0, 4)), "");
    assert_text(ordo_symbols_rule(symbols, 0x10), "");
}

static void test_lines_of_no_file(void **state)
{
    struct ordo_frame frame = find_line("=(queue wait)", 0, 0);

    (void)state;
    assert_text(frame.function, "(queue wait)");
    assert_int_equal(frame.kind, ORDO_FRAME_NOTE);
    assert_text(frame.file, "");
    frame = find_line("=driver", 0, 3);
    assert_text(frame.function, "(rules driver)");
    assert_int_equal(frame.kind, ORDO_FRAME_LUA);
    frame = find_line("=[C]", 0, -1);
    assert_text(frame.function, "[C]");
    assert_int_equal(frame.kind, ORDO_FRAME_LUA);
}

/* The table of lines cuts long names at their front. */
static void test_long_source(void **state)
{
    char source[400];

    (void)state;
    memset(source, 'd', sizeof(source));
    source[0] = '@';
    memcpy(source + sizeof(source) - 13, "/20_tier.lua", 13);
    add(source, "/shop/tier.lua", "function f() end", "tier");
    assert_function(source, 1, "tier.f");
    assert_text(find_line(source, 1, 1).file, "/shop/tier.lua");
}

static void assert_name(const char *symbol, const char *expected)
{
    struct ordo_buffer out = {0};

    ordo__symbol_name(symbol, &out);
    assert_text(ordo_buffer_str(&out), expected);
    ordo_buffer_done(&out);
}

static void test_names_of_symbols(void **state)
{
    (void)state;
    assert_name("ordo_json_parse", "ordo_json_parse");
    assert_name("advance.part.0", "advance");
    assert_name("sweep.isra.3.cold", "sweep");
    assert_name(".hidden", ".hidden");
    assert_name("_start", "_start");
    assert_name("_Zwrong", "_Zwrong");
    assert_name("_ZN7rocksdb6DBImpl5WriteERKNS_12WriteOptionsEPNS_10WriteBatchE", "rocksdb::DBImpl::Write");
    assert_name("_ZNK7rocksdb6Status8ToStringB5cxx11Ev", "rocksdb::Status::ToString");
    assert_name("_ZN7rocksdb12_GLOBAL__N_14PosixEi",
                "_ZN7rocksdb12_GLOBAL__N_14PosixEi"); /* its length is wrong */
    assert_name("_ZN7rocksdb12_GLOBAL__N_15PosixEi", "rocksdb::{anonymous}::Posix");
    /* std::vector<int, std::allocator<int> >::push_back(int const&) */
    assert_name("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector::push_back");
    /* void std::sort<int*>(int*, int*) */
    assert_name("_ZSt4sortIPiEvT_S1_", "std::sort");
    assert_name("_Znwm", "operator new");
    assert_name("_Znam", "operator new[]");
    assert_name("_ZdlPv", "operator delete");
    assert_name("_ZN7rocksdb5SlicelsEi", "rocksdb::Slice::operator<<");
    assert_name("_ZN7rocksdb5SlicecvbEv", "rocksdb::Slice::operator bool");
    assert_name("_ZNK7rocksdb5SliceclEi", "rocksdb::Slice::operator()");
    assert_name("_ZN7rocksdb5SliceltERKS0_", "rocksdb::Slice::operator<");
    assert_name("_ZN7rocksdb5SlicentEv", "rocksdb::Slice::operator!");
    /* foo(int)::{lambda(int)#1}::operator()(int) const */
    assert_name("_ZZ3fooiENKUliE_clEi", "foo::{lambda#1}::operator()");
    /* rocksdb::Slice const& pick<rocksdb::Slice>(int) */
    assert_name("_Z4pickIN7rocksdb5SliceEERKT_i", "pick");
}

static void assert_path(const char *folder, const char *path, const char *expected)
{
    struct ordo_buffer out = {0};

    ordo__symbol_path(folder, path, &out);
    assert_text(ordo_buffer_str(&out), expected);
    ordo_buffer_done(&out);
}

static void test_paths(void **state)
{
    (void)state;
    assert_path("/src/ordo/build", "../engine/base/json_read.cc", "/src/ordo/engine/base/json_read.cc");
    assert_path("/src/ordo/build", "/src/ordo/build/../engine/./vm//vm.c", "/src/ordo/engine/vm/vm.c");
    assert_path("/build", "../../../x.c", "/x.c");
    assert_path(NULL, "x/../y.c", "x/../y.c");
    assert_path(".", "y.c", "y.c");
    assert_path("/build", "/usr/include/unistd.h", "/usr/include/unistd.h");
}

static int set_up(void **state)
{
    (void)state;
    symbols = ordo_symbols_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ordo_symbols_free(symbols);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_functions),
        cmocka_unit_test(test_lines_are_those_of_the_vm),
        cmocka_unit_test(test_texts_that_end_anywhere),
        cmocka_unit_test(test_files_and_lines),
        cmocka_unit_test(test_later_text_replaces_the_earlier),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_lines_of_no_file),
        cmocka_unit_test(test_long_source),
        cmocka_unit_test(test_names_of_symbols),
        cmocka_unit_test(test_paths),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
