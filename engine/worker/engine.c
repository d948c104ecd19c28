/* SPDX-License-Identifier: MIT
 * engine.c: the engine's life: made, started, drained, stopped, freed; switching rules; figures.
 *
 * Locks, in order: engine->lock, then none. The queue's, the in-flight index's and the sinks' locks are
 * leaves.
 */
#include "worker/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/worker_impl.h"

/* A detached job is done: its source hears of it, and it is freed. */
static void detached_finish(struct ordo_origin *origin, struct ordo_job *jobs)
{
    (void)origin;
    while (jobs != NULL) {
        struct ordo__detached *detached = (struct ordo__detached *)jobs;

        jobs = jobs->next;
        ordo_job_answered(&detached->job, ordo_clock_ns());
        if (detached->decided != NULL) {
            struct ordo_outcome outcome = {
                .size = sizeof(outcome),
                .status = detached->job.status,
                .id = ordo_job_id(&detached->job),
                .decision = ordo_buffer_str(&detached->job.answer),
            };
            detached->decided(detached->context, &outcome);
        }
        ordo__detached_free(detached);
    }
}

static void wake_workers(struct ordo_engine *engine)
{
    for (uint32_t i = 0; i < engine->worker_count; i++)
        ordo_waker_wake(&engine->workers[i].waker);
}

static int worker_init(struct ordo_engine *engine, unsigned index, struct ordo_error *err)
{
    struct ordo__worker *worker = &engine->workers[index];

    worker->engine = engine;
    worker->index = index;
    worker->metrics = ordo_metrics_join(engine->metrics);
    worker->sleeper.waker = &worker->waker;
    ordo_waker_init(&worker->waker);
    worker->parser = ordo_json_parser_new(engine->options.limits.depth);
    for (size_t i = 0; i < ORDO__TAKE_MAX; i++)
        worker->line_parsers[i] = ordo_json_parser_new(engine->options.limits.depth);
    worker->script = ordo_script_new(&engine->options.script, err);
    return worker->script == NULL ? ORDO_ENOMEM : 0;
}

static void worker_done(struct ordo__worker *worker)
{
    struct ordo__commit *commit;

    while ((commit = worker->free_commits) != NULL) {
        worker->free_commits = commit->next;
        free(commit);
    }
    ordo_timers_done(&worker->timers);
    ordo_coroutines_done(&worker->coroutines);
    ordo_script_free(worker->script);
    ordo_json_parser_free(worker->parser);
    for (size_t i = 0; i < ORDO__TAKE_MAX; i++)
        ordo_json_parser_free(worker->line_parsers[i]);
    ordo_ruleset_unref(worker->ruleset);
    ordo_waker_done(&worker->waker);
}

struct ordo_engine *ordo_engine_new(const struct ordo_engine_options *options, struct ordo_error *err)
{
    struct ordo_engine *engine = calloc(1, sizeof(*engine));

