/* SPDX-License-Identifier: MIT
 * emit.c: one thread a sink, fed with reference-counted chunks of decisions.
 *
 * A chunk is what one turn of a worker decided, often a single order. What waits when a sink comes back for
 * more goes to it as one batch of many chunks: otherwise a sink that pays for each call (a request, an fsync)
 * would fall behind for good once it is behind.
 *
 * A batch that a sink refuses comes again after a wait that doubles from 100 ms to 5 s, for as long as the
 * engine runs: giving up is the sink's own decision (sink_webhook has a dead-letter file). Locks:
 * emitter->pool, then nothing; sink->lock, then nothing.
 */
#include "worker/emit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "worker/engine.h"

enum { RETRY_FIRST_MS = 100, RETRY_MOST_MS = 5000, CHUNK_KEPT = 64, CHUNK_BYTES_KEPT = 256 * 1024 };

/* A batch takes no more chunks when it has as much: sinks may copy it whole. */
enum { BATCH_ENOUGH = 1000, BATCH_ENOUGH_BYTES = 1024 * 1024 };

struct ordo_chunk {
    struct ordo_chunk *next; /* in the pool only */
    _Atomic uint32_t references;
    struct ordo_buffer bytes; /* ids and decisions; items point into it once it is handed over */
    struct ordo_emission *items;
    size_t count, capacity;
};

struct chunk_link {
    struct chunk_link *next;
    struct ordo_chunk *chunk;
};

struct sink {
    struct ordo_emitter *emitter;
    struct ordo_plugin_instance *instance;
    const struct ordo_sink_ops *ops;
    struct ordo_metrics *metrics;
    struct ordo_thread thread;
    struct ordo_waker waker;
    pthread_mutex_t lock;
    struct chunk_link *first, **last; /* under lock */
    bool reopen, stopping;            /* under lock */
    int64_t stop_ns;                  /* under lock; when stopping */
    _Atomic uint64_t backlog;         /* decisions handed over and not yet taken */
    struct ordo_emission *batch;      /* the sink's thread only; items of several chunks */
    size_t batch_capacity;
    struct ordo_log_gate refused_gate;
};

struct ordo_emitter {
    struct sink *sinks;
    size_t count;
    uint64_t backlog_max;
    _Atomic bool full;
    void (*relieved)(void *context);
    void *context;
    pthread_mutex_t pool; /* guards free chunks */
    struct ordo_chunk *free;
    size_t free_count;
    pthread_rwlock_t listening;
    struct ordo_listener *listener; /* under listening */
    _Atomic bool has_listener;
};

static struct ordo_chunk *chunk_new(struct ordo_emitter *emitter)
{
    struct ordo_chunk *chunk;

    pthread_mutex_lock(&emitter->pool);
    if ((chunk = emitter->free) != NULL) {
        emitter->free = chunk->next;
        emitter->free_count--;
    }
    pthread_mutex_unlock(&emitter->pool);
    if (chunk == NULL)
        chunk = calloc(1, sizeof(*chunk));
    ORDO_REQUIRE(chunk != NULL);
    chunk->count = 0;
    ordo_buffer_clear(&chunk->bytes);
    return chunk;
}

static void chunk_free(struct ordo_chunk *chunk)
{
    ordo_buffer_done(&chunk->bytes);
    free(chunk->items);
    free(chunk);
}

static void chunk_unref(struct ordo_emitter *emitter, struct ordo_chunk *chunk)
{
    if (atomic_fetch_sub_explicit(&chunk->references, 1, memory_order_acq_rel) > 1)
        return;
    pthread_mutex_lock(&emitter->pool);
    if (emitter->free_count < CHUNK_KEPT && chunk->bytes.capacity <= CHUNK_BYTES_KEPT) {
        chunk->next = emitter->free;
        emitter->free = chunk;
        emitter->free_count++;
        chunk = NULL;
    }
    pthread_mutex_unlock(&emitter->pool);
    if (chunk != NULL)
        chunk_free(chunk);
}

