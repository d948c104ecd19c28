/* SPDX-License-Identifier: MIT
 * test_thread.c: threads have their name and mask from their first instruction; no wake is lost.
 */
#include "base/thread.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"

struct seen {
    char name[32];
    sigset_t mask;
    int runs;
};

static void look_around(void *context)
{
    struct seen *seen = context;

    pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    seen->runs++;
}

static void test_thread_has_name_and_mask(void **state)
{
    static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF};
    static const int blocked[] = {SIGINT,  SIGTERM, SIGHUP,  SIGPIPE, SIGUSR1,
                                  SIGUSR2, SIGCHLD, SIGALRM, SIGQUIT};
    struct ordo_thread thread = {0};
    struct seen seen = {0};
    sigset_t before, after;

    (void)state;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(ordo_thread_start(&thread, "worker-1", look_around, &seen), 0);
    assert_true(thread.started);
    ordo_thread_join(&thread);
    assert_int_equal(seen.runs, 1);
    assert_string_equal(seen.name, "worker-1");
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
        assert_false(sigismember(&seen.mask, open[i]));
    for (size_t i = 0; i < sizeof(blocked) / sizeof(blocked[0]); i++)
        assert_true(sigismember(&seen.mask, blocked[i]));
    /* The starter's own mask is as it was. */
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int sig = 1; sig < SIGRTMAX; sig++)
        assert_int_equal(sigismember(&after, sig), sigismember(&before, sig));
}

static void test_long_name_is_cut(void **state)
{
    struct ordo_thread thread = {0};
    struct seen seen = {0};

    (void)state;
    assert_int_equal(ordo_thread_start(&thread, "0123456789abcdefgh", look_around, &seen), 0);
    ordo_thread_join(&thread);
    assert_string_equal(seen.name, "0123456789abcde");
}

static void test_join_twice_and_without_start(void **state)
{
    struct ordo_thread thread = {0};
    struct seen seen = {0};

    (void)state;
    ordo_thread_join(&thread);
    assert_int_equal(ordo_thread_start(&thread, "t", look_around, &seen), 0);
    ordo_thread_join(&thread);
    assert_false(thread.started);
    ordo_thread_join(&thread);
    assert_int_equal(seen.runs, 1);
}

static void test_early_wake_is_kept_once(void **state)
{
    struct ordo_waker waker;
    int64_t until;

    (void)state;
    ordo_waker_init(&waker);
    ordo_waker_wake(&waker);
    ordo_waker_wake(&waker);
    ordo_waker_wait(&waker, INT64_MAX); /* would hang if the wake were lost */
    /* Both wakes were one: the next wait lasts until its time. */
    until = ordo_clock_ns() + 2000000;
    ordo_waker_wait(&waker, until);
    assert_true(ordo_clock_ns() >= until);
    ordo_waker_done(&waker);
}

static void test_wait_until_the_past_returns(void **state)
{
    struct ordo_waker waker;

    (void)state;
    ordo_waker_init(&waker);
    ordo_waker_wait(&waker, 0);
    ordo_waker_wait(&waker, -5);
    ordo_waker_wait(&waker, INT64_MIN);
    ordo_waker_wait(&waker, ordo_clock_ns());
    /* It takes the wake all the same. */
    ordo_waker_wake(&waker);
    ordo_waker_wait(&waker, 0);
    assert_false(waker.woken);
    ordo_waker_done(&waker);
}

/* Wakers count up and wake; the sleeper leaves when it saw all of it. A lost wake hangs the test. */
enum { WAKERS = 4, TURNS = 5000 };

struct ring {
    struct ordo_waker waker;
    atomic_int given;
    bool with_timeout;
    int seen;
};

static void give(void *context)
{
    struct ring *ring = context;

    for (int i = 0; i < TURNS; i++) {
        atomic_fetch_add_explicit(&ring->given, 1, memory_order_relaxed);
        ordo_waker_wake(&ring->waker);
    }
}

static void take(void *context)
{
    struct ring *ring = context;

    while (ring->seen < WAKERS * TURNS) {
        ordo_waker_wait(&ring->waker,
                        ring->with_timeout ? ordo_clock_ns() + 3600 * INT64_C(1000000000) : INT64_MAX);
        ring->seen = atomic_load_explicit(&ring->given, memory_order_relaxed);
    }
}

static void run_ring(bool with_timeout)
{
    struct ring ring = {.with_timeout = with_timeout};
    struct ordo_thread taker = {0}, givers[WAKERS] = {0};

    ordo_waker_init(&ring.waker);
    assert_int_equal(ordo_thread_start(&taker, "taker", take, &ring), 0);
    for (int i = 0; i < WAKERS; i++)
        assert_int_equal(ordo_thread_start(&givers[i], "giver", give, &ring), 0);
    for (int i = 0; i < WAKERS; i++)
        ordo_thread_join(&givers[i]);
    ordo_thread_join(&taker);
    assert_int_equal(ring.seen, WAKERS * TURNS);
    ordo_waker_done(&ring.waker);
}

static void test_no_wake_is_lost(void **state)
{
    (void)state;
    run_ring(false);
    run_ring(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread_has_name_and_mask),     cmocka_unit_test(test_long_name_is_cut),
        cmocka_unit_test(test_join_twice_and_without_start), cmocka_unit_test(test_early_wake_is_kept_once),
        cmocka_unit_test(test_wait_until_the_past_returns),  cmocka_unit_test(test_no_wake_is_lost),
    };

    return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
