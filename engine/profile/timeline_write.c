/* SPDX-License-Identifier: MIT
 * timeline_write.c: a copy of the timeline as Chrome trace-event JSON.
 *
 * What Perfetto needs, and tests/profile/check_trace.py checks: spans of a thread are complete events ("X") that nest, in the
 * order of their begin, the outer one first; an order changes threads, so it and its stages are async events ("b", "n", "e")
 * that pair by category, id and name, and nest as well; numbers are small enough for a double to hold nanoseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json_time.h"
#include "base/json_write.h"
#include "profile/timeline_impl.h"

struct writing {
    const struct ordo_timeline_copies *copies;
    const struct ordo__timeline_orders *orders;
    struct ordo_json_writer json;
    int64_t from_ns, to_ns;
    int64_t zero_ns;                        /* ts 0 */
    int64_t cut_ns;                         /* when the copy was taken */
    const struct ordo__timeline_only *only; /* NULL: all */
    int pid;
    uint64_t seen, recorded, left_out;
};

/* A span that is to be written. */
struct span {
    int64_t began_ns, ended_ns;
    const struct ordo_timeline_event *event;
    size_t index; /* outer ones end later */
    bool unfinished;
};

/* --- the parts of an event --- */

static void key_us(struct writing *writing, ordo_str key, int64_t ns)
{
    char text[40];
    int len = snprintf(text, sizeof(text), "%lld.%03d", (long long)(ns / 1000), (int)(ns % 1000));

    ordo_json_key(&writing->json, key);
    ordo_json_raw(&writing->json, (ordo_str){text, (size_t)len});
}

static void begin_event(struct writing *writing, ordo_str phase, ordo_str name, int tid, int64_t at_ns)
{
    struct ordo_json_writer *json = &writing->json;

    ordo_json_object(json);
    ordo_json_key_string(json, ORDO_STR("ph"), phase);
    ordo_json_key_string(json, ORDO_STR("name"), name);
    ordo_json_key_int(json, ORDO_STR("pid"), writing->pid);
    ordo_json_key_int(json, ORDO_STR("tid"), tid);
    key_us(writing, ORDO_STR("ts"), at_ns - writing->zero_ns);
}

static void begin_args(struct writing *writing)
{
    ordo_json_key(&writing->json, ORDO_STR("args"));
    ordo_json_object(&writing->json);
}

static void end_event(struct writing *writing)
{
    ordo_json_end_object(&writing->json);
    ordo_buffer_put(writing->json.out, '\n');
}

static void end_args(struct writing *writing)
{
    ordo_json_end_object(&writing->json);
    end_event(writing);
}

/* The id that a viewer pairs by: the order's own, unless another one with this id was here before. */
static void write_id(struct writing *writing, const struct ordo__timeline_order *order)
{
    char text[40];
    struct ordo_buffer id = {0};

    if (order->id.len == 0) {
        snprintf(text, sizeof(text), "#%llx", (unsigned long long)order->number);
        ordo_json_string(&writing->json, ordo_str_from(text));
        return;
    }
    if (order->nth == 0) {
        ordo_json_string(&writing->json, order->id);
        return;
    }
    ordo_buffer_printf(&id, ORDO_STR_FMT " (%u)", ORDO_STR_ARG(order->id), order->nth + 1);
    ordo_json_string(&writing->json, ordo_buffer_str(&id));
    ordo_buffer_done(&id);
}

/* --- who there is --- */

static void write_metadata(struct writing *writing, ordo_str what, int tid, ordo_str name)
{
    struct ordo_json_writer *json = &writing->json;

    ordo_json_object(json);
    ordo_json_key_string(json, ORDO_STR("ph"), ORDO_STR("M"));
    ordo_json_key_string(json, ORDO_STR("name"), what);
    ordo_json_key_int(json, ORDO_STR("pid"), writing->pid);
    ordo_json_key_int(json, ORDO_STR("tid"), tid);
    begin_args(writing);
    ordo_json_key_string(json, ORDO_STR("name"), name);
    end_args(writing);
}

/* --- spans and instants of a thread --- */

static int compare_spans(const void *a, const void *b)
{
    const struct span *left = a, *right = b;

    if (left->began_ns != right->began_ns)
        return left->began_ns < right->began_ns ? -1 : 1;
    if (left->ended_ns != right->ended_ns)
        return left->ended_ns > right->ended_ns ? -1 : 1;
    return left->index == right->index ? 0 : left->index > right->index ? -1 : 1;
}

