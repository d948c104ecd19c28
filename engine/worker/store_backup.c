/* SPDX-License-Identifier: MIT
 * store_backup.c: one backup of the store at a time, on a thread of its own, since it blocks for long.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/worker_impl.h"

enum { STOP_AGAIN_NS = 50000000 }; /* a store may have missed that it is to give up */

struct ordo__backup {
    struct ordo_engine *engine;
    struct ordo_thread thread;
    char *folder;
    ordo_backup_done_fn done;
    void *context;
    bool running; /* under the engine's lock */
};

static void run(void *context)
{
    struct ordo__backup *backup = context;
    struct ordo_engine *engine = backup->engine;
    struct ordo_backup_result result = {.report = {.size = sizeof(result.report)}};
    int64_t begin_ns = ordo_clock_ns();
    char text[1024];

    result.result = engine->options.store->backup(engine->options.store_self, backup->folder, &result.report,
                                                  &result.err);
    result.took_ns = ordo_clock_ns() - begin_ns;
    if (result.result == 0)
        ordo_log_info("backup", "%s: %llu orders, %llu bytes, %.3f s", backup->folder,
                      (unsigned long long)result.report.orders, (unsigned long long)result.report.bytes,
                      (double)result.took_ns / 1e9);
    else
        ordo_log_error("backup", "%s", ordo_error_format(&result.err, text, sizeof(text)));
    ordo_lock(&engine->lock);
    backup->running = false;
    pthread_cond_broadcast(&engine->changed);
    ordo_unlock(&engine->lock);
    backup->done(backup->context, &result);
}

static void join(struct ordo__backup *backup)
{
    if (backup == NULL)
        return;
    ordo_thread_join(&backup->thread);
    free(backup->folder);
    free(backup);
}

static struct ordo__backup *backup_new(struct ordo_engine *engine, const char *folder,
                                       ordo_backup_done_fn done, void *context)
{
    struct ordo__backup *backup = calloc(1, sizeof(*backup));

    ORDO_REQUIRE(backup != NULL);
    *backup = (struct ordo__backup){
        .engine = engine, .folder = strdup(folder), .done = done, .context = context, .running = true};
    ORDO_REQUIRE(backup->folder != NULL);
    return backup;
}

/* A thread that is joined under the lock takes it no more: it has only `done` to call. */
int ordo_engine_backup(struct ordo_engine *engine, const char *folder, ordo_backup_done_fn done,
                       void *context)
{
    int result = 0;

    if (!ordo_store_is_durable(engine->options.store))
        return ORDO_ENOTFOUND;
    ordo_lock(&engine->lock);
    if (atomic_load(&engine->stopping)) {
        result = ORDO_ESTOPPED;
    } else if (engine->backup != NULL && engine->backup->running) {
        result = ORDO_EEXISTS;
    } else {
        join(engine->backup);
        engine->backup = backup_new(engine, folder, done, context);
        result = ordo_thread_start(&engine->backup->thread, "backup", run, engine->backup);
        if (result != 0) {
            join(engine->backup);
            engine->backup = NULL;
        }
    }
    ordo_unlock(&engine->lock);
    return result;
}

/* Under the lock: until the backup has ended, or until then; true when it has. */
static bool wait_for_end(struct ordo_engine *engine, struct ordo__backup *backup, int64_t until_ns)
{
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

    while (backup->running)
        if (ordo_lock_wait(&engine->lock, &engine->changed, &until) != 0)
            break;
    return !backup->running;
}

void ordo__backup_join(struct ordo_engine *engine)
{
    const struct ordo_engine_options *options = &engine->options;
    int64_t until_ns =
        ordo_store_can_stop_backup(options->store) ? atomic_load(&engine->stop_by_ns) : INT64_MAX;
    struct ordo__backup *backup;

    ordo_lock(&engine->lock);
    backup = engine->backup;
    while (backup != NULL && !wait_for_end(engine, backup, until_ns)) {
        ordo_unlock(&engine->lock);
        options->store->backup_stop(options->store_self);
        until_ns = ordo_clock_ns() + STOP_AGAIN_NS;
        ordo_lock(&engine->lock);
    }
    engine->backup = NULL;
    ordo_unlock(&engine->lock);
    join(backup);
}
