/* SPDX-License-Identifier: MIT
 * A collector that is driven from outside: when it works, how far a heap grows, and what is said of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>

#include "vm/collector.h"
#include "vm/memory.h"
#include "vm/stack.h"
#include "vm/vm_impl.h"

enum { HEADROOM = 1 << 20, LEAST = 8 << 10, ORDERS = 100000 };

static int open_libraries(lua_State *L)
{
    luaL_openlibs(L);
    return 0;
}

static int run_text(lua_State *L)
{
    return luaL_dostring(L, lua_touserdata(L, 1)) ? lua_error(L) : 0;
}

static void run(struct ordo_vm *vm, const char *text)
{
    char copy[1024];
    int status;

    snprintf(copy, sizeof(copy), "%s", text);
    status = ordo_vm_cpcall(vm, run_text, copy);
    if (status != 0)
        print_error("%s\n", lua_tostring(vm->L, -1));
    assert_int_equal(status, 0);
}

static struct ordo_vm *new_vm_with(bool jit, const struct ordo__vm_layout *layout, size_t headroom)
{
    struct ordo_vm *vm = ordo__vm_new(NULL, jit, layout, NULL);

    assert_non_null(vm);
    assert_int_equal(ordo_vm_cpcall(vm, open_libraries, NULL), 0);
    ordo_vm_collect(vm);
    ordo_vm_collector_take(vm, headroom);
    return vm;
}

static struct ordo_vm *new_vm(bool jit)
{
    return new_vm_with(jit, &ordo__vm_layout, HEADROOM);
}

/* Something is alive, as modules and rules are. */
static struct ordo_vm *new_vm_with_live(bool jit)
{
    struct ordo_vm *vm = new_vm(jit);

    run(vm, "live = {} for i = 1, 5000 do live[i] = {i} end");
    ordo_vm_collect(vm);
    return vm;
}

static struct ordo_vm_memory memory_of(const struct ordo_vm *vm)
{
    struct ordo_vm_memory memory;

    ordo_vm_memory(vm, &memory);
    return memory;
}

static bool step(struct ordo_vm *vm)
{
    struct ordo_vm_step step;

    return ordo_vm_collector_step(vm, LEAST, &step);
}

/* What an order leaves, a thousand times. */
static int make_garbage(lua_State *L)
{
    luaL_loadstring(
        L, "function order(i) local t = {} for j = 1, 10 do t[j] = {i, 'x' .. i + j} end return t end");
    lua_call(L, 0, 0);
    return 0;
}

static int one_order(lua_State *L)
{
    lua_getglobal(L, "order");
    lua_pushinteger(L, *(int *)lua_touserdata(L, 1));
    lua_call(L, 1, 0);
    return 0;
}

/* --- when it works --- */

static void test_nothing_is_collected_inside_of_a_call(void **state)
{
    struct ordo_vm *vm = new_vm(true);
    struct ordo_vm_memory before = memory_of(vm), after;
    uint64_t allocated = vm->allocated;

    (void)state;
    run(vm, "for i = 1, 5000 do last = {i, i} end"); /* more than would begin a cycle of LuaJIT's */
    after = memory_of(vm);
    assert_true(vm->allocated - allocated > 200000 && vm->allocated - allocated < HEADROOM);
    assert_true(after.bytes - before.bytes > 200000);
    assert_int_equal(after.cycles, before.cycles);
    assert_int_equal(after.beyond_headroom, 0);
    assert_string_equal(after.state, "pause");
    ordo_vm_free(vm);
}

static void test_a_cycle_begins_when_the_heap_has_grown_by_the_pause(void **state)
{
    struct ordo_vm *vm = new_vm_with_live(false);
    size_t threshold = memory_of(vm).threshold;
    struct ordo_vm_step step;

    (void)state;
    assert_in_range(threshold, memory_of(vm).estimate * 19 / 10, memory_of(vm).estimate * 2);
    while (vm->bytes < threshold + LEAST - 4096) {
        assert_false(ordo_vm_collector_step(vm, LEAST, &step));
        assert_string_equal(memory_of(vm).state, "pause");
        run(vm, "local t = {} for i = 1, 20 do t[i] = {i} end");
    }
    while (vm->bytes < threshold + LEAST)
        run(vm, "local t = {} for i = 1, 20 do t[i] = {i} end");
    assert_true(memory_of(vm).debt >= LEAST);
    assert_true(ordo_vm_collector_step(vm, LEAST, &step));
    assert_int_equal(step.from, 0);
    assert_int_equal(step.to, ORDO_VM_COLLECTOR_MARK);
    assert_string_equal(memory_of(vm).state, "mark");
    assert_true(step.ended_ns >= step.began_ns && step.began_ns > 0);
    assert_true(memory_of(vm).debt < LEAST);
    assert_false(ordo_vm_collector_step(vm, LEAST, &step)); /* what was due is done */
    assert_true(ordo_vm_collector_step(vm, 0, &step));      /* ... or more is wanted */
    ordo_vm_free(vm);
}

