/* SPDX-License-Identifier: MIT
 * test_engine.c: the engine without a network: each row of the table of outcomes, idempotency, retries,
 * resolve, switching of rules, and sinks that fail. The store is a test double for faults and late
 * completions.
 */
#include "engine_bench.h"

static void test_outcomes(void **state)
{
    static const struct {
        const char *coupon, *answer;
        enum ordo_status status;
        enum ordo_counter counter;
    } rows[] = {
        {"", "\"decision\":\"accepted\"", ORDO_STATUS_DONE, ORDO_COUNTER_ORDERS_ACCEPTED},
        {"reject", "\"code\":\"no\",\"reason\":\"rejected by test\"", ORDO_STATUS_DONE,
         ORDO_COUNTER_ORDERS_REJECTED},
        {"hold", "\"decision\":\"held\"", ORDO_STATUS_HELD, ORDO_COUNTER_ORDERS_HELD},
        {"sleep", "\"decision\":\"accepted\"", ORDO_STATUS_DONE, ORDO_COUNTER_ORDERS_ACCEPTED},
        {"break", "\"decision\":\"held\"", ORDO_STATUS_HELD, ORDO_COUNTER_ORDERS_HELD},
    };

    for (int late = 0; late < 2; late++) {
        struct bench bench;
        char id[16];

        (void)state;
        bench_init(&bench, late, 1000);
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
            uint64_t before = counter(&bench, rows[i].counter);
            struct ordo_job *job;

            snprintf(id, sizeof(id), "o-%zu", i);
            job = decide(&bench, id, rows[i].coupon);
            assert_int_equal(job->kind, ORDO_ANSWER_DECISION);
            assert_int_equal(job->status, rows[i].status);
            assert_answer_has(job, rows[i].answer);
            assert_int_equal(fault_store_status(&bench.store, id, NULL), rows[i].status);
            assert_int_equal(counter(&bench, rows[i].counter), before + 1);
            job_free(job);
        }
        assert_int_equal(counter(&bench, ORDO_COUNTER_RULE_ERRORS), 1);
        bench_done(&bench);
    }
}

static void test_an_invalid_order_claims_nothing(void **state)
{
    struct bench bench;
    struct ordo_job *job;

    (void)state;
    bench_init(&bench, false, 1000);
    job = job_new(&bench, "o-1", "");
    *strstr((char *)job->bytes.ptr, "100}") = '-'; /* "price":-00 would not parse; a minus before 00 */
    memcpy(strstr((char *)job->bytes.ptr, "-00}"), "-10}", 4);
    assert_true(submit(&bench, job));
    assert_ptr_equal(wait_answer(&bench), job);
    assert_int_equal(job->problem, ORDO_PROBLEM_INVALID_ORDER);
    assert_answer_has(job, "\"field\":\"items[1].price\"");
    assert_int_equal(fault_store_status(&bench.store, "o-1", NULL), -1);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_INVALID), 1);
    job_free(job);

    job = decide(&bench, "o-1", ""); /* the corrected one */
    assert_int_equal(job->kind, ORDO_ANSWER_DECISION);
    job_free(job);
    bench_done(&bench);
}

static void test_the_same_order_again_gets_the_recorded_answer(void **state)
{
    struct bench bench;
    struct ordo_job *first, *again, *other;

    (void)state;
    bench_init(&bench, false, 1000);
    first = decide(&bench, "o-1", "");
    again = decide(&bench, "o-1", "");
    assert_int_equal(again->kind, ORDO_ANSWER_REPLAY);
    assert_int_equal(again->answer.len, first->answer.len);
    assert_memory_equal(again->answer.ptr, first->answer.ptr, first->answer.len);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_REPLAYED), 1);
    other = decide(&bench, "o-1", "hold");
    assert_int_equal(other->problem, ORDO_PROBLEM_KEY_REUSED);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_CONFLICT), 1);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_ACCEPTED), 1);
    job_free(first);
    job_free(again);
    job_free(other);
    bench_done(&bench);
}

