/* SPDX-License-Identifier: MIT
 * test_queue.c: order of service, bounds and figures of the queue, in virtual time.
 *
 * The property tests draw arrivals and service times from a seed and print it when they fail.
 */
#include "core/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MS = 1000000 };

static struct ordo_queue_options options_of(uint32_t capacity)
{
    return (struct ordo_queue_options){
        .capacity = {capacity, capacity, capacity},
        .max_wait_ns = {INT64_MAX, (int64_t)500 * MS, (int64_t)2000 * MS},
    };
}

static struct ordo_job *job_new(enum ordo_priority priority, uint32_t number)
{
    struct ordo_job *job = calloc(1, sizeof(*job));

    assert_non_null(job);
    job->priority = priority;
    job->attempt = number;
    job->parsed = true;
    return job;
}

static uint32_t push_one(struct ordo_queue *queue, enum ordo_priority priority, uint32_t number,
                         int64_t now_ns)
{
    struct ordo_job_list list = {0};
    uint32_t refused;

    ordo_job_list_push(&list, job_new(priority, number));
    refused = ordo_queue_push(queue, &list, now_ns);
    if (refused > 0)
        free(ordo_job_list_pop(&list));
    return refused;
}

/* Takes one and frees it: its class and number, or false. */
static bool take_one(struct ordo_queue *queue, int64_t now_ns, enum ordo_priority *ret_priority,
                     uint32_t *ret_number)
{
    struct ordo_job_list list = {0};
    struct ordo_job *job;

    if (ordo_queue_take(queue, 1, now_ns, &list) == 0)
        return false;
    job = ordo_job_list_pop(&list);
    *ret_priority = job->priority;
    *ret_number = job->attempt;
    free(job);
    return true;
}

static void empty(struct ordo_queue *queue)
{
    enum ordo_priority priority = ORDO_PRIORITY_COUNT;
    uint32_t number;

    while (take_one(queue, 0, &priority, &number))
        ;
    ordo_queue_free(queue);
}

static void test_a_class_is_fifo(void **state)
{
    struct ordo_queue_options options = options_of(100);
    struct ordo_queue *queue = ordo_queue_new(&options);
    enum ordo_priority priority = ORDO_PRIORITY_COUNT;
    uint32_t number;

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(push_one(queue, ORDO_PRIORITY_MEDIUM, i, i), 0);
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(take_one(queue, 100, &priority, &number));
        assert_int_equal(number, i);
    }
    assert_false(take_one(queue, 100, &priority, &number));
    ordo_queue_free(queue);
}

static void test_service_is_weighted_8_4_1(void **state)
{
    struct ordo_queue_options options = options_of(1000);
    struct ordo_queue *queue = ordo_queue_new(&options);
    uint32_t served[ORDO_PRIORITY_COUNT] = {0}, number;
    enum ordo_priority priority = ORDO_PRIORITY_COUNT;

    (void)state;
    for (uint32_t i = 0; i < 130; i++)
        for (int class = 0; class < ORDO_PRIORITY_COUNT; class ++)
            push_one(queue, (enum ordo_priority) class, i, 0);
    for (int i = 0; i < 130; i++) {
        assert_true(take_one(queue, 0, &priority, &number));
        served[priority]++;
        if (i == 12) { /* one round: every class had its turn */
            assert_int_equal(served[ORDO_PRIORITY_HIGH], 8);
            assert_int_equal(served[ORDO_PRIORITY_MEDIUM], 4);
            assert_int_equal(served[ORDO_PRIORITY_LOW], 1);
        }
    }
    assert_int_equal(served[ORDO_PRIORITY_HIGH], 80);
    assert_int_equal(served[ORDO_PRIORITY_MEDIUM], 40);
    assert_int_equal(served[ORDO_PRIORITY_LOW], 10);
    empty(queue);
}

