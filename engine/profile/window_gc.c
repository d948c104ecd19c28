/* SPDX-License-Identifier: MIT
 * window_gc.c: Lua's memory and its collector's pauses by worker, and the allocator's memory.
 */
#include "metrics/metrics.h"
#include "profile/profiler_impl.h"
#include "vm/memory.h"

struct writing {
    struct ordo_json_writer *json;
    const struct ordo_profiled *profiled;
};

static void key_us(struct ordo_json_writer *json, ordo_str key, uint64_t ns)
{
    ordo_json_key(json, key);
    ordo_json_double(json, (double)(ns / 100) / 10);
}

/* The buckets of /metrics, as far as there is something in them. */
static void write_buckets(struct ordo_json_writer *json, const struct ordo_histogram_view *view)
{
    uint64_t counted = 0;

    ordo_json_key(json, ORDO_STR("buckets"));
    ordo_json_array(json);
    for (size_t i = 0; i < ordo_metrics_edge_count && counted < view->count; i++) {
        counted = ordo_histogram_at_most(view, ordo_metrics_edges[i]);
        ordo_json_object(json);
        ordo_json_key_int(json, ORDO_STR("up_to_us"), (int64_t)ordo_metrics_edges[i] / 1000);
        ordo_json_key_int(json, ORDO_STR("count"), (int64_t)counted);
        ordo_json_end_object(json);
    }
    ordo_json_end_array(json);
}

static void write_steps(struct ordo_json_writer *json, const struct ordo_histogram *steps)
{
    struct ordo_histogram_view view = {0};

    ordo_histogram_merge(&view, steps);
    ordo_json_key(json, ORDO_STR("steps"));
    ordo_json_object(json);
    ordo_json_key_int(json, ORDO_STR("count"), (int64_t)view.count);
    key_us(json, ORDO_STR("sum_us"), view.sum);
    key_us(json, ORDO_STR("p50_us"), ordo_histogram_quantile(&view, 0.5));
    key_us(json, ORDO_STR("p90_us"), ordo_histogram_quantile(&view, 0.9));
    key_us(json, ORDO_STR("p99_us"), ordo_histogram_quantile(&view, 0.99));
    key_us(json, ORDO_STR("max_us"), view.max);
    write_buckets(json, &view);
    ordo_json_end_object(json);
}

static void write_vm(void *visitor, unsigned worker, const struct ordo_vm *vm)
{
    const struct writing *writing = visitor;
    struct ordo_json_writer *json = writing->json;
    struct ordo_vm_memory memory;

    ordo_vm_memory(vm, &memory);
    ordo_json_object(json);
    ordo_json_key_int(json, ORDO_STR("worker"), worker);
    ordo_json_key_int(json, ORDO_STR("bytes"), (int64_t)memory.bytes);
    ordo_json_key_int(json, ORDO_STR("peak_bytes"), (int64_t)memory.peak);
    ordo_json_key_int(json, ORDO_STR("cycles"), (int64_t)memory.cycles);
    ordo_json_key_int(json, ORDO_STR("cycles_inside_orders"), (int64_t)memory.cycles_inside);
    ordo_json_key_int(json, ORDO_STR("orders_beyond_headroom"), (int64_t)memory.beyond_headroom);
    if (writing->profiled->collector_steps != NULL)
        write_steps(json, writing->profiled->collector_steps(writing->profiled->context, worker));
    ordo_json_key_int(json, ORDO_STR("full_collections"), (int64_t)memory.full_collections);
    ordo_json_key_int(json, ORDO_STR("full_collections_us"), memory.full_ns / 1000);
    ordo_json_key_int(json, ORDO_STR("longest_full_collection_us"), memory.full_longest_ns / 1000);
    if (memory.known) {
        ordo_json_key_string(json, ORDO_STR("state"), ordo_str_from(memory.state));
        ordo_json_key_int(json, ORDO_STR("threshold_bytes"), (int64_t)memory.threshold);
        ordo_json_key_int(json, ORDO_STR("estimate_bytes"), (int64_t)memory.estimate);
        ordo_json_key_int(json, ORDO_STR("debt_bytes"), (int64_t)memory.debt);
        ordo_json_key_int(json, ORDO_STR("compiled_code_bytes"), (int64_t)memory.code_bytes);
    }
    ordo_json_end_object(json);
}

static void end(struct ordo_profiler *profiler, struct ordo__window *window,
                struct ordo_profile_answer *answer)
{
    struct ordo_json_writer json = ordo_json_writer(&answer->body);
    struct writing writing = {&json, &profiler->profiled};

    ordo__answer_name(window, "gc", answer);
    if (window->request.collect && profiler->profiled.collect != NULL)
        profiler->profiled.collect(profiler->profiled.context);
    ordo_json_object(&json);
    ordo_json_key(&json, ORDO_STR("workers"));
    ordo_json_array(&json);
    if (profiler->profiled.each_vm != NULL)
        profiler->profiled.each_vm(profiler->profiled.context, write_vm, &writing);
    ordo_json_end_array(&json);
    ordo_json_key(&json, ORDO_STR("jemalloc"));
    ordo_heap_figures_write(&answer->body);
    json.comma = true;
    ordo_json_end_object(&json);
}

const struct ordo__kind ordo__kind_gc = {.name = "gc", .end = end};
