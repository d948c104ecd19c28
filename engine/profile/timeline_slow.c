/* SPDX-License-Identifier: MIT
 * timeline_slow.c: the events of orders that were too slow, saved before their rings run over them.
 *
 * Whoever takes an order back notes that it was slow, with its times, in its own ring. The tick finds the notes and copies
 * what the rings have of that order. One that was not recorded (not all can be, under load), or whose first events are gone,
 * is kept with the stages that its times tell.
 */
#include <stdlib.h>

#include "base/json_time.h"
#include "base/lock.h"
#include "profile/timeline_impl.h"

enum { KEPT_FIRST = 100, STAGES = 5, TID_OF_TIMES = 1 };

/* A slow order that is kept. */
struct slow {
    struct slow *next; /* the one before it in time */
    uint64_t number;
    char *id;
    size_t id_len;
    int64_t began_ns, ended_ns, began_utc_ms;
    uint32_t attempt;
    bool is_whole; /* its own events are there, not only its stages */
    struct ordo_timeline_copies copies;
};

static struct ordo_lock lock = ORDO_LOCK_INITIALIZER(TIMELINE_SLOW);
static struct slow *newest; /* under lock */
static size_t kept_most = KEPT_FIRST;
static uint64_t
    seen[ORDO_TIMELINE_RINGS]; /* of each ring: events whose notes are saved; the ticking thread's own */

static void slow_free(struct slow *slow)
{
    ordo_timeline_copy_done(&slow->copies);
    free(slow->id);
    free(slow);
}

/* Needs the lock. */
static void trim(size_t most)
{
    struct slow **link = &newest, *next;

    for (; most > 0 && *link != NULL; most--)
        link = &(*link)->next;
    for (struct slow *slow = *link; slow != NULL; slow = next) {
        next = slow->next;
        slow_free(slow);
    }
    *link = NULL;
}

void ordo_timeline_keep_slow(size_t count)
{
    ordo_lock(&lock);
    kept_most = count;
    trim(count);
    ordo_unlock(&lock);
}

void ordo_timeline_forget_slow(void)
{
    ordo_lock(&lock);
    trim(0);
    ordo_unlock(&lock);
}

/* --- saving --- */

static bool is_of(const struct ordo_timeline_event *event, uint64_t number)
{
    return event->number == number &&
           (event->kind == ORDO_TIMELINE_SPAN || event->kind == ORDO_TIMELINE_STEP);
}

static void add_copy(struct slow *slow, const struct ordo_timeline_copy *thread, size_t count)
{
    struct ordo_timeline_copy *copy = &slow->copies.items[slow->copies.count++];

    *copy = (struct ordo_timeline_copy){.tid = thread->tid};
    memcpy(copy->thread, thread->thread, sizeof(copy->thread));
    copy->events = malloc((count + 1) * sizeof(*copy->events));
    ORDO_REQUIRE(copy->events != NULL);
}

/* What the rings have of it. False: not all that there was. */
static bool copy_events(struct slow *slow, const struct ordo_timeline_copies *from,
                        const struct ordo__timeline_orders *orders)
{
    for (size_t t = 0; t < from->count; t++) {
        const struct ordo_timeline_copy *thread = &from->items[t];
        size_t count = 0;

        for (size_t i = 0; i < thread->count; i++)
            count += is_of(&thread->events[i], slow->number);
        if (count == 0)
            continue;
        add_copy(slow, thread, count);
        for (size_t i = 0; i < thread->count; i++)
            if (is_of(&thread->events[i], slow->number)) {
                struct ordo_timeline_copy *copy = &slow->copies.items[slow->copies.count - 1];

                copy->events[copy->count++] = thread->events[i];
            }
    }
    return ordo__timeline_order(orders, slow->number) != NULL;
}

/* Only its times are known. */
static void make_events(struct slow *slow, const struct ordo_timeline_event *note)
{
    static const struct ordo_timeline_copy times = {.thread = "(times)", .tid = TID_OF_TIMES};
    const int64_t at_ns[STAGES] = {(int64_t)note[0].at, (int64_t)note[1].at, (int64_t)note[1].more,
                                   (int64_t)note[1].number, (int64_t)note[0].more};
    const uint16_t names[STAGES] = {ORDO_TIMELINE_RECEIVED, ORDO_TIMELINE_QUEUED, ORDO_TIMELINE_RUNNING,
                                    ORDO_TIMELINE_RECORDING, ORDO_TIMELINE_ANSWERED};
    struct ordo_timeline_copy *copy;
    int64_t before_ns = 0;

    for (size_t i = 0; i < slow->copies.count; i++)
        free(slow->copies.items[i].events);
    slow->copies.count = 0;
    add_copy(slow, &times, STAGES);
    copy = slow->copies.items;
    for (size_t i = 0; i < STAGES; i++) {
        if (at_ns[i] < before_ns) /* it did not come so far, or it was of an earlier attempt */
            continue;
        before_ns = at_ns[i];
        copy->events[copy->count++] = (struct ordo_timeline_event){.at = (uint64_t)at_ns[i],
                                                                   .number = slow->number,
                                                                   .name = names[i],
                                                                   .kind = ORDO_TIMELINE_STEP,
                                                                   .is_ns = 1};
    }
}