/* What had not ended when the copy was taken would end outside of the turn that is cut there. */
static bool is_shown(const struct writing *writing, const struct span *span)
{
    const struct ordo_timeline_event *event = span->event;
    bool follows = event->kind == ORDO_TIMELINE_SPAN && event->number != 0;

    if (span->ended_ns > writing->cut_ns || span->ended_ns < writing->from_ns ||
        span->began_ns > writing->to_ns)
        return false;
    if (writing->only != NULL && !(follows && event->number == writing->only->number))
        return false;
    return !follows || ordo__timeline_order(writing->orders, event->number) != NULL;
}

static void write_span(struct writing *writing, const struct ordo_timeline_copy *thread,
                       const struct span *span)
{
    const struct ordo_timeline_event *event = span->event;
    struct ordo_json_writer *json = &writing->json;
    bool merged = event->kind == ORDO_TIMELINE_MERGED && event->extra > 1;
    bool follows = event->kind == ORDO_TIMELINE_SPAN && event->number != 0;

    if (event->kind == ORDO_TIMELINE_INSTANT) {
        begin_event(writing, ORDO_STR("i"), ordo_timeline_name(event->name), thread->tid, span->began_ns);
        ordo_json_key_string(json, ORDO_STR("s"), ORDO_STR("t"));
        begin_args(writing);
        if (event->more != ORDO_TIMELINE_NONE)
            ordo_json_key_string(json, ORDO_STR("what"), ordo_timeline_name((uint16_t)event->more));
        end_args(writing);
        return;
    }
    begin_event(writing, ORDO_STR("X"), merged ? ORDO_STR("short turns") : ordo_timeline_name(event->name),
                thread->tid, span->began_ns);
    key_us(writing, ORDO_STR("dur"), span->ended_ns - span->began_ns);
    begin_args(writing);
    if (merged) {
        ordo_json_key_int(json, ORDO_STR("turns"), event->extra);
        ordo_json_key(json, ORDO_STR("busy_percent"));
        ordo_json_int(json, (int64_t)(event->number * 100 / (event->more + 1)));
    }
    if (follows) {
        ordo_json_key(json, ORDO_STR("order"));
        write_id(writing, ordo__timeline_order(writing->orders, event->number));
    }
    if (event->kind == ORDO_TIMELINE_SPAN && event->extra != ORDO_TIMELINE_NONE)
        ordo_json_key_string(json, ORDO_STR("what"), ordo_timeline_name((uint16_t)event->extra));
    if (span->unfinished)
        ordo_json_key_string(json, ORDO_STR("unfinished"), ORDO_STR("it goes on"));
    end_args(writing);
}

static void add_span(struct writing *writing, const struct ordo_timeline_event *event, bool unfinished,
                     struct span *spans, size_t *count)
{
    struct span span = {
        .began_ns = ordo_timeline_began_ns(writing->copies, event),
        .ended_ns = unfinished ? writing->cut_ns : ordo_timeline_ended_ns(writing->copies, event),
        .event = event,
        .index = *count,
        .unfinished = unfinished,
    };

    if (is_shown(writing, &span))
        spans[(*count)++] = span;
}

static void write_thread(struct writing *writing, const struct ordo_timeline_copy *thread)
{
    struct span *spans = malloc((thread->count + 2) * sizeof(*spans));
    struct ordo_timeline_event turn = {
        .at = thread->turn_at, .name = ORDO_TIMELINE_TURN, .kind = ORDO_TIMELINE_SPAN};
    size_t count = 0;

    ORDO_REQUIRE(spans != NULL);
    for (size_t i = 0; i < thread->count; i++) {
        const struct ordo_timeline_event *event = &thread->events[i];

        if (event->kind == ORDO_TIMELINE_SPAN || event->kind == ORDO_TIMELINE_MERGED ||
            event->kind == ORDO_TIMELINE_INSTANT)
            add_span(writing, event, false, spans, &count);
    }
    if (thread->turns.kind != ORDO_TIMELINE_EMPTY)
        add_span(writing, &thread->turns, false, spans, &count);
    if (thread->turn_at != 0)
        add_span(writing, &turn, true, spans, &count);
    qsort(spans, count, sizeof(*spans), compare_spans);
    for (size_t i = 0; i < count; i++)
        write_span(writing, thread, &spans[i]);
    free(spans);
}

static void write_counters(struct writing *writing, const struct ordo_timeline_copy *thread)
{
    for (size_t i = 0; i < thread->count; i++) {
        const struct ordo_timeline_event *event = &thread->events[i];
        int64_t at_ns;

        if (event->kind != ORDO_TIMELINE_COUNT)
            continue;
        at_ns = ordo_timeline_began_ns(writing->copies, event);
        if (at_ns < writing->from_ns || at_ns > writing->to_ns)
            continue;
        begin_event(writing, ORDO_STR("C"), ordo_timeline_name(event->name), thread->tid, at_ns);
        begin_args(writing);
        ordo_json_key_int(&writing->json, ORDO_STR("value"), (int64_t)event->number);
        end_args(writing);
    }
}

