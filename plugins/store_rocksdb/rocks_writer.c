/* SPDX-License-Identifier: MIT
 * rocks_writer.c: the one thread that writes. A commit takes whatever was submitted while the last one was synced,
 * puts it into one batch, and tells everybody when the batch is durable. So there is no timer: alone, an order
 * waits for one sync, and under load a sync is shared by as many as come.
 *
 * New orders are refused while the disk has less free space than an option says; orders that are inside still get
 * their decisions then. So RocksDB, which cannot go on behind a failed write, does not meet a full disk.
 *
 * A write that is refused leaves the others of its group alone. When a batch cannot be made durable, nothing is
 * known about the disk any more (a second fsync that succeeds proves nothing): all of it is refused, and so is
 * everything after it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>

#include "quiet_thread.h"
#include "rocks_batch.h"

enum { GROUP_BYTES = 8 << 20 /* a group ends behind the submission that reaches this */ };

struct rocks_writer {
    struct rocks_submissions taken;
    struct rocks_batch batch;
    struct rocks_retention retention;
    char *folder; /* whose disk is looked at */
    uint64_t min_free_bytes;
};

/* Looks once a group, which costs a system call; tells when it changes. */
static void look_at_space(struct rocks_store *store)
{
    struct rocks_writer *writer = store->writer;
    bool was_short = writer->batch.refuse_new, is_short;
    char message[256];
    struct statvfs space;
    uint64_t free_bytes;

    if (writer->min_free_bytes == 0 || statvfs(writer->folder, &space) != 0)
        return;
    free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
    is_short = free_bytes < writer->min_free_bytes;
    writer->batch.refuse_new = is_short;
    if (is_short == was_short)
        return;
    snprintf(message, sizeof(message),
             is_short
                 ? "the disk has %llu MiB free, less than min_free: new orders are refused until it has more"
                 : "the disk has %llu MiB free again: new orders are taken",
             (unsigned long long)(free_bytes >> 20));
    store->host->log(store->host->engine, is_short ? ORDO_LOG_ERROR : ORDO_LOG_INFO, message);
}

/* An order that becomes final may be one that the retention has passed. */
static void note_staged(void *context, const struct rocks_place *place)
{
    rocks_retention_note(context, place);
}

static void end_group(struct rocks_store *store, struct rocks_submission *group, size_t count, int failed)
{
    uint64_t written = 0, refused = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < group[i].count; k++) {
            struct ordo_write *write = &group[i].writes[k];

            if (failed != 0)
                write->result = failed;
            if (write->result == 0)
                written++;
            else
                refused++;
        }
    atomic_fetch_add_explicit(&store->writes, written, memory_order_relaxed);
    atomic_fetch_add_explicit(&store->refused, refused, memory_order_relaxed);
    for (size_t i = 0; i < count; i++)
        group[i].done(group[i].context, group[i].writes, group[i].count);
}

static int64_t now_ns(const struct rocks_store *store)
{
    return store->host->monotonic_ns(store->host->engine);
}

static void commit_group(struct rocks_store *store, struct rocks_submission *group, size_t count,
                         size_t writes)
{
    struct rocks_batch *batch = &store->writer->batch;
    int failed = atomic_load(&store->failed) ? ORDO_EIO : 0;
    int64_t began_ns = now_ns(store), write_ns;

    if (failed == 0 && rocks_batch_begin(batch, writes) != 0)
        failed = ORDO_ENOMEM;
    look_at_space(store);
    if (failed == 0) {
        rocks_batch_stage(batch, group, count, note_staged, &store->writer->retention);
        write_ns = now_ns(store);
        failed = rocks_batch_write(batch, true);
        store->host->span(store->host->engine, "write and fsync", write_ns, now_ns(store));
    }
    rocks_tidy_glance(store);
    end_group(store, group, count, failed);
    store->host->span(store->host->engine, "commit", began_ns, now_ns(store));
}

static void commit_taken(struct rocks_store *store)
{
    const struct rocks_submissions *taken = &store->writer->taken;
    size_t from = 0, bytes = 0, writes = 0;

    for (size_t i = 0; i < taken->count; i++) {
        for (size_t k = 0; k < taken->items[i].count; k++)
            bytes += rocks_record_bytes(&taken->items[i].writes[k].record);
        writes += taken->items[i].count;
        if (bytes < GROUP_BYTES && i + 1 < taken->count)
            continue;
        commit_group(store, taken->items + from, i + 1 - from, writes);
        from = i + 1;
        bytes = writes = 0;
    }
}

/* Remembers what the sinks have taken, not synced: what a power cut takes back they get again. */
static void note_sinks(struct rocks_store *store)
{
    struct rocks_batch *batch = &store->writer->batch;

    if (atomic_load(&store->failed) || rocks_batch_begin(batch, 0) != 0)
        return;
    rocks_outbox_stage(batch);
    rocks_batch_write(batch, false);
}