    ORDO_REQUIRE(engine != NULL);
    engine->options = *options;
    engine->options.script.limits = options->limits;
    engine->worker_count = options->workers > 0 ? options->workers : (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    engine->started_ns = ordo_clock_ns();
    engine->metrics = ordo_metrics_registry_new();
    engine->shared_metrics = ordo_metrics_join(engine->metrics);
    engine->queue = ordo_queue_new(&options->queue);
    engine->inflight = ordo_inflight_new();
    engine->detached_origin.finish = detached_finish;
    engine->source_parser = ordo_json_parser_new(options->limits.depth);
    engine->ruleset = options->ruleset == NULL ? NULL : ordo_ruleset_ref(options->ruleset);
    atomic_init(&engine->switch_number, 1);
    ordo_lock_init(&engine->lock, ORDO_LOCK_ENGINE);
    ordo_lock_init(&engine->recovery.lock, ORDO_LOCK_RECOVERY);
    ordo_rwlock_init(&engine->listening, ORDO_LOCK_LISTENING);
    ordo_lock_init(&engine->source_lock, ORDO_LOCK_SOURCE);
    ordo_cond_init(&engine->changed);
    engine->trial = ordo__trial_new(engine);
    engine->workers = calloc(engine->worker_count, sizeof(*engine->workers));
    ORDO_REQUIRE(engine->workers != NULL);
    for (uint32_t i = 0; i < engine->worker_count; i++)
        if (worker_init(engine, i, err) != 0) {
            engine->worker_count = i + 1;
            ordo_engine_free(engine);
            return NULL;
        }
    return engine;
}

int ordo_engine_start(struct ordo_engine *engine, struct ordo_error *err)
{
    const struct ordo_engine_options *options = &engine->options;
    char name[32];
    int result;

    if (options->data_dir != NULL)
        engine->crashes = ordo_crash_notes_start(options->data_dir, options->max_crashes);
    engine->emitter = ordo_emitter_start(options->sinks, options->sink_count, options->store,
                                         options->store_self, engine->metrics, err);
    if (engine->emitter == NULL)
        return err->code != 0 ? err->code : ORDO_ENOMEM;
    atomic_store(&engine->recovery.is_active, true);
    engine->recorder = ordo_recorder_start(engine);
    for (uint32_t i = 0; i < engine->worker_count; i++) {
        snprintf(name, sizeof(name), "worker-%u", i);
        result = ordo_thread_start(&engine->workers[i].thread, name, ordo__worker_run, &engine->workers[i]);
        if (result != 0)
            return ordo_fail(err, result, name, "cannot start the thread: %s", strerror(-result));
    }
    return 0;
}

void ordo_engine_begin_drain(struct ordo_engine *engine)
{
    atomic_store(&engine->draining, true);
}

void ordo_engine_leave(struct ordo_engine *engine)
{
    if (atomic_fetch_sub(&engine->entered, 1) > 1 || !atomic_load(&engine->refusing))
        return;
    ordo_lock(&engine->lock);
    pthread_cond_broadcast(&engine->changed);
    ordo_unlock(&engine->lock);
}

/* Either this sees `refusing`, or the drain that sets it sees `entered`. */
bool ordo_engine_enter(struct ordo_engine *engine)
{
    atomic_fetch_add(&engine->entered, 1);
    if (!atomic_load(&engine->refusing))
        return true;
    ordo_engine_leave(engine);
    return false;
}

/* How many orders were ever queued; UINT64_MAX while some are. */
static uint64_t count_pushed(struct ordo_engine *engine)
{
    struct ordo_queue_figures queue;
    uint64_t pushed = 0;

    ordo_queue_figures(engine->queue, 0, &queue);
    for (int i = 0; i < ORDO_PRIORITY_COUNT; i++) {
        if (queue.depth[i] > 0)
            return UINT64_MAX;
        pushed += queue.pushed[i];
    }
    return pushed;
}

/* Looks in the order in which an order goes, so that one that moves on meanwhile is met further on; and once
 * more when a worker queued one for another worker meanwhile. */
static bool is_empty(struct ordo_engine *engine)
{
    uint64_t pushed, before;

    do {
        if (atomic_load(&engine->entered) > 0 || atomic_load(&engine->detached_waiting) > 0)
            return false;
        if ((before = count_pushed(engine)) == UINT64_MAX)
            return false;
        for (uint32_t i = 0; i < engine->worker_count; i++)
            if (!atomic_load(&engine->workers[i].idle))
                return false;
        pushed = count_pushed(engine);
    } while (pushed != before);
    return true;
}

bool ordo_engine_drain(struct ordo_engine *engine, int64_t until_ns)
{
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    bool empty;

    atomic_store(&engine->stop_by_ns, until_ns);
    ordo_engine_begin_drain(engine);
    atomic_store(&engine->refusing, true);
    ordo_log_debug("engine", "stopping: no new orders are taken");
    wake_workers(engine); /* so that idle ones say so */
    ordo_lock(&engine->lock);
    while (!(empty = is_empty(engine)))
        if (ordo_lock_wait(&engine->lock, &engine->changed, &until) != 0)
            break;
    ordo_unlock(&engine->lock);
    return empty;
}

void ordo__job_give_up(struct ordo_engine *engine, struct ordo_job *job)
{
    atomic_fetch_add(&engine->given_up, 1);
    ordo_metrics_add_shared(engine->shared_metrics, ORDO_COUNTER_ORDERS_STOPPED, 1);
    ordo__job_problem(job, ORDO_PROBLEM_STOPPING, "the engine stopped before the order was decided");
}

static void give_up_queue(struct ordo_engine *engine)
{
    struct ordo_job_list jobs = {0};
    struct ordo_job *job;

    while (ordo_queue_take(engine->queue, UINT32_MAX, 0, &jobs) > 0)
        ;
    while ((job = ordo_job_list_pop(&jobs)) != NULL) {
        ordo_inflight_release(engine->inflight, job);
        ordo__job_give_up(engine, job);
        job->origin->finish(job->origin, job);
    }
}

/* Either this sees `stopping`, or ordo_engine_stop that sets it finds the order in the queue. */
void ordo__queue_pushed(struct ordo_engine *engine)
{
    if (atomic_load(&engine->stopping))
        give_up_queue(engine);
}

void ordo_engine_stop(struct ordo_engine *engine)
{
    atomic_store(&engine->draining, true);
    atomic_store(&engine->refusing, true);
    atomic_store(&engine->stopping, true);
    wake_workers(engine);
    for (uint32_t i = 0; i < engine->worker_count; i++)
        ordo_thread_join(&engine->workers[i].thread);
    give_up_queue(engine);
    ordo__backup_join(engine);
    ordo__trial_stop(engine->trial);
    ordo_lock(&engine->lock);
    pthread_cond_broadcast(&engine->changed); /* a switch or collection that waits for workers */
    while (atomic_load(&engine->detached_waiting) > 0)
        ordo_lock_wait(&engine->lock, &engine->changed, NULL);
    ordo_unlock(&engine->lock);
}

void ordo_engine_stop_sinks(struct ordo_engine *engine, int64_t until_ns)
{
    if (engine->emitter != NULL)
        ordo_emitter_stop(engine->emitter, until_ns);
}

uint64_t ordo_engine_given_up(struct ordo_engine *engine)
{
    return atomic_load(&engine->given_up);
}

void ordo_engine_free(struct ordo_engine *engine)
{
    if (engine == NULL)
        return;
    ordo_recorder_stop(engine->recorder);
    for (uint32_t i = 0; i < engine->worker_count; i++)
        worker_done(&engine->workers[i]);
    free(engine->workers);
    ordo__trial_free(engine->trial);
    ordo_emitter_free(engine->emitter);
    ordo_crash_notes_stop(engine->crashes);
    ordo_queue_free(engine->queue);
    ordo_inflight_free(engine->inflight);
    ordo_json_parser_free(engine->source_parser);
    ordo_ruleset_unref(engine->ruleset);
    ordo_metrics_registry_free(engine->metrics);
    ordo_lock_done(&engine->lock);
    ordo_lock_done(&engine->recovery.lock);
    ordo_rwlock_done(&engine->listening);
    ordo_lock_done(&engine->source_lock);
    pthread_cond_destroy(&engine->changed);
    free(engine);
}

int ordo_engine_switch(struct ordo_engine *engine, struct ordo_ruleset *ruleset)
{
    int result = 0;

    ordo_lock(&engine->lock);
    engine->generation_before = engine->ruleset == NULL ? 0 : engine->ruleset->number;
    ordo_ruleset_unref(engine->ruleset);
    engine->ruleset = ordo_ruleset_ref(ruleset);
    engine->switched = 0;
    atomic_fetch_add_explicit(&engine->switch_number, 1, memory_order_release);
    wake_workers(engine);
    while (engine->switched < engine->worker_count && !atomic_load(&engine->stopping))
        ordo_lock_wait(&engine->lock, &engine->changed, NULL);
    if (engine->switched < engine->worker_count)
        result = ORDO_ESTOPPED;
    ordo_unlock(&engine->lock);
    return result;
}

void ordo_engine_figures(struct ordo_engine *engine, struct ordo_engine_figures *ret_figures)
{
    struct ordo_engine_figures figures = {.workers = engine->worker_count};
    int64_t now_ns = ordo_clock_ns();

    ordo_queue_figures(engine->queue, now_ns, &figures.queue);
    for (uint32_t i = 0; i < engine->worker_count; i++) {
        struct ordo__worker *worker = &engine->workers[i];
        uint64_t orders = atomic_load_explicit(&worker->seen_orders, memory_order_relaxed);
        uint64_t sleeping = atomic_load_explicit(&worker->seen_sleeping, memory_order_relaxed);
        uint64_t generations = atomic_load_explicit(&worker->seen_generations, memory_order_relaxed);

        figures.in_flight += orders;
        figures.waiting += sleeping;
        figures.workers_busy += orders > 0;
        figures.lua_bytes += atomic_load_explicit(&worker->seen_lua_bytes, memory_order_relaxed);
        if (generations > figures.lua_generations)
            figures.lua_generations = generations;
    }
    ordo_lock(&engine->lock);
    figures.generation = engine->ruleset == NULL ? 0 : engine->ruleset->number;
    ordo_unlock(&engine->lock);
    figures.store.size = sizeof(figures.store);
    engine->options.store->stat(engine->options.store_self, &figures.store);
    figures.sink_backlog = ordo_emitter_backlog(engine->emitter);
    figures.uptime_ns = now_ns - engine->started_ns;
    figures.draining = ordo_engine_is_draining(engine);
    *ret_figures = figures;
}

size_t ordo_engine_sink_count(struct ordo_engine *engine)
{
    return ordo_emitter_count(engine->emitter);
}

void ordo_engine_sink_figures(struct ordo_engine *engine, size_t index, struct ordo_sink_figures *ret_figures)
{
    ordo_emitter_figures(engine->emitter, index, ret_figures);
}

struct ordo_metrics_registry *ordo_engine_metrics(struct ordo_engine *engine)
{
    return engine->metrics;
}

uint64_t ordo_engine_decided(struct ordo_engine *engine)
{
    static const enum ordo_counter outcomes[] = {ORDO_COUNTER_ORDERS_ACCEPTED, ORDO_COUNTER_ORDERS_REJECTED,
                                                 ORDO_COUNTER_ORDERS_HELD, ORDO_COUNTER_ORDERS_INVALID,
                                                 ORDO_COUNTER_ORDERS_DEAD};
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++)
        sum += ordo_metrics_sum(engine->metrics, outcomes[i]);
    return sum;
}

const struct ordo_limits *ordo_engine_limits(struct ordo_engine *engine)
{
    return &engine->options.limits;
}

bool ordo_engine_is_store_full(struct ordo_engine *engine)
{
    struct ordo_store_stat stat = {.size = sizeof(stat)};

    engine->options.store->stat(engine->options.store_self, &stat);
    return stat.is_full;
}

bool ordo_engine_is_draining(struct ordo_engine *engine)
{
    return atomic_load_explicit(&engine->draining, memory_order_relaxed);
}

void ordo_engine_reopen(struct ordo_engine *engine)
{
    ordo_emitter_reopen(engine->emitter);
}
