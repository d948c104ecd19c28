/* SPDX-License-Identifier: MIT
 * test_vm.c: the counting allocator, its limit, and the way from a coroutine back to its VM.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>

#include "vm/vm.h"

static struct ordo_vm *vm_new(bool jit)
{
    struct ordo_error err;
    struct ordo_vm *vm = ordo_vm_new(&err, jit, &err);

    assert_non_null(vm);
    assert_ptr_equal(vm->owner, &err);
    return vm;
}

static void test_bytes_follow_the_heap(void **state)
{
    struct ordo_vm *vm = vm_new(false);
    size_t before = vm->bytes;

    (void)state;
    assert_true(before > 0);
    assert_int_equal(vm->peak, before);
    lua_newuserdata(vm->L, 100000);
    assert_true(vm->bytes >= before + 100000);
    assert_true(vm->peak == vm->bytes);
    lua_settop(vm->L, 0);
    lua_gc(vm->L, LUA_GCCOLLECT, 0);
    assert_true(vm->bytes < before + 1000);
    assert_true(vm->peak >= before + 100000);
    ordo_vm_free(vm);
    ordo_vm_free(NULL);
}

static int take(lua_State *L)
{
    lua_newuserdata(L, (size_t)lua_tointeger(L, 1));
    return 0;
}

static int call_take(struct ordo_vm *vm, lua_Integer bytes)
{
    int status;

    lua_getfield(vm->L, LUA_REGISTRYINDEX, "take"); /* making the function anew would need memory */
    lua_pushinteger(vm->L, bytes);
    status = lua_pcall(vm->L, 1, 0, 0);
    lua_settop(vm->L, 0);
    return status;
}

static void test_limit_is_an_error_that_can_be_caught(void **state)
{
    for (int jit = 0; jit <= 1; jit++) {
        struct ordo_vm *vm = vm_new(jit);

        (void)state;
        lua_pushcfunction(vm->L, take);
        lua_setfield(vm->L, LUA_REGISTRYINDEX, "take");
        vm->limit = vm->bytes + 50000;
        assert_int_equal(call_take(vm, 40000), 0);
        lua_gc(vm->L, LUA_GCCOLLECT, 0);
        assert_int_equal(call_take(vm, 60000), LUA_ERRMEM);
        assert_true(vm->bytes <= vm->limit);
        assert_int_equal(call_take(vm, 40000), 0);
        vm->limit = 1; /* lowered below what is in use: nothing grows, shrinking goes on */
        assert_int_equal(call_take(vm, 40000), LUA_ERRMEM);
        lua_gc(vm->L, LUA_GCCOLLECT, 0);
        vm->limit = SIZE_MAX;
        assert_int_equal(call_take(vm, 60000), 0);
        ordo_vm_free(vm);
    }
}

static void test_coroutines_know_their_vm(void **state)
{
    struct ordo_vm *vm = vm_new(false);

    (void)state;
    assert_ptr_equal(ordo_vm_of(vm->L), vm);
    assert_ptr_equal(ordo_vm_of(lua_newthread(vm->L)), vm);
    ordo_vm_free(vm);
}

static void test_compiler_is_on_only_when_wanted(void **state)
{
    (void)state;
    for (int jit = 0; jit <= 1; jit++) {
        struct ordo_vm *vm = vm_new(jit);

        assert_int_equal(vm->jit, jit);
        ordo_vm_free(vm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_follow_the_heap),
        cmocka_unit_test(test_limit_is_an_error_that_can_be_caught),
        cmocka_unit_test(test_coroutines_know_their_vm),
        cmocka_unit_test(test_compiler_is_on_only_when_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
