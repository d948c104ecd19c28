/* SPDX-License-Identifier: MIT
 * timeline_orders.c: joins the steps of each order, which several threads wrote.
 *
 * An order is there whole or not at all: one that began before the moment from which every thread's events are kept is
 * left out and counted.
 */
#include "profile/timeline_orders.h"

#include <stdlib.h>

#include "base/array.h"

struct label {
    uint64_t number;
    size_t at, len; /* in text */
};

struct gathering {
    struct ordo__timeline_orders *orders;
    const struct ordo_timeline_copies *copies;
    int64_t cut_ns; /* when the copy was taken */
    size_t step_count, step_room;
    struct label *labels;
    size_t label_count, label_room;
};

static void add_step(struct gathering *gathering, const struct ordo_timeline_copy *thread,
                     const struct ordo_timeline_event *event)
{
    int64_t at_ns = ordo_timeline_began_ns(gathering->copies, event);

    if (at_ns > gathering->cut_ns)
        return;
    gathering->orders->steps = ordo_array_grow(gathering->orders->steps, gathering->step_count,
                                               &gathering->step_room, sizeof(*gathering->orders->steps));
    gathering->orders->steps[gathering->step_count++] =
        (struct ordo__timeline_step){event->number, at_ns, thread->tid, event->name};
}

static void add_label(struct gathering *gathering, const struct ordo_timeline_copy *thread, size_t index)
{
    const struct ordo_timeline_event *event = &thread->events[index];
    struct ordo_buffer *text = &gathering->orders->text;
    struct label label = {event->number, text->len, event->extra};

    if (index + (label.len + ORDO_TIMELINE_TEXT_BYTES - 1) / ORDO_TIMELINE_TEXT_BYTES >= thread->count)
        return;
    for (size_t from = 0; from < label.len; from += ORDO_TIMELINE_TEXT_BYTES) {
        size_t left = label.len - from;

        ordo_buffer_append(text,
                           (ordo_str){(const char *)&thread->events[++index],
                                      left < ORDO_TIMELINE_TEXT_BYTES ? left : ORDO_TIMELINE_TEXT_BYTES});
    }
    gathering->labels = ordo_array_grow(gathering->labels, gathering->label_count, &gathering->label_room,
                                        sizeof(*gathering->labels));
    gathering->labels[gathering->label_count++] = label;
}

static void gather(struct gathering *gathering)
{
    for (size_t t = 0; t < gathering->copies->count; t++) {
        const struct ordo_timeline_copy *thread = &gathering->copies->items[t];

        for (size_t i = 0; i < thread->count; i++)
            if (thread->events[i].kind == ORDO_TIMELINE_STEP)
                add_step(gathering, thread, &thread->events[i]);
            else if (thread->events[i].kind == ORDO_TIMELINE_LABEL)
                add_label(gathering, thread, i);
    }
}

static int64_t complete_from(const struct ordo_timeline_copies *copies)
{
    int64_t from_ns = 0;

    for (size_t t = 0; t < copies->count; t++) {
        const struct ordo_timeline_copy *thread = &copies->items[t];
        /* Events stand in the order of their ends; that of a step may lie before. */
        for (size_t i = 0; thread->is_cut && i < thread->count; i++)
            if (thread->events[i].kind != ORDO_TIMELINE_TEXT &&
                (!thread->events[i].is_ns || thread->events[i].kind == ORDO_TIMELINE_SPAN)) {
                int64_t ns = ordo_timeline_ended_ns(copies, &thread->events[i]);

                if (ns > from_ns)
                    from_ns = ns;
                break;
            }
    }
    return from_ns;
}

/* Steps at the same time stand in the order of the table, which is that of an order's way. */
static int compare_steps(const void *a, const void *b)
{
    const struct ordo__timeline_step *left = a, *right = b;

    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    if (left->at_ns != right->at_ns)
        return left->at_ns < right->at_ns ? -1 : 1;
    return (int)left->name - (int)right->name;
}

static int compare_labels(const void *a, const void *b)
{
    const struct label *left = a, *right = b;

    return left->number == right->number ? 0 : left->number < right->number ? -1 : 1;
}

static ordo_str id_of(const struct gathering *gathering, uint64_t number)
{
    const struct label *label = NULL;

    if (gathering->label_count > 0)
        label = bsearch(&(struct label){.number = number}, gathering->labels, gathering->label_count,
                        sizeof(*gathering->labels), compare_labels);
    if (label == NULL)
        return ORDO_STR_NONE;
    return (ordo_str){gathering->orders->text.ptr + label->at, label->len};
}

