/* SPDX-License-Identifier: MIT
 * window_cpu.c: where CPU time goes (or all time, with `wall`) while a window is open.
 *
 * Samples get names as they come, since what an address means is remembered after its first time. With
 * slower_than_ns, the samples of an order are held until it has ended, and are then kept or dropped; those of orders that
 * do not end while the window is open are dropped.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/order.h"
#include "profile/jeprof.h"
#include "profile/profiler_impl.h"

enum { BUCKETS = 1024 };

/* A sample of an order that has not ended. */
struct held {
    struct held *next;
    struct ordo_sample sample; /* frames and thread point into this */
    char thread[16];
    uint64_t frames[];
};

struct cpu_window {
    struct ordo_sampler_listener listener; /* first: both convert */
    const struct ordo_profile_request *request;
    struct ordo_symbols *symbols;
    struct ordo_profile *profile;
    struct ordo_raw_stacks raw; /* in place of profile, for gperftools' format */
    int64_t raw_ns;             /* what is left of a period */
    struct ordo_sampler_figures before;
    struct held *held[BUCKETS];
};

static const char *const states[] = {
    [ORDO_VM_IDLE] = "native",
    [ORDO_VM_INTERPRETER] = "interpreter",
    [ORDO_VM_COMPILED] = "compiled",
    [ORDO_VM_C] = "C",
    [ORDO_VM_GC] = "GC",
    [ORDO_VM_JIT] = "JIT compiler",
};

const char *ordo__sample_state(const struct ordo_sample *sample)
{
    return sample->is_waiting ? "waiting" : states[sample->state];
}

struct labels {
    struct ordo_label labels[ORDO_PROFILE_LABELS];
    size_t count;
    char worker[16], generation[16];
};

static void add_label(struct labels *labels, const char *key, ordo_str value)
{
    if (value.len > 0)
        labels->labels[labels->count++] = (struct ordo_label){ordo_str_from(key), value};
}

/* Texts, also for numbers: pprof drops a number that is 0. */
static void label(struct labels *labels, const struct ordo_sample *sample, ordo_str rule)
{
    labels->count = 0;
    add_label(labels, "thread", ordo_str_from(sample->thread));
    if (sample->in_vm) {
        snprintf(labels->worker, sizeof(labels->worker), "worker-%u", sample->context.worker);
        add_label(labels, "worker", ordo_str_from(labels->worker));
        add_label(labels, "state", ordo_str_from(ordo__sample_state(sample)));
    } else if (sample->is_waiting) {
        add_label(labels, "state", ORDO_STR("waiting"));
    }
    if (sample->context.order == 0)
        return;
    add_label(labels, "priority", ordo_str_from(ordo_priority_name(sample->context.priority)));
    if (sample->context.generation > 0) {
        snprintf(labels->generation, sizeof(labels->generation), "%u", sample->context.generation);
        add_label(labels, "generation", ordo_str_from(labels->generation));
    }
    add_label(labels, "rule", rule);
}

/* gperftools' format has counts alone: as many as periods have gone by, since a sample may stand for more or less than one. */
static void keep_raw(struct cpu_window *window, const struct ordo_sample *sample)
{
    int64_t period_ns = 1000000000 / (int64_t)window->request->hz, count;

    window->raw_ns += window->listener.wall ? sample->wall_ns : sample->cpu_ns;
    count = window->raw_ns / period_ns;
    window->raw_ns -= count * period_ns;
    if (count > 0)
        ordo_raw_stacks_add(&window->raw, sample->frames, sample->frame_count, (uint64_t)count);
}

static void keep(struct cpu_window *window, const struct ordo_sample *sample)
{
    int64_t values[] = {sample->count, window->listener.wall ? sample->wall_ns : sample->cpu_ns};
    ordo_str rule = ordo_symbols_rule_of(window->symbols, sample->frames + sample->lua_at, sample->lua_count);
    struct labels labels;

    if (window->request->rule[0] != '\0' && !ordo_str_equal(rule, ordo_str_from(window->request->rule)))
        return;
    if (window->profile == NULL) {
        keep_raw(window, sample);
        return;
    }
    label(&labels, sample, rule);
    ordo_symbols_add(window->symbols, window->profile, sample->frames, sample->frame_count, labels.labels,
                     labels.count, values);
}

/* --- orders that may prove slow --- */

static struct held **bucket_of(struct cpu_window *window, uint64_t order)
{
    return &window->held[order * 0x9e3779b97f4a7c15u >> 54]; /* ten bits */
}

