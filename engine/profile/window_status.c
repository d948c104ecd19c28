/* SPDX-License-Identifier: MIT
 * window_status.c: what can be profiled here, who is at it, and what profiling itself costs.
 */
#include "base/clock.h"
#include "profile/heap.h"
#include "profile/profiler_impl.h"
#include "vm/interrupt.h"

static double seconds(int64_t ns)
{
    return (double)(ns / 1000) / 1e6;
}

static void write_windows(struct ordo_json_writer *json, const struct ordo_profiler *profiler)
{
    int64_t now_ns = ordo_clock_ns();

    ordo_json_key(json, ORDO_STR("windows"));
    ordo_json_array(json);
    for (const struct ordo__window *window = profiler->open; window != NULL; window = window->next) {
        ordo_json_object(json);
        ordo_json_key_string(json, ORDO_STR("kind"), ordo_str_from(ordo__kind_name(window)));
        ordo_json_key_string(json, ORDO_STR("for"),
                             window->is_continuous ? ORDO_STR("profiling.continuous")
                                                   : ordo_str_from(window->request.who));
        ordo_json_key(json, ORDO_STR("seconds_open"));
        ordo_json_double(json, seconds(now_ns - window->began_ns));
        ordo_json_key(json, ORDO_STR("seconds_left"));
        ordo_json_double(json, seconds(window->end_ns > now_ns ? window->end_ns - now_ns : 0));
        ordo_json_end_object(json);
    }
    ordo_json_end_array(json);
}

/* The profiler's own share: of its thread, and of the handlers on all others. */
static void write_cost(struct ordo_json_writer *json, struct ordo_profiler *profiler)
{
    struct ordo_sampler_figures figures;

    ordo_sampler_figures(profiler->sampler, &figures);
    ordo_json_key(json, ORDO_STR("sampler"));
    ordo_json_object(json);
    ordo_json_key_int(json, ORDO_STR("hz"), figures.hz);
    ordo_json_key_int(json, ORDO_STR("threads"), figures.threads);
    ordo_json_key_int(json, ORDO_STR("samples"), (int64_t)figures.samples);
    ordo_json_key_int(json, ORDO_STR("dropped"), (int64_t)figures.dropped);
    ordo_json_key_int(json, ORDO_STR("without_lua_stack"), (int64_t)figures.unjoined);
    ordo_json_end_object(json);
    ordo_json_key(json, ORDO_STR("cost"));
    ordo_json_object(json);
    ordo_json_key(json, ORDO_STR("handlers_seconds"));
    ordo_json_double(json, seconds((int64_t)figures.handler_ns));
    ordo_json_key(json, ORDO_STR("thread_seconds"));
    ordo_json_double(json, seconds(ordo_clock_of_ns(CLOCK_THREAD_CPUTIME_ID)));
    ordo_json_end_object(json);
}

static void write_heap(struct ordo_json_writer *json)
{
    struct ordo_error err = {0};
    bool works = ordo_heap_check(&err) == 0;

    ordo_json_key(json, ORDO_STR("heap"));
    ordo_json_object(json);
    ordo_json_key(json, ORDO_STR("sampled"));
    ordo_json_bool(json, works);
    if (!works)
        ordo_json_key_string(json, ORDO_STR("trouble"), ordo_str_from(err.message));
    ordo_json_end_object(json);
}

static void write_history(struct ordo_json_writer *json, const struct ordo_profiler *profiler)
{
    uint64_t bytes;
    size_t count = ordo_history_count(profiler->history, &bytes);

    ordo_json_key(json, ORDO_STR("history"));
    ordo_json_object(json);
    ordo_json_key_int(json, ORDO_STR("profiles"), (int64_t)count);
    ordo_json_key_int(json, ORDO_STR("bytes"), (int64_t)bytes);
    ordo_json_key_int(json, ORDO_STR("bytes_max"), (int64_t)profiler->options.history_bytes);
    ordo_json_end_object(json);
}

/* What the start of a worker's VM found out: whether compiled Lua can be sampled. */
static void write_probe(void *visitor, unsigned worker, const struct ordo_vm *vm)
{
    const struct ordo_vm_probe *probe = ordo_vm_probe(vm);
    struct ordo_json_writer *json = visitor;

    ordo_json_object(json);
    ordo_json_key_int(json, ORDO_STR("worker"), worker);
    ordo_json_key(json, ORDO_STR("compiles"));
    ordo_json_bool(json, vm->jit);
    ordo_json_key(json, ORDO_STR("compiled_code_is_sampled"));
    ordo_json_bool(json, probe->guarded);
    if (probe->trouble != NULL)
        ordo_json_key_string(json, ORDO_STR("trouble"), ordo_str_from(probe->trouble));
    ordo_json_end_object(json);
}

static void end(struct ordo_profiler *profiler, struct ordo__window *window,
                struct ordo_profile_answer *answer)
{
    struct ordo_json_writer json = ordo_json_writer(&answer->body);

    ordo__answer_name(window, "status", answer);
    ordo_json_object(&json);
    write_windows(&json, profiler);
    write_cost(&json, profiler);
    write_heap(&json);
    write_history(&json, profiler);
    ordo_json_key(&json, ORDO_STR("workers"));
    ordo_json_array(&json);
    if (profiler->profiled.each_vm != NULL)
        profiler->profiled.each_vm(profiler->profiled.context, write_probe, &json);
    ordo_json_end_array(&json);
    ordo_json_end_object(&json);
}

const struct ordo__kind ordo__kind_status = {.name = "status", .end = end};
