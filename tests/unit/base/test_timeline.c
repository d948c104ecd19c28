/* SPDX-License-Identifier: MIT
 * test_timeline.c: rings that are read while they are written, what is merged, and what is chosen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/thread.h"
#include "base/timeline_read.h"

enum { RING_BYTES = 64 << 10, SLOTS = RING_BYTES / 32 };

/* A copy of the ring of the thread with this name; the newest one. */
static struct ordo_timeline_copy *copy_of(struct ordo_timeline_copies *copies, const char *thread)
{
    ordo_timeline_copy(copies);
    for (size_t i = 0; i < copies->count; i++)
        if (strcmp(copies->items[i].thread, thread) == 0)
            return &copies->items[i];
    fail_msg("no thread %s", thread);
    return NULL;
}

/* Runs a function on a thread of its own, whose ring is then its alone. */
static void on_thread(const char *name, ordo_thread_fn run, void *context)
{
    struct ordo_thread thread;

    assert_int_equal(ordo_thread_start(&thread, name, run, context), 0);
    ordo_thread_join(&thread);
}

static void put_numbered(uint64_t number)
{
    ordo__timeline_put(ordo_timeline_own, &(struct ordo_timeline_event){.at = number,
                                                                        .more = number * 3,
                                                                        .number = ~number,
                                                                        .extra = (uint32_t)number,
                                                                        .name = (uint16_t)number,
                                                                        .kind = ORDO_TIMELINE_COUNT});
}

static bool is_numbered(const struct ordo_timeline_event *event, uint64_t number)
{
    return event->at == number && event->more == number * 3 && event->number == ~number &&
           event->extra == (uint32_t)number && event->name == (uint16_t)number;
}

static void write_more_than_fits(void *context)
{
    (void)context;
    for (uint64_t i = 0; i < 3 * SLOTS + 7; i++)
        put_numbered(i);
}

static void test_a_full_ring_holds_the_newest_events(void **state)
{
    struct ordo_timeline_copies copies;
    struct ordo_timeline_copy *copy;

    (void)state;
    on_thread("full", write_more_than_fits, NULL);
    copy = copy_of(&copies, "full");
    assert_true(copy->is_cut);
    assert_true(copy->ended);
    assert_int_equal(copy->count, SLOTS - 1); /* the slot that comes next counts as being written */
    assert_int_equal(copy->first, 2 * SLOTS + 8);
    for (size_t i = 0; i < copy->count; i++)
        assert_true(is_numbered(&copy->events[i], copy->first + i));
    ordo_timeline_copy_done(&copies);
}

static _Atomic bool enough;

static void write_until_enough(void *context)
{
    (void)context;
    for (uint64_t i = 0; !atomic_load(&enough) || i < SLOTS; i++)
        put_numbered(i);
}

static void test_no_event_is_torn_while_its_ring_is_written(void **state)
{
    struct ordo_timeline_copies copies;
    struct ordo_timeline_copy *copy;
    struct ordo_thread thread;
    uint64_t torn = 0, events = 0, last = 0;

    (void)state;
    assert_int_equal(ordo_thread_start(&thread, "torn", write_until_enough, NULL), 0);
    for (int round = 0; round < 300 || last < 3 * SLOTS; round++) {
        ordo_timeline_copy(&copies);
        copy = NULL;
        for (size_t i = 0; i < copies.count && copy == NULL; i++)
            if (strcmp(copies.items[i].thread, "torn") == 0)
                copy = &copies.items[i];
        for (size_t i = 0; copy != NULL && i < copy->count; i++, events++) {
            torn += !is_numbered(&copy->events[i], copy->first + i);
            last = copy->first + i;
        }
        ordo_timeline_copy_done(&copies);
    }
    atomic_store(&enough, true);
    ordo_thread_join(&thread);
    assert_int_equal(torn, 0);
    assert_true(events > 0);
}

static size_t count_of(const struct ordo_timeline_copy *copy, enum ordo_timeline_kind kind, uint16_t name)
{
    size_t count = 0;

    for (size_t i = 0; i < copy->count; i++)
        count += copy->events[i].kind == kind && copy->events[i].name == name;
    return count;
}

enum { TURNS = 20000 };