static void hold(struct cpu_window *window, const struct ordo_sample *sample)
{
    struct held *held = malloc(sizeof(*held) + sample->frame_count * sizeof(*held->frames));
    struct held **bucket = bucket_of(window, sample->context.order);

    ORDO_REQUIRE(held != NULL);
    held->sample = *sample;
    memcpy(held->frames, sample->frames, sample->frame_count * sizeof(*held->frames));
    snprintf(held->thread, sizeof(held->thread), "%s", sample->thread);
    held->sample.frames = held->frames;
    held->sample.thread = held->thread;
    held->next = *bucket;
    *bucket = held;
}

static void order_ended(struct ordo_sampler_listener *listener, uint64_t order, int64_t took_ns)
{
    struct cpu_window *window = (struct cpu_window *)listener;
    struct held **link = bucket_of(window, order);

    while (*link != NULL) {
        struct held *held = *link;

        if (held->sample.context.order != order) {
            link = &held->next;
            continue;
        }
        if (took_ns > window->request->slower_than_ns)
            keep(window, &held->sample);
        *link = held->next;
        free(held);
    }
}

static void drop_held(struct cpu_window *window)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (window->held[i] != NULL) {
            struct held *held = window->held[i];

            window->held[i] = held->next;
            free(held);
        }
}

/* --- the window --- */

static void sampled(struct ordo_sampler_listener *listener, const struct ordo_sample *sample)
{
    struct cpu_window *window = (struct cpu_window *)listener;
    const struct ordo_profile_request *request = window->request;

    if (request->priority >= 0 &&
        (sample->context.order == 0 || sample->context.priority != request->priority))
        return;
    if (request->slower_than_ns == 0)
        keep(window, sample);
    else if (sample->context.order != 0)
        hold(window, sample);
}

static bool begin(struct ordo_profiler *profiler, struct ordo__window *asked,
                  struct ordo_profile_answer *answer)
{
    struct cpu_window *window = calloc(1, sizeof(*window));
    const struct ordo_profile_request *request = &asked->request;

    (void)answer;
    ORDO_REQUIRE(window != NULL);
    window->listener = (struct ordo_sampler_listener){
        .sample = sampled,
        .order_ended = request->slower_than_ns > 0 ? order_ended : NULL,
        .hz = request->hz,
        .wall = request->wall,
    };
    window->request = request;
    window->symbols = profiler->symbols;
    if (request->format != ORDO_FORMAT_GPERFTOOLS)
        window->profile = ordo_profile_new(request->wall ? &ordo_meaning_wall : &ordo_meaning_cpu,
                                           1000000000 / (int64_t)request->hz);
    ordo_sampler_figures(profiler->sampler, &window->before);
    ordo_sampler_listen(profiler->sampler, &window->listener);
    asked->state = window;
    return true;
}

static void comment(struct cpu_window *window, const struct ordo_sampler_figures *after)
{
    const struct ordo_sampler_figures *before = &window->before;

    ordo_profile_comment(window->profile, "samples dropped: %llu, without their Lua stack: %llu, of %llu",
                         (unsigned long long)(after->dropped - before->dropped),
                         (unsigned long long)(after->unjoined - before->unjoined),
                         (unsigned long long)(after->samples - before->samples));
}

static void close_window(struct ordo_profiler *profiler, struct ordo__window *asked)
{
    struct cpu_window *window = asked->state;

    ordo_sampler_leave(profiler->sampler, &window->listener);
    drop_held(window);
    ordo_symbols_rest(window->symbols);
}

static void free_window(struct ordo__window *asked)
{
    struct cpu_window *window = asked->state;

    ordo_profile_free(window->profile);
    ordo_raw_stacks_done(&window->raw);
    free(window);
    asked->state = NULL;
}

static void end(struct ordo_profiler *profiler, struct ordo__window *asked,
                struct ordo_profile_answer *answer)
{
    struct cpu_window *window = asked->state;
    const char *name = asked->request.wall ? "wall" : "cpu";
    struct ordo_sampler_figures after;

    close_window(profiler, asked);
    if (window->profile == NULL) {
        ordo__answer_name(asked, name, answer);
        ordo_encode_gperftools(&window->raw, 1000000000 / (int64_t)asked->request.hz, &answer->body);
    } else {
        ordo_sampler_figures(profiler->sampler, &after);
        comment(window, &after);
        ordo__answer_profile(profiler, asked, name, asked->request.wall ? "wall time" : "CPU time",
                             window->profile, answer);
    }
    free_window(asked);
}

static void abandon(struct ordo_profiler *profiler, struct ordo__window *asked)
{
    close_window(profiler, asked);
    free_window(asked);
}

const struct ordo__kind ordo__kind_cpu = {"CPU", begin, end, abandon};
