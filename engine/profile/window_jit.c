/* SPDX-License-Identifier: MIT
 * window_jit.c: what the compiler made of which line in each worker, what it gave up, and why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile/profiler_impl.h"
#include "vm/interrupt.h"
#include "vm/trace_table.h"

/* "coupon.apply rules/30_coupon.lua:12" */
static void describe_line(struct ordo_profiler *profiler, uint64_t address, char *out, size_t size)
{
    struct ordo_frame frame;
    struct ordo_line line;

    if (!ordo_line_find(address, &line)) {
        snprintf(out, size, "?");
        return;
    }
    ordo_symbols_find(profiler->symbols, address, false, &frame, 1);
    snprintf(out, size, "%.*s %s:%d", (int)frame.function.len, frame.function.ptr,
             line.source[0] == '@' || line.source[0] == '=' ? line.source + 1 : line.source, line.line);
}

struct visit {
    struct ordo_profiler *profiler;
    struct ordo_json_writer json;
    struct ordo_buffer *out;
    enum ordo_profile_format format;
};

static void write_line(struct visit *visit, ordo_str key, uint64_t address)
{
    char text[400];

    describe_line(visit->profiler, address, text, sizeof(text));
    ordo_json_key_string(&visit->json, key, ordo_str_from(text));
}

static int by_line(const void *a, const void *b)
{
    const struct ordo_trace *one = a, *other = b;

    return one->line != other->line      ? (one->line < other->line ? -1 : 1)
           : one->number < other->number ? -1
                                         : 1;
}

static void write_traces(struct visit *visit, const struct ordo_vm *vm)
{
    struct ordo_trace *traces = calloc(ORDO_TRACES_MAX, sizeof(*traces));
    size_t count;

    ORDO_REQUIRE(traces != NULL);
    count = ordo_traces_list(vm, traces, ORDO_TRACES_MAX);
    count = count < ORDO_TRACES_MAX ? count : ORDO_TRACES_MAX;
    qsort(traces, count, sizeof(*traces), by_line);
    ordo_json_key(&visit->json, ORDO_STR("traces"));
    ordo_json_array(&visit->json);
    for (size_t i = 0; i < count; i++) {
        const struct ordo_trace *trace = &traces[i];

        ordo_json_object(&visit->json);
        write_line(visit, ORDO_STR("line"), trace->line);
        ordo_json_key_int(&visit->json, ORDO_STR("number"), trace->number);
        if (trace->parent != 0)
            ordo_json_key_int(&visit->json, ORDO_STR("parent"), trace->parent);
        ordo_json_key_string(&visit->json, ORDO_STR("then"), ordo_str_from(trace->link_kind));
        ordo_json_key_int(&visit->json, ORDO_STR("code_bytes"), trace->code_bytes);
        ordo_json_key_int(&visit->json, ORDO_STR("compile_us"), trace->took_ns / 1000);
        ordo_json_end_object(&visit->json);
    }
    ordo_json_end_array(&visit->json);
    free(traces);
}

static void write_aborts(struct visit *visit, const struct ordo_vm *vm)
{
    struct ordo_trace_abort *aborts = calloc(ORDO_TRACE_ABORTS_MAX, sizeof(*aborts));
    size_t count;

    ORDO_REQUIRE(aborts != NULL);
    count = ordo_traces_aborts(vm, aborts, ORDO_TRACE_ABORTS_MAX);
    count = count < ORDO_TRACE_ABORTS_MAX ? count : ORDO_TRACE_ABORTS_MAX;
    ordo_json_key(&visit->json, ORDO_STR("aborts"));
    ordo_json_array(&visit->json);
    for (size_t i = 0; i < count; i++) {
        const struct ordo_trace_abort *abort = &aborts[i];

        ordo_json_object(&visit->json);
        write_line(visit, ORDO_STR("line"), abort->line);
        write_line(visit, ORDO_STR("began_at"), abort->start);
        ordo_json_key_string(&visit->json, ORDO_STR("reason"), ordo_str_from(abort->reason));
        ordo_json_key_string(&visit->json, ORDO_STR("luajit"), ordo_str_from(abort->original));
        ordo_json_key_int(&visit->json, ORDO_STR("count"), (int64_t)abort->count);
        ordo_json_key(&visit->json, ORDO_STR("stays_interpreted"));
        ordo_json_bool(&visit->json, abort->blacklisted);
        ordo_json_end_object(&visit->json);
    }
    ordo_json_end_array(&visit->json);
    free(aborts);
}

static void write_vm(void *visitor, unsigned worker, const struct ordo_vm *vm)
{
    struct visit *visit = visitor;
    const struct ordo_vm_probe *probe = ordo_vm_probe(vm);
    struct ordo_trace_totals totals;

    if (visit->format == ORDO_FORMAT_PERF_MAP) {
        ordo_traces_perf_map(vm, visit->out);
        return;
    }
    ordo_traces_totals(vm, &totals);
    ordo_json_object(&visit->json);
    ordo_json_key_int(&visit->json, ORDO_STR("worker"), worker);
    ordo_json_key(&visit->json, ORDO_STR("compiles"));
    ordo_json_bool(&visit->json, vm->jit);
    if (probe->trouble != NULL)
        ordo_json_key_string(&visit->json, ORDO_STR("trouble"), ordo_str_from(probe->trouble));
    ordo_json_key_int(&visit->json, ORDO_STR("compiled"), (int64_t)totals.compiled);
    ordo_json_key_int(&visit->json, ORDO_STR("aborted"), (int64_t)totals.aborted);
    ordo_json_key_int(&visit->json, ORDO_STR("blacklisted"), (int64_t)totals.blacklisted);
    ordo_json_key_int(&visit->json, ORDO_STR("flushes"), (int64_t)totals.flushes);
    ordo_json_key_int(&visit->json, ORDO_STR("code_bytes"), (int64_t)totals.live_bytes);
    write_traces(visit, vm);
    write_aborts(visit, vm);
    ordo_json_end_object(&visit->json);
}

static void end(struct ordo_profiler *profiler, struct ordo__window *window,
                struct ordo_profile_answer *answer)
{
    struct visit visit = {profiler, ordo_json_writer(&answer->body), &answer->body, window->request.format};

    ordo__answer_name(window, "jit", answer);
    if (visit.format != ORDO_FORMAT_PERF_MAP) {
        ordo_json_object(&visit.json);
        ordo_json_key(&visit.json, ORDO_STR("workers"));
        ordo_json_array(&visit.json);
    }
    if (profiler->profiled.each_vm != NULL)
        profiler->profiled.each_vm(profiler->profiled.context, write_vm, &visit);
    if (visit.format != ORDO_FORMAT_PERF_MAP) {
        ordo_json_end_array(&visit.json);
        ordo_json_end_object(&visit.json);
    }
}

const struct ordo__kind ordo__kind_jit = {.name = "jit", .end = end};
