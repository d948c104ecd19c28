/* SPDX-License-Identifier: MIT
 * test_coroutines.c: orders that wait are listed by their workers, with the line where they stand; a worker that does not come
 * is said to be missing, also when it comes too late; an engine that stopped has none.
 */
#include "engine_bench.h"

#include "vm/line_table.h"

enum { WORKERS = 2, ORDERS = 20, SLEEP_LINE = 7 };

static const int64_t long_ns = 30000000000, short_ns = 50000000;

struct listed {
    size_t waiting, missing;
    bool seen[ORDERS];
};

static void check(const struct ordo_coroutine *coroutine, const uint64_t *frames)
{
    struct ordo_line line;

    assert_string_equal(coroutine->waits_for, "sleep");
    assert_true(coroutine->worker < WORKERS);
    assert_int_equal(coroutine->priority, ORDO_PRIORITY_HIGH);
    assert_int_equal(coroutine->attempt, 1);
    assert_int_equal(coroutine->generation, 1);
    assert_int_equal(coroutine->until_ns - coroutine->since_ns, 3600000000000);
    assert_true(coroutine->since_ns <= ordo_clock_ns());
    assert_true(coroutine->frame_count >= 1);
    assert_true(ordo_line_find(frames[0], &line));
    assert_string_equal(line.source, "@rules/10_test.lua");
    assert_int_equal(line.line, SLEEP_LINE);
}

static struct listed list(struct bench *bench, int64_t wait_ns)
{
    const struct ordo_coroutine *coroutine;
    struct ordo_coroutines coroutines = {0};
    struct listed listed = {0};
    const uint64_t *frames;
    size_t count = 0;

    ordo_engine_coroutines(bench->engine, ordo_clock_ns() + wait_ns, &coroutines);
    for (size_t at = 0; ordo_coroutines_next(&coroutines, &at, &coroutine, &frames); count++) {
        if (coroutine->is_missing) {
            listed.missing++;
            continue;
        }
        check(coroutine, frames);
        listed.seen[strtol(coroutine->order + 2, NULL, 10)] = true; /* "o-7" */
        listed.waiting++;
    }
    assert_int_equal(count, coroutines.count);
    ordo_coroutines_done(&coroutines);
    return listed;
}

static void let_wait(struct bench *bench)
{
    struct ordo_engine_figures figures;
    char id[16];

    for (int i = 0; i < ORDERS; i++) {
        snprintf(id, sizeof(id), "o-%d", i);
        assert_true(submit(bench, job_new(bench, id, "long")));
    }
    do
        ordo_engine_figures(bench->engine, &figures);
    while (figures.waiting < ORDERS);
}

static void give_up(struct bench *bench)
{
    ordo_engine_stop(bench->engine);
    for (int i = 0; i < ORDERS; i++)
        job_free(wait_answer(bench));
    bench_done(bench);
}

static void test_every_order_that_waits(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench, false, 1000);
    assert_int_equal(list(&bench, long_ns).waiting, 0);
    let_wait(&bench);
    for (int round = 0; round < 3; round++) {
        struct listed listed = list(&bench, long_ns);

        assert_int_equal(listed.waiting, ORDERS);
        assert_int_equal(listed.missing, 0);
        for (int i = 0; i < ORDERS; i++)
            assert_true(listed.seen[i]);
    }
    give_up(&bench);
}

static void test_worker_that_does_not_come_is_missing(void **state)
{
    struct bench bench;
    struct gate gate;

    (void)state;
    bench_init(&bench, false, 1000);
    let_wait(&bench);
    gate_close(&gate, &bench, job_new(&bench, "quick", ""));
    assert_true(list(&bench, short_ns).missing >= 1);

    gate_open(&gate, &bench);
    assert_int_equal(list(&bench, long_ns).waiting, ORDERS); /* not with what came too late before */
    give_up(&bench);
}

static void test_stopped_engine_has_none(void **state)
{
    struct bench bench;
    struct listed listed;

    (void)state;
    bench_init(&bench, false, 1000);
    let_wait(&bench);
    ordo_engine_stop(bench.engine);
    listed = list(&bench, long_ns);
    assert_int_equal(listed.waiting, 0);
    assert_int_equal(listed.missing, WORKERS);
    give_up(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order_that_waits),
        cmocka_unit_test(test_worker_that_does_not_come_is_missing),
        cmocka_unit_test(test_stopped_engine_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
