/* SPDX-License-Identifier: MIT
 * stress_sampler.c: threads that load and unload a library, throw exceptions of C++, allocate, and run Lua, are sampled as
 * often as can be, by CPU time and by wall time. A handler that takes a lock waits for ever as soon as it strikes the
 * holder; so it must take none, and allocate nothing. The functions that would are replaced by ones that abort when they
 * are called in the handler, so that one call is enough to be seen.
 *
 * The thread sanitizer takes what the dynamic linker does under its own lock for races: nothing is loaded there.
 *
 *   stress_sampler LOADED KEPT [SECONDS]: two libraries
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "profile/sampler.h"

enum { THROWERS = 2, DEPTH = 12 };
#ifdef __SANITIZE_THREAD__
enum { LOADERS = 0 };
#else
enum { LOADERS = 2 };
#endif

static const char *loaded_path, *kept_path;
static int seconds = 2;
static _Atomic bool stop;
static _Atomic uint64_t loads, throws, rounds;

/* --- what a handler must not call --- */

static _Thread_local volatile bool in_handler __attribute__((tls_model("initial-exec")));
static void (*handler)(int, siginfo_t *, void *);

static void guard(int number, siginfo_t *info, void *context)
{
    in_handler = true;
    handler(number, info, context);
    in_handler = false;
}

static void guard_handler(void)
{
    struct sigaction action;

    assert_int_equal(sigaction(SIGPROF, NULL, &action), 0);
    handler = action.sa_sigaction;
    action.sa_sigaction = guard;
    assert_int_equal(sigaction(SIGPROF, &action, NULL), 0);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which have their own */
static int (*real_iterate)(int (*)(struct dl_phdr_info *, size_t, void *), void *);
static int (*real_lock)(pthread_mutex_t *);

extern void *__libc_malloc(size_t size);                /* NOLINT(bugprone-reserved-identifier) */
extern void *__libc_calloc(size_t count, size_t size);  /* NOLINT(bugprone-reserved-identifier) */
extern void *__libc_realloc(void *memory, size_t size); /* NOLINT(bugprone-reserved-identifier) */
extern void __libc_free(void *memory);                  /* NOLINT(bugprone-reserved-identifier) */

__attribute__((constructor)) static void find_real(void)
{
    *(void **)&real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    *(void **)&real_iterate = dlsym(RTLD_NEXT, "dl_iterate_phdr");
}

static void check(const char *name)
{
    if (!in_handler)
        return;
    in_handler = false;
    (void)!write(STDERR_FILENO, name, strlen(name));
    (void)!write(STDERR_FILENO, " was called in the handler\n", 27);
    abort();
}

#define SEEN __attribute__((visibility("default")))

SEEN int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
    check("dl_iterate_phdr");
    return real_iterate(callback, data);
}

SEEN int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    check("pthread_mutex_lock");
    return real_lock == NULL ? 0 : real_lock(mutex); /* NULL: there is one thread yet */
}

SEEN void *malloc(size_t size)
{
    check("malloc");
    return __libc_malloc(size);
}

SEEN void *calloc(size_t count, size_t size)
{
    check("calloc");
    return __libc_calloc(count, size);
}

SEEN void *realloc(void *memory, size_t size)
{
    check("realloc");
    return __libc_realloc(memory, size);
}

SEEN void free(void *memory)
{
    check("free");
    __libc_free(memory);
}
#endif

/* --- what is sampled --- */

static void load(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        void *loaded = dlopen(loaded_path, RTLD_NOW | RTLD_LOCAL);
        int (*throw_from)(int) = NULL;

        ORDO_REQUIRE(loaded != NULL);
        *(void **)&throw_from = dlsym(loaded, "stress_throw");
        ORDO_REQUIRE(throw_from != NULL && throw_from(DEPTH) > 0);
        ORDO_REQUIRE(dlclose(loaded) == 0);
        atomic_fetch_add(&loads, 1);
    }
}

static void throw_often(void *function)
{
    int (*throw_from)(int) = NULL;

    *(void **)&throw_from = function;
    while (!atomic_load(&stop)) {
        throw_from(DEPTH);
        free(malloc(100));
        atomic_fetch_add(&throws, 1);
    }
}

