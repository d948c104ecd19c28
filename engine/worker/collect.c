/* SPDX-License-Identifier: MIT
 * collect.c: a full collection of Lua's garbage in every worker, so that what a heap profile shows as live is.
 *
 * Each worker does it between two turns of its own; one after the other, so that the others go on meanwhile.
 */
#include <errno.h>

#include "base/clock.h"
#include "worker/worker_impl.h"

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
