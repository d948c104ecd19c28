/* SPDX-License-Identifier: MIT
 * test_take.c: orders that a worker takes at once are looked up together, and go on as if each had been looked up when it
 * began: lines that share an id, known orders, lines that cannot be read, long ones, overdue ones.
 */
#include "engine_bench.h"

enum { LINES = 8, MANY = 100, LONG = 20000, WORKERS = 2, PENDING = 40 };

static void make(struct bench *bench, struct ordo_job **jobs, size_t count, const char *id)
{
    char text[16];

    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%s%zu", id, i);
        jobs[i] = job_new(bench, text, "");
    }
}

/* In the order of their answers. */
static void wait_all(struct bench *bench, struct ordo_job **answered, size_t count)
{
    for (size_t i = 0; i < count; i++)
        answered[i] = wait_answer(bench);
}

static void free_all(struct ordo_job **jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        job_free(jobs[i]);
}

static void test_lines_are_looked_up_together(void **state)
{
    struct bench bench;
    struct ordo_job *jobs[LINES], *answered[LINES];

    (void)state;
    bench_init(&bench, false, 1000);
    make(&bench, jobs, LINES, "o-");
    job_free(jobs[5]);
    jobs[5] = job_new(&bench, "o-5", "hold"); /* each is decided by what it says itself */
    assert_true(submit_lines(&bench, jobs, LINES));
    wait_all(&bench, answered, LINES);
    for (size_t i = 0; i < LINES; i++) {
        assert_ptr_equal(answered[i], jobs[i]);
        assert_int_equal(jobs[i]->kind, ORDO_ANSWER_DECISION);
        assert_int_equal(jobs[i]->status, i == 5 ? ORDO_STATUS_HELD : ORDO_STATUS_DONE);
    }
    assert_int_equal(atomic_load(&bench.store.finds), 1);
    assert_int_equal(atomic_load(&bench.store.ids_asked), LINES);
    assert_int_equal(atomic_load(&bench.store.gets), 0);
    assert_int_equal(atomic_load(&bench.store.known_absent), LINES);
    free_all(jobs, LINES);
    bench_done(&bench);
}

/* The one that is known is answered from the store, and the others are new. */
static void test_a_known_order_among_new_ones_is_replayed(void **state)
{
    struct bench bench;
    struct ordo_job *jobs[LINES], *answered[LINES];

    (void)state;
    bench_init(&bench, false, 1000);
    bench_know(&bench, "o-3", "", ORDO_STATUS_DONE);
    make(&bench, jobs, LINES, "o-");
    assert_true(submit_lines(&bench, jobs, LINES));
    wait_all(&bench, answered, LINES);
    for (size_t i = 0; i < LINES; i++)
        assert_int_equal(jobs[i]->kind, i == 3 ? ORDO_ANSWER_REPLAY : ORDO_ANSWER_DECISION);
    assert_int_equal(atomic_load(&bench.store.gets), 1);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_REPLAYED), 1);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_ACCEPTED), LINES - 1);
    free_all(jobs, LINES);
    bench_done(&bench);
}

/* A replay gives the id back at once, so none is a conflict for the next. */
static void test_lines_of_one_known_order_are_all_replayed(void **state)
{
    struct bench bench;
    struct ordo_job *jobs[LINES], *answered[LINES];

    (void)state;
    bench_init(&bench, false, 1000);
    bench_know(&bench, "o-1", "", ORDO_STATUS_DONE);
    for (size_t i = 0; i < LINES; i++)
        jobs[i] = job_new(&bench, "o-1", "");
    assert_true(submit_lines(&bench, jobs, LINES));
    wait_all(&bench, answered, LINES);
    for (size_t i = 0; i < LINES; i++) {
        assert_ptr_equal(answered[i], jobs[i]);
        assert_int_equal(jobs[i]->kind, ORDO_ANSWER_REPLAY);
    }
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_REPLAYED), LINES);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_CONFLICT), 0);
    free_all(jobs, LINES);
    bench_done(&bench);
}

