/* SPDX-License-Identifier: MIT
 * stress_heap.c: two VMs that allocate in every way, compiled, while jemalloc samples nearly all of it, signals make
 * their threads unwind a thousand times a second, and dumps are taken. Nothing may crash, and every dump must be whole.
 *
 *   stress_heap [SECONDS]
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>
#include <ucontext.h>

#include "base/clock.h"
#include "base/mallctl.h"
#include "base/thread.h"
#include "profile/heap.h"
#include "profile/unwind.h"
#include "vm/stack.h"

enum { VMS = 2, DUMP_EVERY = 200 }; /* signals */

static int seconds = 2;
static _Atomic bool stop;
static _Atomic uint64_t rounds, handled, unwound, in_compiled;

static const char rule[] =
    "local kept, n = {}, 0\n"
    "local function tables() for i = 1, 200 do kept[i] = {i, {i}} end end\n"
    "local function texts() local s = '' for i = 1, 60 do s = s .. i end return s end\n"
    "local function closures() for i = 1, 100 do kept[i] = function() return i end end end\n"
    "local function coroutines()\n"
    "  for i = 1, 20 do\n"
    "    local co = coroutine.wrap(function(a) local t = {a} while true do a = coroutine.yield({a, t}) end "
    "end)\n"
    "    for j = 1, 10 do kept[j] = co(j) end\n"
    "  end\n"
    "end\n"
    "local function errors()\n"
    "  for i = 1, 20 do pcall(function() local t = {i} error(t) end) end\n"
    "  for i = 1, 20 do pcall(function() local t = {} for k = 1, 30 do t[k] = k .. '' end t.x.y = 1 end) "
    "end\n"
    "end\n"
    "local function sorted() local t = {} for i = 1, 100 do t[i] = (i * 7919) % 101 .. '' end\n"
    "  table.sort(t, function(a, b) return a < b end) return table.concat(t) end\n"
    "return function()\n"
    "  tables() texts() closures() coroutines() errors() sorted()\n"
    "  n = n + 1\n"
    "  if n % 7 == 0 then kept = {} end\n"
    "end\n";

static int open_libraries(lua_State *L)
{
    luaL_openlibs(L);
    return 0;
}

/* Compiles the rule anew, as a reload does, and runs it for a while. */
static int run_rule(lua_State *L)
{
    if (luaL_loadbuffer(L, rule, sizeof(rule) - 1, "@rules/50_stress.lua") != 0)
        return lua_error(L);
    lua_call(L, 0, 1);
    for (int i = 0; i < 50 && !atomic_load(&stop); i++) {
        lua_pushvalue(L, -1);
        lua_call(L, 0, 0);
        atomic_fetch_add(&rounds, 1);
    }
    return 0;
}

static void work(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        struct ordo_vm *vm = ordo_vm_new(NULL, true, NULL);

        ORDO_REQUIRE(vm != NULL && ordo_vm_cpcall(vm, open_libraries, NULL) == 0);
        for (int i = 0; i < 10 && !atomic_load(&stop); i++)
            ORDO_REQUIRE(ordo_vm_cpcall(vm, run_rule, NULL) == 0);
        ordo_vm_free(vm);
    }
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    uint64_t frames[ORDO_UNWIND_MAX];
    struct ordo_vm *vm = ordo_vm_running();
    size_t leaves;

    (void)number, (void)info;
    atomic_fetch_add(&handled, 1);
    if (ordo_unwind_native(context, frames, ORDO_UNWIND_MAX, &leaves) > 1)
        atomic_fetch_add(&unwound, 1);
    if (vm != NULL && ordo_vm_state(vm) == ORDO_VM_COMPILED)
        atomic_fetch_add(&in_compiled, 1);
}

static void check_dump(void)
{
    struct ordo_error err;
    struct ordo_heap_dump *dump = ordo_heap_dump_take(&err);

    if (dump == NULL)
        print_message("%s: %s\n", err.place, err.message);
    assert_non_null(dump);
    assert_true(dump->sample_count > 0);
    assert_non_null(memmem(dump->text.ptr, dump->text.len, "MAPPED_LIBRARIES:", 17));
    ordo_heap_dump_free(dump);
}

static void test_nothing_crashes(void **state)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct timespec pause = {0, 300000};
    struct ordo_thread threads[VMS] = {0};
    int64_t until = ordo_clock_ns() + seconds * 1000000000LL;
    bool has_jemalloc = mallctl != NULL;

    (void)state;
    sigaction(SIGPROF, &action, NULL);
    for (int i = 0; i < VMS; i++)
        assert_int_equal(ordo_thread_start(&threads[i], "worker", work, NULL), 0);
    for (int n = 1; ordo_clock_ns() < until; n++) {
        for (int i = 0; i < VMS; i++)
            pthread_kill(threads[i].id, SIGPROF);
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        if (has_jemalloc && n % DUMP_EVERY == 0)
            check_dump();
    }
    atomic_store(&stop, true);
    for (int i = 0; i < VMS; i++)
        ordo_thread_join(&threads[i]);
    print_message("%llu rounds, %llu signals, %llu with a stack, %llu in compiled code\n",
                  (unsigned long long)rounds, (unsigned long long)handled, (unsigned long long)unwound,
                  (unsigned long long)in_compiled);
    assert_true(rounds > 0);
    assert_true(unwound > 0);
    assert_true(in_compiled > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_crashes)};

    if (argc > 1)
        seconds = (int)strtol(argv[1], NULL, 10);
    ordo_heap_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