/* --- orders --- */

static void begin_async(struct writing *writing, const struct ordo__timeline_order *order, ordo_str phase,
                        ordo_str name, int tid, int64_t at_ns)
{
    begin_event(writing, phase, name, tid, at_ns);
    ordo_json_key_string(&writing->json, ORDO_STR("cat"), ORDO_STR("order"));
    ordo_json_key(&writing->json, ORDO_STR("id"));
    write_id(writing, order);
}

static void write_async(struct writing *writing, const struct ordo__timeline_order *order, ordo_str phase,
                        ordo_str name, int tid, int64_t at_ns)
{
    begin_async(writing, order, phase, name, tid, at_ns);
    end_event(writing);
}

/* A step that is a moment and no stage. */
static bool is_moment(uint16_t name)
{
    return name == ORDO_TIMELINE_ANSWERED || name == ORDO_TIMELINE_PROMISED;
}

static void write_order(struct writing *writing, const struct ordo__timeline_order *order)
{
    const struct ordo__timeline_step *steps = order->steps, *stage = NULL;
    const struct ordo__timeline_step *last = &steps[order->step_count - 1];

    begin_async(writing, order, ORDO_STR("b"), ORDO_STR("order"), steps->tid, order->began_ns);
    begin_args(writing);
    ordo_json_key(&writing->json, ORDO_STR("id"));
    write_id(writing, order);
    if (!order->ended)
        ordo_json_key_string(&writing->json, ORDO_STR("unfinished"), ORDO_STR("it goes on"));
    end_args(writing);
    for (size_t i = 0; i < order->step_count; i++) {
        bool ends = order->ended && i + 1 == order->step_count;

        if (stage != NULL && (!is_moment(steps[i].name) || ends)) {
            write_async(writing, order, ORDO_STR("e"), ordo_timeline_name(stage->name), steps[i].tid,
                        steps[i].at_ns);
            stage = NULL;
        }
        if (is_moment(steps[i].name)) {
            write_async(writing, order, ORDO_STR("n"), ordo_timeline_name(steps[i].name), steps[i].tid,
                        steps[i].at_ns);
        } else if (!ends) {
            write_async(writing, order, ORDO_STR("b"), ordo_timeline_name(steps[i].name), steps[i].tid,
                        steps[i].at_ns);
            stage = &steps[i];
        }
    }
    if (stage != NULL)
        write_async(writing, order, ORDO_STR("e"), ordo_timeline_name(stage->name), last->tid,
                    order->ended_ns);
    write_async(writing, order, ORDO_STR("e"), ORDO_STR("order"), last->tid, order->ended_ns);
}

/* --- the whole --- */

static void add_share(struct writing *writing, const struct ordo_timeline_event *event)
{
    int64_t at_ns = ordo_timeline_began_ns(writing->copies, event);

    /* It tells of the 100 ms behind. */
    if (event->kind != ORDO_TIMELINE_SHARE || at_ns + 100000000 < writing->from_ns || at_ns > writing->to_ns)
        return;
    writing->seen += event->more;
    writing->recorded += event->number;
    writing->left_out += event->extra;
}

static void find_zero(struct writing *writing)
{
    writing->zero_ns = writing->from_ns;
    for (size_t i = 0; i < writing->orders->count; i++)
        if (writing->orders->items[i].began_ns < writing->zero_ns)
            writing->zero_ns = writing->orders->items[i].began_ns;
    for (size_t t = 0; t < writing->copies->count; t++) {
        const struct ordo_timeline_copy *thread = &writing->copies->items[t];

        for (size_t i = 0; i < thread->count; i++) {
            const struct ordo_timeline_event *event = &thread->events[i];
            bool is_span = event->kind == ORDO_TIMELINE_SPAN || event->kind == ORDO_TIMELINE_MERGED;

            add_share(writing, event);
            if (is_span && ordo_timeline_ended_ns(writing->copies, event) >= writing->from_ns) {
                int64_t began_ns = ordo_timeline_began_ns(writing->copies, event);

                if (began_ns < writing->zero_ns)
                    writing->zero_ns = began_ns;
            }
        }
        add_share(writing, &thread->share);
        if (thread->turn_at != 0 &&
            ordo_timeline_clock_ns(&writing->copies->clock, thread->turn_at) < writing->zero_ns)
            writing->zero_ns = ordo_timeline_clock_ns(&writing->copies->clock, thread->turn_at);
        if (thread->turns.kind != ORDO_TIMELINE_EMPTY &&
            ordo_timeline_began_ns(writing->copies, &thread->turns) < writing->zero_ns)
            writing->zero_ns = ordo_timeline_began_ns(writing->copies, &thread->turns);
    }
}