static void test_an_order_on_its_way_is_a_conflict_for_another(void **state)
{
    struct bench bench;
    struct ordo_job *first, *second;

    (void)state;
    bench_init(&bench, false, 1000);
    first = job_new(&bench, "o-1", "sleep");
    second = job_new(&bench, "o-1", "sleep");
    assert_true(submit(&bench, first));
    assert_false(submit(&bench, second));
    assert_int_equal(second->problem, ORDO_PROBLEM_IN_PROGRESS);
    assert_ptr_equal(wait_answer(&bench), first);
    job_free(first);
    job_free(second);
    bench_done(&bench);
}

static void test_a_store_that_fails_is_told_and_frees_the_id(void **state)
{
    for (int late = 0; late < 2; late++) {
        struct bench bench;
        struct ordo_job *job;

        (void)state;
        bench_init(&bench, late, 1000);
        bench.store.fail = ORDO_EFULL;
        job = decide(&bench, "o-1", "");
        assert_int_equal(job->problem, ORDO_PROBLEM_STORE_FULL);
        job_free(job);
        bench.store.fail = ORDO_EIO;
        job = decide(&bench, "o-1", "");
        assert_int_equal(job->problem, ORDO_PROBLEM_INTERNAL);
        job_free(job);
        assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_STORE_FAILED), 2);
        bench.store.fail = 0;
        job = decide(&bench, "o-1", "");
        assert_int_equal(job->kind, ORDO_ANSWER_DECISION);
        job_free(job);
        bench_done(&bench);
    }
}

/* What cannot be read might be there: it is not decided a second time. */
static void test_a_store_that_cannot_read_decides_nothing(void **state)
{
    struct ordo_buffer out = {0};
    struct bench bench;
    struct ordo_job *job;

    (void)state;
    bench_init(&bench, false, 1000);
    job_free(decide(&bench, "o-1", ""));
    bench.store.fail_read = ORDO_EIO;
    job = decide(&bench, "o-1", "");
    assert_int_equal(job->kind, ORDO_ANSWER_PROBLEM);
    assert_int_equal(job->problem, ORDO_PROBLEM_INTERNAL);
    assert_answer_has(job, "the store cannot read whether this order is known");
    job_free(job);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_STORE_FAILED), 1);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_CONFLICT), 0);
    assert_int_equal(ordo_engine_get(bench.engine, ORDO_STR("o-1"), &out), ORDO_EIO);
    assert_int_equal(ordo_engine_retry(bench.engine, ORDO_STR("o-1")), ORDO_PROBLEM_INTERNAL + 1);
    assert_int_equal(
        ordo_engine_resolve(bench.engine, ORDO_STR("o-1"), true, ORDO_STR("a"), ORDO_STR("b"), &out),
        ORDO_PROBLEM_INTERNAL + 1);
    bench.store.fail_read = 0;
    assert_int_equal(ordo_engine_get(bench.engine, ORDO_STR("o-1"), &out), 0);
    ordo_buffer_done(&out);
    bench_done(&bench);
}

static void no_wait(void *context, struct ordo_write *writes, size_t count)
{
    (void)context;
    assert_int_equal(count, 1);
    assert_int_equal(writes[0].result, 0);
}

/* Accepted before the start, and its turn has not come: it is decided once, by those who take it up. */
static void test_an_order_from_before_the_start_is_on_its_way(void **state)
{
    struct ordo_write write = {.replaces = ORDO_STATUS_BIT_ABSENT};
    struct ordo_job *job, *same, *other;
    struct bench bench;

    (void)state;
    bench_init(&bench, false, 1000);
    job = job_new(&bench, "o-1", "");
    write.record = (struct ordo_record){.size = sizeof(write.record),
                                        .status = ORDO_STATUS_QUEUED,
                                        .id = ORDO_STR("o-1"),
                                        .order = job->bytes};
    fault_store_ops.submit(&bench.store, &write, 1, no_wait, NULL);
    same = decide(&bench, "o-1", "");
    assert_int_equal(same->kind, ORDO_ANSWER_PROBLEM);
    assert_int_equal(same->problem, ORDO_PROBLEM_IN_PROGRESS);
    other = decide(&bench, "o-1", "hold");
    assert_int_equal(other->problem, ORDO_PROBLEM_KEY_REUSED);
    assert_int_equal(fault_store_status(&bench.store, "o-1", NULL), ORDO_STATUS_QUEUED);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_CONFLICT), 2);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_ACCEPTED), 0);
    job_free(job);
    job_free(same);
    job_free(other);
    bench_done(&bench);
}

