/* SPDX-License-Identifier: MIT
 * recovery.c: orders that were accepted before the start and are not decided.
 *
 * Workers take them from the store a few at a time, the highest class first, beside the new ones from the queue. So the
 * engine is ready at once however many there are, holds few of those that are due, and new orders cannot keep them waiting.
 *
 * The client may send one of them again before its turn. Then the id is claimed, and this one waits until it is free:
 * what it meets in the store then decides.
 */
#include "base/clock.h"
#include "base/log.h"
#include "worker/worker_impl.h"

enum { CLAIMED_WAIT_NS = 100000000 };

static bool take_pending(void *context, const struct ordo_record *record)
{
    struct ordo__worker *worker = context;
    struct ordo__detached *detached;
    struct ordo_job *job;
    int64_t wait_ns;

    if (record->status != ORDO_STATUS_QUEUED)
        return true;
    detached = ordo__detached_of_record(worker->engine, record);
    job = &detached->job;
    job->recorded = true;
    job->queued_ns = worker->now_ns;
    job->was_claimed = !ordo_inflight_claim(worker->engine->inflight, job);
    worker->engine->recovery.count += !job->was_claimed;
    wait_ns = job->was_claimed ? CLAIMED_WAIT_NS : (record->due_ms - ordo_clock_utc_ms()) * 1000000;
    if (wait_ns > 0)
        ordo_timers_push(&worker->timers,
                         (struct ordo_timer){.due_ns = worker->now_ns + wait_ns, .job = job});
    else
        ordo_job_list_push(&worker->taken, job);
    return true;
}

/* Under the lock: all are taken, or the store cannot read on. */
static void end(struct ordo_engine *engine, int result)
{
    struct ordo__recovery *recovery = &engine->recovery;

    atomic_store(&recovery->is_active, false);
    if (result != 0)
        ordo_log_error(
            "engine",
            "the store cannot read all orders that were accepted before the start: %s; those that are left "
            "are decided when it can, after another start",
            ordo_error_name(result));
    if (recovery->count > 0)
        ordo_log_info("engine", "took up %llu orders that were accepted before the start",
                      (unsigned long long)recovery->count);
}

bool ordo__recovery_has_more(struct ordo_engine *engine)
{
    return atomic_load_explicit(&engine->recovery.is_active, memory_order_relaxed) &&
           !atomic_load(&engine->refusing);
}

void ordo__recovery_take(struct ordo__worker *worker, uint32_t limit)
{
    struct ordo_engine *engine = worker->engine;
    struct ordo__recovery *recovery = &engine->recovery;
    int result = 0;

    if (!ordo__recovery_has_more(engine))
        return;
    ordo_lock(&recovery->lock);
    if (atomic_load(&recovery->is_active)) {
        result =
            engine->options.store->pending(engine->options.store_self, recovery->priority, recovery->after,
                                           limit, take_pending, worker, &recovery->after);
        if (recovery->after.high == 0 && recovery->after.low == 0)
            recovery->priority++;
        if (result != 0 || recovery->priority == ORDO_PRIORITY_COUNT)
            end(engine, result);
    }
    ordo_unlock(&recovery->lock);
}
