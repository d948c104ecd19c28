/* SPDX-License-Identifier: MIT
 * test_timers.c: the heap gives timers back by time, and equal times in the order in which they came.
 */
#include "worker/timers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct ordo_timer timer_at(int64_t due_ns, uintptr_t number)
{
    return (struct ordo_timer){.due_ns = due_ns, .job = (struct ordo_job *)number};
}

static void test_nothing_is_due_before_its_time(void **state)
{
    struct ordo_timers timers = {0};
    struct ordo_timer timer;

    (void)state;
    assert_int_equal(ordo_timers_next(&timers), INT64_MAX);
    assert_false(ordo_timers_pop(&timers, INT64_MAX, &timer));
    ordo_timers_push(&timers, timer_at(100, 1));
    assert_int_equal(ordo_timers_next(&timers), 100);
    assert_false(ordo_timers_pop(&timers, 99, &timer));
    assert_true(ordo_timers_pop(&timers, 100, &timer));
    assert_false(ordo_timers_pop(&timers, 100, &timer));
    ordo_timers_done(&timers);
}

static void test_timers_come_by_time_then_by_entry(void **state)
{
    enum { COUNT = 5000, TIMES = 97 };
    struct ordo_timers timers = {0};
    struct ordo_timer timer;
    int64_t last_due = -1;
    uintptr_t last_number = 0;

    (void)state;
    for (uintptr_t i = 1; i <= COUNT; i++)
        ordo_timers_push(&timers, timer_at((int64_t)(i * 7919 % TIMES), i));
    for (int i = 0; i < COUNT; i++) {
        assert_true(ordo_timers_pop(&timers, TIMES, &timer));
        assert_true(timer.due_ns >= last_due);
        if (timer.due_ns == last_due)
            assert_true((uintptr_t)timer.job > last_number);
        last_due = timer.due_ns;
        last_number = (uintptr_t)timer.job;
    }
    assert_int_equal(ordo_timers_next(&timers), INT64_MAX);
    ordo_timers_done(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_due_before_its_time),
        cmocka_unit_test(test_timers_come_by_time_then_by_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