/* Waits until the store has the order with this status. The engine says nothing about orders nobody waits
 * for. */
static void await_status(struct bench *bench, const char *id, enum ordo_status status,
                         struct ordo_record *ret_record)
{
    while (fault_store_status(&bench->store, id, ret_record) != (int)status)
        sched_yield();
}

static void test_async_says_why_it_is_not_stored(void **state)
{
    static const struct {
        int fail;
        enum ordo_problem_code problem;
        const char *detail;
    } cases[] = {
        {ORDO_EFULL, ORDO_PROBLEM_STORE_FULL, "the store has no room for new orders; its log says why"},
        {ORDO_EIO, ORDO_PROBLEM_INTERNAL, "the store did not take the order; the log says why"},
    };
    struct bench bench;

    (void)state;
    bench_init(&bench, false, 1000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct ordo_job *job = job_new(&bench, "o-1", "");

        bench.store.fail = cases[i].fail;
        job->async = true;
        assert_true(submit(&bench, job));
        assert_ptr_equal(wait_answer(&bench), job);
        assert_int_equal(job->kind, ORDO_ANSWER_PROBLEM);
        assert_int_equal(job->problem, cases[i].problem);
        assert_answer_has(job, cases[i].detail);
        job_free(job);
    }
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_STORE_FAILED), 2);
    bench_done(&bench);
}

static void test_async_is_answered_when_durable_and_decided_later(void **state)
{
    for (int late = 0; late < 2; late++) {
        struct bench bench;
        struct ordo_record record;
        struct ordo_job *job;

        (void)state;
        bench_init(&bench, late, 1000);
        job = job_new(&bench, "o-1", "sleep");
        job->async = true;
        assert_true(submit(&bench, job));
        assert_ptr_equal(wait_answer(&bench), job);
        assert_int_equal(job->kind, ORDO_ANSWER_LATER);
        assert_true(fault_store_status(&bench.store, "o-1", NULL) >= 0);
        await_status(&bench, "o-1", ORDO_STATUS_DONE, &record);
        assert_int_equal(record.revision, 1);
        assert_true(ordo_str_equal(record.order, job->bytes));
        assert_true(ordo_str_equal(record.customer, ORDO_STR("c-1")));
        job_free(job);
        bench_done(&bench);
    }
}

static void test_retries_end_dead_and_can_be_tried_once_more(void **state)
{
    struct bench bench;
    struct ordo_record record;
    struct ordo_job *job;

    (void)state;
    bench_init(&bench, false, 1000);
    job = decide(&bench, "o-1", "retry");
    assert_int_equal(job->kind, ORDO_ANSWER_LATER);
    assert_int_equal(job->retry_after_ms, 1);
    job_free(job);
    await_status(&bench, "o-1", ORDO_STATUS_DEAD, &record);
    assert_int_equal(record.attempt, 3);
    assert_int_equal(record.revision, 1);
    assert_int_equal(counter(&bench, ORDO_COUNTER_ATTEMPTS_RETRIED), 2);

    /* The claim is released, and the order counted, just after the record is written. */
    while ((job = decide(&bench, "o-1", "retry"))->problem == ORDO_PROBLEM_IN_PROGRESS)
        job_free(job);
    assert_int_equal(job->problem, ORDO_PROBLEM_ORDER_DEAD);
    assert_answer_has(job, "it is dead: GET /orders/o-1 says why, POST /orders/o-1/retry tries once more");
    job_free(job);
    assert_int_equal(ordo_engine_retry(bench.engine, ORDO_STR("nobody")), ORDO_PROBLEM_NOT_FOUND + 1);
    while (ordo_engine_retry(bench.engine, ORDO_STR("o-1")) == ORDO_PROBLEM_IN_PROGRESS + 1)
        sched_yield();
    do
        await_status(&bench, "o-1", ORDO_STATUS_DEAD, &record);
    while (record.revision < 2);
    assert_int_equal(record.attempt, 4); /* each attempt has a number of its own */
    assert_true(ordo_engine_drain(bench.engine, INT64_MAX));
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_DEAD), 2);
    bench_done(&bench);
}