static void test_steps_keep_pace_with_growth(void **state)
{
    struct ordo_vm *vm = new_vm_with_live(true);
    struct ordo_vm_memory memory;
    uint64_t steps = 0;
    size_t most = 0;

    (void)state;
    assert_int_equal(ordo_vm_cpcall(vm, make_garbage, NULL), 0);
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(ordo_vm_cpcall(vm, one_order, &i), 0);
        steps += step(vm);
        if (vm->bytes > most)
            most = vm->bytes;
    }
    memory = memory_of(vm);
    assert_true(memory.cycles > 20);
    assert_true(steps > memory.cycles * 5); /* a cycle is many pauses */
    assert_int_equal(memory.cycles_inside, 0);
    assert_true(most < 4 * memory.estimate);
    ordo_vm_free(vm);
}

/* --- how far a heap grows --- */

static void many_orders(bool jit)
{
    struct ordo_vm *vm = new_vm(jit);
    size_t most[2] = {0};

    assert_int_equal(ordo_vm_cpcall(vm, make_garbage, NULL), 0);
    for (int i = 0; i < ORDERS; i++) {
        assert_int_equal(ordo_vm_cpcall(vm, one_order, &i), 0);
        step(vm);
        if (vm->bytes > most[i >= ORDERS / 2])
            most[i >= ORDERS / 2] = vm->bytes;
    }
    assert_true(vm->allocated > (uint64_t)ORDERS * 500);
    assert_true(most[1] < 2 << 20);
    assert_true(most[1] < most[0] + most[0] / 4);
    assert_int_equal(memory_of(vm).beyond_headroom, 0);
    ordo_vm_free(vm);
}

static void test_the_heap_is_bounded_over_many_orders(void **state)
{
    (void)state;
    many_orders(true);
    many_orders(false);
}

static void test_the_headroom_is_exact(void **state)
{
    struct ordo_vm *vm = new_vm(true);
    void *most, *more, *context;
    lua_Alloc allocate = lua_getallocf(vm->L, &context);

    (void)state;
    most = allocate(context, NULL, 0, HEADROOM);
    assert_non_null(most);
    assert_int_equal(memory_of(vm).beyond_headroom, 0);
    more = allocate(context, NULL, 0, 1);
    assert_int_equal(memory_of(vm).beyond_headroom, 1);
    more = allocate(context, more, 1, HEADROOM); /* once a call */
    assert_int_equal(memory_of(vm).beyond_headroom, 1);
    allocate(context, more, HEADROOM, 0);

    step(vm); /* from here on there is all of it again */
    more = allocate(context, NULL, 0, HEADROOM);
    assert_int_equal(memory_of(vm).beyond_headroom, 1);
    allocate(context, more, HEADROOM, 0);
    allocate(context, most, HEADROOM, 0);
    ordo_vm_free(vm);
}

static void one_large_order(bool jit, const char *text)
{
    struct ordo_vm *vm = new_vm(jit);
    uint64_t allocated = vm->allocated;
    struct ordo_vm_memory memory;
    size_t before = vm->bytes;

    run(vm, text);
    memory = memory_of(vm);
    assert_true(vm->allocated - allocated > 200000000);
    assert_true(memory.peak < before + 4 * HEADROOM);
    assert_int_equal(memory.beyond_headroom, 1);
    assert_true(memory.cycles_inside > 50);

    step(vm); /* takes over again */
    run(vm, "for i = 1, 5000 do last = {i, i} end");
    assert_int_equal(memory_of(vm).cycles_inside, memory.cycles_inside);
    assert_int_equal(memory_of(vm).beyond_headroom, 1);
    run(vm, text);
    assert_int_equal(memory_of(vm).beyond_headroom, 2);
    assert_true(memory_of(vm).peak < before + 4 * HEADROOM);
    ordo_vm_free(vm);
}

