/* SPDX-License-Identifier: MIT
 * coroutines.c: what waits inside of workers: each lists its own coroutines between two turns.
 */
#include "base/clock.h"
#include "worker/worker_impl.h"

static void list_run(struct ordo__worker *worker, const struct ordo_run *run, struct ordo_coroutines *out)
{
    const struct ordo_job *job = run->user;
    struct ordo_coroutine coroutine = {
        .worker = (uint16_t)worker->index,
        .priority = (uint8_t)job->priority,
        .order_len = job->id_len,
        .waits_for = run->waits_for,
        .since_ns = run->waits_since_ns,
        .until_ns = run->wake_ns,
        .generation = run->generation,
        .attempt = job->attempt,
    };
    uint64_t frames[ORDO_COROUTINE_DEPTH];

    memcpy(coroutine.order, job->id_bytes, job->id_len);
    coroutine.frame_count = ordo_script_stack(run, frames, ORDO_COROUTINE_DEPTH);
    ordo_coroutines_add(out, &coroutine, frames);
}

void ordo__coroutines_if_asked(struct ordo__worker *worker)
{
    struct ordo_engine *engine = worker->engine;
    uint64_t asked = atomic_load_explicit(&worker->coroutines_asked, memory_order_acquire);
    struct ordo_coroutines listed = {0}, late;

    if (asked == worker->coroutines_seen)
        return;
    worker->coroutines_seen = asked;
    for (size_t i = 0; i < worker->timers.count; i++)
        if (worker->timers.heap[i].run != NULL)
            list_run(worker, worker->timers.heap[i].run, &listed);
    ordo_lock(&engine->lock);
    late = worker->coroutines; /* of an earlier time, when nobody waited any more */
    worker->coroutines = listed;
    worker->coroutines_listed = asked;
    pthread_cond_broadcast(&engine->changed);
    ordo_unlock(&engine->lock);
    ordo_coroutines_done(&late);
}

void ordo_engine_coroutines(struct ordo_engine *engine, int64_t until_ns, struct ordo_coroutines *out)
{
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

    ordo_lock(&engine->lock);
    for (uint32_t i = 0; i < engine->worker_count; i++) {
        atomic_fetch_add_explicit(&engine->workers[i].coroutines_asked, 1, memory_order_release);
        ordo_waker_wake(&engine->workers[i].waker);
    }
    for (uint32_t i = 0; i < engine->worker_count; i++) {
        struct ordo__worker *worker = &engine->workers[i];
        uint64_t number = atomic_load_explicit(&worker->coroutines_asked, memory_order_relaxed);

        while (worker->coroutines_listed < number && !atomic_load(&engine->stopping))
            if (ordo_lock_wait(&engine->lock, &engine->changed, &until) != 0)
                break;
        if (worker->coroutines_listed == number)
            ordo_coroutines_join(out, &worker->coroutines);
        else
            ordo_coroutines_add(
                out, &(struct ordo_coroutine){.is_missing = true, .worker = (uint16_t)worker->index}, NULL);
    }
    ordo_unlock(&engine->lock);
}