static void add_order(struct gathering *gathering, size_t first, size_t end, int64_t from_ns, int64_t to_ns)
{
    struct ordo__timeline_orders *orders = gathering->orders;
    struct ordo__timeline_step *steps = orders->steps + first;
    uint16_t last = orders->steps[end - 1].name;
    struct ordo__timeline_order order = {
        .number = steps->number,
        .steps = steps,
        .step_count = end - first,
        .began_ns = steps->at_ns,
        .ended = last == ORDO_TIMELINE_FINISHED || last == ORDO_TIMELINE_ANSWERED,
    };

    order.ended_ns = order.ended ? orders->steps[end - 1].at_ns : gathering->cut_ns;
    if (order.began_ns > to_ns || order.ended_ns < from_ns)
        return;
    if (steps->name != ORDO_TIMELINE_RECEIVED || order.began_ns < orders->complete_from_ns) {
        orders->cut++;
        return;
    }
    order.id = id_of(gathering, order.number);
    orders->items[orders->count++] = order;
}

/* --- ids that are there more than once: one sent again, a replay --- */

static int compare_ids(const void *a, const void *b)
{
    const struct ordo__timeline_order *left = *(struct ordo__timeline_order *const *)a;
    const struct ordo__timeline_order *right = *(struct ordo__timeline_order *const *)b;
    size_t len = left->id.len < right->id.len ? left->id.len : right->id.len;
    int order = len == 0 ? 0 : memcmp(left->id.ptr, right->id.ptr, len);

    if (order != 0 || left->id.len != right->id.len)
        return order != 0 ? order : left->id.len < right->id.len ? -1 : 1;
    return left->began_ns == right->began_ns ? 0 : left->began_ns < right->began_ns ? -1 : 1;
}

static void number_ids(struct ordo__timeline_orders *orders)
{
    struct ordo__timeline_order **by_id = malloc((orders->count + 1) * sizeof(*by_id));

    ORDO_REQUIRE(by_id != NULL);
    for (size_t i = 0; i < orders->count; i++)
        by_id[i] = &orders->items[i];
    qsort(by_id, orders->count, sizeof(struct ordo__timeline_order *), compare_ids);
    for (size_t i = 1; i < orders->count; i++)
        if (by_id[i]->id.len > 0 && ordo_str_equal(by_id[i]->id, by_id[i - 1]->id))
            by_id[i]->nth = by_id[i - 1]->nth + 1;
    free(by_id);
}

void ordo__timeline_orders_find(struct ordo__timeline_orders *orders,
                                const struct ordo_timeline_copies *copies, int64_t from_ns, int64_t to_ns)
{
    struct gathering gathering = {
        .orders = orders,
        .copies = copies,
        .cut_ns = ordo_timeline_clock_ns(&copies->clock, copies->ticks),
    };

    *orders = (struct ordo__timeline_orders){.complete_from_ns = complete_from(copies)};
    gather(&gathering);
    if (gathering.step_count > 0)
        qsort(orders->steps, gathering.step_count, sizeof(*orders->steps), compare_steps);
    if (gathering.label_count > 0)
        qsort(gathering.labels, gathering.label_count, sizeof(*gathering.labels), compare_labels);
    orders->items = malloc((gathering.step_count + 1) * sizeof(*orders->items));
    ORDO_REQUIRE(orders->items != NULL);
    for (size_t i = 0, end; i < gathering.step_count; i = end) {
        for (end = i + 1; end < gathering.step_count && orders->steps[end].number == orders->steps[i].number;)
            end++;
        add_order(&gathering, i, end, from_ns, to_ns);
    }
    number_ids(orders);
    free(gathering.labels);
}

void ordo__timeline_orders_done(struct ordo__timeline_orders *orders)
{
    free(orders->items);
    free(orders->steps);
    ordo_buffer_done(&orders->text);
    *orders = (struct ordo__timeline_orders){0};
}

const struct ordo__timeline_order *ordo__timeline_order(const struct ordo__timeline_orders *orders,
                                                        uint64_t number)
{
    size_t low = 0, high = orders->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (orders->items[middle].number == number)
            return &orders->items[middle];
        if (orders->items[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