bool ordo_emitter_is_wanted(struct ordo_emitter *emitter)
{
    return emitter->count > 0 || atomic_load_explicit(&emitter->has_listener, memory_order_relaxed);
}

bool ordo_emitter_is_full(struct ordo_emitter *emitter)
{
    return atomic_load_explicit(&emitter->full, memory_order_relaxed);
}

uint64_t ordo_emitter_backlog(struct ordo_emitter *emitter)
{
    uint64_t most = 0;

    for (size_t i = 0; i < emitter->count; i++) {
        uint64_t backlog = atomic_load_explicit(&emitter->sinks[i].backlog, memory_order_relaxed);

        if (backlog > most)
            most = backlog;
    }
    return most;
}

void ordo_emitter_add(struct ordo_emitter *emitter, struct ordo_chunk **chunk, ordo_str id, uint32_t revision,
                      ordo_str decision)
{
    struct ordo_chunk *to;

    if (*chunk == NULL)
        *chunk = chunk_new(emitter);
    to = *chunk;
    if (to->count == to->capacity) {
        to->capacity = to->capacity == 0 ? 32 : to->capacity * 2;
        to->items = realloc(to->items, to->capacity * sizeof(*to->items));
        ORDO_REQUIRE(to->items != NULL);
    }
    /* Lengths only: the buffer may still move. ordo_emitter_hand_over sets the pointers. */
    to->items[to->count++] = (struct ordo_emission){{NULL, id.len}, revision, {NULL, decision.len}};
    ordo_buffer_append(&to->bytes, id);
    ordo_buffer_append(&to->bytes, decision);
}

static void set_full(struct ordo_emitter *emitter, bool full)
{
    atomic_store_explicit(&emitter->full, full, memory_order_relaxed);
}

static void sink_push(struct sink *sink, struct ordo_chunk *chunk)
{
    struct chunk_link *link = malloc(sizeof(*link));
    uint64_t backlog;

    ORDO_REQUIRE(link != NULL);
    *link = (struct chunk_link){NULL, chunk};
    backlog = atomic_fetch_add_explicit(&sink->backlog, chunk->count, memory_order_relaxed) + chunk->count;
    if (backlog > sink->emitter->backlog_max)
        set_full(sink->emitter, true);
    pthread_mutex_lock(&sink->lock);
    *sink->last = link;
    sink->last = &link->next;
    pthread_mutex_unlock(&sink->lock);
    ordo_waker_wake(&sink->waker);
}

void ordo_emitter_hand_over(struct ordo_emitter *emitter, struct ordo_chunk **chunk)
{
    struct ordo_chunk *full = *chunk;
    const char *at;

    if (full == NULL)
        return;
    *chunk = NULL;
    at = full->bytes.ptr;
    for (size_t i = 0; i < full->count; i++) {
        struct ordo_emission *item = &full->items[i];

        item->id.ptr = at;
        item->decision.ptr = at + item->id.len;
        at += item->id.len + item->decision.len;
    }
    atomic_store_explicit(&full->references, (uint32_t)emitter->count + 1, memory_order_relaxed);
    for (size_t i = 0; i < emitter->count; i++)
        sink_push(&emitter->sinks[i], full);
    if (atomic_load_explicit(&emitter->has_listener, memory_order_relaxed)) {
        pthread_rwlock_rdlock(&emitter->listening);
        if (emitter->listener != NULL)
            emitter->listener->hear(emitter->listener, full->items, full->count);
        pthread_rwlock_unlock(&emitter->listening);
    }
    chunk_unref(emitter, full);
}

void ordo_emitter_listen(struct ordo_emitter *emitter, struct ordo_listener *listener)
{
    pthread_rwlock_wrlock(&emitter->listening);
    emitter->listener = listener;
    atomic_store_explicit(&emitter->has_listener, listener != NULL, memory_order_relaxed);
    pthread_rwlock_unlock(&emitter->listening);
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

    if (ordo_log_gate_pass(&sink->refused_gate, &skipped))
        ordo_log_warn(sink->instance->tag, "decisions were not taken and come again: %s%s",
                      ordo_error_format(err, text, sizeof(text)),
                      ordo_log_skipped(skipped, more, sizeof(more)));
}