static void test_a_held_order_is_resolved_once(void **state)
{
    struct bench bench;
    struct ordo_buffer answer = {0};
    struct ordo_job *job;

    (void)state;
    bench_init(&bench, false, 1000);
    job = decide(&bench, "o-1", "hold");
    assert_int_equal(
        ordo_engine_resolve(bench.engine, ORDO_STR("o-1"), true, ORDO_STR("ann"), ORDO_STR("known"), &answer),
        0);
    ordo_buffer_put(&answer, 0);
    assert_non_null(strstr(
        answer.ptr, "\"revision\":2,\"status\":\"done\",\"decision\":\"accepted\",\"reason\":\"known\""));
    assert_non_null(strstr(answer.ptr, "\"resolved\":{\"by\":\"ann\",\"at\":"));
    assert_null(strstr(answer.ptr, "\"reason\":\"held by test\",\"operations\""));
    ordo_buffer_clear(&answer);
    assert_int_equal(
        ordo_engine_resolve(bench.engine, ORDO_STR("o-1"), false, ORDO_STR("bob"), ORDO_STR("x"), &answer),
        ORDO_PROBLEM_NOT_HELD + 1);
    assert_int_equal(
        ordo_engine_resolve(bench.engine, ORDO_STR("o-2"), false, ORDO_STR("bob"), ORDO_STR("x"), &answer),
        ORDO_PROBLEM_NOT_FOUND + 1);
    assert_int_equal(answer.len, 0);
    job_free(job);
    ordo_buffer_done(&answer);
    bench_done(&bench);
}

static void pending_done(void *context, bool is_recorded)
{
    struct desk *desk = context;

    desk->pending_recorded += is_recorded;
    pthread_mutex_lock(&desk->lock);
    desk->pending_done++;
    pthread_cond_broadcast(&desk->changed);
    pthread_mutex_unlock(&desk->lock);
}

static void test_a_promise_is_durable_and_kept(void **state)
{
    struct bench bench;
    struct ordo_job *job;

    (void)state;
    bench_init(&bench, false, 1000);
    job = job_new(&bench, "o-1", "sleep");
    assert_true(submit(&bench, job));
    if (ordo_engine_make_pending(bench.engine, job, pending_done, &bench.desk)) {
        assert_int_equal(bench.desk.pending_done, 1);
        assert_int_equal(bench.desk.pending_recorded, 1);
        assert_true(fault_store_status(&bench.store, "o-1", NULL) >= 0);
    }
    assert_ptr_equal(wait_answer(&bench), job);
    assert_int_equal(fault_store_status(&bench.store, "o-1", NULL), ORDO_STATUS_DONE);
    assert_false(ordo_engine_make_pending(bench.engine, job, pending_done, &bench.desk));
    job_free(job);
    bench_done(&bench);
}