static void test_the_first_line_of_a_new_order_is_decided(void **state)
{
    for (int late = 0; late < 2; late++) {
        struct bench bench;
        struct ordo_job *jobs[3], *answered[3];

        (void)state;
        bench_init(&bench, late, 1000);
        fault_store_hold(&bench.store, late);
        jobs[0] = job_new(&bench, "o-1", "");
        jobs[1] = job_new(&bench, "o-1", "");
        jobs[2] = job_new(&bench, "o-2", "");
        assert_true(submit_lines(&bench, jobs, 3));
        if (late) { /* the decisions wait for the store, and the conflict does not */
            answered[1] = wait_answer(&bench);
            assert_ptr_equal(answered[1], jobs[1]);
            fault_store_hold(&bench.store, false);
        } else {
            answered[1] = wait_answer(&bench);
        }
        answered[0] = wait_answer(&bench);
        answered[2] = wait_answer(&bench);
        assert_int_equal(jobs[0]->kind, ORDO_ANSWER_DECISION);
        assert_int_equal(jobs[1]->kind, ORDO_ANSWER_PROBLEM);
        assert_int_equal(jobs[1]->problem, ORDO_PROBLEM_IN_PROGRESS);
        assert_int_equal(jobs[2]->kind, ORDO_ANSWER_DECISION);
        assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_CONFLICT), 1);
        assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_ACCEPTED), 2);
        free_all(jobs, 3);
        bench_done(&bench);
    }
}

static void test_a_line_that_is_no_order_is_refused_alone(void **state)
{
    struct bench bench;
    struct ordo_job *jobs[LINES], *answered[LINES];

    (void)state;
    bench_init(&bench, false, 1000);
    make(&bench, jobs, LINES, "o-");
    jobs[2]->bytes.len -= 1; /* no closing brace */
    assert_true(submit_lines(&bench, jobs, LINES));
    wait_all(&bench, answered, LINES);
    for (size_t i = 0; i < LINES; i++)
        assert_int_equal(jobs[i]->kind, i == 2 ? ORDO_ANSWER_PROBLEM : ORDO_ANSWER_DECISION);
    assert_int_equal(jobs[2]->problem, ORDO_PROBLEM_INVALID_JSON);
    assert_int_equal(atomic_load(&bench.store.ids_asked), LINES - 1);
    free_all(jobs, LINES);
    bench_done(&bench);
}

/* Not read ahead behind others, but with those that follow. */
static void test_a_long_line_is_decided_too(void **state)
{
    struct bench bench;
    struct ordo_job *jobs[3], *answered[3];
    char *bytes = calloc(1, LONG + ORDO_JSON_PADDING);

    (void)state;
    assert_non_null(bytes);
    bench_init(&bench, false, 1000);
    make(&bench, jobs, 3, "o-");
    memset(bytes, ' ', LONG);
    memcpy(bytes, jobs[1]->bytes.ptr, jobs[1]->bytes.len);
    free((char *)jobs[1]->bytes.ptr);
    jobs[1]->bytes = (ordo_str){bytes, LONG};
    assert_true(submit_lines(&bench, jobs, 3));
    wait_all(&bench, answered, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(answered[i], jobs[i]);
        assert_int_equal(jobs[i]->kind, ORDO_ANSWER_DECISION);
    }
    assert_int_equal(atomic_load(&bench.store.finds), 2);
    free_all(jobs, 3);
    bench_done(&bench);
}

/* More than are taken at once; the rest goes first out of turn, and each id is asked for once. */
static void test_overdue_lines_are_looked_up_too(void **state)
{
    struct bench bench;
    struct ordo_job *jobs[MANY], *answered[MANY];

    (void)state;
    bench_init_hasty(&bench, 1000);
    make(&bench, jobs, MANY, "o-");
    assert_true(submit_lines(&bench, jobs, MANY));
    wait_all(&bench, answered, MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(jobs[i]->kind, ORDO_ANSWER_DECISION);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_ACCEPTED), MANY);
    assert_int_equal(atomic_load(&bench.store.ids_asked), MANY);
    assert_int_equal(atomic_load(&bench.store.gets), 0);
    free_all(jobs, MANY);
    bench_done(&bench);
}

static void test_a_store_of_1_0_is_asked_one_by_one(void **state)
{
    struct bench bench;
    struct ordo_job *jobs[LINES], *answered[LINES];

    (void)state;
    bench_init_1_0(&bench);
    make(&bench, jobs, LINES, "o-");
    assert_true(submit_lines(&bench, jobs, LINES));
    wait_all(&bench, answered, LINES);
    for (size_t i = 0; i < LINES; i++)
        assert_int_equal(jobs[i]->kind, ORDO_ANSWER_DECISION);
    assert_int_equal(atomic_load(&bench.store.finds), 0);
    assert_int_equal(atomic_load(&bench.store.gets), LINES);
    assert_int_equal(atomic_load(&bench.store.known_absent), 0);
    free_all(jobs, LINES);
    bench_done(&bench);
}

