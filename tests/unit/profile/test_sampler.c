/* SPDX-License-Identifier: MIT
 * The sampler on threads with known work: their shares of the time come out, by timers and by the beat; waiting counts in
 * wall mode only; threads are found and forgotten; Lua lines stand between the C that they call and the engine below.
 *
 * Each test waits for a number of samples, however long that takes. The thread sanitizer holds signals back until a thread
 * calls the C library, so what spins is never sampled there: the test skips.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/thread.h"
#include "profile/sampler.h"
#include "vm/interrupt.h"

enum { ENOUGH = 300 };

static volatile uint64_t sink;

#define NOT_INLINED __attribute__((noinline, noclone))

NOT_INLINED static void spin_three(void)
{
    for (int i = 0; i < 300000; i++)
        sink += (uint64_t)i;
}

NOT_INLINED static void spin_one(void)
{
    for (int i = 0; i < 100000; i++)
        sink += (uint64_t)i;
}

struct worker {
    struct ordo_thread thread;
    struct ordo_waker waker; /* of one that waits */
    _Atomic bool ends;
};

static void work(void *context)
{
    struct worker *worker = context;

    while (!atomic_load(&worker->ends)) {
        spin_three();
        spin_one();
    }
}

static void wait_for_end(void *context)
{
    struct worker *worker = context;

    while (!atomic_load(&worker->ends))
        ordo_waker_wait(&worker->waker, INT64_MAX);
}

static void end(struct worker *worker)
{
    atomic_store(&worker->ends, true);
    ordo_thread_join(&worker->thread);
}

struct heard {
    struct ordo_sampler_listener listener;
    const char *thread; /* only of this one */
    uint32_t three, one, all, waiting;
    int64_t cpu_ns, wall_ns;
    uint32_t lua_lines[16]; /* samples by the line of the innermost Lua frame */
    uint32_t between;       /* a Lua line with frames of the test below */
};

/* Is one of the frames in the function? Its code is less than so long. */
static bool has(const struct ordo_sample *sample, void (*function)(void))
{
    uint64_t from = (uint64_t)(uintptr_t)function;

    for (size_t i = 0; i < sample->frame_count; i++)
        if (sample->frames[i] >= from && sample->frames[i] < from + 96)
            return true;
    return false;
}

static void hear(struct ordo_sampler_listener *listener, const struct ordo_sample *sample)
{
    struct heard *heard = (struct heard *)listener;
    struct ordo_line line;

    if (strcmp(sample->thread, heard->thread) != 0)
        return;
    heard->all += sample->count;
    heard->three += has(sample, spin_three) ? sample->count : 0;
    heard->one += has(sample, spin_one) ? sample->count : 0;
    heard->waiting += sample->is_waiting ? sample->count : 0;
    heard->cpu_ns += sample->cpu_ns;
    heard->wall_ns += sample->wall_ns;
    if (sample->lua_count > 0 && ordo_line_find(sample->frames[sample->lua_at], &line) && line.line < 16) {
        heard->lua_lines[line.line] += sample->count;
        heard->between += sample->frame_count > sample->lua_at + sample->lua_count;
    }
}

static void listen_until(struct ordo_sampler *sampler, struct heard *heard, const uint32_t *count,
                         uint32_t enough)
{
    struct ordo_waker pause; /* nobody wakes it */

    ordo_waker_init(&pause);
    heard->listener.sample = hear;
    ordo_sampler_listen(sampler, &heard->listener);
    while (*count < enough) {
        ordo_waker_wait(&pause, ordo_clock_ns() + 20000000);
        ordo_sampler_turn(sampler);
    }
    ordo_sampler_leave(sampler, &heard->listener);
    ordo_waker_done(&pause);
}

/* Five standard errors, and a tenth of the truth for what is not quite three to one. */
static void assert_share(uint32_t part, uint32_t all, double truth)
{
    double share = (double)part / all, error = 5 * 0.5 / __builtin_sqrt(all) + 0.03;

    if (share < truth - error || share > truth + error)
        fail_msg("%u of %u is not %.2f, give or take %.2f", part, all, truth, error);
}

static void check_shares(unsigned hz)
{
    struct ordo_sampler *sampler = ordo_sampler_new();
    struct heard heard = {.listener = {.hz = hz}, .thread = "spins"};
    struct worker worker = {0};
    struct ordo_sampler_figures figures;

    assert_int_equal(ordo_thread_start(&worker.thread, "spins", work, &worker), 0);
    listen_until(sampler, &heard, &heard.all, ENOUGH);
    ordo_sampler_figures(sampler, &figures);
    assert_true(figures.samples >= ENOUGH);
    assert_int_equal(figures.hz, 0); /* nobody listens any more */
    end(&worker);
    assert_share(heard.three, heard.three + heard.one, 0.75);
    assert_true(heard.three + heard.one > heard.all * 9 / 10);
    assert_int_equal(heard.wall_ns, 0);
    ordo_sampler_free(sampler);
}