/* Nothing may be promised then: the outcome is the answer. */
static void test_a_promise_that_the_store_refuses_is_told(void **state)
{
    struct ordo_write write = {.replaces = ORDO_STATUS_BIT_ABSENT};
    struct ordo_job *job, *other;
    struct bench bench;

    (void)state;
    bench_init(&bench, false, 1000);
    job = job_new(&bench, "o-1", "long");
    other = job_new(&bench, "o-1", "hold");
    assert_true(submit(&bench, job));
    for (struct ordo_engine_figures figures = {0}; figures.waiting == 0; sched_yield())
        ordo_engine_figures(bench.engine, &figures);
    write.record = (struct ordo_record){.size = sizeof(write.record),
                                        .status = ORDO_STATUS_QUEUED,
                                        .id = ORDO_STR("o-1"),
                                        .order = other->bytes};
    fault_store_ops.submit(&bench.store, &write, 1, no_wait, NULL);
    assert_true(ordo_engine_make_pending(bench.engine, job, pending_done, &bench.desk));
    assert_int_equal(bench.desk.pending_done, 1);
    assert_int_equal(bench.desk.pending_recorded, 0);
    ordo_engine_stop(bench.engine);
    job_free(wait_answer(&bench));
    job_free(other);
    bench_done(&bench);
}

static void test_a_full_queue_refuses_with_its_class(void **state)
{
    struct bench bench;
    struct ordo_job_list list = {0};
    struct ordo_job *job;
    char id[16];
    int answered = 0;

    (void)state;
    bench_init(&bench, false, 10);
    for (int i = 0; i < 12; i++) { /* one submit: the workers cannot come between */
        snprintf(id, sizeof(id), "o-%d", i);
        job = job_new(&bench, id, "");
        assert_int_equal(ordo_engine_read(bench.engine, bench.parser, job, ORDO_STR_NONE), 0);
        ordo_job_list_push(&list, job);
    }
    ordo_engine_submit(bench.engine, &list);
    assert_int_equal(list.count, 2);
    while ((job = ordo_job_list_pop(&list)) != NULL) {
        assert_int_equal(job->problem, ORDO_PROBLEM_QUEUE_FULL);
        assert_answer_has(job, "the queue for high orders is full");
        job_free(job);
    }
    for (; answered < 10; answered++)
        job_free(wait_answer(&bench));
    assert_int_equal(counter(&bench, ORDO_COUNTER_ORDERS_REFUSED), 2);
    bench_done(&bench);
}

static void test_lines_of_a_batch_are_read_by_the_workers(void **state)
{
    struct bench bench;
    struct ordo_job_list list = {0};
    struct ordo_job *good, *bad, *first;

    (void)state;
    bench_init(&bench, false, 1000);
    good = job_new(&bench, NULL, "");
    bad = job_new(&bench, "o-2", "");
    bad->bytes.len -= 1; /* no closing brace */
    ordo_job_list_push(&list, good);
    ordo_engine_submit(bench.engine, &list);
    assert_ptr_equal(wait_answer(&bench), good);
    assert_int_equal(good->kind, ORDO_ANSWER_DECISION);
    assert_int_equal(good->id_len, 26); /* given by the engine */
    ordo_job_list_push(&list, bad);
    ordo_engine_submit(bench.engine, &list);
    first = wait_answer(&bench);
    assert_ptr_equal(first, bad);
    assert_int_equal(bad->problem, ORDO_PROBLEM_INVALID_JSON);
    job_free(good);
    job_free(bad);
    bench_done(&bench);
}

static void test_sinks_get_every_decision_at_least_once(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench, false, 1000);
    bench.sink_failures = 2;
    job_free(decide(&bench, "o-1", ""));
    job_free(decide(&bench, "o-2", "hold"));
    assert_true(ordo_engine_drain(bench.engine, INT64_MAX));
    ordo_engine_stop(bench.engine);
    ordo_engine_stop_sinks(bench.engine, INT64_MAX);
    ordo_buffer_put(&bench.emitted, 0);
    assert_non_null(strstr(bench.emitted.ptr, "o-1/1 "));
    assert_non_null(strstr(bench.emitted.ptr, "o-2/1 "));
    assert_true(bench.flushes > 0);
    assert_int_equal(counter(&bench, ORDO_COUNTER_SINK_EMITTED), 2);
    assert_int_equal(counter(&bench, ORDO_COUNTER_SINK_RETRIED), 2);
    bench_done(&bench);
}