static void test_an_empty_class_gives_its_turns_on(void **state)
{
    struct ordo_queue_options options = options_of(1000);
    struct ordo_queue *queue = ordo_queue_new(&options);
    uint32_t served[ORDO_PRIORITY_COUNT] = {0}, number;
    enum ordo_priority priority = ORDO_PRIORITY_COUNT;

    (void)state;
    for (uint32_t i = 0; i < 100; i++) {
        push_one(queue, ORDO_PRIORITY_MEDIUM, i, 0);
        push_one(queue, ORDO_PRIORITY_LOW, i, 0);
    }
    for (int i = 0; i < 50; i++) {
        assert_true(take_one(queue, 0, &priority, &number));
        served[priority]++;
    }
    assert_int_equal(served[ORDO_PRIORITY_MEDIUM], 40);
    assert_int_equal(served[ORDO_PRIORITY_LOW], 10);
    empty(queue);
}

static void test_a_full_class_refuses_and_counts_at_its_edge(void **state)
{
    struct ordo_queue_options options = options_of(3);
    struct ordo_queue *queue = ordo_queue_new(&options);
    struct ordo_queue_figures figures;

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(push_one(queue, ORDO_PRIORITY_HIGH, i, 0), 0);
    assert_int_equal(push_one(queue, ORDO_PRIORITY_HIGH, 3, 0), 1);
    assert_int_equal(push_one(queue, ORDO_PRIORITY_LOW, 0, 0), 0); /* the others have their own room */
    ordo_queue_figures(queue, 7 * MS, &figures);
    assert_int_equal(figures.depth[ORDO_PRIORITY_HIGH], 3);
    assert_int_equal(figures.capacity[ORDO_PRIORITY_HIGH], 3);
    assert_int_equal(figures.pushed[ORDO_PRIORITY_HIGH], 3);
    assert_int_equal(figures.refused[ORDO_PRIORITY_HIGH], 1);
    assert_int_equal(figures.refused[ORDO_PRIORITY_LOW], 0);
    assert_int_equal(figures.oldest_wait_ns[ORDO_PRIORITY_HIGH], 7 * MS);
    assert_int_equal(figures.oldest_wait_ns[ORDO_PRIORITY_MEDIUM], 0);
    empty(queue);
}

static void test_a_list_is_refused_in_part_and_stays_in_order(void **state)
{
    struct ordo_queue_options options = options_of(2);
    struct ordo_queue *queue = ordo_queue_new(&options);
    struct ordo_job_list list = {0};
    struct ordo_job *job;

    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        ordo_job_list_push(&list, job_new(ORDO_PRIORITY_LOW, i));
    assert_int_equal(ordo_queue_push(queue, &list, 0), 2);
    assert_int_equal(list.count, 2);
    for (uint32_t i = 2; i < 4; i++) {
        job = ordo_job_list_pop(&list);
        assert_int_equal(job->attempt, i);
        free(job);
    }
    empty(queue);
}

static void test_a_line_that_waits_outside_is_not_counted_as_refused(void **state)
{
    struct ordo_queue_options options = options_of(1);
    struct ordo_queue *queue = ordo_queue_new(&options);
    struct ordo_job_list list = {0};
    struct ordo_queue_figures figures;

    (void)state;
    push_one(queue, ORDO_PRIORITY_MEDIUM, 0, 0);
    ordo_job_list_push(&list, job_new(ORDO_PRIORITY_MEDIUM, 1));
    list.first->parsed = false;
    assert_int_equal(ordo_queue_push(queue, &list, 0), 1);
    ordo_queue_figures(queue, 0, &figures);
    assert_int_equal(figures.refused[ORDO_PRIORITY_MEDIUM], 0);
    free(ordo_job_list_pop(&list));
    empty(queue);
}

