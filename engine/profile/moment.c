/* SPDX-License-Identifier: MIT
 * moment.c: a moment as a profile, and as text.
 *
 * The stack of a coroutine has a note on top of its lines, what it waits for, and "(order)" below them, as in the profile of
 * waits.
 */
#include "profile/moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_time.h"
#include "core/order.h"
#include "profile/frame_text.h"
#include "profile/jeprof.h"
#include "profile/stack_text.h"
#include "vm/line_table.h"

enum { STACK_MAX = ORDO_COROUTINE_DEPTH + 2 };

void ordo_moment_done(struct ordo_moment *moment)
{
    ordo_coroutines_done(&moment->coroutines);
    free(moment->threads);
    *moment = (struct ordo_moment){0};
}

static size_t stack_of(const struct ordo_coroutine *coroutine, const uint64_t *frames,
                       uint64_t ret_stack[STACK_MAX])
{
    char text[32];

    snprintf(text, sizeof(text), "=(%s)", coroutine->waits_for);
    ret_stack[0] = ordo_line_address(text, 0, 0);
    memcpy(ret_stack + 1, frames, coroutine->frame_count * sizeof(*frames));
    ret_stack[coroutine->frame_count + 1] = ordo_line_address("=(order)", 0, 0);
    return coroutine->frame_count + 2;
}

/* --- as a profile --- */

static const int64_t one[] = {1};

static void add_coroutine(struct ordo_profile *profile, struct ordo_symbols *symbols,
                          const struct ordo_coroutine *coroutine, const uint64_t *frames)
{
    ordo_str rule = ordo_symbols_rule_of(symbols, frames, coroutine->frame_count);
    struct ordo_label labels[ORDO_PROFILE_LABELS];
    uint64_t stack[STACK_MAX];
    size_t count = 0;
    char worker[8];

    snprintf(worker, sizeof(worker), "%u", coroutine->worker);
    if (rule.len > 0)
        labels[count++] = (struct ordo_label){ORDO_STR("rule"), rule};
    labels[count++] = (struct ordo_label){ORDO_STR("state"), ordo_str_from(coroutine->waits_for)};
    labels[count++] =
        (struct ordo_label){ORDO_STR("priority"), ordo_str_from(ordo_priority_name(coroutine->priority))};
    labels[count++] = (struct ordo_label){ORDO_STR("worker"), ordo_str_from(worker)};
    ordo_symbols_add(symbols, profile, stack, stack_of(coroutine, frames, stack), labels, count, one);
}

struct ordo_profile *ordo_moment_profile(const struct ordo_moment *moment, struct ordo_symbols *symbols)
{
    struct ordo_profile *profile = ordo_profile_new(&ordo_meaning_coroutine, 1);
    const struct ordo_coroutine *coroutine;
    const uint64_t *frames;

    for (size_t at = 0; ordo_coroutines_next(&moment->coroutines, &at, &coroutine, &frames);)
        if (coroutine->is_missing)
            ordo_profile_comment(profile, "worker %u is busy: what waits in it is missing",
                                 coroutine->worker);
        else
            add_coroutine(profile, symbols, coroutine, frames);
    for (size_t i = 0; i < moment->thread_count; i++) {
        const struct ordo_moment_thread *thread = &moment->threads[i];
        ordo_str rule = ordo_symbols_rule_of(symbols, thread->frames + thread->lua_at, thread->lua_count);
        const struct ordo_label labels[] = {
            {ORDO_STR("thread"), ordo_str_from(thread->name)},
            {ORDO_STR("state"), ordo_str_from(thread->state == NULL ? "no answer" : thread->state)},
            {ORDO_STR("rule"), rule},
        };

        ordo_symbols_add(symbols, profile, thread->frames, thread->frame_count, labels, rule.len > 0 ? 3 : 2,
                         one);
    }
    return profile;
}

/* --- as text --- */

static void put_time(const struct ordo_moment *moment, int64_t at_ns, struct ordo_buffer *out)
{
    char text[ORDO_TIME_TEXT];

    ordo_time_format((moment->at_utc_ms * 1000000 + at_ns - moment->at_ns) / 1000000, text);
    ordo_buffer_append(out, (ordo_str){text, ORDO_TIME_TEXT});
}

static void put_missing(const struct ordo_coroutine *coroutine, struct ordo_buffer *out)
{
    ordo_buffer_printf(
        out, "# worker %u is busy: it did not come to list what waits in it; its thread is below\n\n",
        coroutine->worker);
}

static void put_coroutine(const struct ordo_moment *moment, struct ordo_symbols *symbols,
                          const struct ordo_coroutine *coroutine, const uint64_t *frames,
                          struct ordo_buffer *out)
{
    ordo_str rule = ordo_symbols_rule_of(symbols, frames, coroutine->frame_count);
    int64_t left_ns = coroutine->until_ns - moment->at_ns;
    char text[ORDO_VALUE_TEXT], left[ORDO_VALUE_TEXT];
    uint64_t stack[STACK_MAX];

