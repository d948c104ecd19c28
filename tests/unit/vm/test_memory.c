/* SPDX-License-Identifier: MIT
 * What a VM says of its memory and its collector.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>

#include "vm/collector.h"
#include "vm/memory.h"
#include "vm/trace_table.h"
#include "vm/vm_impl.h"

static char churn[] = "local t = {} for i = 1, 1e5 do t[i % 10] = tostring(i) .. 'x' end";

static int run(lua_State *L)
{
    luaL_openlibs(L);
    return luaL_dostring(L, lua_touserdata(L, 1)) ? lua_error(L) : 0;
}

static void test_figures_follow_the_vm(void **state)
{
    struct ordo_vm *vm = ordo_vm_new(NULL, true, NULL);
    struct ordo_vm_memory memory;
    struct ordo_trace_totals totals;
    uint64_t before;

    (void)state;
    ordo_vm_memory(vm, &memory);
    assert_true(memory.known);
    assert_int_equal(memory.cycles, 0);
    assert_int_equal(memory.code_bytes, 0);
    assert_int_equal(memory.full_collections, 0);
    assert_int_equal(memory.limit, SIZE_MAX);
    assert_string_equal(memory.state, "pause");
    assert_int_equal(ordo_vm_cpcall(vm, run, churn), 0);
    ordo_vm_memory(vm, &memory);
    assert_int_equal(memory.bytes, memory.total);
    assert_true(memory.peak >= memory.bytes);
    assert_true(memory.cycles > 10);
    assert_true(memory.estimate > 0 && memory.estimate <= memory.peak);
    ordo_traces_totals(vm, &totals);
    assert_true(totals.live > 0);
    assert_true(memory.code_bytes >= totals.live_bytes);

    before = memory.cycles;
    assert_true(ordo_vm_collect(vm) > 0);
    ordo_vm_memory(vm, &memory);
    assert_in_range(memory.cycles, before + 1, before + 2);
    assert_int_equal(memory.full_collections, 1);
    assert_true(memory.full_ns > 0);
    assert_int_equal(memory.full_longest_ns, memory.full_ns);
    assert_true(memory.threshold > memory.total);
    ordo_vm_free(vm);
}

static void test_figures_that_lie_elsewhere_are_absent(void **state)
{
    static const struct {
        size_t field;
        unsigned value; /* where something else lies */
    } wrong[] = {{offsetof(struct ordo__vm_layout, gc_total), 24},
                 {offsetof(struct ordo__vm_layout, gc_threshold), 16},
                 {offsetof(struct ordo__vm_layout, gc_state), 32},
                 {offsetof(struct ordo__vm_layout, code_bytes), 16}};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct ordo__vm_layout layout = ordo__vm_layout;
        struct ordo_vm_memory memory;
        struct ordo_vm *vm;

        memcpy((char *)&layout + wrong[i].field, &wrong[i].value, sizeof(wrong[i].value));
        vm = ordo__vm_new(NULL, true, &layout, NULL);
        ordo_vm_memory(vm, &memory);
        assert_true(ordo_vm_probe(vm)->guarded);
        assert_false(memory.known);
        assert_null(memory.state);
        assert_int_equal(memory.total, 0);
        assert_true(memory.bytes > 0);
        ordo_vm_free(vm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_follow_the_vm),
        cmocka_unit_test(test_figures_that_lie_elsewhere_are_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
