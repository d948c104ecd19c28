/* SPDX-License-Identifier: MIT
 * test_lock.c: who waits for a lock is told of, once, with its time, and when it holds the lock no more; others are not.
 */
#include "base/lock.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/thread.h"

static struct ordo_lock lock;
static struct ordo_rwlock shared;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_inside, may_go; /* under lock */

/* What was told. Threads record, the main one asserts. */
static _Atomic int told;
static _Atomic int64_t told_ns;
static _Atomic int told_name;
static _Atomic bool lock_was_free;
static _Thread_local bool is_waiter;
static _Atomic bool waiter_told;

static void hear(enum ordo_lock_name name, int64_t waited_ns)
{
    if (pthread_mutex_trylock(&lock.mutex) == 0) {
        lock_was_free = true;
        pthread_mutex_unlock(&lock.mutex);
    }
    told_name = (int)name;
    told_ns = waited_ns;
    waiter_told = is_waiter;
    told++;
}

static int setup(void **state)
{
    (void)state;
    ordo_lock_init(&lock, ORDO_LOCK_QUEUE);
    ordo_rwlock_init(&shared, ORDO_LOCK_LISTENING);
    told = 0;
    is_inside = may_go = lock_was_free = waiter_told = false;
    atomic_store(&ordo_lock_waited, hear);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    atomic_store(&ordo_lock_waited, NULL);
    ordo_lock_done(&lock);
    ordo_rwlock_done(&shared);
    return 0;
}

/* glibc's mutex is 2 while a thread sleeps for it. */
static void until_somebody_waits(void)
{
    while (__atomic_load_n(&lock.mutex.__data.__lock, __ATOMIC_RELAXED) != 2)
        sched_yield();
}

static void take_and_give_back(void *context)
{
    (void)context;
    is_waiter = true;
    ordo_lock(&lock);
    ordo_unlock(&lock);
}

static void test_free_lock_tells_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        ordo_lock(&lock);
        ordo_unlock(&lock);
        ordo_rwlock_read(&shared);
        ordo_rwlock_unlock(&shared);
        ordo_rwlock_write(&shared);
        ordo_rwlock_unlock(&shared);
    }
    assert_int_equal(told, 0);
}

static void test_wait_is_told_with_its_time_behind_the_lock(void **state)
{
    struct ordo_thread thread;
    int64_t held_ns;

    (void)state;
    ordo_lock(&lock);
    assert_int_equal(ordo_thread_start(&thread, "waiter", take_and_give_back, NULL), 0);
    until_somebody_waits();
    held_ns = ordo_clock_ns();
    while (ordo_clock_ns() - held_ns < 2000000)
        sched_yield();
    ordo_unlock(&lock);
    ordo_thread_join(&thread);
    assert_int_equal(told, 1);
    assert_int_equal(told_name, ORDO_LOCK_QUEUE);
    assert_true(told_ns >= 2000000);
    assert_true(waiter_told);
    assert_true(lock_was_free);
    take_and_give_back(NULL);
    assert_int_equal(told, 1);
}

static void test_nothing_is_told_of_a_wait_that_nobody_asked_for(void **state)
{
    struct ordo_thread thread;

    (void)state;
    atomic_store(&ordo_lock_waited, NULL);
    ordo_lock(&lock);
    assert_int_equal(ordo_thread_start(&thread, "waiter", take_and_give_back, NULL), 0);
    until_somebody_waits();
    atomic_store(&ordo_lock_waited, hear); /* too late: it did not look at the clock */
    ordo_unlock(&lock);
    ordo_thread_join(&thread);
    assert_int_equal(told, 0);
}

static void wait_for_change(void *context)
{
    (void)context;
    is_waiter = true;
    ordo_lock(&lock);
    is_inside = true;
    while (!may_go)
        ordo_lock_wait(&lock, &changed, NULL);
    ordo_unlock(&lock);
}

/* What a thread has to tell stays its own while others have the lock. */
static void test_wait_for_a_change_is_not_one_for_the_lock(void **state)
{
    struct ordo_thread thread;

    (void)state;
    ordo_lock(&lock);
    assert_int_equal(ordo_thread_start(&thread, "waiter", wait_for_change, NULL), 0);
    until_somebody_waits();
    ordo_unlock(&lock);
    for (bool inside = false; !inside;) { /* it has had the lock, and sleeps until there is a change */
        pthread_mutex_lock(&lock.mutex);
        inside = is_inside;
        if (!inside)
            pthread_mutex_unlock(&lock.mutex);
    }
    assert_int_equal(lock.waited_ns, 0);
    may_go = true;
    pthread_cond_signal(&changed);
    ordo_unlock(&lock);
    ordo_thread_join(&thread);
    assert_int_equal(told, 1);
    assert_true(waiter_told);
}

static void test_waiting_for_a_change_ends_in_time(void **state)
{
    struct timespec past = {.tv_sec = 1};

    (void)state;
    ordo_lock(&lock);
    assert_int_equal(ordo_lock_wait(&lock, &changed, &past), ETIMEDOUT);
    ordo_unlock(&lock);
    assert_int_equal(told, 0);
}

static void read_shared(void *context)
{
    (void)context;
    ordo_rwlock_read(&shared);
    ordo_rwlock_unlock(&shared);
}

static void test_reader_that_waits_for_a_writer(void **state)
{
    struct ordo_thread thread;

    (void)state;
    ordo_rwlock_write(&shared);
    assert_int_equal(ordo_thread_start(&thread, "reader", read_shared, NULL), 0);
    while (__atomic_load_n(&shared.lock.__data.__readers, __ATOMIC_RELAXED) >> 3 == 0) /* it has come */
        sched_yield();
    ordo_rwlock_unlock(&shared);
    ordo_thread_join(&thread);
    assert_int_equal(told, 1);
    assert_int_equal(told_name, ORDO_LOCK_LISTENING);
    assert_true(told_ns > 0);
}

static void test_names_are_in_order(void **state)
{
    static const char *const names[] = {
#define X(name, text) #name,
#include "base/lock_table.h"
#undef X
    };

    (void)state;
    for (size_t i = 1; i < ORDO_LOCK_COUNT; i++)
        assert_true(strcmp(names[i - 1], names[i]) < 0);
    assert_string_equal(ordo_lock_text(ORDO_LOCK_QUEUE), "ordo_queue.lock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_free_lock_tells_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wait_is_told_with_its_time_behind_the_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_told_of_a_wait_that_nobody_asked_for, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_wait_for_a_change_is_not_one_for_the_lock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting_for_a_change_ends_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_that_waits_for_a_writer, setup, teardown),
        cmocka_unit_test(test_names_are_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