static void many_turns(void *context)
{
    (void)context;
    for (int i = 0; i < TURNS; i++) {
        ordo_timeline_turn_begin();
        ordo_timeline_span_rationed(ORDO_TIMELINE_COMMIT, ORDO_TIMELINE_NONE, ordo_timeline_ticks());
        ordo_timeline_turn_end();
    }
    ordo_timeline_turn_begin(); /* and one that has not ended */
}

static void test_many_short_turns_become_few_spans_and_none_is_lost(void **state)
{
    struct ordo_timeline_copies copies;
    struct ordo_timeline_copy *copy;
    uint64_t turns = 0, commits = 0, before = 0;

    (void)state;
    on_thread("turns", many_turns, NULL);
    copy = copy_of(&copies, "turns");
    assert_false(copy->is_cut);
    for (size_t i = 0; i < copy->count; i++) {
        const struct ordo_timeline_event *event = &copy->events[i];

        commits += event->kind == ORDO_TIMELINE_SPAN && event->name == ORDO_TIMELINE_COMMIT;
        commits += event->kind == ORDO_TIMELINE_SHARE ? event->extra : 0;
        if (event->name != ORDO_TIMELINE_TURN)
            continue;
        turns += event->kind == ORDO_TIMELINE_MERGED ? event->extra : 1;
        assert_true(event->at >= before); /* they do not overlap */
        before = event->at + event->more;
        if (event->kind == ORDO_TIMELINE_MERGED)
            assert_true(event->number <= event->more);
    }
    if (copy->turns.kind == ORDO_TIMELINE_MERGED)
        turns += copy->turns.extra;
    assert_int_equal(turns, TURNS);
    assert_int_equal(commits + copy->share.extra, TURNS);
    assert_true(copy->count < TURNS / 4);
    ordo_timeline_copy_done(&copies);
}

/* Its begin is left for whoever reads before it ends. */
static void in_a_turn(void *context)
{
    struct ordo_timeline_copies copies;
    struct ordo_timeline_copy *copy;
    uint64_t before = ordo_timeline_ticks();

    (void)context;
    ordo_timeline_turn_begin();
    ordo_timeline_turn_begin(); /* nothing */
    copy = copy_of(&copies, "open");
    if (copy->turn_at < before || copy->turn_at > ordo_timeline_ticks())
        abort();
    ordo_timeline_copy_done(&copies);
    ordo_timeline_turn_end();
    copy = copy_of(&copies, "open");
    if (copy->turn_at != 0 || count_of(copy, ORDO_TIMELINE_SPAN, ORDO_TIMELINE_TURN) != 1)
        abort();
    ordo_timeline_copy_done(&copies);
    ordo_timeline_turn_end(); /* nothing */
}

static void test_a_turn_that_goes_on_is_seen(void **state)
{
    (void)state;
    on_thread("open", in_a_turn, NULL);
}

enum { OFFERED = 50000 };
struct chosen {
    uint64_t first_miss, count;
};

static void choose(void *context)
{
    struct chosen *chosen = context;
    uint64_t before = 0;

    ordo_timeline_turn_begin();
    chosen->first_miss = OFFERED;
    for (uint64_t i = 0; i < OFFERED; i++) {
        uint64_t number = ordo_timeline_choose();

        if (number == 0) {
            if (chosen->first_miss == OFFERED)
                chosen->first_miss = i;
            continue;
        }
        if (number <= before)
            abort();
        before = number;
        chosen->count++;
    }
}

static void test_all_are_chosen_while_there_is_room_and_then_a_share(void **state)
{
    struct chosen chosen = {0};
    struct ordo_timeline_copies copies;
    struct ordo_timeline_copy *copy;
    const uint64_t room = 8 * (SLOTS / 70) / 40; /* of a burst; an order costs 40 events at first */

    (void)state;
    on_thread("choose", choose, &chosen);
    assert_in_range(chosen.first_miss, room, room * 20);
    /* room + room * (1/(room+1) + ... + 1/OFFERED), give or take what chance does */
    assert_in_range(chosen.count, room * 3, room * 20);
    copy = copy_of(&copies, "choose");
    assert_int_equal(copy->share.more, OFFERED);
    assert_int_equal(copy->share.number, chosen.count);
    ordo_timeline_copy_done(&copies);
}

