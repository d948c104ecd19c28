/* SPDX-License-Identifier: MIT
 * stress_queue.c: several threads push and take at once; nothing is lost or doubled, and within a class and a
 * producer the order stays. Made for ThreadSanitizer, and small enough for it.
 *
 * Workers sleep and wake as the engine's do; a lost wake-up would hang the test, and its time limit fails it.
 */
#include "core/inflight.h"
#include "core/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PRODUCERS = 3, WORKERS = 3, ORDERS = 50000 /* a producer */, CAPACITY = 500 };

#define DONE UINT32_MAX

struct stress {
    struct ordo_queue *queue;
    struct ordo_inflight *inflight;
    _Atomic uint32_t taken;
    _Atomic uint32_t refused_then_pushed;
    _Atomic uint8_t seen[PRODUCERS][ORDERS];
    _Atomic uint32_t doubled, unclaimed;
    struct ordo_waker wakers[WORKERS];
};

struct actor {
    struct stress *stress;
    struct ordo_thread thread;
    uint32_t index;
    uint32_t out_of_order; /* read after the join */
};

static void produce(void *context)
{
    struct actor *actor = context;
    struct stress *stress = actor->stress;
    struct ordo_job_list list = {0};

    for (uint32_t i = 0; i < ORDERS; i++) {
        struct ordo_job *job = calloc(1, sizeof(*job));

        ORDO_REQUIRE(job != NULL);
        job->priority = (enum ordo_priority)((i + actor->index) % ORDO_PRIORITY_COUNT);
        job->attempt = i;
        job->revision = actor->index;
        job->parsed = true;
        job->id_len = sizeof(i) + 1;
        memcpy(job->id_bytes, &i, sizeof(i));
        job->id_bytes[sizeof(i)] = (char)('a' + actor->index);
        if (!ordo_inflight_claim(stress->inflight, job))
            atomic_fetch_add(&stress->unclaimed, 1);
        ordo_job_list_push(&list, job);
        if (i % 7 != 0 && i + 1 < ORDERS)
            continue;
        while (ordo_queue_push(stress->queue, &list, i) > 0)
            atomic_fetch_add(&stress->refused_then_pushed, 1);
    }
}

static void take_all(struct actor *actor, uint32_t (*last)[ORDO_PRIORITY_COUNT])
{
    struct stress *stress = actor->stress;
    struct ordo_job_list list = {0};
    struct ordo_job *job;

    while (ordo_queue_take(stress->queue, 5, 0, &list) > 0)
        while ((job = ordo_job_list_pop(&list)) != NULL) {
            uint32_t *before = &last[job->revision][job->priority];

            /* one worker sees each producer's orders of a class in their order */
            actor->out_of_order += *before != DONE && job->attempt <= *before;
            *before = job->attempt;
            if (atomic_fetch_add(&stress->seen[job->revision][job->attempt], 1) != 0)
                atomic_fetch_add(&stress->doubled, 1);
            ordo_inflight_release(stress->inflight, job);
            free(job);
            if (atomic_fetch_add(&stress->taken, 1) + 1 == PRODUCERS * ORDERS)
                for (int i = 0; i < WORKERS; i++)
                    ordo_waker_wake(&stress->wakers[i]);
        }
}

static void work(void *context)
{
    struct actor *actor = context;
    struct stress *stress = actor->stress;
    struct ordo_queue_sleeper sleeper = {.waker = &stress->wakers[actor->index]};
    uint32_t last[PRODUCERS][ORDO_PRIORITY_COUNT];

    memset(last, 0xff, sizeof(last));
    while (atomic_load(&stress->taken) < PRODUCERS * ORDERS) {
        take_all(actor, last);
        if (!ordo_queue_sleep(stress->queue, &sleeper))
            continue;
        if (atomic_load(&stress->taken) < PRODUCERS * ORDERS)
            ordo_waker_wait(sleeper.waker, INT64_MAX);
        ordo_queue_awake(stress->queue, &sleeper);
    }
}

static void test_nothing_is_lost_or_doubled(void **state)
{
    static struct stress stress;
    struct ordo_queue_options options = {.capacity = {CAPACITY, CAPACITY, CAPACITY},
                                         .max_wait_ns = {INT64_MAX, INT64_MAX, INT64_MAX}};
    struct actor producers[PRODUCERS] = {0}, workers[WORKERS] = {0};
    struct ordo_queue_figures figures;

    (void)state;
    stress.queue = ordo_queue_new(&options);
    stress.inflight = ordo_inflight_new();
    for (uint32_t i = 0; i < WORKERS; i++) {
        ordo_waker_init(&stress.wakers[i]);
        workers[i] = (struct actor){.stress = &stress, .index = i};
        assert_int_equal(ordo_thread_start(&workers[i].thread, "worker", work, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct actor){.stress = &stress, .index = i};
        assert_int_equal(ordo_thread_start(&producers[i].thread, "producer", produce, &producers[i]), 0);
    }
    for (uint32_t i = 0; i < PRODUCERS; i++)
        ordo_thread_join(&producers[i].thread);
    for (uint32_t i = 0; i < WORKERS; i++)
        ordo_thread_join(&workers[i].thread);

    assert_int_equal(atomic_load(&stress.doubled), 0);
    assert_int_equal(atomic_load(&stress.unclaimed), 0);
    for (uint32_t i = 0; i < PRODUCERS; i++)
        for (uint32_t n = 0; n < ORDERS; n++)
            assert_int_equal(atomic_load(&stress.seen[i][n]), 1);
    for (uint32_t i = 0; i < WORKERS; i++)
        assert_int_equal(workers[i].out_of_order, 0);
    assert_int_equal(ordo_inflight_count(stress.inflight), 0);
    ordo_queue_figures(stress.queue, 0, &figures);
    for (int class = 0; class < ORDO_PRIORITY_COUNT; class ++) {
        assert_int_equal(figures.depth[class], 0);
        assert_int_equal(figures.pushed[class], figures.taken[class]);
    }
    ordo_queue_free(stress.queue);
    ordo_inflight_free(stress.inflight);
    for (uint32_t i = 0; i < WORKERS; i++)
        ordo_waker_done(&stress.wakers[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_lost_or_doubled)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
