/* SPDX-License-Identifier: MIT
 * collect.c: Lua's garbage: each worker collects its own, in steps between orders, each of which is timed.
 *
 * Mostly that is at the end of a turn, when its orders are on their way to the store and back to their clients. A turn whose
 * orders leave more garbage than usual has steps in between, so that they do not add up.
 *
 * A full collection in every worker makes what a heap profile shows as live so. Each does it between two turns of its own; one
 * after the other, so that the others go on meanwhile.
 */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "vm/collector.h"
#include "vm/memory.h"
#include "worker/worker_impl.h"

/* Steps are for so many bytes or more: entering the collector costs as much as a few hundred bytes of its work. */
enum { AT_END_BYTES = 8 << 10, BETWEEN_BYTES = 128 << 10 };

void ordo__collect_begin(struct ordo__worker *worker)
{
    if (worker->engine->options.gc_headroom > 0)
        ordo_vm_collector_take(ordo_script_vm(worker->script), worker->engine->options.gc_headroom);
}

/* What the collector was at, for the timeline; each text is made once. */
static uint16_t detail_of(const struct ordo_vm_step *step)
{
    static _Atomic uint16_t details[ORDO_VM_COLLECTOR_STATES + 1][ORDO_VM_COLLECTOR_STATES + 1];
    _Atomic uint16_t *detail = &details[step->from][step->to];
    const char *from = ordo_vm_collector_state_name(step->from);
    char text[64];

    if (atomic_load_explicit(detail, memory_order_relaxed) == ORDO_TIMELINE_NONE) {
        if (step->from == step->to)
            snprintf(text, sizeof(text), "%s", from);
        else
            snprintf(text, sizeof(text), "%s to %s", from, ordo_vm_collector_state_name(step->to));
        atomic_store_explicit(detail, ordo_timeline_intern_detail(ordo_str_from(text)), memory_order_relaxed);
    }
    return atomic_load_explicit(detail, memory_order_relaxed);
}

static void collect(struct ordo__worker *worker, size_t least)
{
    uint64_t began = ordo_timeline_ticks();
    struct ordo_vm_step step;

    if (!ordo_vm_collector_step(ordo_script_vm(worker->script), least, &step))
        return;
    ordo_metrics_time(worker->metrics, ORDO_TIMING_GC_STEP, step.ended_ns - step.began_ns);
    if (ordo_timeline_own != NULL)
        ordo_timeline_span_rationed(ORDO_TIMELINE_GC_STEP, detail_of(&step), began);
    worker->now_ns = step.ended_ns;
}

void ordo__collect_between(struct ordo__worker *worker)
{
    collect(worker, BETWEEN_BYTES);
}

void ordo__collect_turn(struct ordo__worker *worker)
{
    collect(worker, AT_END_BYTES);
}

void ordo__collect_if_asked(struct ordo__worker *worker)
{
    struct ordo_engine *engine = worker->engine;
    uint64_t asked = atomic_load_explicit(&worker->collect_asked, memory_order_acquire), began;

    if (asked == worker->collect_seen)
        return;
    worker->collect_seen = asked;
    began = ordo_timeline_ticks();
    ordo_script_collect(worker->script);
    ordo_timeline_span(ORDO_TIMELINE_GC, began, 0);
    ordo_lock(&engine->lock);
    worker->collected = asked;
    pthread_cond_broadcast(&engine->changed);
    ordo_unlock(&engine->lock);
}

/* False: not until then. */
static bool collect_in(struct ordo_engine *engine, struct ordo__worker *worker, int64_t until_ns)
{
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
    uint64_t number = atomic_fetch_add_explicit(&worker->collect_asked, 1, memory_order_release) + 1;
    bool collected;

    ordo_waker_wake(&worker->waker);
    ordo_lock(&engine->lock);
    while (worker->collected < number && !atomic_load(&engine->stopping))
        if (ordo_lock_wait(&engine->lock, &engine->changed, &until) != 0)
            break;
    collected = worker->collected >= number;
    ordo_unlock(&engine->lock);
    return collected;
}

int ordo_engine_collect(struct ordo_engine *engine, int64_t until_ns, uint32_t *ret_collected)
{
    *ret_collected = 0;
    for (uint32_t i = 0; i < engine->worker_count && !atomic_load(&engine->stopping); i++) {
        int64_t now_ns = ordo_clock_ns(), rest_ns = until_ns > now_ns ? until_ns - now_ns : 0;

        /* One that does not come leaves time for the others. */
        *ret_collected +=
            collect_in(engine, &engine->workers[i], now_ns + rest_ns / (engine->worker_count - i));
    }
    if (atomic_load(&engine->stopping))
        return ORDO_ESTOPPED;
    return *ret_collected == engine->worker_count ? 0 : -ETIMEDOUT;
}