/* Gives the batch to the sink until it takes it; false when the engine stops first. */
static bool emit_batch(struct sink *sink, const struct ordo_emission *items, size_t count)
{
    int64_t wait_ms = RETRY_FIRST_MS, until;
    struct ordo_error err = {0};
    bool stopping;

    for (;;) {
        if (sink->ops->emit(sink->instance->self, items, count, &err) == 0) {
            ordo_metrics_add(sink->metrics, ORDO_COUNTER_SINK_EMITTED, count);
            return true;
        }
        ordo_metrics_add(sink->metrics, ORDO_COUNTER_SINK_RETRIED, 1);
        log_refused(sink, &err);
        until = ordo_clock_ns() + wait_ms * 1000000;
        pthread_mutex_lock(&sink->lock);
        stopping = sink->stopping;
        if (stopping && sink->stop_ns < until)
            until = sink->stop_ns;
        pthread_mutex_unlock(&sink->lock);
        if (stopping && ordo_clock_ns() >= until)
            return false;
        ordo_waker_wait(&sink->waker, until);
        wait_ms = wait_ms * 2 < RETRY_MOST_MS ? wait_ms * 2 : RETRY_MOST_MS;
    }
}

/* Puts the items of the chunks from `link` on into sink->batch until there are enough; returns the first chunk
 * that is not in it. */
static struct chunk_link *collect(struct sink *sink, struct chunk_link *link, size_t *ret_count)
{
    size_t count = 0, bytes = 0;

    for (; link != NULL && count < BATCH_ENOUGH && bytes < BATCH_ENOUGH_BYTES; link = link->next) {
        const struct ordo_chunk *chunk = link->chunk;

        if (count + chunk->count > sink->batch_capacity) {
            sink->batch_capacity = (count + chunk->count) * 2;
            sink->batch = realloc(sink->batch, sink->batch_capacity * sizeof(*sink->batch));
            ORDO_REQUIRE(sink->batch != NULL);
        }
        memcpy(sink->batch + count, chunk->items, chunk->count * sizeof(*chunk->items));
        count += chunk->count;
        bytes += chunk->bytes.len;
    }
    *ret_count = count;
    return link;
}

static void emit_all(struct sink *sink, struct chunk_link *link)
{
    struct ordo_emitter *emitter = sink->emitter;

    while (link != NULL) {
        size_t count;
        struct chunk_link *end = collect(sink, link, &count);

        if (emit_batch(sink, sink->batch, count))
            atomic_fetch_sub_explicit(&sink->backlog, count, memory_order_relaxed);
        while (link != end) {
            struct chunk_link *next = link->next;

            chunk_unref(emitter, link->chunk);
            free(link);
            link = next;
        }
        if (ordo_emitter_is_full(emitter) && ordo_emitter_backlog(emitter) <= emitter->backlog_max / 2) {
            set_full(emitter, false);
            emitter->relieved(emitter->context);
        }
    }
}

static void sink_run(void *context)
{
    struct sink *sink = context;
    struct ordo_error err = {0};
    bool flushed = true;

    for (;;) {
        struct chunk_link *link;
        bool reopen, stopping;

        pthread_mutex_lock(&sink->lock);
        link = sink->first;
        sink->first = NULL;
        sink->last = &sink->first;
        reopen = sink->reopen;
        sink->reopen = false;
        stopping = sink->stopping;
        pthread_mutex_unlock(&sink->lock);
        if (reopen && sink->ops->reopen(sink->instance->self, &err) != 0)
            log_failure(sink, "cannot reopen", &err);
        if (link != NULL) {
            emit_all(sink, link);
            flushed = false;
            continue;
        }
        if (!flushed && sink->ops->flush(sink->instance->self, &err) != 0)
            log_failure(sink, "cannot flush", &err);
        flushed = true;
        if (stopping)
            return;
        ordo_waker_wait(&sink->waker, INT64_MAX);
    }
}

