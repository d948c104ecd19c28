/* SPDX-License-Identifier: MIT
 * Where Lua stands: at a safe point with the calls that the compiler inlined, through coroutines, in C functions, and in
 * the allocator from compiled code; and what the VM is doing there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>

#include "vm/vm_impl.h"

enum { STATES = ORDO_VM_JIT + 1, OUTSIDE = 1 /* a pc that is neither compiled nor the VM's */ };

struct fixture {
    struct ordo_vm *vm;
    char stack[1024];        /* "rule:3 rule:7", of the last look */
    char wanted[128];        /* a stack that is waited for */
    uint32_t looks, matches; /* ... and how often it was seen */
    uint32_t states[STATES];
    size_t frames, most; /* of the last look */
};

static void write_stack(struct fixture *fixture)
{
    uint64_t frames[ORDO_VM_STACK_MAX];
    size_t bytes = fixture->vm->bytes, used = 0;

    fixture->frames = ordo_vm_stack(fixture->vm, frames, fixture->most);
    assert_int_equal(fixture->vm->bytes, bytes);
    fixture->stack[0] = '\0';
    for (size_t i = 0; i < fixture->frames && used < sizeof(fixture->stack) - 32; i++) {
        struct ordo_line line;

        assert_true(ordo_line_find(frames[i], &line));
        used += (size_t)snprintf(fixture->stack + used, sizeof(fixture->stack) - used, "%s%.15s:%d",
                                 i > 0 ? " " : "", line.source + 1, line.line);
    }
    fixture->looks++;
    fixture->matches += fixture->wanted[0] != '\0' && strcmp(fixture->stack, fixture->wanted) == 0;
}

static void reached(struct ordo_vm *vm, void *context)
{
    int top = lua_gettop(vm->inside->at);

    write_stack(context);
    assert_int_equal(lua_gettop(vm->inside->at), top);
}

/* tick(): as if a signal had struck in here. */
static int tick(lua_State *L)
{
    struct ordo_vm *vm = ordo_vm_of(L);

    assert_ptr_equal(ordo_vm_running(), vm);
    ((struct fixture *)vm->owner)->states[ordo_vm_state(vm)]++;
    assert_true(ordo_vm_interrupt(vm, OUTSIDE));
    return 0;
}

/* look(): the stack from within a C function. */
static int look(lua_State *L)
{
    write_stack(ordo_vm_of(L)->owner);
    return 0;
}

static int open_libraries(lua_State *L)
{
    luaL_openlibs(L);
    if (!ordo_vm_of(L)->jit)
        luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_pushcfunction(L, tick);
    lua_setglobal(L, "tick");
    lua_pushcfunction(L, look);
    lua_setglobal(L, "look");
    return 0;
}

static void start(struct fixture *fixture, bool jit)
{
    *fixture = (struct fixture){.most = ORDO_VM_STACK_MAX};
    fixture->vm = ordo_vm_new(fixture, jit, NULL);
    assert_true(ordo_vm_probe(fixture->vm)->guarded);
    assert_true(fixture->vm->inside->frames);
    ordo_vm_on_reached(fixture->vm, reached, fixture);
    assert_int_equal(ordo_vm_cpcall(fixture->vm, open_libraries, NULL), 0);
}

/* Runs the program in a coroutine, as rules are. */
static void run(struct fixture *fixture, const char *program)
{
    lua_State *thread = lua_newthread(fixture->vm->L);

    assert_int_equal(luaL_loadbuffer(thread, program, strlen(program), "=rule"), 0);
    if (ordo_vm_resume(fixture->vm, thread, 0) != 0)
        fail_msg("%s", lua_tostring(thread, -1));
    lua_pop(fixture->vm->L, 1);
}

static void test_a_tick_in_c_is_charged_to_the_line_that_called(void **state)
{
    struct fixture fixture;

    (void)state;
    for (int jit = 0; jit <= 1; jit++) {
        start(&fixture, jit);
        run(&fixture, "local x = 1\ntick()\nx = x + 1\nreturn x");
        assert_string_equal(fixture.stack, "rule:2");
        run(&fixture, "local function f()\nlocal x = tick()\nreturn x\nend\nf()\nreturn 1");
        assert_string_equal(fixture.stack, "rule:2 rule:5");
        run(&fixture, "for i = 1, 3 do\ntick(i,\ni + 1)\nend");
        assert_string_equal(fixture.stack, "rule:2");
        assert_int_equal(fixture.looks, 5);
        assert_int_equal(fixture.states[ORDO_VM_C], 5);
        ordo_vm_free(fixture.vm);
    }
}