/* Deletes what is too much or too old, not synced: what a crash brings back is deleted again. True when there may be
 * more at once. */
static bool retain(struct rocks_store *store)
{
    struct rocks_writer *writer = store->writer;
    struct rocks_retention *retention = &writer->retention;
    bool more;

    if (atomic_load(&store->failed) || !atomic_load(&store->sinks_known))
        return false;
    more = rocks_retention_find(store, retention, writer->batch.counters.records,
                                store->host->utc_ms(store->host->engine));
    if (retention->count == 0 || rocks_batch_begin(&writer->batch, 0) != 0)
        return more;
    rocks_outbox_stage(&writer->batch); /* or a sink would come again for what is deleted */
    for (size_t i = 0; i < retention->count; i++)
        rocks_batch_delete(&writer->batch, &retention->victims[i]);
    if (rocks_batch_write(&writer->batch, false) == 0)
        atomic_fetch_add_explicit(&store->dropped, retention->count, memory_order_relaxed);
    return more;
}

/* Needs the lock. Returns when there is something to write or to end, and after a second when ages are looked at. */
static void wait_for_work(struct rocks_store *store)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    while (store->submitted.count == 0 && !store->stopping && !store->sinks_moved)
        if (store->writer->retention.keep_ms == 0)
            pthread_cond_wait(&store->arrived, &store->lock);
        else if (pthread_cond_timedwait(&store->arrived, &store->lock, &until) != 0)
            return;
}

static void *run(void *context)
{
    struct rocks_store *store = context;
    struct rocks_writer *writer = store->writer;
    bool stopping, sinks_moved, more = false;

    rocks_uncounted();
    do {
        struct rocks_submissions empty = writer->taken;

        empty.count = 0;
        pthread_mutex_lock(&store->lock);
        if (!more)
            wait_for_work(store);
        writer->taken = store->submitted;
        store->submitted = empty;
        stopping = store->stopping;
        sinks_moved = store->sinks_moved;
        store->sinks_moved = false;
        pthread_mutex_unlock(&store->lock);
        commit_taken(store);
        if (sinks_moved)
            note_sinks(store);
        more = !stopping && retain(store);
    } while (!stopping || writer->taken.count > 0 || sinks_moved);
    return NULL;
}

static int push(struct rocks_submissions *submissions, const struct rocks_submission *submission)
{
    if (submissions->count == submissions->capacity) {
        size_t capacity = submissions->capacity == 0 ? 64 : submissions->capacity * 2;
        struct rocks_submission *items = realloc(submissions->items, capacity * sizeof(*items));

        if (items == NULL)
            return ORDO_ENOMEM;
        submissions->items = items;
        submissions->capacity = capacity;
    }
    submissions->items[submissions->count++] = *submission;
    return 0;
}

void rocks_submit(void *self, struct ordo_write *writes, size_t count, ordo_store_done_fn done, void *context)
{
    const struct rocks_submission submission = {writes, count, done, context};
    struct rocks_store *store = self;
    bool was_empty;
    int result;

    pthread_mutex_lock(&store->lock);
    was_empty = store->submitted.count == 0;
    result = push(&store->submitted, &submission);
    pthread_mutex_unlock(&store->lock);
    if (result == 0 && was_empty)
        pthread_cond_signal(&store->arrived);
    if (result == 0)
        return;
    for (size_t i = 0; i < count; i++)
        writes[i].result = result;
    done(context, writes, count);
}

int rocks_writer_start(struct rocks_store *store, const struct rocks_settings *settings,
                       struct ordo_error *err)
{
    struct rocks_writer *writer = calloc(1, sizeof(*writer));
    int result;

    store->writer = writer;
    if (writer == NULL || (writer->folder = strdup(settings->path)) == NULL)
        return store->host->fail(err, ORDO_ENOMEM, NULL, "out of memory");
    writer->min_free_bytes = settings->min_free_bytes;
    writer->retention.keep_orders = settings->keep_orders;
    writer->retention.keep_ms = settings->keep_ms;
    if ((result = rocks_batch_init(&writer->batch, store, err)) != 0)
        return result;
    result = quiet_thread_start(&store->thread, "store", run, store, store->host, err);
    store->started = result == 0;
    return result;
}

void rocks_writer_stop(struct rocks_store *store)
{
    struct rocks_writer *writer = store->writer;

    if (store->started) {
        pthread_mutex_lock(&store->lock);
        store->stopping = true;
        pthread_mutex_unlock(&store->lock);
        pthread_cond_signal(&store->arrived);
        pthread_join(store->thread, NULL);
        store->started = false;
    }
    if (writer == NULL)
        return;
    rocks_batch_done(&writer->batch);
    free(writer->taken.items);
    free(writer->folder);
    free(writer);
    store->writer = NULL;
}