static void test_shares_by_timers(void **state)
{
    (void)state;
    check_shares(100);
}

static void test_shares_by_the_beat(void **state)
{
    (void)state;
    check_shares(ORDO_SAMPLE_HZ_MAX);
}

/* What samples stand for adds up to the time that the thread used. */
static void check_sum(unsigned hz)
{
    struct ordo_sampler *sampler = ordo_sampler_new();
    struct heard heard = {.listener = {.hz = hz}, .thread = "spins"};
    struct worker worker = {0};
    struct timespec before, after;
    clockid_t clock;
    double used_ns;

    assert_int_equal(ordo_thread_start(&worker.thread, "spins", work, &worker), 0);
    assert_int_equal(pthread_getcpuclockid(worker.thread.id, &clock), 0);
    clock_gettime(clock, &before);
    listen_until(sampler, &heard, &heard.all, ENOUGH);
    clock_gettime(clock, &after);
    used_ns = (double)(after.tv_sec - before.tv_sec) * 1e9 + (double)(after.tv_nsec - before.tv_nsec);
    end(&worker);
    /* What was used before the first sample and behind the last one is not in them; and a busy machine lets the beat, which
     * is a thread itself, be late. */
    if ((hz == 100 && (double)heard.cpu_ns < used_ns * 0.5) || (double)heard.cpu_ns > used_ns * 1.1)
        fail_msg("%.0f ms sampled, %.0f ms used", (double)heard.cpu_ns / 1e6, used_ns / 1e6);
    ordo_sampler_free(sampler);
}

static void test_samples_add_up_to_the_time_used(void **state)
{
    (void)state;
    check_sum(100);
    check_sum(ORDO_SAMPLE_HZ_MAX);
}

static void test_waiting_counts_in_wall_mode_only(void **state)
{
    struct ordo_sampler *sampler = ordo_sampler_new();
    struct heard wall = {.listener = {.hz = 100, .wall = true}, .thread = "waits"};
    struct heard cpu = {.listener = {.sample = hear, .hz = 100}, .thread = "waits"};
    struct worker worker = {0};

    (void)state;
    ordo_waker_init(&worker.waker);
    assert_int_equal(ordo_thread_start(&worker.thread, "waits", wait_for_end, &worker), 0);
    ordo_sampler_listen(sampler, &cpu.listener);
    listen_until(sampler, &wall, &wall.waiting, 50);
    ordo_sampler_leave(sampler, &cpu.listener);
    atomic_store(&worker.ends, true);
    ordo_waker_wake(&worker.waker);
    end(&worker);
    ordo_waker_done(&worker.waker);
    assert_true(wall.wall_ns >= 40 * 10000000ll);
    assert_true(cpu.cpu_ns < wall.wall_ns / 4);
    ordo_sampler_free(sampler);
}

static void test_threads_that_end_are_forgotten(void **state)
{
    struct ordo_sampler *sampler = ordo_sampler_new();
    struct heard heard = {.listener = {.hz = 100}, .thread = "spins"};
    struct ordo_sampler_figures with, without;
    struct worker workers[8] = {0};

    (void)state;
    for (int i = 0; i < 8; i++)
        assert_int_equal(ordo_thread_start(&workers[i].thread, "spins", work, &workers[i]), 0);
    listen_until(sampler, &heard, &heard.all, 8);
    ordo_sampler_figures(sampler, &with);
    for (int i = 0; i < 8; i++)
        end(&workers[i]);
    heard = (struct heard){.listener = {.sample = hear, .hz = 100}, .thread = "spins"};
    ordo_sampler_listen(sampler, &heard.listener);
    ordo_sampler_leave(sampler, &heard.listener);
    ordo_sampler_figures(sampler, &without);
    assert_int_equal(with.threads - without.threads, 8);
    ordo_sampler_free(sampler);
}

/* --- Lua --- */

static const char program[] = "local stop = ...\n"
                              "local x = 0\n"
                              "local function three()\n"
                              "  for i = 1, 30000 do x = (x + i) % 1000003 end\n"
                              "end\n"
                              "local function one()\n"
                              "  for i = 1, 10000 do x = (x + i) % 1000003 end\n"
                              "end\n"
                              "while not stop() do\n"
                              "  three()\n"
                              "  one()\n"
                              "end\n";