static void test_what_waits_for_a_sink_goes_to_it_in_one_batch(void **state)
{
    enum { ORDERS = 20 };
    char id[16], expected[ORDERS * 16] = "";
    struct bench bench;

    (void)state;
    bench_init(&bench, false, 1000);
    pthread_mutex_lock(&bench.sink_lock); /* a call of emit waits for it */
    for (int i = 0; i < ORDERS; i++) {
        snprintf(id, sizeof(id), "o-%d", i);
        job_free(decide(&bench, id, ""));
        snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%s/1 ", id);
    }
    bench.sink_failures = 1; /* the batch comes again as it was */
    pthread_mutex_unlock(&bench.sink_lock);
    assert_true(ordo_engine_drain(bench.engine, INT64_MAX));
    ordo_engine_stop(bench.engine);
    ordo_engine_stop_sinks(bench.engine, INT64_MAX);
    ordo_buffer_put(&bench.emitted, 0);
    assert_string_equal(bench.emitted.ptr, expected);
    assert_true(bench.attempts <= 3); /* what the first call had, that again, and all the rest */
    assert_int_equal(counter(&bench, ORDO_COUNTER_SINK_EMITTED), ORDERS);
    assert_int_equal(counter(&bench, ORDO_COUNTER_SINK_RETRIED), 1);
    bench_done(&bench);
}

/* What it has is known at once, and does not come again when it refuses the rest. Of those that the store has lost, one is in
 * the first part, one is the first of the rest, and one is the last. */
static void test_a_sink_takes_a_batch_in_parts(void **state)
{
    enum { ORDERS = 20, ROOM = 5, LOST = 3, TAKEN = ROOM + 1 };
    uint64_t lost = 1u << 2 | 1u << TAKEN | 1u << (ORDERS - 1), taken;
    char id[16], expected[ORDERS * 16] = "";
    int64_t begin_ms = ordo_clock_utc_ms();
    struct ordo_sink_figures figures;
    struct bench bench;

    (void)state;
    bench_init(&bench, false, 1000);
    pthread_mutex_lock(&bench.sink_lock); /* a call of emit waits for it */
    atomic_store(&bench.store.lost_emissions, lost);
    for (int i = 0; i < ORDERS; i++) {
        snprintf(id, sizeof(id), "o-%d", i);
        job_free(decide(&bench, id, ""));
        if ((lost >> i & 1) == 0)
            snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%s/1 ", id);
    }
    bench.sink_bounded = true;
    bench.sink_room = ROOM;
    pthread_mutex_unlock(&bench.sink_lock);
    while (counter(&bench, ORDO_COUNTER_SINK_RETRIED) == 0)
        sched_yield();
    taken = atomic_load(&bench.store.taken);
    assert_in_range(taken, TAKEN, TAKEN + 1); /* with the lost one, if a batch ended behind that */
    assert_int_equal(counter(&bench, ORDO_COUNTER_SINK_EMITTED), ROOM);
    assert_int_equal(ordo_engine_sink_count(bench.engine), 1);
    ordo_engine_sink_figures(bench.engine, 0, &figures);
    assert_string_equal(figures.name, "sink_test");
    assert_int_equal(figures.backlog, ORDERS - taken);
    assert_true(figures.stat.failed > 0);
    /* How long is not known here, but no longer than the test has lasted. */
    assert_in_range(figures.oldest_ms, 0, ordo_clock_utc_ms() - begin_ms);
    pthread_mutex_lock(&bench.sink_lock);
    bench.sink_room = ORDERS;
    pthread_mutex_unlock(&bench.sink_lock);
    assert_true(ordo_engine_drain(bench.engine, INT64_MAX));
    ordo_engine_stop(bench.engine);
    ordo_engine_stop_sinks(bench.engine, INT64_MAX);
    ordo_buffer_put(&bench.emitted, 0);
    assert_string_equal(bench.emitted.ptr, expected);
    assert_int_equal(atomic_load(&bench.store.taken), ORDERS);
    assert_int_equal(counter(&bench, ORDO_COUNTER_SINK_EMITTED), ORDERS - LOST);
    assert_int_equal(counter(&bench, ORDO_COUNTER_SINK_LOST), LOST);
    bench_done(&bench);
}

