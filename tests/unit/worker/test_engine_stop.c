/* SPDX-License-Identifier: MIT
 * test_engine_stop.c: drain and stop: who is waited for, who is given up, and that nobody is forgotten.
 */
#include "engine_bench.h"

struct stopper {
    struct ordo_engine *engine;
    struct ordo_thread thread;
    struct ordo_waker ended;
    _Atomic bool has_ended;
    bool drained;
};

static void run_drain(void *context)
{
    struct stopper *stopper = context;

    stopper->drained = ordo_engine_drain(stopper->engine, INT64_MAX);
}

static void run_stop(void *context)
{
    struct stopper *stopper = context;

    ordo_engine_stop(stopper->engine);
    atomic_store(&stopper->has_ended, true);
    ordo_waker_wake(&stopper->ended);
}

static void test_a_drain_waits_for_orders_inside_and_refuses_new_ones(void **state)
{
    struct bench bench;
    struct ordo_job *slow, *late;

    (void)state;
    bench_init(&bench, false, 1000);
    slow = job_new(&bench, "slow", "sleep");
    assert_true(submit(&bench, slow));
    assert_true(ordo_engine_drain(bench.engine, INT64_MAX));
    assert_ptr_equal(wait_answer(&bench), slow);
    assert_int_equal(slow->kind, ORDO_ANSWER_DECISION);
    late = job_new(&bench, "late", "");
    assert_false(submit(&bench, late));
    assert_int_equal(late->problem, ORDO_PROBLEM_STOPPING);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_STOPPED), 1);
    assert_int_equal(ordo_engine_retry(bench.engine, ORDO_STR("slow")), ORDO_PROBLEM_STOPPING + 1);
    assert_int_equal(ordo_engine_resolve(bench.engine, ORDO_STR("slow"), true, ORDO_STR("ann"), ORDO_STR("x"),
                                         &bench.emitted),
                     ORDO_PROBLEM_STOPPING + 1);
    job_free(slow);
    job_free(late);
    bench_done(&bench);
}

static void test_a_drain_takes_the_lines_of_a_batch_that_came_before(void **state)
{
    struct stopper stopper = {.drained = false};
    struct ordo_job *line, *order;
    struct bench bench;

    (void)state;
    bench_init(&bench, false, 1000);
    stopper.engine = bench.engine;
    assert_true(ordo_engine_enter(bench.engine));
    assert_int_equal(ordo_thread_start(&stopper.thread, "drain", run_drain, &stopper), 0);
    while (ordo_engine_enter(bench.engine)) { /* until it takes no more */
        ordo_engine_leave(bench.engine);
        sched_yield();
    }
    order = job_new(&bench, "o-1", "");
    assert_false(submit(&bench, order));
    assert_int_equal(order->problem, ORDO_PROBLEM_STOPPING);
    for (int i = 0; i < 3; i++) {
        line = job_new(&bench, NULL, "sleep");
        assert_true(submit_line(&bench, line));
        assert_ptr_equal(wait_answer(&bench), line);
        assert_int_equal(line->kind, ORDO_ANSWER_DECISION);
        job_free(line);
    }
    line = job_new(&bench, "o-2", "sleep");
    assert_true(submit_line(&bench, line));
    ordo_engine_leave(bench.engine);
    ordo_thread_join(&stopper.thread);
    assert_true(stopper.drained);
    assert_ptr_equal(wait_answer(&bench), line);
    assert_int_equal(line->kind, ORDO_ANSWER_DECISION);
    job_free(line);
    job_free(order);
    bench_done(&bench);
}

/* A line that was promised is queued once more behind its record, and nobody waits for it. */
static void test_a_drain_waits_for_lines_that_were_promised(void **state)
{
    for (int i = 0; i < 50; i++) {
        struct bench bench;
        struct ordo_job *line;

        (void)state;
        bench_init(&bench, i % 2, 1000);
        line = job_new(&bench, "o-1", "");
        line->async = true;
        assert_true(submit_line(&bench, line));
        assert_ptr_equal(wait_answer(&bench), line);
        assert_int_equal(line->kind, ORDO_ANSWER_LATER);
        assert_true(ordo_engine_drain(bench.engine, INT64_MAX));
        assert_int_equal(fault_store_status(&bench.store, "o-1", NULL), ORDO_STATUS_DONE);
        job_free(line);
        bench_done(&bench);
    }
}