static void test_coroutines_go_on_with_who_resumed_them(void **state)
{
    static const char program[] = "local inner = coroutine.wrap(function()\n"
                                  "while true do\n"
                                  "tick()\n"
                                  "coroutine.yield()\n"
                                  "end\n"
                                  "end)\n"
                                  "local outer = coroutine.create(function()\n"
                                  "for i = 1, 300 do\n"
                                  "inner()\n"
                                  "end\n"
                                  "end)\n"
                                  "coroutine.resume(outer)\n"
                                  "return 1";
    struct fixture fixture;

    (void)state;
    for (int jit = 0; jit <= 1; jit++) {
        start(&fixture, jit);
        snprintf(fixture.wanted, sizeof(fixture.wanted), "rule:3 rule:9 rule:12");
        run(&fixture, program);
        assert_int_equal(fixture.looks, 300);
        assert_int_equal(fixture.matches, 300);
        ordo_vm_free(fixture.vm);
    }
}

static void test_through_protected_calls_metamethods_and_comparators(void **state)
{
    static const struct {
        const char *program, *stack;
    } cases[] = {
        {"pcall(function()\nlook()\nreturn 1\nend)\nreturn 1", "rule:2 rule:1"},
        {"local t = setmetatable({}, {__index = function()\nlook()\nend})\nlocal x = t.x\nreturn x",
         "rule:2 rule:4"},
        {"table.sort({1, 2}, function(a, b)\nlook()\nreturn a < b\nend)\nreturn 1", "rule:2 rule:1"},
        {"for _ in function(_, i)\nlook()\nreturn not i or nil\nend do\nend", "rule:2 rule:1"},
        {"('x'):gsub('x', function()\nlook()\nend)\nreturn 1", "rule:2 rule:1"},
        {"local function f(...)\nlook(...)\nreturn 1\nend\nf(1, 2)\nreturn 1", "rule:2 rule:5"},
        {"xpcall(function()\nerror('x')\nend, function()\nlook()\nend)\nreturn 1", "rule:4 rule:2 rule:1"},
    };
    struct fixture fixture;

    (void)state;
    start(&fixture, true);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        run(&fixture, cases[i].program);
        assert_string_equal(fixture.stack, cases[i].stack);
    }
    ordo_vm_free(fixture.vm);
}

static void test_a_deep_stack_is_cut_at_its_bottom(void **state)
{
    struct fixture fixture;

    (void)state;
    start(&fixture, false);
    run(&fixture, "local function f(n)\nif n == 0 then\nlook()\nelse\nf(n - 1)\nend\nend\nf(100)\nreturn 1");
    assert_int_equal(fixture.frames, ORDO_VM_STACK_MAX);
    assert_memory_equal(fixture.stack, "rule:3 rule:5 rule:5", 20);
    fixture.most = 2;
    run(&fixture, "local function f(n)\nif n == 0 then\nlook()\nelse\nf(n - 1)\nend\nend\nf(100)\nreturn 1");
    assert_string_equal(fixture.stack, "rule:3 rule:5");
    ordo_vm_free(fixture.vm);
}

static void test_outside_of_a_call_there_is_none(void **state)
{
    uint64_t frames[4];
    struct fixture fixture;

    (void)state;
    start(&fixture, true);
    run(&fixture, "return 1");
    assert_null(ordo_vm_running());
    assert_int_equal(ordo_vm_state(fixture.vm), ORDO_VM_IDLE);
    assert_int_equal(ordo_vm_stack(fixture.vm, frames, 4), 0);
    assert_false(ordo_vm_interrupt(fixture.vm, OUTSIDE));
    ordo_vm_free(fixture.vm);
}

/* --- in the allocator --- */

/* In place of the VM's: looks at the stack when something new is made while the VM is in `state`. */
static enum ordo_vm_state at_state;
static bool ask_at_state;

static void *allocate_and_look(void *context, void *memory, size_t old_size, size_t new_size)
{
    struct ordo_vm *vm = context;
    struct fixture *fixture = vm->owner;

    if (ordo_vm_running() == vm) {
        enum ordo_vm_state now = ordo_vm_state(vm);

        fixture->states[now]++;
        if (now == at_state && memory == NULL && ask_at_state)
            ordo_vm_interrupt(vm,
                              vm->inside->traces != NULL ? (uint64_t)(uintptr_t)lj_vm_asm_begin : OUTSIDE);
        else if (now == at_state && memory == NULL)
            write_stack(fixture);
    }
    return ordo__vm_allocate(context, memory, old_size, new_size);
}

static void run_watched(struct fixture *fixture, enum ordo_vm_state at, bool ask, const char *program)
{
    at_state = at;
    ask_at_state = ask;
    lua_setallocf(fixture->vm->L, allocate_and_look, fixture->vm);
    run(fixture, program);
    lua_setallocf(fixture->vm->L, ordo__vm_allocate, fixture->vm);
}