/* What cannot be read now is read later; nothing is passed over. */
static void test_a_sink_waits_for_an_outbox_that_cannot_be_read(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench, false, 1000);
    atomic_store(&bench.store.fail_emissions, ORDO_EIO);
    job_free(decide(&bench, "o-1", ""));
    while (atomic_load(&bench.store.failed_emissions) == 0)
        sched_yield();
    assert_int_equal(counter(&bench, ORDO_COUNTER_SINK_EMITTED), 0);
    atomic_store(&bench.store.fail_emissions, 0);
    job_free(decide(&bench, "o-2", "")); /* it looks again */
    assert_true(ordo_engine_drain(bench.engine, INT64_MAX));
    ordo_engine_stop(bench.engine);
    ordo_engine_stop_sinks(bench.engine, INT64_MAX);
    ordo_buffer_put(&bench.emitted, 0);
    assert_string_equal(bench.emitted.ptr, "o-1/1 o-2/1 ");
    bench_done(&bench);
}

static void test_a_decision_that_the_store_has_lost_holds_no_sink_up(void **state)
{
    struct ordo_engine_figures figures;
    struct bench bench;

    (void)state;
    bench_init(&bench, false, 1000);
    atomic_store(&bench.store.lost_emissions, 5); /* the first and the third, which is the last */
    job_free(decide(&bench, "o-1", ""));
    job_free(decide(&bench, "o-2", ""));
    job_free(decide(&bench, "o-3", ""));
    while (counter(&bench, ORDO_COUNTER_SINK_LOST) < 2)
        sched_yield();
    do
        ordo_engine_figures(bench.engine, &figures);
    while (figures.sink_backlog > 0);
    assert_true(ordo_engine_drain(bench.engine, INT64_MAX));
    ordo_engine_stop(bench.engine);
    ordo_engine_stop_sinks(bench.engine, INT64_MAX);
    ordo_buffer_put(&bench.emitted, 0);
    assert_string_equal(bench.emitted.ptr, "o-2/1 ");
    assert_int_equal(counter(&bench, ORDO_COUNTER_SINK_LOST), 2);
    assert_int_equal(counter(&bench, ORDO_COUNTER_SINK_EMITTED), 1);
    bench_done(&bench);
}

static void test_a_switch_reaches_all_workers_and_old_orders_keep_theirs(void **state)
{
    struct bench bench;
    struct ordo_ruleset *second;
    struct ordo_job *first, *old, *job;

    (void)state;
    bench_init(&bench, false, 1000);
    first = old = job_new(&bench, "old", "sleep");
    assert_true(submit(&bench, old));
    for (struct ordo_inflight_entry entry = {0}; entry.stage != ORDO_STAGE_WAITING;) {
        struct ordo_engine_figures figures;

        ordo_engine_figures(bench.engine, &figures);
        if (figures.waiting > 0 || old->answer.len > 0)
            break;
        sched_yield();
    }
    second = ruleset_of(&bench, 2);
    assert_int_equal(ordo_engine_switch(bench.engine, second), 0);
    ordo_ruleset_unref(second);
    for (int i = 0; i < 40; i++) {
        char id[16];

        snprintf(id, sizeof(id), "n-%d", i);
        assert_true(submit(&bench, job_new(&bench, id, "")));
        job = wait_answer(&bench);
        if (job == old) { /* it came in between */
            assert_answer_has(old, "\"attributes\":{\"generation\":1}");
            old = NULL;
            job = wait_answer(&bench);
        }
        assert_answer_has(job, "\"attributes\":{\"generation\":2}");
        assert_answer_has(job, "\"generation\":2,");
        job_free(job);
    }
    if (old != NULL) {
        assert_ptr_equal(wait_answer(&bench), old);
        assert_answer_has(old, "\"attributes\":{\"generation\":1}");
    }
    job_free(first);
    bench_done(&bench);
}