static void test_one_order_is_collected_inside_of_itself(void **state)
{
    static const char tables[] = "local t for i = 1, 2000000 do t = {i, {i}} end";
    static const char strings[] = "local s for i = 1, 4000 do s = ('x'):rep(50000) .. i end";

    (void)state;
    for (int jit = 0; jit <= 1; jit++) {
        one_large_order(jit != 0, tables);
        one_large_order(jit != 0, strings);
    }
}

static void test_garbage_is_collected_before_the_limit(void **state)
{
    struct ordo_vm *vm = new_vm_with(true, &ordo__vm_layout, 64 << 20);

    (void)state;
    assert_int_equal(ordo_vm_cpcall(vm, make_garbage, NULL), 0);
    vm->limit = vm->bytes + (128 << 10); /* below where a cycle would begin, and far below the headroom */
    ordo_vm_collect(vm);                 /* looks at the limit */
    run(vm, "local t for i = 1, 100000 do t = {i, {i}} end");
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ordo_vm_cpcall(vm, one_order, &i), 0);
        step(vm);
    }
    vm->limit = SIZE_MAX;
    ordo_vm_free(vm);
}

/* --- what the collector does besides --- */

static void test_finalisers_and_weak_tables(void **state)
{
    struct ordo_vm *vm = new_vm(true);

    (void)state;
    run(vm, "finalised = 0 weak = setmetatable({}, {__mode = 'v'}) kept = {} weak[1], weak[2] = {}, kept\n"
            "for i = 1, 100 do local p = newproxy(true) getmetatable(p).__gc = function() finalised = "
            "finalised + 1 end end");
    for (uint64_t cycles = memory_of(vm).cycles; memory_of(vm).cycles < cycles + 3;) {
        run(vm, "local t = {} for i = 1, 100 do t[i] = {i} end");
        step(vm);
    }
    run(vm, "assert(finalised == 100, finalised) assert(weak[1] == nil) assert(weak[2] == kept)");
    ordo_vm_free(vm);
}

static void test_a_finaliser_is_not_collected_in(void **state)
{
    struct ordo_vm *vm = new_vm(true);
    uint64_t cycles;

    (void)state;
    run(vm, "local p = newproxy(true)\n"
            "getmetatable(p).__gc = function() for i = 1, 100000 do last = {i, i} end finalised = true end");
    cycles = memory_of(vm).cycles;
    assert_true(ordo_vm_collect(vm) > 0);
    run(vm, "assert(finalised)");
    assert_int_equal(memory_of(vm).beyond_headroom, 0);
    assert_int_equal(memory_of(vm).cycles_inside, 0);
    assert_in_range(memory_of(vm).cycles, cycles + 1, cycles + 2);
    assert_true(memory_of(vm).peak > 4 * HEADROOM);
    ordo_vm_free(vm);
}

static void test_a_finaliser_that_breaks_ends_nothing_else(void **state)
{
    struct ordo_vm *vm = new_vm(true);
    int top = lua_gettop(vm->L);

    (void)state;
    run(vm,
        "for i = 1, 3 do local p = newproxy(true) getmetatable(p).__gc = function() error('broken') end end");
    for (int i = 0; i < 3; i++)
        ordo_vm_collect(vm);
    run(vm,
        "for i = 1, 3 do local p = newproxy(true) getmetatable(p).__gc = function() error('broken') end end");
    for (uint64_t cycles = memory_of(vm).cycles; memory_of(vm).cycles < cycles + 5;) {
        run(vm, "pcall(function() local t = {} for i = 1, 100 do t[i] = {i} end end)");
        step(vm);
    }
    assert_int_equal(lua_gettop(vm->L), top);
    assert_true(vm->bytes < HEADROOM);
    ordo_vm_free(vm);
}

static void test_a_full_collection_leaves_it_stopped(void **state)
{
    struct ordo_vm *vm = new_vm(true);
    struct ordo_vm_memory memory;

    (void)state;
    run(vm, "for i = 1, 5000 do last = {i, i} end");
    ordo_vm_collect(vm);
    memory = memory_of(vm);
    assert_true(memory.bytes < 200000);
    run(vm, "for i = 1, 5000 do last = {i, i} end");
    assert_int_equal(memory_of(vm).cycles, memory.cycles);
    ordo_vm_free(vm);
}

