/* SPDX-License-Identifier: MIT
 * Signals reach a VM in whatever loop it is, compiled or not, at the line where it is; four VMs in four threads at a
 * time; what it computes is not disturbed, nor are hooks that others have set.
 */
#include <luajit.h>

#include "ticking.h"

enum { ENOUGH = 25, VMS = 4, PROLOGUE = 2 };

/* An endless loop, and the lines of it that may be seen; before it begins, the first ticks may see others. */
struct loop {
    const char *name, *program;
    int from, to;
};

static const struct loop loops[] = {
    {"while", "while true do end", 1, 1},
    {"repeat", "repeat until false", 1, 1},
    {"goto", "goto a\n::a::\ngoto a", 1, 3},
    {"numeric for", "local x = 0\nfor i = 1, 1e18 do\nx = x + i\nend", 2, 4},
    {"generic for", "local t = {1, 2, 3}\nwhile true do\nfor _, v in ipairs(t) do\nt[1] = v\nend\nend", 2, 6},
    {"tail calls", "local function f()\nreturn f()\nend\nf()", 1, 2},
    {"calls", "local function g(x)\nreturn x + 1\nend\nlocal x = 0\nwhile true do\nx = g(x)\nend", 2, 7},
    {"tables", "local t = {}\nwhile true do\nt[#t % 10 + 1] = {tostring(#t)}\nend", 2, 4},
    {"strings", "local s = ''\nwhile true do\ns = s .. 'x'\nif #s > 1000 then\ns = ''\nend\nend", 2, 7},
    {"pcall of an error", "repeat\npcall(error)\nuntil false", 1, 3},
    {"pcall of a loop", "repeat\npcall(function()\nwhile true do end\nend)\nuntil false", 2, 5},
    {"xpcall handler", "xpcall(function()\nerror(1)\nend, function()\nwhile true do end\nend)", 4, 4},
    {"coroutine",
     "local co = coroutine.wrap(function()\nwhile true do\ncoroutine.yield(1)\nend\nend)\nwhile true "
     "do\nco()\nend",
     2, 8},
    {"loop in a coroutine", "coroutine.wrap(function()\nlocal x = 0\nwhile true do\nx = x + 1\nend\nend)()",
     3, 5},
    {"metamethod",
     "local t = setmetatable({}, {__index = function(_, k)\nreturn k\nend})\nlocal x = 0\nwhile true do\nx = "
     "x + "
     "t[x]\nend",
     1, 7},
    {"endless metamethod",
     "local t = setmetatable({}, {__add = function()\nwhile true do end\nend})\nreturn t + 1", 2, 2},
    {"comparator",
     "local t = {}\nfor i = 1, 200 do t[i] = i * 7919 % 200 end\nwhile true do\ntable.sort(t, function(a, "
     "b)\nreturn "
     "a > b\nend)\ntable.sort(t)\nend",
     3, 8},
    {"gsub callback", "local s = ('x'):rep(100)\nwhile true do\ns:gsub('x', function(c)\nreturn c\nend)\nend",
     2, 6},
    {"C function", "local s = ('x'):rep(100000)\nwhile true do\ns:reverse()\nend", 2, 4},
};
enum { LOOPS = sizeof(loops) / sizeof(*loops) };

static void check_loop(const struct loop *loop, struct ticking *ticking)
{
    uint32_t inside = 0;

    for (int line = loop->from; line <= loop->to; line++)
        inside += ticking->seen[line];
    if (ticking->status != LUA_ERRRUN || strstr(ticking->message, "stopped") == NULL ||
        inside + PROLOGUE < ticking->reached)
        fail_msg("%s, %s: status %d (%s), %u ticks, %u asked, %u safe points, %u in its lines, %u in no line",
                 loop->name, ticking->jit ? "compiled" : "interpreted", ticking->status, ticking->message,
                 ticking->ticks, ticking->asked, ticking->reached, inside, ticking->elsewhere);
    assert_true(ticking->reached >= ENOUGH);
    assert_true(ticking->asked >= ticking->reached);
    ordo_vm_free(ticking->vm);
}

static void reach_all(bool jit)
{
    for (size_t first = 0; first < LOOPS; first += VMS) {
        struct ticking ticking[VMS] = {0};

        for (size_t i = 0; i < VMS; i++)
            ticking[i] =
                (struct ticking){.program = loops[(first + i) % LOOPS].program, .jit = jit, .enough = ENOUGH};
        ticking_all(ticking, VMS);
        for (size_t i = 0; i < VMS; i++)
            check_loop(&loops[(first + i) % LOOPS], &ticking[i]);
    }
}

static void test_compiled_loops_are_reached_at_their_lines(void **state)
{
    (void)state;
    reach_all(true);
}

static void test_interpreted_loops_are_reached_at_their_lines(void **state)
{
    (void)state;
    reach_all(false);
}

/* --- what is interrupted comes to its result --- */