static const char inlined[] = "local function make(i)\n"
                              "return {i}\n"
                              "end\n"
                              "local function twice(i)\n"
                              "local a = make(i)\n"
                              "local b = make(i)\n"
                              "return a[1] + b[1]\n"
                              "end\n"
                              "local function loop()\n"
                              "local t, x = {}, 0\n"
                              "for i = 1, 2000 do\n"
                              "t[i % 7] = make(i)\n"
                              "x = x + twice(i)\n"
                              "end\n"
                              "return x\n"
                              "end\n"
                              "local x = loop()\n"
                              "return x";

static void test_allocations_of_compiled_code_have_its_trace_and_callers(void **state)
{
    struct fixture fixture;

    (void)state;
    start(&fixture, true);
    snprintf(fixture.wanted, sizeof(fixture.wanted), "rule:11 rule:17");
    run_watched(&fixture, ORDO_VM_COMPILED, false, inlined);
    assert_true(fixture.looks > 1000);
    assert_true(fixture.matches >
                fixture.looks * 9 / 10); /* the others are of the traces of make() and twice() */
    assert_true(fixture.states[ORDO_VM_JIT] > 0);
    assert_true(fixture.states[ORDO_VM_GC] > 0);
    assert_true(fixture.states[ORDO_VM_INTERPRETER] > 0);
    ordo_vm_free(fixture.vm);
}

static void test_interpreted_allocations_have_their_lines(void **state)
{
    struct fixture fixture;

    (void)state;
    start(&fixture, false);
    snprintf(fixture.wanted, sizeof(fixture.wanted), "rule:2 rule:12 rule:17");
    run_watched(&fixture, ORDO_VM_INTERPRETER, false, inlined);
    assert_true(fixture.matches >= 2000);
    ordo_vm_free(fixture.vm);
}

/* Asked from within compiled code, the next guard has the whole stack, inlined calls included. */
static void test_safe_points_of_compiled_code_have_inlined_calls(void **state)
{
    struct fixture fixture;

    (void)state;
    start(&fixture, true);
    snprintf(fixture.wanted, sizeof(fixture.wanted), "rule:2 rule:7 rule:13 rule:17");
    run_watched(&fixture, ORDO_VM_COMPILED, true,
                "local function make(i)\n"
                "local t = {i}\n"
                "t.x = 1\n"
                "return t\n"
                "end\n"
                "local function twice(t, i)\n"
                "t[i % 7] = make(i)\n"
                "return 1\n"
                "end\n"
                "local function loop()\n"
                "local t, x = {}, 0\n"
                "for i = 1, 2000 do\n"
                "x = x + twice(t, i)\n"
                "end\n"
                "return x\n"
                "end\n"
                "local x = loop()\n"
                "return x");
    assert_true(fixture.looks > 500);
    assert_true(fixture.matches > fixture.looks * 9 / 10);
    ordo_vm_free(fixture.vm);
}

/* Where a line ends with a write to a table, compiled code is left at the next line, which has not begun. */
static void test_safe_points_of_compiled_code_are_at_the_line_that_was_struck(void **state)
{
    static const char *const programs[] = {
        "local t, x = {}, 0\nfor i = 1, 2000 do\nt[1] = {i}\nx = x + 1\nend\nreturn x",
        "local t, x = {}, 0\nfor i = 1, 2000 do\nlocal a = {i} t[1] = x\nx = x + #a\nend\nreturn t",
        "local t, x = {}, 0\nfor i = 1, 2000 do\nlocal s = 'x' .. i x = x + #s\nt[1] = x\nend\nreturn t",
        "local t, x = {}, 0\nfor i = 1, 2000 do\nt[1] = 'x' .. i\nend\nreturn t",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
        struct fixture fixture;

        start(&fixture, true);
        snprintf(fixture.wanted, sizeof(fixture.wanted), "rule:3");
        run_watched(&fixture, ORDO_VM_COMPILED, true, programs[i]);
        assert_true(fixture.looks > 500);
        assert_true(fixture.matches > fixture.looks * 9 / 10);
        ordo_vm_free(fixture.vm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tick_in_c_is_charged_to_the_line_that_called),
        cmocka_unit_test(test_coroutines_go_on_with_who_resumed_them),
        cmocka_unit_test(test_through_protected_calls_metamethods_and_comparators),
        cmocka_unit_test(test_a_deep_stack_is_cut_at_its_bottom),
        cmocka_unit_test(test_outside_of_a_call_there_is_none),
        cmocka_unit_test(test_allocations_of_compiled_code_have_its_trace_and_callers),
        cmocka_unit_test(test_interpreted_allocations_have_their_lines),
        cmocka_unit_test(test_safe_points_of_compiled_code_have_inlined_calls),
        cmocka_unit_test(test_safe_points_of_compiled_code_are_at_the_line_that_was_struck),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
