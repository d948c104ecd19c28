/* SPDX-License-Identifier: MIT
 * test_unwind.c: the stack of a thread in C, in Lua that C called, and in C that Lua called, also from a handler.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>
#include <unwind.h>

#include "profile/unwind.h"
#include "vm/line_table.h"
#include "vm/stack.h"

struct seen {
    uint64_t frames[ORDO_UNWIND_MAX];
    size_t count, leaves;
};
static struct seen seen;

static const char loop[] = "local enough = ...\n"
                           "repeat local x = 0 for i = 1, 1e6 do x = x + i % 7 end until enough()\n";
static const char chunk[] = "local take = ...\n"
                            "local function inner()\n"
                            "  take()\n"
                            "  return 1\n"
                            "end\n"
                            "local function outer()\n"
                            "  local x = inner()\n"
                            "  return x\n"
                            "end\n"
                            "outer()\n";

/* True when an address is in the function that begins at `start` and is at most so long. */
static bool is_in(uint64_t address, uintptr_t start)
{
    return address > start && address < start + 600;
}

static __attribute__((noinline)) int take(lua_State *L)
{
    (void)L;
    seen.count = ordo_unwind(seen.frames, ORDO_UNWIND_MAX);
    return 0;
}

static __attribute__((noinline)) int take_native(lua_State *L)
{
    (void)L;
    seen.count = ordo_unwind_native(NULL, seen.frames, ORDO_UNWIND_MAX, &seen.leaves);
    return 0;
}

struct call {
    const char *chunk;
    lua_CFunction function; /* its argument */
};

static int run_chunk(lua_State *L)
{
    const struct call *call = lua_touserdata(L, 1);

    luaL_openlibs(L);
    if (luaL_loadbuffer(L, call->chunk, strlen(call->chunk), "@rules/10_x.lua") != 0)
        return lua_error(L);
    lua_pushcfunction(L, call->function);
    lua_call(L, 1, 0);
    return 0;
}

static struct ordo_vm *new_vm(void)
{
    struct ordo_error err;
    struct ordo_vm *vm = ordo_vm_new(NULL, true, &err);

    assert_non_null(vm);
    return vm;
}

/* The functions below the VM, outermost first: their frames must be there in every stack. */
static __attribute__((noinline)) void below_inner(struct ordo_vm *vm, struct call call)
{
    assert_int_equal(ordo_vm_cpcall(vm, run_chunk, &call), 0);
    __asm__ volatile(""); /* no tail call */
}

static __attribute__((noinline)) void below_outer(struct ordo_vm *vm, struct call call)
{
    below_inner(vm, call);
    __asm__ volatile("");
}

static void assert_line(uint64_t address, int line)
{
    struct ordo_line found;

    assert_true(ordo_line_find(address, &found));
    assert_string_equal(found.source, "@rules/10_x.lua");
    assert_int_equal(found.line, line);
}

static void test_stack_has_c_then_lua_then_c(void **state)
{
    struct ordo_vm *vm = new_vm();

    (void)state;
    below_outer(vm, (struct call){chunk, take});
    assert_true(seen.count >= 6);
    assert_true(is_in(seen.frames[0], (uintptr_t)take));
    assert_line(seen.frames[1], 3);
    assert_line(seen.frames[2], 7);
    assert_line(seen.frames[3], 10);
    assert_true(is_in(seen.frames[4], (uintptr_t)below_inner));
    assert_true(is_in(seen.frames[5], (uintptr_t)below_outer));
    ordo_vm_free(vm);
}

static void test_native_stack_tells_where_lua_belongs(void **state)
{
    struct ordo_vm *vm = new_vm();

    (void)state;
    below_outer(vm, (struct call){chunk, take_native});
    assert_int_equal(seen.leaves, 1);
    assert_true(is_in(seen.frames[0], (uintptr_t)take_native));
    assert_true(is_in(seen.frames[1], (uintptr_t)below_inner));
    assert_true(is_in(seen.frames[2], (uintptr_t)below_outer));
    ordo_vm_free(vm);
}

static void test_room_is_kept_to(void **state)
{
    uint64_t frames[3] = {0, 0, 42};
    size_t leaves;

    (void)state;
    assert_int_equal(ordo_unwind(frames, 2), 2);
    assert_int_equal(frames[2], 42);
    assert_int_equal(ordo_unwind_native(NULL, frames, 1, &leaves), 1);
    assert_int_equal(leaves, 1);
    assert_int_equal(ordo_unwind_native(NULL, frames, 0, &leaves), 0);
}

static __attribute__((noinline)) size_t without_vm(void)
{
    size_t count = ordo_unwind(seen.frames, ORDO_UNWIND_MAX);

    __asm__ volatile("");
    return count;
}