static void test_what_can_be_asked_of_an_order(void **state)
{
    struct bench bench;
    struct ordo_store_query query = {.size = sizeof(query), .priority = -1, .limit = 10};
    struct ordo_buffer out = {0};
    struct ordo_job *job;

    (void)state;
    bench_init(&bench, false, 1000);
    assert_int_equal(ordo_engine_get(bench.engine, ORDO_STR("o-1"), &out), ORDO_ENOTFOUND);
    job = decide(&bench, "o-1", "");
    assert_int_equal(ordo_engine_get(bench.engine, ORDO_STR("o-1"), &out), 0);
    ordo_buffer_put(&out, 0);
    assert_non_null(strstr(out.ptr,
                           "{\"id\":\"o-1\",\"status\":\"done\",\"priority\":\"high\",\"customer\":\"c-1\","
                           "\"attempt\":1,\"revision\":1,\"received_at\":\""));
    assert_non_null(memmem(out.ptr, out.len, job->bytes.ptr, job->bytes.len)); /* as it was sent */
    ordo_buffer_clear(&out);
    assert_int_equal(ordo_engine_list(bench.engine, &query, false, &out), 0);
    ordo_buffer_put(&out, 0);
    assert_non_null(strstr(out.ptr, "{\"orders\":[{\"id\":\"o-1\""));
    assert_non_null(strstr(out.ptr, "],\"next\":null}"));
    assert_null(memmem(out.ptr, out.len, job->bytes.ptr, job->bytes.len));
    ordo_buffer_clear(&out);
    assert_int_equal(ordo_engine_list(bench.engine, &query, true, &out), 0);
    assert_non_null(memmem(out.ptr, out.len, job->bytes.ptr, job->bytes.len));
    job_free(job);

    job = job_new(&bench, "o-2", "long");
    assert_true(submit(&bench, job));
    ordo_buffer_clear(&out);
    assert_int_equal(ordo_engine_get(bench.engine, ORDO_STR("o-2"), &out), 0); /* not in the store yet */
    assert_non_null(memmem(out.ptr, out.len, job->bytes.ptr, job->bytes.len));
    ordo_engine_stop(bench.engine);
    job_free(wait_answer(&bench));
    ordo_buffer_done(&out);
    bench_done(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_an_invalid_order_claims_nothing),
        cmocka_unit_test(test_the_same_order_again_gets_the_recorded_answer),
        cmocka_unit_test(test_an_order_on_its_way_is_a_conflict_for_another),
        cmocka_unit_test(test_a_store_that_fails_is_told_and_frees_the_id),
        cmocka_unit_test(test_a_store_that_cannot_read_decides_nothing),
        cmocka_unit_test(test_an_order_from_before_the_start_is_on_its_way),
        cmocka_unit_test(test_async_is_answered_when_durable_and_decided_later),
        cmocka_unit_test(test_async_says_why_it_is_not_stored),
        cmocka_unit_test(test_retries_end_dead_and_can_be_tried_once_more),
        cmocka_unit_test(test_a_held_order_is_resolved_once),
        cmocka_unit_test(test_a_promise_is_durable_and_kept),
        cmocka_unit_test(test_a_promise_that_the_store_refuses_is_told),
        cmocka_unit_test(test_a_full_queue_refuses_with_its_class),
        cmocka_unit_test(test_lines_of_a_batch_are_read_by_the_workers),
        cmocka_unit_test(test_sinks_get_every_decision_at_least_once),
        cmocka_unit_test(test_what_waits_for_a_sink_goes_to_it_in_one_batch),
        cmocka_unit_test(test_a_sink_takes_a_batch_in_parts),
        cmocka_unit_test(test_a_sink_waits_for_an_outbox_that_cannot_be_read),
        cmocka_unit_test(test_a_decision_that_the_store_has_lost_holds_no_sink_up),
        cmocka_unit_test(test_a_switch_reaches_all_workers_and_old_orders_keep_theirs),
        cmocka_unit_test(test_what_can_be_asked_of_an_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