static void test_a_vm_that_was_not_taken_over_collects_by_itself(void **state)
{
    struct ordo__vm_layout unknown = ordo__vm_layout;

    (void)state;
    unknown.gc_total = unknown.gc_threshold;
    for (int taken = 0; taken <= 1; taken++) { /* it is not where the collector is not known */
        struct ordo_vm *vm = ordo__vm_new(NULL, true, &unknown, NULL);

        assert_int_equal(ordo_vm_cpcall(vm, open_libraries, NULL), 0);
        if (taken)
            ordo_vm_collector_take(vm, HEADROOM);
        run(vm, "for i = 1, 100000 do last = {i, i} end");
        assert_true(memory_of(vm).peak < HEADROOM);
        assert_false(step(vm));
        assert_int_equal(memory_of(vm).beyond_headroom, 0);
        ordo_vm_free(vm);
    }
}

/* Compiled code is left all the time, as it is where rules call functions that are not compiled. */
static void test_compiled_code_that_is_left_collects_nothing(void **state)
{
    struct ordo_vm *vm = new_vm_with_live(true);
    bool stood_at[ORDO_VM_COLLECTOR_STATES] = {false};

    (void)state;
    run(vm, "function leave(n) local x = 0 for i = 1, n do if i % 7 == 0 then x = x + #tostring(i) else x = "
            "x + 1 end end return x end\n"
            "for i = 1, 30 do newproxy(true) end");
    for (int i = 0; memory_of(vm).cycles < 20; i++) {
        uint64_t cycles = memory_of(vm).cycles;
        unsigned at = ordo_vm_collector_state(vm);
        struct ordo_vm_step step;

        stood_at[at] = true;
        run(vm, "leave(300) local p = newproxy(true) getmetatable(p).__gc = function() end");
        assert_int_equal(ordo_vm_collector_state(vm), at);
        assert_int_equal(memory_of(vm).cycles, cycles);
        ordo_vm_collector_step(vm, 0, &step);
    }
    assert_true(stood_at[ORDO_VM_COLLECTOR_MARK] && stood_at[ORDO_VM_COLLECTOR_SWEEP]);
    assert_false(stood_at[ORDO_VM_COLLECTOR_ATOMIC] || stood_at[ORDO_VM_COLLECTOR_FINALIZE]);
    ordo_vm_free(vm);
}

/* --- what a sample sees --- */

static unsigned seen[8], elsewhere;

static void *allocate_and_look(void *context, void *memory, size_t old_size, size_t new_size)
{
    struct ordo_vm *vm = context;

    if (new_size == 0)
        seen[ordo_vm_state(vm)]++;
    elsewhere += ordo_vm_running() != vm;
    return ordo__vm_allocate(context, memory, old_size, new_size);
}

static void test_a_step_is_in_the_state_of_the_collector(void **state)
{
    struct ordo_vm *vm = new_vm(true);

    (void)state;
    for (int full = 0; full <= 1; full++) {
        memset(seen, 0, sizeof(seen));
        run(vm, "for i = 1, 5000 do last = {i, i} end");
        lua_setallocf(vm->L, allocate_and_look, vm);
        if (full)
            ordo_vm_collect(vm);
        for (struct ordo_vm_step step = {.to = 1}; !full && step.to != 0;)
            assert_true(ordo_vm_collector_step(vm, 0, &step));
        lua_setallocf(vm->L, ordo__vm_allocate, vm);
        assert_true(seen[ORDO_VM_GC] > 4000);
        seen[ORDO_VM_GC] = 0;
        for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++)
            assert_int_equal(seen[i], 0);
        assert_int_equal(elsewhere, 0);
    }
    ordo_vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_collected_inside_of_a_call),
        cmocka_unit_test(test_a_cycle_begins_when_the_heap_has_grown_by_the_pause),
        cmocka_unit_test(test_steps_keep_pace_with_growth),
        cmocka_unit_test(test_the_heap_is_bounded_over_many_orders),
        cmocka_unit_test(test_the_headroom_is_exact),
        cmocka_unit_test(test_one_order_is_collected_inside_of_itself),
        cmocka_unit_test(test_garbage_is_collected_before_the_limit),
        cmocka_unit_test(test_finalisers_and_weak_tables),
        cmocka_unit_test(test_a_finaliser_is_not_collected_in),
        cmocka_unit_test(test_a_finaliser_that_breaks_ends_nothing_else),
        cmocka_unit_test(test_a_full_collection_leaves_it_stopped),
        cmocka_unit_test(test_a_vm_that_was_not_taken_over_collects_by_itself),
        cmocka_unit_test(test_compiled_code_that_is_left_collects_nothing),
        cmocka_unit_test(test_a_step_is_in_the_state_of_the_collector),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
