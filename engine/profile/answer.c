/* SPDX-License-Identifier: MIT
 * answer.c: a profile that was taken: into the history, and into the format that was asked for.
 *
 * Two profiles are compared by what an order costs in each. Where no orders were decided meanwhile, they are compared by what a
 * second costs, and the title says so.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "profile/profiler_impl.h"

enum { TOP_MOST = 60 };

static const struct {
    const char *type, *suffix;
} formats[] = {
    [ORDO_FORMAT_PPROF] = {"application/octet-stream", "prof"},
    [ORDO_FORMAT_COLLAPSED] = {"text/plain; charset=utf-8", "collapsed.txt"},
    [ORDO_FORMAT_SPEEDSCOPE] = {"application/json", "speedscope.json"},
    [ORDO_FORMAT_SVG] = {"image/svg+xml", "svg"},
    [ORDO_FORMAT_TEXT] = {"text/plain; charset=utf-8", "txt"},
    [ORDO_FORMAT_GPERFTOOLS] = {"application/octet-stream", "prof"},
    [ORDO_FORMAT_RAW] = {"text/plain; charset=utf-8", "heap"},
    [ORDO_FORMAT_SYMBOLIZED] = {"application/octet-stream", "prof"},
    [ORDO_FORMAT_JSON] = {"application/json", "json"},
    [ORDO_FORMAT_PERF_MAP] = {"text/plain; charset=utf-8", "map"},
};

/* As the original names them: cpu_profile_<unix time>.prof. */
void ordo__answer_name(const struct ordo__window *window, const char *name,
                       struct ordo_profile_answer *answer)
{
    enum ordo_profile_format format = window->request.format;

    answer->type = formats[format].type;
    snprintf(answer->file, sizeof(answer->file), "%s_profile_%" PRId64 ".%s", name,
             window->began_utc_ns / 1000000000, formats[format].suffix);
}

void ordo__answer_encode(const struct ordo__window *window, const char *title,
                         const struct ordo_profile *profile, struct ordo_profile_answer *answer)
{
    switch (window->request.format) {
    case ORDO_FORMAT_COLLAPSED:
        ordo_encode_collapsed(profile, &answer->body);
        return;
    case ORDO_FORMAT_SPEEDSCOPE:
        ordo_encode_speedscope(profile, title, &answer->body);
        return;
    case ORDO_FORMAT_SVG:
        ordo_encode_flame_graph(profile, title, &answer->body);
        return;
    case ORDO_FORMAT_TEXT:
        ordo_encode_top(profile, TOP_MOST, &answer->body);
        return;
    default:
        ordo_encode_pprof(profile, &answer->body);
    }
}

/* --- the change --- */

/* The change in pprof's format: as much of `base` as the orders of `profile` would have cost is taken off. */
static void encode_change(const struct ordo_profile *base, double factor, const struct ordo_profile *profile,
                          struct ordo_buffer *out)
{
    struct ordo_profile *change =
        ordo_profile_new(ordo_profile_meaning(profile), ordo_profile_period(profile));
    const struct {
        const struct ordo_profile *from;
        double factor;
    } parts[] = {{profile, 1}, {base, -factor}};

    for (size_t part = 0; part < 2; part++)
        for (size_t i = 0; i < ordo_profile_sample_count(parts[part].from); i++) {
            struct ordo_profile_sample sample = ordo_profile_sample(parts[part].from, i);
            uint32_t frames[ORDO_PROFILE_DEPTH];
            int64_t values[ORDO_PROFILE_VALUES];

            for (size_t at = 0; at < sample.frame_count; at++)
                frames[at] =
                    ordo_profile_frame(change, ordo_profile_frame_at(parts[part].from, sample.frames[at]));
            for (unsigned value = 0; value < ordo_profile_value_count(profile); value++)
                values[value] = (int64_t)((double)sample.values[value] * parts[part].factor);
            ordo_profile_add(change, frames, sample.frame_count, sample.labels, sample.label_count, values);
        }
    ordo_profile_set_time(change, ordo_profile_utc_ns(profile), ordo_profile_duration_ns(profile));
    ordo_encode_pprof(change, out);
    ordo_profile_free(change);
}