static void test_without_a_vm_all_is_native(void **state)
{
    size_t count = without_vm();

    (void)state;
    assert_true(count >= 3);
    assert_true(is_in(seen.frames[0], (uintptr_t)without_vm));
    assert_true(is_in(seen.frames[1], (uintptr_t)test_without_a_vm_all_is_native));
}

/* --- in a handler --- */

static struct ordo_vm *interrupted;
static volatile sig_atomic_t handled, in_compiled;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    seen.count = ordo_unwind_native(context, seen.frames, ORDO_UNWIND_MAX, &seen.leaves);
    handled++;
    if (interrupted != NULL && ordo_vm_running() == interrupted &&
        ordo_vm_state(interrupted) == ORDO_VM_COMPILED && seen.leaves == 0 && seen.count >= 2 &&
        is_in(seen.frames[0], (uintptr_t)below_inner) && is_in(seen.frames[1], (uintptr_t)below_outer))
        in_compiled++;
}

static int is_enough(lua_State *L)
{
    lua_pushboolean(L, in_compiled > 20);
    return 1;
}

static void *signal_often(void *context)
{
    pthread_t to = *(pthread_t *)context;
    struct timespec pause = {0, 500000};

    while (in_compiled <= 20) {
        pthread_kill(to, SIGURG);
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    return NULL;
}

static void test_handler_in_compiled_code_finds_what_is_below(void **state)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    pthread_t self = pthread_self(), other;

    (void)state;
    interrupted = new_vm();
    sigaction(SIGURG, &action, NULL);
    assert_int_equal(pthread_create(&other, NULL, signal_often, &self), 0);
    below_outer(interrupted, (struct call){loop, is_enough});
    pthread_join(other, NULL);
    assert_true(handled > 20);
    ordo_vm_free(interrupted);
    interrupted = NULL;
}

/* --- as libgcc sees it --- */

struct other {
    uint64_t frames[ORDO_UNWIND_MAX];
    size_t count;
};

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *to)
{
    struct other *other = to;

    if (other->count == ORDO_UNWIND_MAX || _Unwind_GetIP(context) == 0) /* 0: behind the last */
        return _URC_END_OF_STACK;
    other->frames[other->count++] = _Unwind_GetIP(context);
    return _URC_NO_REASON;
}

static volatile sig_atomic_t compared, differing, deepest;

/* libgcc goes through the frames of the handler first. */
static void compare(int number, siginfo_t *info, void *context)
{
    struct other other = {.count = 0};
    uint64_t frames[ORDO_UNWIND_MAX];
    size_t leaves, count = ordo_unwind_native(context, frames, ORDO_UNWIND_MAX, &leaves), from = 0;

    (void)number, (void)info;
    _Unwind_Backtrace(add_frame, &other);
    while (from < other.count && other.frames[from] != frames[0])
        from++;
    if (count > (size_t)deepest)
        deepest = (sig_atomic_t)count;
    compared++;
    if (count != other.count - from || memcmp(frames, other.frames + from, count * sizeof(*frames)) != 0)
        differing++;
}

static int by_number(const void *a, const void *b)
{
    char text[32];

    snprintf(text, sizeof(text), "%g", *(const double *)a - *(const double *)b);
    return text[0] == '-' ? -1 : strtod(text, NULL) > 0;
}

/* Its frame is aligned, so it is found through another register than usual. */
static __attribute__((noinline)) void sort_aligned(double seed)
{
    double numbers[32] __attribute__((aligned(64)));
    volatile double *kept = numbers;

    for (int i = 0; i < 32; i++)
        kept[i] = seed * i - (double)(i * i % 17);
    qsort(numbers, 32, sizeof(*numbers), by_number);
    free(memset(malloc(200 + (size_t)numbers[0] % 100), 0, 200));
}

static void *be_compared(void *unused)
{
    for (int i = 0; compared < 2000; i++)
        sort_aligned(i % 13);
    return unused;
}

static void test_struck_anywhere_it_sees_what_libgcc_sees(void **state)
{
    struct sigaction action = {.sa_sigaction = compare, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct timespec pause = {0, 200000};
    struct other other = {.count = 0};
    pthread_t thread;

    (void)state;
    _Unwind_Backtrace(add_frame, &other); /* what its first time allocates */
    sigaction(SIGURG, &action, NULL);
    assert_int_equal(pthread_create(&thread, NULL, be_compared, NULL), 0);
    while (compared < 2000) {
        pthread_kill(thread, SIGURG);
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    pthread_join(thread, NULL);
    assert_true(deepest > 5);
    assert_int_equal(differing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stack_has_c_then_lua_then_c),
        cmocka_unit_test(test_native_stack_tells_where_lua_belongs),
        cmocka_unit_test(test_room_is_kept_to),
        cmocka_unit_test(test_without_a_vm_all_is_native),
        cmocka_unit_test(test_handler_in_compiled_code_finds_what_is_below),
        cmocka_unit_test(test_struck_anywhere_it_sees_what_libgcc_sees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