static void test_reserved_room_is_not_given_to_others(void **state)
{
    struct ordo_queue_options options = options_of(2);
    struct ordo_queue *queue = ordo_queue_new(&options);
    struct ordo_queue_figures figures;

    (void)state;
    assert_true(ordo_queue_reserve(queue, ORDO_PRIORITY_MEDIUM, 1));
    assert_int_equal(push_one(queue, ORDO_PRIORITY_MEDIUM, 0, 0), 0);
    assert_int_equal(push_one(queue, ORDO_PRIORITY_MEDIUM, 1, 0), 1);
    assert_false(ordo_queue_reserve(queue, ORDO_PRIORITY_MEDIUM, 1));
    ordo_queue_push_reserved(queue, job_new(ORDO_PRIORITY_MEDIUM, 2), 0);
    ordo_queue_figures(queue, 0, &figures);
    assert_int_equal(figures.depth[ORDO_PRIORITY_MEDIUM], 2);
    assert_int_equal(figures.refused[ORDO_PRIORITY_MEDIUM], 2);
    empty(queue);

    queue = ordo_queue_new(&options);
    assert_true(ordo_queue_reserve(queue, ORDO_PRIORITY_MEDIUM, 2));
    ordo_queue_release(queue, ORDO_PRIORITY_MEDIUM, 2);
    assert_true(ordo_queue_reserve(queue, ORDO_PRIORITY_MEDIUM, 2));
    ordo_queue_release(queue, ORDO_PRIORITY_MEDIUM, 2);
    ordo_queue_free(queue);
}

static void test_an_order_that_waited_its_bound_is_next_oldest_first(void **state)
{
    struct ordo_queue_options options = options_of(100);
    struct ordo_queue *queue = ordo_queue_new(&options);
    struct ordo_queue_figures figures;
    enum ordo_priority priority = ORDO_PRIORITY_COUNT;
    uint32_t number;

    (void)state;
    push_one(queue, ORDO_PRIORITY_LOW, 1, 0);
    push_one(queue, ORDO_PRIORITY_MEDIUM, 2, (int64_t)1600 * MS);
    for (uint32_t i = 10; i < 30; i++)
        push_one(queue, ORDO_PRIORITY_HIGH, i, (int64_t)1700 * MS);

    assert_null(ordo_queue_take_overdue(queue, (int64_t)2000 * MS - 1));
    assert_true(take_one(queue, (int64_t)2000 * MS - 1, &priority, &number));
    assert_int_equal(priority, ORDO_PRIORITY_HIGH); /* one nanosecond before the bound */
    assert_true(take_one(queue, (int64_t)2100 * MS, &priority, &number));
    assert_int_equal(number, 1); /* both are overdue; the low one is older */
    struct ordo_job *job = ordo_queue_take_overdue(queue, (int64_t)2100 * MS);
    assert_non_null(job);
    assert_int_equal(job->attempt, 2);
    free(job);
    assert_null(ordo_queue_take_overdue(queue, (int64_t)9000 * MS)); /* high orders have no bound */
    ordo_queue_figures(queue, 0, &figures);
    assert_int_equal(figures.overdue[ORDO_PRIORITY_LOW], 1);
    assert_int_equal(figures.overdue[ORDO_PRIORITY_MEDIUM], 1);
    assert_int_equal(figures.overdue[ORDO_PRIORITY_HIGH], 0);
    empty(queue);
}

/* xorshift64*: the tests need the same numbers everywhere. */
static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1du;
}

/* A flood of high orders that alone is more than one worker can serve, with a trickle of the others. One
 * worker takes one order at a time; each takes up to `service` of virtual time. Nothing may wait longer than
 * its bound and the time of one order. */
static void run_flood(uint64_t seed)
{
    struct ordo_queue_options options = options_of(4000);
    struct ordo_queue *queue = ordo_queue_new(&options);
    const int64_t service = 3 * MS, bound[] = {INT64_MAX, options.max_wait_ns[1], options.max_wait_ns[2]};
    int64_t now = 0, longest[ORDO_PRIORITY_COUNT] = {0};
    uint32_t next_number[ORDO_PRIORITY_COUNT] = {0}, expected[ORDO_PRIORITY_COUNT] = {0};
    uint64_t state = seed * 2 + 1;

    while (now < (int64_t)60000 * MS) {
        struct ordo_job_list list = {0};
        struct ordo_job *job;
        uint64_t arrivals = draw(&state) % 5;

        for (uint64_t i = 0; i < arrivals; i++)
            if (push_one(queue, ORDO_PRIORITY_HIGH, next_number[0], now) == 0)
                next_number[0]++;
        for (int class = 1; class < ORDO_PRIORITY_COUNT; class ++)
            if (draw(&state) % 40 == 0 &&
                push_one(queue, (enum ordo_priority) class, next_number[class], now) == 0)
                next_number[class]++;
        if (ordo_queue_take(queue, 1, now, &list) == 0) {
            now += MS;
            continue;
        }
        job = ordo_job_list_pop(&list);
        if (job->attempt != expected[job->priority])
            fail_msg("seed %llu: class %d served %u before %u", (unsigned long long)seed, job->priority,
                     job->attempt, expected[job->priority]);
        expected[job->priority]++;
        if (now - job->queued_ns > longest[job->priority])
            longest[job->priority] = now - job->queued_ns;
        free(job);
        now += 1 + (int64_t)(draw(&state) % (uint64_t)service);
    }
    for (int class = 1; class < ORDO_PRIORITY_COUNT; class ++) {
        if (longest[class] > bound[class] + service)
            fail_msg("seed %llu: class %d waited %lld ns", (unsigned long long)seed, class,
                     (long long)longest[class]);
        assert_true(expected[class] > 100); /* there was a trickle */
    }
    empty(queue);
}

