/* SPDX-License-Identifier: MIT
 * emit.c: one thread a sink, which reads the store's outbox.
 *
 * What waits when a sink comes back for more goes to it as one batch: otherwise a sink that pays for each call (a
 * request, an fsync) would fall behind for good once it is behind. The sink may take it in parts, and the store hears of
 * each.
 *
 * What a sink refuses comes again after a wait that doubles from 100 ms to 5 s, for as long as the engine runs: giving up
 * is the sink's own decision (sink_webhook has a dead-letter file). Locks: sink->lock, then nothing.
 */
#include "worker/emit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "worker/emit_batch.h"

enum { RETRY_FIRST_MS = 100, RETRY_MOST_MS = 5000 };

struct sink {
    struct ordo_emitter *emitter;
    struct ordo_plugin_instance *instance;
    const struct ordo_sink_ops *ops;
    size_t index; /* as the store knows it */
    struct ordo_metrics *metrics;
    struct ordo_thread thread;
    struct ordo_waker waker;
    _Atomic uint64_t taken; /* up to this sequence number */

    struct ordo_lock lock;
    bool reopen, stopping; /* under lock */
    int64_t stop_ns;       /* under lock; when stopping */

    /* the sink's thread only */
    struct ordo__emit_batch batch;
    struct ordo_log_gate refused_gate, unread_gate;
    bool told_refused; /* and not yet that it takes decisions again */
};

struct ordo_emitter {
    const struct ordo_store_ops *store;
    void *store_self;
    size_t count;
    struct sink *sinks;
};

bool ordo_emitter_has_sinks(const struct ordo_emitter *emitter)
{
    return emitter->count > 0;
}

void ordo_emitter_wake(struct ordo_emitter *emitter)
{
    for (size_t i = 0; i < emitter->count; i++)
        ordo_waker_wake(&emitter->sinks[i].waker);
}

static bool is_durable(const struct ordo_emitter *emitter)
{
    return (emitter->store->abilities & ORDO_STORE_DURABLE) != 0;
}

static uint64_t newest(struct ordo_emitter *emitter)
{
    struct ordo_store_stat stat = {.size = sizeof(stat)};

    emitter->store->stat(emitter->store_self, &stat);
    return stat.sequence;
}

/* With `newest` read before, so that it may be the smaller one. */
static uint64_t left_of(const struct sink *sink, uint64_t newest)
{
    uint64_t taken = atomic_load_explicit(&sink->taken, memory_order_relaxed);

    return newest > taken ? newest - taken : 0;
}

uint64_t ordo_emitter_backlog(struct ordo_emitter *emitter)
{
    uint64_t end = emitter->count > 0 ? newest(emitter) : 0, most = 0;

    for (size_t i = 0; i < emitter->count; i++) {
        uint64_t left = left_of(&emitter->sinks[i], end);

        if (left > most)
            most = left;
    }
    return most;
}

size_t ordo_emitter_count(const struct ordo_emitter *emitter)
{
    return emitter->count;
}

/* The decision that comes next for a sink. */
struct oldest {
    char id[ORDO_ID_MAX];
    size_t id_len;
    int64_t recorded_ms; /* 0: not known */
};

static bool note_first(void *context, uint64_t sequence, const struct ordo_emission *emission)
{
    struct oldest *oldest = context;

    (void)sequence;
    if (emission == NULL)
        return true; /* lost: the next one that is there */
    if (emission->id.len <= sizeof(oldest->id)) {
        memcpy(oldest->id, emission->id.ptr, emission->id.len);
        oldest->id_len = emission->id.len;
    }
    return false;
}

static bool note_time(void *context, const struct ordo_record *record)
{
    ((struct oldest *)context)->recorded_ms = record->updated_ms;
    return false;
}