void ordo__answer_diff(const struct ordo__window *window, const char *title, const struct ordo_profile *base,
                       const struct ordo_history_entry *base_entry, const struct ordo_profile *profile,
                       const struct ordo_history_entry *entry, struct ordo_profile_answer *answer)
{
    bool by_order = base_entry->orders > 0 && entry->orders > 0;
    double base_divisor = by_order ? (double)base_entry->orders : (double)base_entry->duration_ms / 1e3;
    double divisor = by_order ? (double)entry->orders : (double)entry->duration_ms / 1e3;
    char text[160];

    if (base_divisor <= 0 || divisor <= 0) /* profiles of a moment */
        base_divisor = divisor = 1;
    snprintf(text, sizeof(text), "%s, change per %s since profile %" PRIu64, title,
             by_order                                                ? "order"
             : base_entry->duration_ms > 0 && entry->duration_ms > 0 ? "second"
                                                                     : "profile",
             base_entry->id);
    switch (window->request.format) {
    case ORDO_FORMAT_SVG:
        ordo_encode_flame_graph_diff(base, base_divisor, profile, divisor, text, &answer->body);
        return;
    case ORDO_FORMAT_TEXT:
        ordo_buffer_printf(&answer->body, "%s\n", text);
        ordo_encode_top_diff(base, base_divisor, profile, divisor, TOP_MOST, &answer->body);
        return;
    default:
        encode_change(base, divisor / base_divisor, profile, &answer->body);
    }
}

/* --- the history --- */

struct ordo_profile *ordo__answer_kept(struct ordo_profiler *profiler, uint64_t id,
                                       struct ordo_history_entry *ret_entry,
                                       struct ordo_profile_answer *answer)
{
    const struct ordo_history_entry *entry;
    struct ordo_profile *profile = NULL;
    struct ordo_buffer bytes = {0};
    struct ordo_error err = {0};

    answer->result = ORDO_PROFILE_ABSENT;
    if (profiler->history == NULL) {
        snprintf(answer->text, sizeof(answer->text), "no profiles are kept: profiling.history_bytes is 0");
        return NULL;
    }
    entry = ordo_history_find(profiler->history, id);
    if (ordo_history_read(profiler->history, id, &bytes, &err) == 0)
        profile = ordo_decode_pprof(ordo_buffer_str(&bytes), &err);
    ordo_buffer_done(&bytes);
    if (profile == NULL) {
        snprintf(answer->text, sizeof(answer->text), "%s", err.message);
        return NULL;
    }
    *ret_entry = *entry;
    answer->result = ORDO_PROFILE_TAKEN;
    return profile;
}

/* 0: it is of a moment. */
static int64_t duration_ns(const struct ordo__window *window)
{
    return window->request.duration_ns > 0 ? window->ended_ns - window->began_ns : 0;
}

static struct ordo_history_entry describe(struct ordo_profiler *profiler, const struct ordo__window *window,
                                          const char *name)
{
    struct ordo_history_entry entry = {
        .utc_ms = window->began_utc_ns / 1000000,
        .duration_ms = duration_ns(window) / 1000000,
        .generation = profiler->profiled.generation == NULL
                          ? 0
                          : profiler->profiled.generation(profiler->profiled.context),
        .orders = window->request.duration_ns > 0 ? window->orders_after - window->orders_before : 0,
    };

    snprintf(entry.kind, sizeof(entry.kind), "%s", name);
    return entry;
}

static uint64_t keep(struct ordo_profiler *profiler, const struct ordo__window *window,
                     const struct ordo_history_entry *entry, const struct ordo_profile *profile)
{
    bool is_wanted = window->request.kind == ORDO_PROFILE_CPU && ordo__continuous_is_wanted(profiler, window);
    struct ordo_buffer bytes = {0};
    struct ordo_error err = {0};
    uint64_t id = 0;

    if (profiler->history == NULL && !is_wanted)
        return 0;
    ordo_encode_pprof(profile, &bytes);
    if (profiler->history != NULL) {
        id = ordo_history_add(profiler->history, entry, ordo_buffer_str(&bytes), &err);
        if (id == 0)
            ordo_log_warn("profiler", "%s: %s", err.place, err.message);
    }
    if (is_wanted)
        ordo__continuous_hand_cpu(profiler, window, entry, ordo_buffer_str(&bytes));
    ordo_buffer_done(&bytes);
    return id;
}

void ordo__answer_profile(struct ordo_profiler *profiler, const struct ordo__window *window, const char *name,
                          const char *title, struct ordo_profile *profile, struct ordo_profile_answer *answer)
{
    struct ordo_history_entry entry = describe(profiler, window, name), base_entry;
    struct ordo_profile *base;

    ordo_profile_set_time(profile, window->began_utc_ns, duration_ns(window));
    ordo_profile_comment(profile, "generation: %" PRIu64 ", orders: %" PRIu64, entry.generation,
                         entry.orders);
    if (window->request.base != 0) { /* before this one takes its place */
        base = ordo__answer_kept(profiler, window->request.base, &base_entry, answer);
        if (base == NULL)
            return;
    } else {
        base = NULL;
    }
    answer->id = keep(profiler, window, &entry, profile);
    if (window->is_continuous)
        return;
    ordo__answer_name(window, name, answer);
    if (base != NULL)
        ordo__answer_diff(window, title, base, &base_entry, profile, &entry, answer);
    else
        ordo__answer_encode(window, title, profile, answer);
    ordo_profile_free(base);
}