/* The events SLOW, SLOW_STEPS, LABEL and its TEXT stand behind each other. */
static void save(const struct ordo_timeline_copies *from, const struct ordo__timeline_orders *orders,
                 const struct ordo_timeline_copy *thread, size_t index)
{
    const struct ordo_timeline_event *note = &thread->events[index];
    struct slow *slow = calloc(1, sizeof(*slow));
    size_t len = note[2].extra;

    ORDO_REQUIRE(slow != NULL);
    *slow = (struct slow){
        .number = note->number,
        .id = malloc(len + 1),
        .id_len = len,
        .began_ns = (int64_t)note->at,
        .ended_ns = (int64_t)note->more,
        .attempt = note[1].extra,
        .copies = {.items = calloc(from->count + 1, sizeof(*from->items)),
                   .room = from->count + 1,
                   .ticks = from->ticks,
                   .clock = from->clock},
    };
    ORDO_REQUIRE(slow->id != NULL && slow->copies.items != NULL);
    for (size_t at = 0; at < len; at += ORDO_TIMELINE_TEXT_BYTES)
        memcpy(slow->id + at, &note[3 + at / ORDO_TIMELINE_TEXT_BYTES],
               len - at < ORDO_TIMELINE_TEXT_BYTES ? len - at : ORDO_TIMELINE_TEXT_BYTES);
    slow->began_utc_ms = ordo_clock_utc_ms() - (ordo_clock_ns() - slow->began_ns) / 1000000;
    slow->is_whole = note->extra != 0 && copy_events(slow, from, orders);
    if (!slow->is_whole)
        make_events(slow, note);
    ordo_lock(&lock);
    slow->next = newest;
    newest = slow;
    trim(kept_most);
    ordo_unlock(&lock);
}

/* Saves what this ring has noted since the last time. */
static void look_at_ring(const struct ordo_timeline_copies *copies,
                         const struct ordo__timeline_orders *orders, const struct ordo_timeline_copy *thread)
{
    size_t begin = seen[thread->ring] > thread->first ? (size_t)(seen[thread->ring] - thread->first) : 0;

    for (size_t i = begin; i + 3 <= thread->count; i++) {
        const struct ordo_timeline_event *note = &thread->events[i];

        if (note->kind != ORDO_TIMELINE_SLOW)
            continue;
        if (i + 3 + (note[2].extra + ORDO_TIMELINE_TEXT_BYTES - 1) / ORDO_TIMELINE_TEXT_BYTES > thread->count)
            return; /* it is being written: next time */
        save(copies, orders, thread, i);
        seen[thread->ring] = thread->first + i + 1;
    }
}

void ordo_timeline_tick(void)
{
    static uint64_t known; /* notes */
    uint64_t noted = atomic_load(&ordo_timeline_slow_noted);
    struct ordo_timeline_copies copies;
    struct ordo__timeline_orders orders;

    ordo_timeline_clock_mark();
    if (noted == known)
        return;
    known = noted;
    ordo_timeline_copy(&copies);
    ordo__timeline_orders_find(&orders, &copies, 0, INT64_MAX);
    for (size_t t = 0; t < copies.count; t++)
        look_at_ring(&copies, &orders, &copies.items[t]);
    ordo__timeline_orders_done(&orders);
    ordo_timeline_copy_done(&copies);
}

/* --- reading --- */

static void write_slow(struct ordo_json_writer *json, const struct slow *slow)
{
    ordo_json_object(json);
    ordo_json_key_string(json, ORDO_STR("id"), (ordo_str){slow->id, slow->id_len});
    ordo_json_key(json, ORDO_STR("received_at"));
    ordo_json_time(json, slow->began_utc_ms);
    ordo_json_key(json, ORDO_STR("took_ms"));
    ordo_json_double(json, (double)((slow->ended_ns - slow->began_ns) / 1000) / 1000);
    ordo_json_key_int(json, ORDO_STR("attempt"), slow->attempt);
    ordo_json_key_string(json, ORDO_STR("detail"), slow->is_whole ? ORDO_STR("spans") : ORDO_STR("stages"));
    ordo_json_end_object(json);
}

void ordo_timeline_slow_list(struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);
    int64_t slow_ns = atomic_load(&ordo_timeline_slow_ns);

    ordo_json_object(&json);
    ordo_json_key_int(&json, ORDO_STR("slower_than_ms"), slow_ns == INT64_MAX ? 0 : slow_ns / 1000000);
    ordo_json_key_int(&json, ORDO_STR("not_kept"), (int64_t)atomic_load(&ordo_timeline_slow_refused));
    ordo_json_key(&json, ORDO_STR("orders"));
    ordo_json_array(&json);
    ordo_lock(&lock);
    for (const struct slow *slow = newest; slow != NULL; slow = slow->next)
        write_slow(&json, slow);
    ordo_unlock(&lock);
    ordo_json_end_array(&json);
    ordo_json_end_object(&json);
    ordo_buffer_put(out, '\n');
}

bool ordo_timeline_slow_write(ordo_str id, struct ordo_buffer *out)
{
    const struct slow *slow;

    ordo_lock(&lock);
    for (slow = newest; slow != NULL; slow = slow->next)
        if (ordo_str_equal((ordo_str){slow->id, slow->id_len}, id))
            break;
    if (slow != NULL)
        ordo__timeline_write(
            &slow->copies, slow->began_ns, slow->ended_ns,
            &(struct ordo__timeline_only){
                slow->number, id,
                slow->is_whole ? NULL
                               : "only the stages of this order are known: it was not among those that are "
                                 "recorded in full, or took longer than what is kept"},
            out);
    ordo_unlock(&lock);
    return slow != NULL;
}