/* The outbox has no times, but the order has when it was decided. */
static int64_t age_of_oldest_ms(const struct sink *sink)
{
    struct ordo_emitter *emitter = sink->emitter;
    struct oldest oldest = {.id_len = 0};
    int64_t age_ms;

    emitter->store->emissions(emitter->store_self, atomic_load(&sink->taken), note_first, &oldest);
    if (oldest.id_len > 0)
        emitter->store->get(emitter->store_self, (ordo_str){oldest.id, oldest.id_len}, note_time, &oldest);
    age_ms = oldest.recorded_ms > 0 ? ordo_clock_utc_ms() - oldest.recorded_ms : 0;
    return age_ms > 0 ? age_ms : 0;
}

void ordo_emitter_figures(struct ordo_emitter *emitter, size_t index, struct ordo_sink_figures *ret_figures)
{
    struct sink *sink = &emitter->sinks[index];

    *ret_figures = (struct ordo_sink_figures){.name = sink->instance->tag,
                                              .backlog = left_of(sink, newest(emitter)),
                                              .stat = {.size = sizeof(ret_figures->stat)}};
    sink->ops->stat(sink->instance->self, &ret_figures->stat);
    if (ret_figures->backlog > 0)
        ret_figures->oldest_ms = age_of_oldest_ms(sink);
}

static void log_failure(struct sink *sink, const char *what, const struct ordo_error *err)
{
    char text[1024];

    ordo_log_warn(sink->instance->tag, "%s: %s", what, ordo_error_format(err, text, sizeof(text)));
}

/* A sink that is away refuses each attempt; ordo_sink_retries_total counts them all. */
static void log_refused(struct sink *sink, const struct ordo_error *err)
{
    char text[1024], more[64];
    uint32_t skipped;

    if (!ordo_log_gate_pass(&sink->refused_gate, &skipped))
        return;
    sink->told_refused = true;
    ordo_log_warn(sink->instance->tag, "decisions were not taken and come again: %s%s",
                  ordo_error_format(err, text, sizeof(text)), ordo_log_skipped(skipped, more, sizeof(more)));
}

/* `attempts` failed before, and the first of them `since_ns` ago. */
static void log_recovered(struct sink *sink, unsigned attempts, int64_t since_ns)
{
    if (sink->told_refused)
        ordo_log_info(sink->instance->tag, "takes decisions again, after %u failed attempt%s in %.1f s",
                      attempts, attempts == 1 ? "" : "s", (double)since_ns / 1e9);
    sink->told_refused = false;
}

static void log_unread(struct sink *sink, int result)
{
    char more[64];
    uint32_t skipped;

    if (ordo_log_gate_pass(&sink->unread_gate, &skipped))
        ordo_log_error(sink->instance->tag, "the store cannot read the decisions behind number %llu: %s%s",
                       (unsigned long long)sink->taken, ordo_error_name(result),
                       ordo_log_skipped(skipped, more, sizeof(more)));
}

/* What was asked of the thread meanwhile; true when it is to end as soon as it has nothing more to do. */
static bool heed(struct sink *sink, bool *ret_reopened)
{
    struct ordo_error err = {0};
    bool reopen, stopping;

    ordo_lock(&sink->lock);
    reopen = sink->reopen;
    sink->reopen = false;
    stopping = sink->stopping;
    ordo_unlock(&sink->lock);
    *ret_reopened = reopen;
    if (reopen && sink->ops->reopen(sink->instance->self, &err) != 0)
        log_failure(sink, "cannot reopen", &err);
    return stopping;
}

/* When a stop that has begun is over. */
static int64_t stop_end(struct sink *sink)
{
    int64_t end;

    ordo_lock(&sink->lock);
    end = sink->stop_ns;
    ordo_unlock(&sink->lock);
    return end;
}

static bool is_time_over(struct sink *sink)
{
    return ordo_clock_ns() >= stop_end(sink);
}

/* Waits before the next try, whatever else is recorded meanwhile; false when the engine stops first. A reopen ends the wait:
 * it may be the cure. */