static int is_at_end(lua_State *L)
{
    struct worker *worker = ordo_vm_of(L)->owner;

    lua_pushboolean(L, atomic_load(&worker->ends));
    return 1;
}

static int run_program(lua_State *L)
{
    if (luaL_loadbuffer(L, program, sizeof(program) - 1, "@test.lua") != 0)
        return lua_error(L);
    lua_pushcfunction(L, is_at_end);
    lua_call(L, 1, 0);
    return 0;
}

static void work_in_lua(void *context)
{
    struct ordo_error err;
    struct ordo_vm *vm = ordo_vm_new(context, true, &err);

    ORDO_REQUIRE(vm != NULL);
    ordo_sampler_join(vm, 3);
    ordo_sampler_executes(7, 1, 2);
    ORDO_REQUIRE(ordo_vm_cpcall(vm, run_program, NULL) == 0);
    ordo_sampler_executes(0, 0, 0);
    ordo_sampler_part();
    ordo_vm_free(vm);
}

/* --- in C that does not come back --- */

static const char calls[] = "local stay = ...\n"
                            "local function outer()\n"
                            "  local x = stay()\n"
                            "  return x\n"
                            "end\n"
                            "outer()\n";

static int stay(lua_State *L)
{
    struct worker *worker = ordo_vm_of(L)->owner;

    while (!atomic_load(&worker->ends))
        spin_one();
    return 0;
}

static int run_calls(lua_State *L)
{
    if (luaL_loadbuffer(L, calls, sizeof(calls) - 1, "@test.lua") != 0)
        return lua_error(L);
    lua_pushcfunction(L, stay);
    lua_call(L, 1, 0);
    return 0;
}

static void stay_in_c(void *context)
{
    struct ordo_vm *vm = ordo_vm_new(context, true, NULL);

    ORDO_REQUIRE(vm != NULL);
    ordo_sampler_join(vm, 3);
    ORDO_REQUIRE(ordo_vm_cpcall(vm, run_calls, NULL) == 0);
    ordo_sampler_part();
    ordo_vm_free(vm);
}

static void test_c_that_does_not_return_is_sampled_at_once_with_its_lua(void **state)
{
    struct ordo_sampler *sampler = ordo_sampler_new();
    struct heard urgent = {.listener = {.hz = 200, .wall = true, .at_once = true}, .thread = "stays"};
    struct heard patient = {.listener = {.sample = hear, .hz = 200, .wall = true}, .thread = "stays"};
    struct worker worker = {0};

    (void)state;
    assert_int_equal(ordo_thread_start(&worker.thread, "stays", stay_in_c, &worker), 0);
    listen_until(sampler, &urgent, &urgent.lua_lines[3], 50);
    assert_true(urgent.one > 0);
    assert_true(urgent.between >= urgent.lua_lines[3]);
    ordo_sampler_listen(sampler, &patient.listener);
    ordo_sampler_turn(sampler);
    assert_int_equal(patient.lua_lines[3], 0); /* it waits for the end */
    ordo_sampler_leave(sampler, &patient.listener);
    end(&worker);
    ordo_sampler_free(sampler);
}

static void test_lines_of_compiled_lua_have_their_shares(void **state)
{
    struct ordo_sampler *sampler = ordo_sampler_new();
    struct heard heard = {.listener = {.hz = ORDO_SAMPLE_HZ_MAX}, .thread = "lua"};
    struct worker worker = {0};

    (void)state;
    assert_int_equal(ordo_thread_start(&worker.thread, "lua", work_in_lua, &worker), 0);
    listen_until(sampler, &heard, &heard.all, ENOUGH);
    end(&worker);
    assert_share(heard.lua_lines[4], heard.lua_lines[4] + heard.lua_lines[7], 0.75);
    assert_true(heard.lua_lines[4] + heard.lua_lines[7] > heard.all * 9 / 10);
    assert_true(heard.between > 0);
    ordo_sampler_free(sampler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares_by_timers),
        cmocka_unit_test(test_shares_by_the_beat),
        cmocka_unit_test(test_samples_add_up_to_the_time_used),
        cmocka_unit_test(test_waiting_counts_in_wall_mode_only),
        cmocka_unit_test(test_threads_that_end_are_forgotten),
        cmocka_unit_test(test_c_that_does_not_return_is_sampled_at_once_with_its_lua),
        cmocka_unit_test(test_lines_of_compiled_lua_have_their_shares),
    };

#ifdef __SANITIZE_THREAD__
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