static const char rule[] = "local kept = {}\n"
                           "return function() for i = 1, 200 do kept[i] = {i, i .. 'x'} end\n"
                           "  pcall(error, kept) return ('x'):rep(1000):reverse() end\n";

static int run_rule(lua_State *L)
{
    luaL_openlibs(L);
    if (luaL_loadbuffer(L, rule, sizeof(rule) - 1, "@rules/50_stress.lua") != 0)
        return lua_error(L);
    lua_call(L, 0, 1);
    while (!atomic_load(&stop)) {
        lua_pushvalue(L, -1);
        lua_call(L, 0, 0);
        atomic_fetch_add(&rounds, 1);
    }
    return 0;
}

static void run_lua(void *unused)
{
    struct ordo_vm *vm = ordo_vm_new(NULL, true, NULL);

    (void)unused;
    ORDO_REQUIRE(vm != NULL);
    ordo_sampler_join(vm, 0);
    ORDO_REQUIRE(ordo_vm_cpcall(vm, run_rule, NULL) == 0);
    ordo_sampler_part();
    ordo_vm_free(vm);
}

/* --- the sampler --- */

struct heard {
    struct ordo_sampler_listener listener;
    uint64_t samples, deep, with_lua;
};

static void hear(struct ordo_sampler_listener *listener, const struct ordo_sample *sample)
{
    struct heard *heard = (struct heard *)listener;

    heard->samples += sample->count;
    heard->deep += sample->frame_count > DEPTH ? sample->count : 0;
    heard->with_lua += sample->lua_count > 0 ? sample->count : 0;
}

static void listen_for(struct ordo_sampler *sampler, bool wall, int64_t ns, struct heard *heard)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    int64_t until = ordo_clock_ns() + ns;

    *heard = (struct heard){.listener = {.sample = hear, .hz = ORDO_SAMPLE_HZ_MAX, .wall = wall}};
    ordo_sampler_listen(sampler, &heard->listener);
    while (ordo_clock_ns() < until) {
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        ordo_sampler_turn(sampler);
    }
    ordo_sampler_leave(sampler, &heard->listener);
    print_message("%s: %llu samples, %llu deep, %llu with Lua\n", wall ? "wall" : "cpu",
                  (unsigned long long)heard->samples, (unsigned long long)heard->deep,
                  (unsigned long long)heard->with_lua);
}

static void test_handler_takes_no_lock_and_allocates_nothing(void **state)
{
    struct ordo_thread threads[LOADERS + THROWERS + 1] = {0};
    struct ordo_sampler *sampler = ordo_sampler_new();
    void *kept = dlopen(kept_path, RTLD_NOW | RTLD_LOCAL);
    struct heard by_cpu, by_wall;
    size_t count = 0;

    (void)state;
    assert_non_null(kept);
    guard_handler();
    for (int i = 0; i < LOADERS; i++)
        assert_int_equal(ordo_thread_start(&threads[count++], "loader", load, NULL), 0);
    for (int i = 0; i < THROWERS; i++)
        assert_int_equal(
            ordo_thread_start(&threads[count++], "thrower", throw_often, dlsym(kept, "stress_throw")), 0);
    assert_int_equal(ordo_thread_start(&threads[count++], "worker-0", run_lua, NULL), 0);
    listen_for(sampler, false, seconds * 500000000LL, &by_cpu);
    listen_for(sampler, true, seconds * 500000000LL, &by_wall);
    atomic_store(&stop, true);
    while (count > 0)
        ordo_thread_join(&threads[--count]);
    ordo_sampler_free(sampler);
    dlclose(kept);
    print_message("%llu loads, %llu throws, %llu rounds of Lua\n", (unsigned long long)loads,
                  (unsigned long long)throws, (unsigned long long)rounds);
    assert_true((loads > 0 || LOADERS == 0) && throws > 0 && rounds > 0);
    assert_true(by_cpu.samples > 0 && by_cpu.deep > 0 && by_cpu.with_lua > 0);
    assert_true(by_wall.samples > 0 && by_wall.deep > 0 && by_wall.with_lua > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_handler_takes_no_lock_and_allocates_nothing)};

    if (argc < 3)
        return 2;
    loaded_path = argv[1];
    kept_path = argv[2];
    if (argc > 3)
        seconds = (int)strtol(argv[3], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
