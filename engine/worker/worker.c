/* SPDX-License-Identifier: MIT
 * worker.c: a worker's loop: take a few orders, run their rules, resume those whose wait is over, record and
 * answer.
 *
 * A turn does everything that is due and then pays the shared costs once: one submit to the store, one message
 * to each origin. Resumed orders go before new ones, and an order that has waited
 * its bound in the queue goes before the rest of what was taken. A worker takes only as many orders at once
 * as it expects to finish within TAKE_NS.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/worker_impl.h"

enum { TAKE_NS = 100000, MEAN_SHIFT = 4, REQUEUE_NS = 100000000 };

static void hand_run(struct ordo__worker *worker, struct ordo_job *job, struct ordo_run *run)
{
    if (run->state == ORDO_RUN_WAITING) {
        ordo_job_set_stage(job, ORDO_STAGE_WAITING);
        worker->sleeping++;
        ordo_timers_push(&worker->timers, (struct ordo_timer){.due_ns = run->wake_ns, .run = run});
        return;
    }
    job->decided_ns = worker->now_ns;
    ordo__outcome(worker, job, run);
    ordo_script_finish(worker->script, run);
}

static void resume(struct ordo__worker *worker, struct ordo_run *run)
{
    struct ordo_job *job = run->user;

    worker->sleeping--;
    ordo_job_set_stage(job, ORDO_STAGE_RUNNING);
    ordo_execute(job);
    ordo_script_resume(worker->script, run);
    ordo_execute(NULL);
    worker->now_ns = ordo_clock_ns();
    hand_run(worker, job, run);
}

/* A line of a batch is read here; other orders were read at their receipt, and are only parsed again. */
static bool read_order(struct ordo__worker *worker, struct ordo_job *job)
{
    struct ordo_engine *engine = worker->engine;
    bool line = !job->parsed, read;

    ordo_execute(job);
    read = (line ? ordo_engine_read(engine, worker->parser, job, ORDO_STR_NONE)
                 : ordo_json_parse(worker->parser, job->bytes.ptr, job->bytes.len, NULL)) == 0;
    ordo_execute(NULL);
    if (!line || !read)
        return read;
    if (ordo__job_claim(engine, job))
        return true;
    ordo_metrics_add(worker->metrics, ordo__job_conflict_counter(job), 1);
    return false;
}

/* True when the id is new: nobody has to look for an id that the engine gave, or for an order that is known
 * to be pending. */
static bool is_new(struct ordo__worker *worker, struct ordo_job *job)
{
    if (job->id_given || (job->recorded && !job->was_claimed) || job->id_len == 0)
        return true;
    if (!ordo__job_replay(worker->engine, job))
        return true;
    if (job->was_claimed)
        return false; /* decided meanwhile; nobody waits for it here */
    ordo_metrics_add(worker->metrics, ordo__job_conflict_counter(job), 1);
    return false;
}

/* A line of a batch that is not to be waited for: recorded as pending, then decided by the same worker. */
static void begin_async_line(struct ordo__worker *worker, struct ordo_job *job)
{
    struct ordo__detached *detached = ordo__detached_new(worker->engine, job->bytes);

    ordo__job_copy_envelope(&detached->job, job);
    ordo_inflight_move(worker->engine->inflight, job, &detached->job);
    job->kind = ORDO_ANSWER_LATER;
    job->retry_after_ms = 0;
    ordo__record(worker, job, ORDO_STATUS_QUEUED, &detached->job);
}

