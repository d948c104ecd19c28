/* SPDX-License-Identifier: MIT
 * window_gc.c: Lua's memory by worker, and the allocator's.
 */
#include "profile/profiler_impl.h"
#include "vm/memory.h"

static void write_vm(void *visitor, unsigned worker, const struct ordo_vm *vm)
{
    struct ordo_json_writer *json = visitor;
    struct ordo_vm_memory memory;

    ordo_vm_memory(vm, &memory);
    ordo_json_object(json);
    ordo_json_key_int(json, ORDO_STR("worker"), worker);
    ordo_json_key_int(json, ORDO_STR("bytes"), (int64_t)memory.bytes);
    ordo_json_key_int(json, ORDO_STR("peak_bytes"), (int64_t)memory.peak);
    ordo_json_key_int(json, ORDO_STR("cycles"), (int64_t)memory.cycles);
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

    ordo__answer_name(window, "gc", answer);
    if (window->request.collect && profiler->profiled.collect != NULL)
        profiler->profiled.collect(profiler->profiled.context);
    ordo_json_object(&json);
    ordo_json_key(&json, ORDO_STR("workers"));
    ordo_json_array(&json);
    if (profiler->profiled.each_vm != NULL)
        profiler->profiled.each_vm(profiler->profiled.context, write_vm, &json);
    ordo_json_end_array(&json);
    ordo_json_key(&json, ORDO_STR("jemalloc"));
    ordo_heap_figures_write(&answer->body);
    json.comma = true;
    ordo_json_end_object(&json);
}

const struct ordo__kind ordo__kind_gc = {.name = "gc", .end = end};