static void test_a_flood_of_high_orders_starves_nobody(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        run_flood(seed);
}

static void test_a_push_wakes_a_sleeper_once(void **state)
{
    struct ordo_queue_options options = options_of(10);
    struct ordo_queue *queue = ordo_queue_new(&options);
    struct ordo_waker waker;
    struct ordo_queue_sleeper sleeper = {.waker = &waker};

    (void)state;
    ordo_waker_init(&waker);
    assert_true(ordo_queue_sleep(queue, &sleeper));
    push_one(queue, ORDO_PRIORITY_HIGH, 0, 0);
    assert_true(waker.woken);
    assert_false(sleeper.registered);
    assert_false(ordo_queue_sleep(queue, &sleeper)); /* there is work */
    ordo_queue_awake(queue, &sleeper);               /* nothing to undo */
    empty(queue);

    queue = ordo_queue_new(&options);
    assert_true(ordo_queue_sleep(queue, &sleeper));
    ordo_queue_awake(queue, &sleeper);
    assert_false(sleeper.registered);
    ordo_queue_free(queue);
    ordo_waker_done(&waker);
}

static void test_a_take_that_leaves_work_wakes_the_next(void **state)
{
    struct ordo_queue_options options = options_of(10);
    struct ordo_queue *queue = ordo_queue_new(&options);
    struct ordo_waker wakers[2];
    struct ordo_queue_sleeper first = {.waker = &wakers[0]}, second = {.waker = &wakers[1]};
    struct ordo_job_list list = {0};
    enum ordo_priority priority = ORDO_PRIORITY_COUNT;
    uint32_t number;

    (void)state;
    ordo_waker_init(&wakers[0]);
    ordo_waker_init(&wakers[1]);
    assert_true(ordo_queue_sleep(queue, &first));
    assert_true(ordo_queue_sleep(queue, &second));
    for (uint32_t i = 0; i < 2; i++)
        ordo_job_list_push(&list, job_new(ORDO_PRIORITY_HIGH, i));
    assert_int_equal(ordo_queue_push(queue, &list, 0), 0);
    assert_int_equal(wakers[0].woken + wakers[1].woken, 1);
    assert_true(take_one(queue, 0, &priority, &number));
    assert_int_equal(wakers[0].woken + wakers[1].woken, 2);
    empty(queue);
    ordo_waker_done(&wakers[0]);
    ordo_waker_done(&wakers[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_class_is_fifo),
        cmocka_unit_test(test_service_is_weighted_8_4_1),
        cmocka_unit_test(test_an_empty_class_gives_its_turns_on),
        cmocka_unit_test(test_a_full_class_refuses_and_counts_at_its_edge),
        cmocka_unit_test(test_a_list_is_refused_in_part_and_stays_in_order),
        cmocka_unit_test(test_a_line_that_waits_outside_is_not_counted_as_refused),
        cmocka_unit_test(test_reserved_room_is_not_given_to_others),
        cmocka_unit_test(test_an_order_that_waited_its_bound_is_next_oldest_first),
        cmocka_unit_test(test_a_flood_of_high_orders_starves_nobody),
        cmocka_unit_test(test_a_push_wakes_a_sleeper_once),
        cmocka_unit_test(test_a_take_that_leaves_work_wakes_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