static void order_begin(struct ordo__worker *worker, struct ordo_job *job)
{
    struct ordo_script_order order;
    struct ordo_run *run;
    struct ordo_crash crash;
    int64_t started_ns = worker->now_ns;
    bool line = !job->parsed;
    bool poison = !line && ordo_crash_notes_is_poison(worker->engine->crashes, job, &crash);

    job->started_ns = started_ns;
    ordo_job_set_stage(job, ORDO_STAGE_RUNNING);
    ordo_metrics_time(worker->metrics, ORDO_TIMING_QUEUE_WAIT, started_ns - job->queued_ns);
    if ((!poison && !read_order(worker, job)) || !is_new(worker, job)) {
        ordo__finish(worker, job);
        return;
    }
    if (line && job->async && job->id_len > 0) {
        begin_async_line(worker, job);
        return;
    }
    job->attempt++;
    job->now_ms = ordo_clock_utc_ms();
    if (poison || (line && ordo_crash_notes_is_poison(worker->engine->crashes, job, &crash))) {
        ordo__outcome_crashed(worker, job, &crash);
        return;
    }
    order = (struct ordo_script_order){
        .root = ordo_json_root(worker->parser),
        .id = ordo_job_id(job),
        .priority = job->priority,
        .attempt = job->attempt,
        .now_ms = job->now_ms,
        .user = job,
    };
    ordo_execute(job);
    run = ordo_script_start(worker->script, &order);
    ordo_execute(NULL);
    worker->now_ns = ordo_clock_ns();
    worker->mean_ns += (worker->now_ns - started_ns - worker->mean_ns) >> MEAN_SHIFT;
    hand_run(worker, job, run);
}

/* A later attempt is due. Its class may be full, or its id claimed by the same order that was sent again: then it tries
 * again a little later, for its record is durable. */
static void requeue(struct ordo__worker *worker, struct ordo_job *job)
{
    if ((job->claimed || ordo_inflight_claim(worker->engine->inflight, job)) &&
        ordo_queue_reserve(worker->engine->queue, job->priority, 1))
        ordo_queue_push_reserved(worker->engine->queue, job, worker->now_ns);
    else
        ordo_timers_push(&worker->timers,
                         (struct ordo_timer){.due_ns = worker->now_ns + REQUEUE_NS, .job = job});
}

static void run_due(struct ordo__worker *worker)
{
    struct ordo_timer timer;

    while (ordo_timers_pop(&worker->timers, worker->now_ns, &timer)) {
        if (timer.run != NULL)
            resume(worker, timer.run);
        else
            requeue(worker, timer.job);
    }
}

/* How many orders to take at once: what TAKE_NS is enough for, so that none waits long behind its
 * neighbours. */
static uint32_t take_count(const struct ordo__worker *worker)
{
    uint64_t room = worker->engine->options.max_in_flight, fits;

    if (worker->orders >= room)
        return 0;
    room -= worker->orders;
    fits = worker->mean_ns > 0 ? (uint64_t)(TAKE_NS / worker->mean_ns) : ORDO__TAKE_MAX;
    if (fits < 1)
        fits = 1;
    if (fits > ORDO__TAKE_MAX)
        fits = ORDO__TAKE_MAX;
    return (uint32_t)(fits < room ? fits : room);
}

static void run_new(struct ordo__worker *worker)
{
    struct ordo_queue *queue = worker->engine->queue;
    uint32_t count = take_count(worker);
    struct ordo_job *job;

    if (count == 0)
        return;
    ordo__recovery_take(worker, count);
    ordo_queue_take(queue, count, worker->now_ns, &worker->taken);
    worker->orders += worker->taken.count;
    while ((job = ordo_job_list_pop(&worker->taken)) != NULL) {
        struct ordo_job *overdue = ordo_queue_take_overdue(queue, worker->now_ns);

        if (overdue != NULL) {
            worker->orders++;
            order_begin(worker, overdue);
        }
        order_begin(worker, job);
    }
}

static void publish(struct ordo__worker *worker)
{
    atomic_store_explicit(&worker->seen_orders, worker->orders, memory_order_relaxed);
    atomic_store_explicit(&worker->seen_sleeping, worker->sleeping, memory_order_relaxed);
    atomic_store_explicit(&worker->seen_lua_bytes, ordo_script_lua_bytes(worker->script),
                          memory_order_relaxed);
    atomic_store_explicit(&worker->seen_generations, ordo_script_generations(worker->script),
                          memory_order_relaxed);
}

