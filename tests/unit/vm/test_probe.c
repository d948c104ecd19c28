/* SPDX-License-Identifier: MIT
 * A LuaJIT that keeps its state elsewhere is found out, whatever it is that lies elsewhere; its rules are then not compiled,
 * and are reached all the same.
 */
#include "ticking.h"

enum { ENOUGH = 25 };

/* Layouts with one thing wrong, and what is said of it. */
static const struct {
    const char *trouble;
    size_t field;
    unsigned value;
} wrong[] = {
    {"no byte behind the state follows lua_sethook", offsetof(struct ordo__vm_layout, search), 64},
    {"the hook mask is not where it should be in the global state",
     offsetof(struct ordo__vm_layout, hookmask), 161},
    {"the hook mask is not where it should be in the global state",
     offsetof(struct ordo__vm_layout, state_global), 24},
    {"the count of hooks is not where it should be", offsetof(struct ordo__vm_layout, hook_left), 332 + 4},
    {"the count of hooks is not where it should be", offsetof(struct ordo__vm_layout, hook_count), 328 - 4},
    {"vmstate does not say that a C function runs while one does", offsetof(struct ordo__vm_layout, vmstate),
     180},
    {"cur_L is not the coroutine that runs", offsetof(struct ordo__vm_layout, current), 192},
    {"jit_base is set though no compiled code runs", offsetof(struct ordo__vm_layout, jit_base), 8},
    {"a loop was not compiled, or vmstate and jit_base do not show it",
     offsetof(struct ordo__vm_layout, jit_base), 384},
    {"a state's stack is not where it should be", offsetof(struct ordo__vm_layout, state_base), 56},
    {"a state's stack is not where it should be", offsetof(struct ordo__vm_layout, state_top), 48},
};

static struct ordo__vm_layout layout_with(size_t field, unsigned value)
{
    struct ordo__vm_layout layout = ordo__vm_layout;

    memcpy((char *)&layout + field, &value, sizeof(value));
    return layout;
}

static void test_each_wrong_offset_is_found_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct ordo__vm_layout layout = layout_with(wrong[i].field, wrong[i].value);
        struct ordo_vm *vm = ordo__vm_new(NULL, true, &layout, NULL);
        const struct ordo_vm_probe *probe = ordo_vm_probe(vm);

        assert_non_null(probe->trouble);
        assert_string_equal(probe->trouble, wrong[i].trouble);
        assert_false(probe->guarded);
        assert_false(vm->jit);
        ordo_vm_free(vm);
    }
}

static void test_this_luajit_is_as_expected(void **state)
{
    (void)state;
    for (int jit = 0; jit <= 1; jit++) {
        struct ordo_vm *vm = ordo_vm_new(NULL, jit, NULL);

        assert_null(ordo_vm_probe(vm)->trouble);
        assert_true(ordo_vm_probe(vm)->guarded);
        assert_true(ordo_vm_probe(vm)->hookmask_at > 0);
        assert_true(vm->inside->frames);
        assert_true(vm->inside->collector);
        assert_int_equal(lua_gettop(vm->L), 0);
        lua_getglobal(vm->L, "jit");
        assert_true(lua_isnil(vm->L, -1));
        ordo_vm_free(vm);
    }
}

/* What is read for comfort only: its absence leaves the guards. */
static void test_native_frames_elsewhere_only_cost_exactness(void **state)
{
    struct ordo__vm_layout layout = layout_with(offsetof(struct ordo__vm_layout, cframe_state), 32);
    struct ordo_vm *vm = ordo__vm_new(NULL, true, &layout, NULL);

    (void)state;
    assert_null(ordo_vm_probe(vm)->trouble);
    assert_false(vm->inside->frames);
    ordo_vm_free(vm);
    layout = layout_with(offsetof(struct ordo__vm_layout, gc_estimate), 88);
    vm = ordo__vm_new(NULL, true, &layout, NULL);
    assert_null(ordo_vm_probe(vm)->trouble);
    ordo_vm_free(vm);
}

static void test_a_vm_without_guards_is_reached_by_hooks(void **state)
{
    struct ordo__vm_layout layout = layout_with(offsetof(struct ordo__vm_layout, vmstate), 180);
    struct ticking ticking = {.program = "local x = 0\nwhile true do\nx = x + 1\nend",
                              .jit = true,
                              .enough = ENOUGH,
                              .layout = &layout};

    (void)state;
    ticking_all(&ticking, 1);
    assert_false(ticking.vm->jit);
    assert_int_equal(ticking.status, LUA_ERRRUN);
    assert_non_null(strstr(ticking.message, "stopped"));
    assert_int_equal(ticking.reached, ENOUGH);
    assert_int_equal(ticking.elsewhere, 0);
    assert_int_equal(ordo_vm_state(ticking.vm), ORDO_VM_IDLE);
    ordo_vm_free(ticking.vm);
}

/* The timer of whoever has LuaJIT's profiler does not tick, and SIGPROF is ours. */
static void test_the_signal_of_profiles_is_left_alone(void **state)
{
    struct sigaction action;
    struct itimerval timer;
    struct ordo_vm *vm = ordo_vm_new(NULL, true, NULL);

    (void)state;
    assert_int_equal(sigaction(SIGPROF, NULL, &action), 0);
    assert_true(action.sa_sigaction == ticking_tick || action.sa_handler == SIG_DFL);
    assert_int_equal(getitimer(ITIMER_PROF, &timer), 0);
    assert_int_equal(timer.it_value.tv_sec, 0);
    assert_int_equal(timer.it_value.tv_usec, 0);
    ordo_vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_signal_of_profiles_is_left_alone),
        cmocka_unit_test(test_this_luajit_is_as_expected),
        cmocka_unit_test(test_each_wrong_offset_is_found_out),
        cmocka_unit_test(test_native_frames_elsewhere_only_cost_exactness),
        cmocka_unit_test(test_a_vm_without_guards_is_reached_by_hooks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
