/* SPDX-License-Identifier: MIT
 * test_collect.c: garbage is collected in every worker when it is asked for, and one that does not come is said to be missing.
 */
#include "engine_bench.h"

#include <errno.h>

enum { WORKERS = 2 };

static uint64_t lua_bytes(struct bench *bench)
{
    struct ordo_engine_figures figures;

    ordo_engine_figures(bench->engine, &figures);
    return figures.lua_bytes;
}

static int collect(struct bench *bench, int64_t wait_ns, uint32_t *ret_collected)
{
    return ordo_engine_collect(bench->engine, ordo_clock_ns() + wait_ns, ret_collected);
}

static const int64_t long_ns = 30000000000, short_ns = 50000000;

static void test_every_worker_collects(void **state)
{
    struct bench bench;
    uint32_t collected;
    uint64_t before;

    (void)state;
    bench_init(&bench, false, 1000);
    for (int i = 0; i < 200; i++) {
        char id[16];

        snprintf(id, sizeof(id), "o-%d", i);
        job_free(decide(&bench, id, ""));
    }
    before = lua_bytes(&bench);
    /* What the first has left is published at the end of that turn, so surely before the second. */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(collect(&bench, long_ns, &collected), 0);
        assert_int_equal(collected, WORKERS);
    }
    assert_true(lua_bytes(&bench) < before);
    job_free(decide(&bench, "o-after", ""));
    bench_done(&bench);
}

static void test_worker_that_does_not_come_is_missing(void **state)
{
    struct bench bench;
    struct gate gate;
    uint32_t collected;

    (void)state;
    bench_init(&bench, false, 1000);
    gate_close(&gate, &bench, job_new(&bench, "o-1", ""));
    assert_int_equal(collect(&bench, short_ns, &collected), -ETIMEDOUT);
    assert_int_equal(collected, WORKERS - 1);

    gate_open(&gate, &bench);
    assert_int_equal(collect(&bench, long_ns, &collected), 0);
    assert_int_equal(collected, WORKERS);
    bench_done(&bench);
}

static void test_stopped_engine_does_not_collect(void **state)
{
    struct bench bench;
    uint32_t collected = 7;

    (void)state;
    bench_init(&bench, false, 1000);
    ordo_engine_stop(bench.engine);
    assert_int_equal(collect(&bench, long_ns, &collected), ORDO_ESTOPPED);
    assert_int_equal(collected, 0);
    bench_done(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_worker_collects),
        cmocka_unit_test(test_worker_that_does_not_come_is_missing),
        cmocka_unit_test(test_stopped_engine_does_not_collect),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
