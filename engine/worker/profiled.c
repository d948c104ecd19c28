/* SPDX-License-Identifier: MIT
 * profiled.c: the ends of the threads between a worker and the profiler.
 */
#include "worker/profiled.h"

#include <stdio.h>

#include "base/clock.h"
#include "profile/profiler.h"
#include "profile/sampler.h"
#include "worker/export.h"
#include "worker/worker_impl.h"

#define COLLECT_NS ((int64_t)1000000000)
#define COROUTINES_NS ((int64_t)1000000000)

void ordo__profiled_enter(struct ordo__worker *worker)
{
    if (worker->engine->options.profiler != NULL)
        ordo_sampler_join(ordo_script_vm(worker->script), worker->index);
}

void ordo__profiled_leave(struct ordo__worker *worker)
{
    if (worker->engine->options.profiler != NULL)
        ordo_sampler_part();
}

struct naming {
    struct ordo_symbols *symbols;
    const char *folder;
};

static void name_chunk(void *context, const struct ordo_script_chunk *chunk)
{
    const struct naming *naming = context;
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", naming->folder, chunk->path);
    ordo_symbols_add_chunk(naming->symbols, chunk->source, path, chunk->text, chunk->rule);
}

void ordo__profiled_rules(struct ordo__worker *worker)
{
    struct ordo_profiler *profiler = worker->engine->options.profiler;
    struct naming naming;

    if (profiler == NULL || worker->index != 0)
        return;
    naming = (struct naming){ordo_profiler_symbols(profiler), worker->ruleset->folder};
    ordo_script_each_chunk(worker->script, name_chunk, &naming);
}

void ordo__executes(const struct ordo_job *job, uint64_t generation)
{
    ordo_execute(job);
    if (job != NULL)
        ordo_sampler_executes(job->number, (uint8_t)job->priority, (uint32_t)generation);
    else
        ordo_sampler_executes(0, 0, 0);
}

void ordo__execute_begin(struct ordo__worker *worker, const struct ordo_job *job, uint64_t generation)
{
    ordo__executes(job, generation);
    worker->costs.began_ns = ordo_clock_ns();
    worker->costs.began_bytes = ordo_script_vm(worker->script)->allocated;
}

void ordo__execute_end(struct ordo__worker *worker, uint64_t generation, bool is_first)
{
    ordo__executes(NULL, 0);
    worker->now_ns = ordo_clock_ns();
    ordo__rule_cost_add(&worker->costs, generation, is_first, worker->now_ns - worker->costs.began_ns,
                        ordo_script_vm(worker->script)->allocated - worker->costs.began_bytes);
}

/* --- what the profiler asks --- */

static uint64_t orders(void *context)
{
    return ordo_engine_decided(context);
}

static uint64_t generation(void *context)
{
    struct ordo_engine *engine = context;
    uint64_t number;

    ordo_lock(&engine->lock);
    number = engine->ruleset == NULL ? 0 : engine->ruleset->number;
    ordo_unlock(&engine->lock);
    return number;
}

static void collect(void *context)
{
    uint32_t collected;

    ordo_engine_collect(context, ordo_clock_ns() + COLLECT_NS, &collected);
}

static void look(void *context)
{
    ordo__rule_tax_look(context);
}

static void coroutines(void *context, struct ordo_coroutines *out)
{
    ordo_engine_coroutines(context, ordo_clock_ns() + COROUTINES_NS, out);
}

static void each_vm(void *context, void (*visit)(void *visitor, unsigned worker, const struct ordo_vm *vm),
                    void *visitor)
{
    struct ordo_engine *engine = context;

    for (uint32_t i = 0; i < engine->worker_count; i++)
        visit(visitor, i, ordo_script_vm(engine->workers[i].script));
}

static const struct ordo_histogram *collector_steps(void *context, unsigned worker)
{
    struct ordo_engine *engine = context;

    return &engine->workers[worker].metrics->timings[ORDO_TIMING_GC_STEP];
}

struct ordo_profiled ordo_engine_profiled(struct ordo_engine *engine)
{
    return (struct ordo_profiled){.context = engine,
                                  .orders = orders,
                                  .generation = generation,
                                  .coroutines = coroutines,
                                  .collect = collect,
                                  .look = look,
                                  .captured = engine->options.exporter_count > 0 ? ordo__export : NULL,
                                  .each_vm = each_vm,
                                  .collector_steps = collector_steps};
}