static void test_orders_that_sleep_and_wait_are_given_up_at_the_deadline(void **state)
{
    struct ordo_engine_figures figures;
    struct ordo_job *job;
    struct bench bench;
    char id[16];

    (void)state;
    bench_init_narrow(&bench, 1);
    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof(id), "o-%d", i);
        assert_true(submit(&bench, job_new(&bench, id, "long")));
    }
    do
        ordo_engine_figures(bench.engine, &figures);
    while (figures.waiting < 2 || figures.queue.depth[ORDO_PRIORITY_HIGH] > 8);
    assert_false(ordo_engine_drain(bench.engine, ordo_clock_ns()));
    ordo_engine_stop(bench.engine);
    for (int i = 0; i < 10; i++) {
        job = wait_answer(&bench);
        assert_int_equal(job->kind, ORDO_ANSWER_PROBLEM);
        assert_int_equal(job->problem, ORDO_PROBLEM_STOPPING);
        assert_answer_has(job, "the engine stopped before the order was decided");
        job_free(job);
    }
    assert_int_equal(ordo_engine_given_up(bench.engine), 10);
    job = job_new(&bench, NULL, "");
    assert_false(submit_line(&bench, job)); /* of a batch that is still being read */
    assert_int_equal(job->problem, ORDO_PROBLEM_STOPPING);
    job_free(job);
    assert_int_equal(ordo_engine_given_up(bench.engine), 11);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_STOPPED), 11);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_ACCEPTED), 0);
    bench_done(&bench);
}

static void test_a_stop_waits_for_what_the_store_writes(void **state)
{
    for (int async = 0; async < 2; async++) {
        struct stopper stopper = {.drained = false};
        struct ordo_job *job;
        struct bench bench;

        (void)state;
        bench_init(&bench, true, 1000);
        stopper.engine = bench.engine;
        ordo_waker_init(&stopper.ended);
        fault_store_hold(&bench.store, true);
        job = job_new(&bench, "o-1", "");
        job->async = async;
        assert_true(submit(&bench, job));
        while (fault_store_held(&bench.store) == 0)
            sched_yield();
        assert_false(ordo_engine_drain(bench.engine, ordo_clock_ns()));
        assert_int_equal(ordo_thread_start(&stopper.thread, "stop", run_stop, &stopper), 0);
        /* That it does not end cannot be waited for: it gets the time to do so wrongly. */
        ordo_waker_wait(&stopper.ended, ordo_clock_ns() + 50000000);
        assert_false(atomic_load(&stopper.has_ended));
        fault_store_hold(&bench.store, false);
        ordo_thread_join(&stopper.thread);
        assert_ptr_equal(wait_answer(&bench), job);
        assert_int_equal(job->kind, async ? ORDO_ANSWER_LATER : ORDO_ANSWER_DECISION);
        assert_int_equal(fault_store_status(&bench.store, "o-1", NULL),
                         async ? ORDO_STATUS_QUEUED : ORDO_STATUS_DONE);
        job_free(job);
        ordo_waker_done(&stopper.ended);
        bench_done(&bench);
    }
}

static void test_sinks_get_one_attempt_behind_the_deadline(void **state)
{
    struct bench bench;
    int before;

    (void)state;
    bench_init(&bench, false, 1000);
    bench.sink_failures = INT_MAX;
    job_free(decide(&bench, "o-1", ""));
    assert_true(ordo_engine_drain(bench.engine, INT64_MAX));
    ordo_engine_stop(bench.engine);
    pthread_mutex_lock(&bench.sink_lock);
    before = bench.attempts;
    pthread_mutex_unlock(&bench.sink_lock);
    ordo_engine_stop_sinks(bench.engine, ordo_clock_ns());
    assert_true(bench.attempts <= before + 2); /* one may have been under way */
    assert_int_equal(counter(&bench, ORDO_COUNTER_SINK_EMITTED), 0);
    bench_done(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_drain_waits_for_orders_inside_and_refuses_new_ones),
        cmocka_unit_test(test_a_drain_takes_the_lines_of_a_batch_that_came_before),
        cmocka_unit_test(test_a_drain_waits_for_lines_that_were_promised),
        cmocka_unit_test(test_orders_that_sleep_and_wait_are_given_up_at_the_deadline),
        cmocka_unit_test(test_a_stop_waits_for_what_the_store_writes),
        cmocka_unit_test(test_sinks_get_one_attempt_behind_the_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