static void write_other(struct writing *writing)
{
    struct ordo_json_writer *json = &writing->json;
    int64_t complete_ns = writing->orders->complete_from_ns;
    int64_t utc_ns = ordo_clock_utc_ms() * 1000000 - (ordo_clock_ns() - writing->zero_ns);

    ordo_json_key(json, ORDO_STR("otherData"));
    ordo_json_object(json);
    ordo_json_key_string(json, ORDO_STR("product"), ORDO_STR("ordo"));
    ordo_json_key_string(json, ORDO_STR("clock"), ORDO_STR("CLOCK_MONOTONIC"));
    ordo_json_key_string(json, ORDO_STR("clock_source"),
                         ordo_timeline_counts ? ORDO_STR("time stamp counter") : ORDO_STR("clock_gettime"));
    ordo_json_key_int(json, ORDO_STR("ts_zero_monotonic_ns"), writing->zero_ns);
    ordo_json_key(json, ORDO_STR("ts_zero_utc"));
    ordo_json_time(json, utc_ns / 1000000);
    key_us(writing, ORDO_STR("from_us"), writing->from_ns - writing->zero_ns);
    key_us(writing, ORDO_STR("to_us"), writing->to_ns - writing->zero_ns);
    /* Nothing is missing from here on; 0: in all of it. */
    key_us(writing, ORDO_STR("complete_from_us"),
           complete_ns > writing->from_ns ? complete_ns - writing->zero_ns : 0);
    if (writing->only != NULL) {
        if (writing->only->note != NULL)
            ordo_json_key_string(json, ORDO_STR("note"), ordo_str_from(writing->only->note));
    } else {
        ordo_json_key_int(json, ORDO_STR("orders_begun"), (int64_t)writing->seen);
        ordo_json_key_int(json, ORDO_STR("orders_recorded"), (int64_t)writing->recorded);
        ordo_json_key_int(json, ORDO_STR("orders_cut"), (int64_t)writing->orders->cut);
        ordo_json_key_int(json, ORDO_STR("short_spans_left_out"), (int64_t)writing->left_out);
    }
    ordo_json_end_object(json);
}

void ordo__timeline_write(const struct ordo_timeline_copies *copies, int64_t from_ns, int64_t to_ns,
                          const struct ordo__timeline_only *only, struct ordo_buffer *out)
{
    struct ordo__timeline_orders orders;
    struct writing writing = {
        .copies = copies,
        .orders = &orders,
        .json = ordo_json_writer(out),
        .from_ns = from_ns,
        .to_ns = to_ns,
        .cut_ns = ordo_timeline_clock_ns(&copies->clock, copies->ticks),
        .only = only,
        .pid = (int)getpid(),
    };

    if (writing.to_ns > writing.cut_ns)
        writing.to_ns = writing.cut_ns;
    if (writing.from_ns > writing.to_ns)
        writing.from_ns = writing.to_ns;
    if (writing.from_ns < 0)
        writing.from_ns = 0;
    ordo__timeline_orders_find(&orders, copies, writing.from_ns, writing.to_ns);
    for (size_t i = 0; only != NULL && i < orders.count; i++)
        if (orders.items[i].number == only->number)
            orders.items[i].id = only->id;
    find_zero(&writing);
    ordo_json_object(&writing.json);
    ordo_json_key_string(&writing.json, ORDO_STR("displayTimeUnit"), ORDO_STR("ns"));
    write_other(&writing);
    ordo_json_key(&writing.json, ORDO_STR("traceEvents"));
    ordo_json_array(&writing.json);
    write_metadata(&writing, ORDO_STR("process_name"), writing.pid, ORDO_STR("ordo"));
    for (size_t t = copies->count; t > 0; t--) {
        const struct ordo_timeline_copy *thread = &copies->items[t - 1];

        write_metadata(&writing, ORDO_STR("thread_name"), thread->tid, ordo_str_from(thread->thread));
        write_thread(&writing, thread);
        if (only == NULL)
            write_counters(&writing, thread);
    }
    for (size_t i = 0; i < orders.count; i++)
        write_order(&writing, &orders.items[i]);
    ordo_json_end_array(&writing.json);
    ordo_json_end_object(&writing.json);
    ordo_buffer_put(out, '\n');
    ordo__timeline_orders_done(&orders);
}

void ordo_timeline_write(struct ordo_buffer *out, int64_t from_ns, int64_t to_ns)
{
    struct ordo_timeline_copies copies;

    ordo_timeline_copy(&copies);
    ordo__timeline_write(&copies, from_ns, to_ns, NULL, out);
    ordo_timeline_copy_done(&copies);
}