/* Waits until as many orders as may be are asleep. */
static struct ordo_engine_figures fill(struct bench *bench, uint32_t max_in_flight)
{
    struct ordo_engine_figures figures;

    do
        ordo_engine_figures(bench->engine, &figures);
    while (figures.waiting < (uint64_t)WORKERS * max_in_flight);
    ordo_engine_figures(bench->engine, &figures); /* of one moment: nothing happens any more */
    return figures;
}

/* All come back undecided. */
static void stop(struct bench *bench, struct ordo_job **jobs, size_t count)
{
    struct ordo_job *answered[MANY];

    assert_false(ordo_engine_drain(bench->engine, ordo_clock_ns()));
    ordo_engine_stop(bench->engine);
    wait_all(bench, answered, count);
    free_all(jobs, count);
    bench_done(bench);
}

/* Half of the room is for those from before the start; where it is odd, they get one more the first time. */
static void test_recovery_keeps_within_max_in_flight(void **state)
{
    static const uint32_t mosts[] = {1, 2, 3, 16, 17};

    (void)state;
    for (size_t i = 0; i < sizeof(mosts) / sizeof(*mosts); i++) {
        struct bench bench;
        struct ordo_job *jobs[MANY];
        struct ordo_engine_figures figures;
        uint32_t most = mosts[i];

        bench_init_pending(&bench, most, PENDING, "long");
        for (size_t n = 0; n < MANY; n++)
            jobs[n] = job_new(&bench, NULL, "long");
        for (size_t n = 0; n < MANY; n++)
            assert_true(submit(&bench, jobs[n]));
        pthread_mutex_unlock(&bench.store.lock);
        figures = fill(&bench, most);
        assert_int_equal(figures.in_flight, WORKERS * most);
        assert_int_equal(MANY - figures.queue.depth[ORDO_PRIORITY_HIGH], WORKERS * (most / 2));
        stop(&bench, jobs, MANY);
    }
}

/* Neither those from before the start nor new ones wait for all of the others. */
static void test_recovery_and_new_orders_take_turns_in_the_last_room(void **state)
{
    struct bench bench;
    struct ordo_job *jobs[PENDING], *answered[PENDING];
    int ahead = 0;

    (void)state;
    bench_init_pending(&bench, 1, PENDING, "");
    for (size_t n = 0; n < PENDING; n++) {
        jobs[n] = job_new(&bench, NULL, "");
        assert_true(submit(&bench, jobs[n]));
    }
    pthread_mutex_unlock(&bench.store.lock);
    wait_all(&bench, answered, PENDING);
    assert_true(ordo_engine_drain(bench.engine, INT64_MAX));
    assert_int_equal(bench.store.emission_count, 2 * PENDING);
    for (size_t n = 0; n < PENDING; n++) { /* each worker begins with one from before the start */
        ahead += bench.store.emissions[n].id.ptr[0] == 'p' ? 1 : -1;
        assert_in_range(ahead + WORKERS, 0, 2 * WORKERS);
    }
    free_all(jobs, PENDING);
    bench_done(&bench);
}

static void test_overdue_orders_keep_within_max_in_flight(void **state)
{
    static const uint32_t mosts[] = {1, 2, 3, 16, 17};

    (void)state;
    for (size_t i = 0; i < sizeof(mosts) / sizeof(*mosts); i++) {
        struct bench bench;
        struct ordo_job *jobs[MANY];

        bench_init_hasty(&bench, mosts[i]);
        for (size_t n = 0; n < MANY; n++)
            jobs[n] = job_new(&bench, NULL, "long");
        assert_true(submit_lines(&bench, jobs, MANY));
        assert_int_equal(fill(&bench, mosts[i]).in_flight, WORKERS * mosts[i]);
        stop(&bench, jobs, MANY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_looked_up_together),
        cmocka_unit_test(test_a_known_order_among_new_ones_is_replayed),
        cmocka_unit_test(test_lines_of_one_known_order_are_all_replayed),
        cmocka_unit_test(test_the_first_line_of_a_new_order_is_decided),
        cmocka_unit_test(test_a_line_that_is_no_order_is_refused_alone),
        cmocka_unit_test(test_a_long_line_is_decided_too),
        cmocka_unit_test(test_overdue_lines_are_looked_up_too),
        cmocka_unit_test(test_a_store_of_1_0_is_asked_one_by_one),
        cmocka_unit_test(test_recovery_keeps_within_max_in_flight),
        cmocka_unit_test(test_recovery_and_new_orders_take_turns_in_the_last_room),
        cmocka_unit_test(test_overdue_orders_keep_within_max_in_flight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