static void choose_from_a_thread_without_ring(void *context)
{
    (void)context;
    ordo_timeline_leave();
    if (ordo_timeline_choose() != 0)
        abort();
    ordo_timeline_turn_begin();
    ordo_timeline_turn_end();
    ordo_timeline_span(ORDO_TIMELINE_PARSE, 1, 1);
    ordo_timeline_label(1, ORDO_STR("x"));
    ordo_timeline_step(1, ORDO_TIMELINE_QUEUED);
    ordo_timeline_span_rationed(ORDO_TIMELINE_PARSE, ORDO_TIMELINE_NONE, 1);
    ordo_timeline_count(ORDO_TIMELINE_QUEUE_LOW, 1);
    ordo_timeline_note_slow(&(struct ordo_timeline_slow){.label = ORDO_STR("x")});
}

static void test_a_thread_without_ring_records_nothing(void **state)
{
    struct ordo_timeline_copies copies;

    (void)state;
    on_thread("none", choose_from_a_thread_without_ring, NULL);
    assert_int_equal(copy_of(&copies, "none")->count, 0);
    ordo_timeline_copy_done(&copies);
}

static void test_equal_names_have_one_number(void **state)
{
    uint16_t coupon = ordo_timeline_intern(ORDO_STR("coupon"));

    (void)state;
    assert_int_equal(ordo_timeline_intern(ORDO_STR("coupon")), coupon);
    assert_int_equal(ordo_timeline_intern(ORDO_STR("write and fsync")), ORDO_TIMELINE_FSYNC);
    assert_true(ordo_str_equal(ordo_timeline_name(coupon), ORDO_STR("coupon")));
    for (int i = 0; i < 5000; i++) {
        char text[32];

        snprintf(text, sizeof(text), "name %d", i);
        ordo_timeline_intern(ordo_str_from(text));
    }
    assert_true(ordo_str_equal(ordo_timeline_name(ordo_timeline_intern(ORDO_STR("one more"))),
                               ORDO_STR("(too many names)")));
    assert_true(ordo_str_equal(ordo_timeline_name(coupon), ORDO_STR("coupon")));
}

static void test_ticks_become_monotonic_time(void **state)
{
    struct ordo_timeline_clock clock;
    int64_t before_ns = ordo_clock_ns(), last_ns = 0, ns;
    uint64_t ticks = ordo_timeline_ticks();
    int64_t after_ns = ordo_clock_ns();

    (void)state;
    ordo_timeline_clock_copy(&clock);
    ns = ordo_timeline_clock_ns(&clock, ticks);
    assert_true(ns > before_ns - 100000 && ns < after_ns + 100000);
    /* Lines that meet: a kernel that slows its clock down by much. */
    clock = (struct ordo_timeline_clock){.ticks = {1000, 2000, 3000}, .ns = {500, 1500, 1800}, .count = 3};
    for (uint64_t at = 900; at < 3200 && ordo_timeline_counts; at++) {
        ns = ordo_timeline_clock_ns(&clock, at);
        assert_true(ns >= last_ns);
        last_ns = ns;
    }
    if (ordo_timeline_counts) {
        assert_int_equal(ordo_timeline_clock_ns(&clock, 2000), 1500);
        assert_int_equal(ordo_timeline_clock_ns(&clock, 2500), 1650);
        assert_int_equal(ordo_timeline_clock_ns(&clock, 900), 400);
        assert_int_equal(ordo_timeline_clock_ns(&clock, 3100), 1830);
    }
}

static int start(void **state)
{
    (void)state;
    ordo_timeline_start(&(struct ordo_timeline_options){.ring_bytes = RING_BYTES});
    return ordo_timeline_is_on() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_ring_holds_the_newest_events),
        cmocka_unit_test(test_no_event_is_torn_while_its_ring_is_written),
        cmocka_unit_test(test_many_short_turns_become_few_spans_and_none_is_lost),
        cmocka_unit_test(test_a_turn_that_goes_on_is_seen),
        cmocka_unit_test(test_all_are_chosen_while_there_is_room_and_then_a_share),
        cmocka_unit_test(test_a_thread_without_ring_records_nothing),
        cmocka_unit_test(test_equal_names_have_one_number),
        cmocka_unit_test(test_ticks_become_monotonic_time),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