static bool wait_to_retry(struct sink *sink, int64_t wait_ms)
{
    int64_t until = ordo_clock_ns() + wait_ms * 1000000;
    bool reopened;

    for (;;) {
        bool stopping = heed(sink, &reopened);
        int64_t end = stopping ? stop_end(sink) : INT64_MAX;

        if (stopping && (is_durable(sink->emitter) || ordo_clock_ns() >= end))
            return false; /* a durable store has it for the next start */
        if (reopened || ordo_clock_ns() >= until)
            return true;
        ordo_waker_wait(&sink->waker, until < end ? until : end);
    }
}

/* The sink has taken so many more of its batch. Behind the last one nothing is left but what nobody can give it. */
static void note_taken(struct sink *sink, size_t from, size_t count)
{
    const struct ordo__emit_batch *batch = &sink->batch;
    bool is_all = from + count == batch->count;
    uint64_t sequence = is_all ? batch->last : batch->sequences[from + count - 1];

    ordo_metrics_add(sink->metrics, ORDO_COUNTER_SINK_EMITTED, count);
    ordo_metrics_add(sink->metrics, ORDO_COUNTER_SINK_LOST, is_all ? batch->lost : 0);
    atomic_store_explicit(&sink->taken, sequence, memory_order_relaxed);
    sink->emitter->store->taken(sink->emitter->store_self, sink->index, sequence);
}

/* Gives the sink what is left of the batch; how many it took, or a negative code. */
static int emit_some(struct sink *sink, size_t from, struct ordo_error *err)
{
    size_t left = sink->batch.count - from;
    int result = sink->ops->emit(sink->instance->self, sink->batch.items + from, left, err);

    return result == 0 || (result > 0 && (size_t)result > left) ? (int)left : result;
}

/* Gives the batch to the sink until it has taken all of it; false when the engine stops first. */
static bool emit_batch(struct sink *sink)
{
    int64_t wait_ms = RETRY_FIRST_MS, failed_ns = 0;
    struct ordo_error err = {0};
    unsigned failures = 0;
    size_t taken = 0;
    bool reopened;

    for (;;) {
        int result = emit_some(sink, taken, &err);

        if (result > 0) {
            note_taken(sink, taken, (size_t)result);
            taken += (size_t)result;
            if (failures > 0)
                log_recovered(sink, failures, ordo_clock_ns() - failed_ns);
            failures = 0;
            wait_ms = RETRY_FIRST_MS;
            if (taken == sink->batch.count)
                return true;
            if (heed(sink, &reopened) && is_time_over(sink))
                return false;
            continue;
        }
        if (failures++ == 0)
            failed_ns = ordo_clock_ns();
        ordo_metrics_add(sink->metrics, ORDO_COUNTER_SINK_RETRIED, 1);
        log_refused(sink, &err);
        if (!wait_to_retry(sink, wait_ms))
            return false;
        wait_ms = wait_ms * 2 < RETRY_MOST_MS ? wait_ms * 2 : RETRY_MOST_MS;
    }
}

static void flush(struct sink *sink)
{
    struct ordo_error err = {0};

    if (sink->ops->flush(sink->instance->self, &err) != 0)
        log_failure(sink, "cannot flush", &err);
}

/* The batches of a stop that has no time left are tried once, so that a short grace does not mean none. */
static void sink_run(void *context)
{
    struct sink *sink = context;
    bool flushed = true, stopping = false, reopened;

    for (;;) {
        bool was_stopping = stopping;
        int result;

        stopping = heed(sink, &reopened);
        if (was_stopping && is_time_over(sink))
            break;
        result =
            ordo__emit_batch_read(&sink->batch, sink->emitter->store, sink->emitter->store_self, sink->taken);
        if (sink->batch.count > 0) {
            flushed = false;
            if (!emit_batch(sink))
                break;
            continue;
        }
        if (sink->batch.last > sink->taken) {
            note_taken(sink, 0, 0);
            continue;
        }
        if (!flushed)
            flush(sink);
        flushed = true;
        if (result != 0) {
            log_unread(sink, result);
            if (!wait_to_retry(sink, RETRY_MOST_MS))
                break;
        } else if (stopping) {
            break;
        } else {
            ordo_waker_wait(&sink->waker, INT64_MAX);
        }
    }
    if (!flushed)
        flush(sink);
}

