/* SPDX-License-Identifier: MIT
 * recorder.c: counters on the timeline.
 */
#include "worker/recorder.h"

#include <stdlib.h>

#include "base/mallctl.h"
#include "profile/timeline.h"
#include "vm/memory.h"
#include "worker/worker_impl.h"

#define EVERY_NS ((int64_t)100000000)

struct ordo_recorder {
    struct ordo_engine *engine;
    struct ordo_thread thread;
    struct ordo_waker waker;
    _Atomic bool stopping;
};

static void count_heap(void)
{
    uint64_t epoch = 1;
    size_t bytes;

    if (ordo_mallctl_write("epoch", &epoch, sizeof(epoch)) != 0 ||
        ordo_mallctl_read("stats.allocated", &bytes, sizeof(bytes)) != 0)
        return;
    ordo_timeline_count(ORDO_TIMELINE_HEAP_BYTES, bytes);
}

static void count(struct ordo_engine *engine)
{
    struct ordo_queue_figures queue;
    uint64_t orders = 0, sleeping = 0, lua_bytes = 0, cycles = 0;

    ordo_queue_figures(engine->queue, ordo_clock_ns(), &queue);
    for (uint32_t i = 0; i < engine->worker_count; i++) {
        struct ordo__worker *worker = &engine->workers[i];

        orders += atomic_load_explicit(&worker->seen_orders, memory_order_relaxed);
        sleeping += atomic_load_explicit(&worker->seen_sleeping, memory_order_relaxed);
        lua_bytes += atomic_load_explicit(&worker->seen_lua_bytes, memory_order_relaxed);
        cycles += ordo_vm_cycles(ordo_script_vm(worker->script));
    }
    ordo_timeline_count(ORDO_TIMELINE_QUEUE_HIGH, queue.depth[ORDO_PRIORITY_HIGH]);
    ordo_timeline_count(ORDO_TIMELINE_QUEUE_MEDIUM, queue.depth[ORDO_PRIORITY_MEDIUM]);
    ordo_timeline_count(ORDO_TIMELINE_QUEUE_LOW, queue.depth[ORDO_PRIORITY_LOW]);
    ordo_timeline_count(ORDO_TIMELINE_IN_FLIGHT, orders);
    ordo_timeline_count(ORDO_TIMELINE_SLEEPING, sleeping);
    ordo_timeline_count(ORDO_TIMELINE_LUA_BYTES, lua_bytes);
    ordo_timeline_count(ORDO_TIMELINE_GC_CYCLES, cycles);
    count_heap();
}

static void run(void *context)
{
    struct ordo_recorder *recorder = context;

    while (!atomic_load(&recorder->stopping)) {
        count(recorder->engine);
        ordo_timeline_tick();
        ordo_waker_wait(&recorder->waker, ordo_clock_ns() + EVERY_NS);
    }
}

struct ordo_recorder *ordo_recorder_start(struct ordo_engine *engine)
{
    struct ordo_recorder *recorder;

    if (!ordo_timeline_is_on())
        return NULL;
    recorder = calloc(1, sizeof(*recorder));
    ORDO_REQUIRE(recorder != NULL);
    recorder->engine = engine;
    ordo_waker_init(&recorder->waker);
    if (ordo_thread_start(&recorder->thread, "timeline", run, recorder) == 0)
        return recorder;
    ordo_waker_done(&recorder->waker);
    free(recorder);
    return NULL;
}

void ordo_recorder_stop(struct ordo_recorder *recorder)
{
    if (recorder == NULL)
        return;
    atomic_store(&recorder->stopping, true);
    ordo_waker_wake(&recorder->waker);
    ordo_thread_join(&recorder->thread);
    ordo_waker_done(&recorder->waker);
    free(recorder);
}
