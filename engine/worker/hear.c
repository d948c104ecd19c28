/* SPDX-License-Identifier: MIT
 * hear.c: tells the one listener (server-sent events) of what was recorded.
 *
 * A worker collects what it recorded and tells it once a turn. The items point into the jobs' answers, so they are told
 * before the jobs go back.
 */
#include "worker/worker_impl.h"

void ordo_engine_listen(struct ordo_engine *engine, struct ordo_listener *listener)
{
    ordo_rwlock_write(&engine->listening);
    engine->listener = listener;
    atomic_store_explicit(&engine->has_listener, listener != NULL, memory_order_relaxed);
    ordo_rwlock_unlock(&engine->listening);
}

void ordo__tell(struct ordo_engine *engine, const struct ordo_emission *items, size_t count)
{
    if (count == 0 || !atomic_load_explicit(&engine->has_listener, memory_order_relaxed))
        return;
    ordo_rwlock_read(&engine->listening);
    if (engine->listener != NULL)
        engine->listener->hear(engine->listener, items, count);
    ordo_rwlock_unlock(&engine->listening);
}

void ordo__recorded_add(struct ordo__worker *worker, const struct ordo_job *job)
{
    if (!atomic_load_explicit(&worker->engine->has_listener, memory_order_relaxed))
        return;
    if (worker->recorded_count == ORDO__COMMIT_MAX)
        ordo__recorded_tell(worker);
    worker->recorded[worker->recorded_count++] =
        (struct ordo_emission){ordo_job_id(job), job->revision, ordo_buffer_str(&job->answer)};
}

void ordo__recorded_tell(struct ordo__worker *worker)
{
    ordo__tell(worker->engine, worker->recorded, worker->recorded_count);
    worker->recorded_count = 0;
}