struct ordo_emitter *ordo_emitter_start(struct ordo_plugin_instance *const *sinks, size_t count,
                                        uint32_t backlog_max, struct ordo_metrics_registry *metrics,
                                        void (*relieved)(void *context), void *context,
                                        struct ordo_error *err)
{
    struct ordo_emitter *emitter = calloc(1, sizeof(*emitter));

    ORDO_REQUIRE(emitter != NULL);
    *emitter = (struct ordo_emitter){
        .backlog_max = backlog_max, .relieved = relieved, .context = context, .count = count};
    ORDO_REQUIRE(pthread_mutex_init(&emitter->pool, NULL) == 0);
    ORDO_REQUIRE(pthread_rwlock_init(&emitter->listening, NULL) == 0);
    emitter->sinks = calloc(count + 1, sizeof(*emitter->sinks));
    ORDO_REQUIRE(emitter->sinks != NULL);
    for (size_t i = 0; i < count; i++) {
        struct sink *sink = &emitter->sinks[i];
        char name[32];
        int result;

        sink->emitter = emitter;
        sink->instance = sinks[i];
        sink->ops = sinks[i]->plugin->ops;
        sink->metrics = ordo_metrics_join(metrics);
        sink->last = &sink->first;
        ordo_waker_init(&sink->waker);
        ORDO_REQUIRE(pthread_mutex_init(&sink->lock, NULL) == 0);
        snprintf(name, sizeof(name), "sink-%zu", i);
        if ((result = ordo_thread_start(&sink->thread, name, sink_run, sink)) != 0) {
            emitter->count = i + 1;
            ordo_emitter_stop(emitter, 0);
            ordo_emitter_free(emitter);
            ordo_fail(err, result, sinks[i]->tag, "cannot start the sink's thread: %s", strerror(-result));
            return NULL;
        }
    }
    return emitter;
}

size_t ordo_emitter_stop(struct ordo_emitter *emitter, int64_t until_ns)
{
    size_t lost = 0;

    for (size_t i = 0; i < emitter->count; i++) {
        struct sink *sink = &emitter->sinks[i];

        pthread_mutex_lock(&sink->lock);
        sink->stopping = true;
        sink->stop_ns = until_ns;
        pthread_mutex_unlock(&sink->lock);
        ordo_waker_wake(&sink->waker);
    }
    for (size_t i = 0; i < emitter->count; i++) {
        struct sink *sink = &emitter->sinks[i];
        size_t left;

        ordo_thread_join(&sink->thread);
        left = atomic_load_explicit(&sink->backlog, memory_order_relaxed);
        if (left > 0)
            ordo_log_error(sink->instance->tag, "%zu decisions were not taken before the stop", left);
        lost += left;
    }
    return lost;
}

void ordo_emitter_free(struct ordo_emitter *emitter)
{
    struct ordo_chunk *chunk;

    if (emitter == NULL)
        return;
    while ((chunk = emitter->free) != NULL) {
        emitter->free = chunk->next;
        chunk_free(chunk);
    }
    for (size_t i = 0; i < emitter->count; i++) {
        free(emitter->sinks[i].batch);
        ordo_waker_done(&emitter->sinks[i].waker);
        pthread_mutex_destroy(&emitter->sinks[i].lock);
    }
    pthread_mutex_destroy(&emitter->pool);
    pthread_rwlock_destroy(&emitter->listening);
    free(emitter->sinks);
    free(emitter);
}

void ordo_emitter_reopen(struct ordo_emitter *emitter)
{
    for (size_t i = 0; i < emitter->count; i++) {
        struct sink *sink = &emitter->sinks[i];

        pthread_mutex_lock(&sink->lock);
        sink->reopen = true;
        pthread_mutex_unlock(&sink->lock);
        ordo_waker_wake(&sink->waker);
    }
}
