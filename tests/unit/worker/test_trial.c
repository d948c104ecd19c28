/* SPDX-License-Identifier: MIT
 * test_trial.c: orders are explained and decided again on one thread, of which the rest of the engine hears nothing.
 */
#include "engine_bench.h"

/* Keeps answers; holds the trial thread up while it is closed. */
struct asked {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed, entered;
    int answers, problems[32];
    struct ordo_buffer body; /* of the last */
};

static void asked_init(struct asked *asked)
{
    *asked = (struct asked){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
}

static void done(void *context, const struct ordo_trial_result *result)
{
    struct asked *asked = context;

    pthread_mutex_lock(&asked->lock);
    asked->entered = true;
    pthread_cond_broadcast(&asked->changed);
    while (asked->closed)
        pthread_cond_wait(&asked->changed, &asked->lock);
    asked->problems[asked->answers++] = result->problem;
    ordo_buffer_clear(&asked->body);
    ordo_buffer_append(&asked->body, result->body);
    pthread_cond_broadcast(&asked->changed);
    pthread_mutex_unlock(&asked->lock);
}

static void wait_for(struct asked *asked, int answers)
{
    pthread_mutex_lock(&asked->lock);
    while (asked->answers < answers)
        pthread_cond_wait(&asked->changed, &asked->lock);
    ordo_buffer_put(&asked->body, '\0');
    pthread_mutex_unlock(&asked->lock);
}

/* The trial thread holds the first answer. */
static void wait_until_entered(struct asked *asked)
{
    pthread_mutex_lock(&asked->lock);
    while (!asked->entered)
        pthread_cond_wait(&asked->changed, &asked->lock);
    pthread_mutex_unlock(&asked->lock);
}

static void let_go(struct asked *asked)
{
    pthread_mutex_lock(&asked->lock);
    asked->closed = false;
    pthread_cond_broadcast(&asked->changed);
    pthread_mutex_unlock(&asked->lock);
}

static void assert_body_has(const struct asked *asked, const char *text)
{
    if (strstr(asked->body.ptr, text) == NULL)
        fail_msg("\"%s\" is not in: %s", text, asked->body.ptr);
}

static void test_nothing_hears_of_it(void **state)
{
    struct bench bench;
    struct asked asked;
    uint64_t decided;

    (void)state;
    bench_init(&bench, false, 1000);
    asked_init(&asked);
    job_free(decide(&bench, "o-1", ""));
    decided = ordo_engine_decided(bench.engine);
    assert_int_equal(ordo_engine_what_if(bench.engine, ORDO_STR("o-1"),
                                         ORDO_STR("{\"order\":{\"coupon\":\"hold\"}}"), done, &asked),
                     0);
    wait_for(&asked, 1);
    assert_int_equal(asked.problems[0], -1);
    assert_body_has(&asked, "\"same\":false,");
    assert_body_has(&asked, "{\"field\":\"decision\",\"recorded\":\"accepted\",\"what_if\":\"held\"}");
    assert_int_equal(ordo_engine_explain(bench.engine, ORDO_STR("o-1"), true, done, &asked), 0);
    wait_for(&asked, 2);
    assert_body_has(&asked, "Order o-1 was accepted.\n");
    assert_int_equal(ordo_engine_explain(bench.engine, ORDO_STR("o-2"), false, done, &asked), 0);
    wait_for(&asked, 3);
    assert_int_equal(asked.problems[2], ORDO_PROBLEM_NOT_FOUND);
    assert_int_equal(ordo_engine_decided(bench.engine), decided);
    bench_done(&bench);
    ordo_buffer_done(&asked.body);
}

/* One in work and 16 that wait; and orders are decided meanwhile. */
static void test_who_is_too_many_is_told(void **state)
{
    struct bench bench;
    struct asked asked;

    (void)state;
    bench_init(&bench, false, 1000);
    asked_init(&asked);
    asked.closed = true;
    job_free(decide(&bench, "o-1", ""));
    assert_int_equal(ordo_engine_explain(bench.engine, ORDO_STR("o-1"), false, done, &asked), 0);
    wait_until_entered(&asked);
    for (int i = 0; i < 16; i++)
        assert_int_equal(ordo_engine_explain(bench.engine, ORDO_STR("o-1"), false, done, &asked), 0);
    assert_int_equal(ordo_engine_explain(bench.engine, ORDO_STR("o-1"), false, done, &asked), ORDO_EFULL);
    assert_int_equal(ordo_engine_what_if(bench.engine, ORDO_STR("o-1"), ORDO_STR("{}"), done, &asked),
                     ORDO_EFULL);
    job_free(decide(&bench, "o-2", ""));
    let_go(&asked);
    wait_for(&asked, 17);
    bench_done(&bench);
    ordo_buffer_done(&asked.body);
}

/* An explanation is of one rule set, whatever the workers switch to meanwhile. */
static void test_beside_switches(void **state)
{
    struct bench bench;
    struct asked asked;

    (void)state;
    bench_init(&bench, false, 1000);
    asked_init(&asked);
    for (int generation = 2; generation < 10; generation++) {
        struct ordo_ruleset *ruleset = ruleset_of(&bench, generation);
        char id[16];

        snprintf(id, sizeof(id), "o-%d", generation);
        job_free(decide(&bench, id, ""));
        assert_int_equal(ordo_engine_explain(bench.engine, ordo_str_from(id), false, done, &asked), 0);
        assert_int_equal(ordo_engine_what_if(bench.engine, ordo_str_from(id), ORDO_STR("{}"), done, &asked),
                         0);
        assert_int_equal(ordo_engine_switch(bench.engine, ruleset), 0);
        ordo_ruleset_unref(ruleset);
    }
    wait_for(&asked, 16);
    for (int i = 0; i < 16; i++)
        assert_int_equal(asked.problems[i], -1);
    bench_done(&bench);
    ordo_buffer_done(&asked.body);
}

static void *stop(void *engine)
{
    ordo_engine_stop(engine);
    return NULL;
}

static void test_a_stop_answers_who_waits(void **state)
{
    struct bench bench;
    struct asked asked;
    pthread_t stopping;

    (void)state;
    bench_init(&bench, false, 1000);
    asked_init(&asked);
    asked.closed = true;
    job_free(decide(&bench, "o-1", ""));
    for (int i = 0; i < 3; i++)
        assert_int_equal(ordo_engine_explain(bench.engine, ORDO_STR("o-1"), false, done, &asked), 0);
    wait_until_entered(&asked);
    assert_int_equal(pthread_create(&stopping, NULL, stop, bench.engine), 0);
    while (ordo_engine_explain(bench.engine, ORDO_STR("o-1"), false, done, &asked) != ORDO_ESTOPPED)
        sched_yield(); /* some of these wait too, until the stop has come so far */
    let_go(&asked);
    pthread_join(stopping, NULL);
    assert_true(asked.answers >= 3);
    assert_int_equal(asked.problems[0], -1);
    for (int i = 1; i < asked.answers; i++)
        assert_int_equal(asked.problems[i], ORDO_PROBLEM_STOPPING);
    bench_done(&bench);
    ordo_buffer_done(&asked.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_hears_of_it),
        cmocka_unit_test(test_who_is_too_many_is_told),
        cmocka_unit_test(test_beside_switches),
        cmocka_unit_test(test_a_stop_answers_who_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