/* Loads the newest rule set if there is one, and tells ordo_engine_switch. */
static void follow_rules(struct ordo__worker *worker, uint64_t *seen)
{
    struct ordo_engine *engine = worker->engine;
    uint64_t number = atomic_load_explicit(&engine->switch_number, memory_order_acquire);
    struct ordo_buffer errors = {0};
    struct ordo_ruleset *ruleset;

    if (number == *seen)
        return;
    pthread_mutex_lock(&engine->lock);
    ruleset = ordo_ruleset_ref(engine->ruleset);
    pthread_mutex_unlock(&engine->lock);
    if (ordo_script_load(worker->script, ruleset, &errors, NULL) != 0)
        ordo_log_error("rules", "worker %u keeps its rules: " ORDO_STR_FMT, worker->index,
                       ORDO_STR_ARG(ordo_buffer_str(&errors)));
    ordo_buffer_done(&errors);
    ordo_ruleset_unref(worker->ruleset);
    worker->ruleset = ruleset;
    *seen = number;
    publish(worker);
    pthread_mutex_lock(&engine->lock);
    engine->switched++;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
}

/* True when everything inside is done with but later attempts that are not due yet. */
static bool has_nothing(const struct ordo__worker *worker)
{
    return worker->orders == 0 && worker->open_commit == NULL && worker->committing == 0 &&
           ordo_timers_next(&worker->timers) > worker->now_ns;
}

static void sleep_until_woken(struct ordo__worker *worker)
{
    struct ordo_engine *engine = worker->engine;

    if (take_count(worker) > 0 &&
        (ordo__recovery_has_more(engine) || !ordo_queue_sleep(engine->queue, &worker->sleeper)))
        return; /* there is work */
    if (has_nothing(worker)) {
        atomic_store(&worker->idle, true);
        if (atomic_load(&engine->refusing)) {
            pthread_mutex_lock(&engine->lock);
            pthread_cond_broadcast(&engine->changed);
            pthread_mutex_unlock(&engine->lock);
        }
    }
    if (!atomic_load(&engine->stopping))
        ordo_waker_wait(&worker->waker, ordo_timers_next(&worker->timers));
    atomic_store(&worker->idle, false);
    ordo_queue_awake(engine->queue, &worker->sleeper);
}

/* The grace time is over: what still waits is answered that the engine stops. Later attempts are in the
 * store. What the store is writing is waited for: it cannot be called back, and comes back to this worker. */
static void give_up(struct ordo__worker *worker)
{
    struct ordo_timer timer;

    for (ordo__record_completed(worker); worker->committing > 0; ordo__record_completed(worker))
        ordo_waker_wait(&worker->waker, INT64_MAX);
    while (ordo_timers_pop(&worker->timers, INT64_MAX, &timer)) {
        struct ordo_job *job = timer.job;

        worker->orders += job != NULL; /* it was not inside, but ordo__finish takes it out */
        if (timer.run != NULL) {
            job = timer.run->user;
            worker->sleeping--;
            ordo_script_finish(worker->script, timer.run);
        }
        ordo__job_give_up(worker->engine, job);
        ordo__finish(worker, job);
    }
    ordo__finish_flush(worker);
    publish(worker);
    atomic_store(&worker->idle, true);
}

void ordo__worker_run(void *context)
{
    struct ordo__worker *worker = context;
    struct ordo_engine *engine = worker->engine;
    uint64_t seen = 0;

    ordo_crash_notes_enter();
    follow_rules(worker, &seen);
    while (!atomic_load_explicit(&engine->stopping, memory_order_relaxed)) {
        follow_rules(worker, &seen);
        worker->now_ns = ordo_clock_ns();
        ordo__record_completed(worker);
        run_due(worker);
        run_new(worker);
        ordo__record_flush(worker);
        ordo__finish_flush(worker);
        publish(worker);
        sleep_until_woken(worker);
    }
    give_up(worker);
    ordo_crash_notes_leave();
}