static const char sums[] = "local t, s, sum = {}, '', 0\n"
                           "local meta = setmetatable({}, {__index = function(_, k)\n"
                           "return k % 7\n"
                           "end})\n"
                           "local co = coroutine.wrap(function()\n"
                           "local n = 0\n"
                           "while true do\n"
                           "n = n + 1\n"
                           "coroutine.yield(n)\n"
                           "end\n"
                           "end)\n"
                           "for i = 1, 300000 do\n"
                           "t[i % 100 + 1] = {i, tostring(i)}\n"
                           "sum = sum + #t[i % 100 + 1][2] + meta[i] + co()\n"
                           "if i % 1000 == 0 then\n"
                           "local ok, err = pcall(error, i)\n"
                           "sum = sum + err\n"
                           "table.sort(t, function(a, b)\n"
                           "return a[1] > b[1]\n"
                           "end)\n"
                           "end\n"
                           "end\n"
                           "return sum";

static lua_Number undisturbed(bool jit)
{
    struct ticking ticking = {.program = sums, .jit = jit, .quiet = true};

    ticking_all(&ticking, 1);
    assert_int_equal(ticking.status, 0);
    assert_int_equal(ticking.ticks, 0);
    ordo_vm_free(ticking.vm);
    return ticking.result;
}

static void test_interrupted_programs_come_to_their_results(void **state)
{
    struct ticking ticking[VMS] = {0};
    lua_Number sum = undisturbed(true);

    (void)state;
    assert_true(sum > 0);
    assert_true(undisturbed(false) == sum);
    for (size_t i = 0; i < VMS; i++)
        ticking[i] = (struct ticking){.program = sums, .jit = i % 2 == 0};
    ticking_all(ticking, VMS);
    for (size_t i = 0; i < VMS; i++) {
        if (ticking[i].status != 0 || ticking[i].result != sum)
            fail_msg("status %d (%s), %f instead of %f", ticking[i].status, ticking[i].message,
                     ticking[i].result, sum);
        assert_true(ticking[i].reached > ENOUGH);
        assert_int_equal(ticking[i].elsewhere, 0);
        ordo_vm_free(ticking[i].vm);
    }
}

/* --- hooks of others --- */

static uint32_t counted;

static void count_instructions(lua_State *L, lua_Debug *about)
{
    (void)L, (void)about;
    counted++;
}

/* Counts on, however often it is asked in between: every instruction here is followed by a question. */
static int ask_often(lua_State *L)
{
    return !ordo_vm_interrupt(ordo_vm_of(L), 1) ? luaL_error(L, "not asked") : 0;
}

static int run_counted(lua_State *L)
{
    lua_pushcfunction(L, ask_often);
    lua_setglobal(L, "ask");
    if (luaL_loadstring(L, "for i = 1, 10000 do ask() end") != 0)
        return lua_error(L);
    lua_sethook(L, count_instructions, LUA_MASKCOUNT, 100);
    lua_call(L, 0, 0);
    return 0;
}

static void test_a_count_hook_goes_on_counting(void **state)
{
    struct ticking ticking = {.program = ""};
    struct ordo_vm *vm = ordo_vm_new(&ticking, false, NULL);

    (void)state;
    ticking.vm = vm;
    ordo_vm_on_reached(vm, ticking_reached, &ticking);
    assert_int_equal(ordo_vm_cpcall(vm, run_counted, NULL), 0);
    assert_int_equal(ticking.reached, 10000);
    assert_in_range(counted, 290, 410); /* three or four instructions a round */
    assert_ptr_equal(lua_gethook(vm->L), count_instructions);
    assert_int_equal(lua_gethookcount(vm->L), 100);
    ordo_vm_free(vm);
}

/* --- what ends before it is reached --- */

static int ask_and_end(lua_State *L)
{
    return !ordo_vm_interrupt(ordo_vm_of(L), 1) ? luaL_error(L, "not asked") : 0;
}

static int count_a_little(lua_State *L)
{
    return luaL_dostring(L, "local x = 0 for i = 1, 10 do x = x + i end return x") ? lua_error(L) : 0;
}

static void test_a_question_ends_with_the_call(void **state)
{
    (void)state;
    for (int right = 0; right <= 1; right++) {
        struct ordo__vm_layout layout = ordo__vm_layout;
        struct ticking ticking = {.program = ""};
        struct ordo_vm *vm;
        lua_State *thread;

        layout.vmstate += right ? 0 : 4;
        vm = ordo__vm_new(&ticking, true, &layout, NULL);
        assert_int_equal(ordo_vm_probe(vm)->guarded, right);
        ticking.vm = vm;
        ordo_vm_on_reached(vm, ticking_reached, &ticking);
        thread = lua_newthread(vm->L);
        lua_pushcfunction(thread, ask_and_end);
        assert_int_equal(ordo_vm_resume(vm, thread, 0), 0);
        assert_int_equal(ordo_vm_cpcall(vm, count_a_little, NULL), 0);
        assert_int_equal(ticking.reached, 0);
        assert_null(lua_gethook(vm->L));
        ordo_vm_free(vm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compiled_loops_are_reached_at_their_lines),
        cmocka_unit_test(test_interpreted_loops_are_reached_at_their_lines),
        cmocka_unit_test(test_interrupted_programs_come_to_their_results),
        cmocka_unit_test(test_a_count_hook_goes_on_counting),
        cmocka_unit_test(test_a_question_ends_with_the_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
