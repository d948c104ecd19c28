/* SPDX-License-Identifier: MIT
 * worker.c: a worker's loop: take a few orders, run their rules, resume those whose wait is over, record and
 * answer.
 *
 * A turn does everything that is due and then pays the shared costs once: one look-up in the store, one submit to it, one
 * message to each origin. Resumed orders go before new ones (take.c).
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "profile/sampler.h"
#include "worker/profiled.h"
#include "worker/waited.h"
#include "worker/worker_impl.h"

enum { REQUEUE_NS = 100000000 };

void ordo__hand_run(struct ordo__worker *worker, struct ordo_job *job, struct ordo_run *run)
{
    if (run->state == ORDO_RUN_WAITING) {
        ordo_job_set_stage(job, ORDO_STAGE_WAITING);
        worker->sleeping++;
        job->absent_at = 0; /* long ago when it ends */
        ordo_timers_push(&worker->timers, (struct ordo_timer){.due_ns = run->wake_ns, .run = run});
        return;
    }
    job->decided_ns = worker->now_ns;
    ordo_sampler_order_ended(job->number, job->decided_ns - job->received_ns);
    ordo__outcome(worker, job, run);
    ordo_script_finish(worker->script, run);
}

static void resume(struct ordo__worker *worker, struct ordo_run *run)
{
    struct ordo_job *job = run->user;
    uint64_t follow = job->follow, began = ordo_timeline_begin(follow);

    if (ordo_waits_are_on(ORDO_WAIT_BLOCK))
        ordo__waited_run(worker, run, ordo_clock_ns());
    worker->sleeping--;
    ordo_job_set_stage(job, ORDO_STAGE_RUNNING);
    ordo__execute_begin(worker, job, run->generation);
    ordo_script_resume(worker->script, run);
    ordo__execute_end(worker, run->generation, false);
    ordo__hand_run(worker, job, run);
    ordo_timeline_end(ORDO_TIMELINE_ORDER, began, follow);
    ordo__collect_between(worker);
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
    uint64_t began;

    if (number == *seen)
        return;
    began = ordo_timeline_ticks();
    ordo_lock(&engine->lock);
    ruleset = ordo_ruleset_ref(engine->ruleset);
    ordo_unlock(&engine->lock);
    if (ordo_script_load(worker->script, ruleset, &errors, NULL) != 0)
        ordo_log_error("rules", "worker %u keeps its rules: " ORDO_STR_FMT, worker->index,
                       ORDO_STR_ARG(ordo_buffer_str(&errors)));
    ordo_buffer_done(&errors);
    ordo_timeline_span(ORDO_TIMELINE_LOAD, began, 0);
    ordo_ruleset_unref(worker->ruleset);
    worker->ruleset = ruleset;
    ordo__profiled_rules(worker);
    *seen = number;
    publish(worker);
    ordo_lock(&engine->lock);
    engine->switched++;
    pthread_cond_broadcast(&engine->changed);
    ordo_unlock(&engine->lock);
}

/* True when everything inside is done with but later attempts that are not due yet. */
static bool has_nothing(const struct ordo__worker *worker)
{
    return worker->orders == 0 && worker->open_commit == NULL && worker->committing == 0 &&
           ordo_timers_next(&worker->timers) > worker->now_ns;
}

static bool has_queued_orders(struct ordo_engine *engine)
{
    struct ordo_queue_figures figures;
    uint32_t queued = 0;

    ordo_queue_figures(engine->queue, 0, &figures);
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++)
        queued += figures.depth[i];
    return queued > 0;
}

/* With as many orders inside as it may hold, while more are queued, it waits for a place. */
static void wait_for_waker(struct ordo__worker *worker)
{
    bool no_place = ordo_waits_are_on(ORDO_WAIT_BLOCK) && !ordo__take_has_room(worker) &&
                    has_queued_orders(worker->engine);
    int64_t began_ns = no_place ? ordo_clock_ns() : 0;

    ordo_waker_wait(&worker->waker, ordo_timers_next(&worker->timers));
    if (no_place)
        ordo__waited_place(worker, ordo_clock_ns() - began_ns);
}

static void sleep_until_woken(struct ordo__worker *worker)
{
    struct ordo_engine *engine = worker->engine;

    if (ordo__take_has_room(worker) &&
        (ordo__recovery_has_more(engine) || !ordo_queue_sleep(engine->queue, &worker->sleeper)))
        return; /* there is work */
    if (has_nothing(worker)) {
        atomic_store(&worker->idle, true);
        if (atomic_load(&engine->refusing)) {
            ordo_lock(&engine->lock);
            pthread_cond_broadcast(&engine->changed);
            ordo_unlock(&engine->lock);
        }
    }
    if (!atomic_load(&engine->stopping))
        wait_for_waker(worker);
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
    ordo__profiled_enter(worker);
    ordo__compiled_enter(worker);
    ordo__collect_begin(worker);
    follow_rules(worker, &seen);
    while (!atomic_load_explicit(&engine->stopping, memory_order_relaxed)) {
        ordo_timeline_turn_begin();
        follow_rules(worker, &seen);
        ordo__collect_if_asked(worker);
        ordo__coroutines_if_asked(worker);
        worker->now_ns = ordo_clock_ns();
        ordo__record_completed(worker);
        run_due(worker);
        ordo__take(worker);
        ordo__record_flush(worker);
        ordo__finish_flush(worker);
        ordo__collect_turn(worker);
        publish(worker);
        ordo_timeline_turn_end();
        sleep_until_woken(worker);
    }
    give_up(worker);
    ordo__profiled_leave(worker);
    ordo_crash_notes_leave();
}
