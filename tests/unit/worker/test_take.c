/* SPDX-License-Identifier: MIT
 * test_take.c: orders that a worker takes at once are looked up together, and go on as if each had been looked up when it
 * began: lines that share an id, known orders, lines that cannot be read, long ones, overdue ones.
 */
#include "engine_bench.h"

enum { LINES = 8, MANY = 100, LONG = 20000 };

static void make(struct bench *bench, struct ordo_job **jobs, size_t count, const char *id)
{
    char text[16];

    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%s%zu", id, i);
        jobs[i] = job_new(bench, text, "");
    }
}

static void no_wait(void *context, struct ordo_write *writes, size_t count)
{
    (void)context;
    assert_int_equal(count, 1);
    assert_int_equal(writes[0].result, 0);
}

/* The store has this order, and no worker has been at work, so that the first to come takes all that is submitted at once. */
static void know(struct bench *bench, const char *id)
{
    struct ordo_job *job = job_new(bench, id, "");
    struct ordo_write write = {
        .record =
            {
                .size = sizeof(write.record),
                .status = ORDO_STATUS_DONE,
                .id = ordo_str_from(id),
                .order = job->bytes,
                .answer = ORDO_STR("{}"),
            },
        .replaces = ORDO_STATUS_BIT_ABSENT,
    };

    fault_store_ops.submit(&bench->store, &write, 1, no_wait, NULL);
    job_free(job);
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
    know(&bench, "o-3");
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
    know(&bench, "o-1");
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
    bench_init_hasty(&bench);
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