    ordo_buffer_printf(out, "order %.*s [%s, for %s, %s left]: ", coroutine->order_len, coroutine->order,
                       coroutine->waits_for,
                       ordo_value_text((double)(moment->at_ns - coroutine->since_ns), "nanoseconds", text),
                       ordo_value_text(left_ns > 0 ? (double)left_ns : 0, "nanoseconds", left));
    if (rule.len > 0)
        ordo_buffer_printf(out, "rule " ORDO_STR_FMT ", ", ORDO_STR_ARG(rule));
    ordo_buffer_printf(out, "priority %s, worker %u, attempt %" PRIu64 ", generation %" PRIu64 ", since ",
                       ordo_priority_name(coroutine->priority), coroutine->worker, coroutine->attempt,
                       coroutine->generation);
    put_time(moment, coroutine->since_ns, out);
    ordo_buffer_append(out, ORDO_STR(", until "));
    put_time(moment, coroutine->until_ns, out);
    ordo_buffer_put(out, '\n');
    ordo_stack_text(symbols, stack, stack_of(coroutine, frames, stack), out);
}

static void put_thread(struct ordo_symbols *symbols, const struct ordo_moment_thread *thread,
                       struct ordo_buffer *out)
{
    ordo_str rule = ordo_symbols_rule_of(symbols, thread->frames + thread->lua_at, thread->lua_count);

    ordo_buffer_printf(out, "thread %s %" PRId32, thread->name, thread->tid);
    if (thread->state != NULL)
        ordo_buffer_printf(out, " [%s]", thread->state);
    else if (thread->kernel_state != 0)
        ordo_buffer_printf(out, " [no answer: the kernel says %c]", thread->kernel_state);
    else
        ordo_buffer_append(out, ORDO_STR(" [ended]"));
    if (rule.len > 0)
        ordo_buffer_printf(out, ", rule " ORDO_STR_FMT, ORDO_STR_ARG(rule));
    ordo_buffer_append(out, ORDO_STR(":\n"));
    ordo_stack_text(symbols, thread->frames, thread->frame_count, out);
}

static void put_each(const struct ordo_moment *moment, struct ordo_symbols *symbols, struct ordo_buffer *out)
{
    const struct ordo_coroutine *coroutine;
    const uint64_t *frames;

    for (size_t at = 0; ordo_coroutines_next(&moment->coroutines, &at, &coroutine, &frames);)
        if (coroutine->is_missing)
            put_missing(coroutine, out);
        else
            put_coroutine(moment, symbols, coroutine, frames, out);
    for (size_t i = 0; i < moment->thread_count; i++)
        put_thread(symbols, &moment->threads[i], out);
}

/* --- by stack --- */

struct group {
    ordo_str stack;
    uint64_t count;
};

static int by_count(const void *a, const void *b)
{
    const struct group *left = a, *right = b;

    return left->count < right->count ? 1 : left->count > right->count ? -1 : 0;
}

static void put_groups(const struct ordo_raw_stacks *stacks, struct ordo_symbols *symbols,
                       struct ordo_buffer *out)
{
    size_t count = stacks->stacks.count;
    struct group *groups = calloc(count + 1, sizeof(*groups));

    ORDO_REQUIRE(groups != NULL);
    for (uint32_t i = 0; i < count; i++) {
        groups[i].stack = ordo_intern_at(&stacks->stacks, i);
        memcpy(&groups[i].count, stacks->counts.ptr + i * sizeof(uint64_t), sizeof(uint64_t));
    }
    qsort(groups, count, sizeof(*groups), by_count);
    for (size_t i = 0; i < count; i++) {
        const uint64_t *frames = (const uint64_t *)(const void *)groups[i].stack.ptr;
        size_t depth = groups[i].stack.len / sizeof(*frames);

        ordo_buffer_printf(out, "%" PRIu64 " @", groups[i].count);
        for (size_t at = 0; at < depth; at++)
            ordo_buffer_printf(out, " 0x%" PRIx64, frames[at]);
        ordo_buffer_put(out, '\n');
        ordo_stack_comment(symbols, frames, depth, out);
        ordo_buffer_put(out, '\n');
    }
    free(groups);
}

static void put_by_stack(const struct ordo_moment *moment, struct ordo_symbols *symbols,
                         struct ordo_buffer *out)
{
    const struct ordo_coroutine *coroutine;
    struct ordo_raw_stacks stacks = {0};
    struct ordo_buffer missing = {0};
    uint64_t stack[STACK_MAX];
    const uint64_t *frames;
    size_t total = 0;

    for (size_t at = 0; ordo_coroutines_next(&moment->coroutines, &at, &coroutine, &frames);) {
        if (coroutine->is_missing) {
            put_missing(coroutine, &missing);
            continue;
        }
        ordo_raw_stacks_add(&stacks, stack, stack_of(coroutine, frames, stack), 1);
        total++;
    }
    for (size_t i = 0; i < moment->thread_count; i++, total++)
        ordo_raw_stacks_add(&stacks, moment->threads[i].frames, moment->threads[i].frame_count, 1);
    ordo_buffer_printf(out, "goroutine profile: total %zu\n", total);
    ordo_buffer_append(out, ordo_buffer_str(&missing));
    put_groups(&stacks, symbols, out);
    ordo_buffer_done(&missing);
    ordo_raw_stacks_done(&stacks);
}

void ordo_moment_text(const struct ordo_moment *moment, unsigned debug, struct ordo_symbols *symbols,
                      struct ordo_buffer *out)
{
    if (debug == 1)
        put_by_stack(moment, symbols, out);
    else
        put_each(moment, symbols, out);
}