static int start_sink(struct sink *sink, struct ordo_metrics_registry *metrics, struct ordo_error *err)
{
    char name[32];
    int result;

    sink->metrics = ordo_metrics_join(metrics);
    ordo_waker_init(&sink->waker);
    ordo_lock_init(&sink->lock, ORDO_LOCK_SINK);
    snprintf(name, sizeof(name), "sink-%zu", sink->index);
    if ((result = ordo_thread_start(&sink->thread, name, sink_run, sink)) != 0)
        ordo_fail(err, result, sink->instance->tag, "cannot start the sink's thread: %s", strerror(-result));
    return result;
}

struct ordo_emitter *ordo_emitter_start(struct ordo_plugin_instance *const *sinks, size_t count,
                                        const struct ordo_store_ops *store, void *store_self,
                                        struct ordo_metrics_registry *metrics, struct ordo_error *err)
{
    struct ordo_emitter *emitter = calloc(1, sizeof(*emitter));
    ordo_str *names = calloc(count + 1, sizeof(*names));
    uint64_t *taken = calloc(count + 1, sizeof(*taken));
    int result;

    ORDO_REQUIRE(emitter != NULL && names != NULL && taken != NULL);
    *emitter = (struct ordo_emitter){.store = store, .store_self = store_self};
    emitter->sinks = calloc(count + 1, sizeof(*emitter->sinks));
    ORDO_REQUIRE(emitter->sinks != NULL);
    for (size_t i = 0; i < count; i++)
        names[i] = ordo_str_from(sinks[i]->tag);
    result = store->sinks(store_self, names, count, taken, err);
    for (size_t i = 0; result == 0 && i < count; i++) {
        struct sink *sink = &emitter->sinks[i];

        sink->emitter = emitter;
        sink->instance = sinks[i];
        sink->ops = sinks[i]->plugin->ops;
        sink->index = i;
        atomic_init(&sink->taken, taken[i]);
        result = start_sink(sink, metrics, err);
        emitter->count = i + 1;
    }
    free(names);
    free(taken);
    if (result == 0)
        return emitter;
    ordo_emitter_stop(emitter, 0);
    ordo_emitter_free(emitter);
    return NULL;
}

static void log_left(struct ordo_emitter *emitter, const struct sink *sink)
{
    unsigned long long left = left_of(sink, newest(emitter));

    if (left == 0)
        return;
    if (is_durable(emitter))
        ordo_log_info(sink->instance->tag, "%llu decisions wait in the store for the next start", left);
    else
        ordo_log_error(sink->instance->tag, "%llu decisions were not taken before the stop", left);
}

void ordo_emitter_stop(struct ordo_emitter *emitter, int64_t until_ns)
{
    for (size_t i = 0; i < emitter->count; i++) {
        struct sink *sink = &emitter->sinks[i];

        ordo_lock(&sink->lock);
        sink->stopping = true;
        sink->stop_ns = until_ns;
        ordo_unlock(&sink->lock);
        ordo_waker_wake(&sink->waker);
    }
    for (size_t i = 0; i < emitter->count; i++) {
        struct sink *sink = &emitter->sinks[i];

        if (!sink->thread.started)
            continue;
        ordo_thread_join(&sink->thread);
        log_left(emitter, sink);
    }
}

void ordo_emitter_free(struct ordo_emitter *emitter)
{
    if (emitter == NULL)
        return;
    for (size_t i = 0; i < emitter->count; i++) {
        ordo__emit_batch_done(&emitter->sinks[i].batch);
        ordo_waker_done(&emitter->sinks[i].waker);
        ordo_lock_done(&emitter->sinks[i].lock);
    }
    free(emitter->sinks);
    free(emitter);
}

void ordo_emitter_reopen(struct ordo_emitter *emitter)
{
    for (size_t i = 0; i < emitter->count; i++) {
        struct sink *sink = &emitter->sinks[i];

        ordo_lock(&sink->lock);
        sink->reopen = true;
        ordo_unlock(&sink->lock);
        ordo_waker_wake(&sink->waker);
    }
}
