/* SPDX-License-Identifier: MIT
 * conform_store.c: what every store must do. The same cases run against any store plugin:
 *
 *   conform_store build/plugins/store_memory.so [option=value ...]
 *
 * Each case opens the store anew with these options; @TMP@ in a value is a fresh folder. A store whose
 * options have a bound on `records` is also tested at it.
 */
#include "conform_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *module;
static const char *settings[32];
static size_t setting_count;

static int open_case(void **state)
{
    *state = store_open(module, settings);
    return 0;
}

static int close_case(void **state)
{
    fake_plugin_close(*state);
    return 0;
}

struct expected {
    const struct ordo_record *record;
    bool visited, is_equal;
};

static bool compare(void *context, const struct ordo_record *got)
{
    struct expected *expected = context;
    const struct ordo_record *want = expected->record;

    expected->visited = true;
    expected->is_equal = got->size == sizeof(*got) && got->status == want->status &&
                         got->priority == want->priority && got->revision == want->revision &&
                         got->attempt == want->attempt && got->generation == want->generation &&
                         got->received_ms == want->received_ms && got->updated_ms == want->updated_ms &&
                         got->due_ms == want->due_ms && ordo_str_equal(got->id, want->id) &&
                         ordo_str_equal(got->customer, want->customer) &&
                         ordo_str_equal(got->order, want->order) && ordo_str_equal(got->answer, want->answer);
    return false;
}

static void assert_stored(struct fake_plugin *store, const struct ordo_record *record)
{
    const struct ordo_store_ops *ops = store->plugin->ops;
    struct expected expected = {.record = record};

    assert_int_equal(ops->get(store->self, record->id, compare, &expected), 0);
    assert_true(expected.visited);
    assert_true(expected.is_equal);
}

static void test_get_returns_what_was_written(void **state)
{
    struct ordo_record record = store_record(1, ORDO_STATUS_DONE),
                       pending = store_record(2, ORDO_STATUS_QUEUED);

    pending.due_ms = 1700000009999;
    pending.customer = ORDO_STR_NONE;
    assert_int_equal(store_write(*state, record, ABSENT), 0);
    assert_int_equal(store_write(*state, pending, ABSENT), 0);
    assert_stored(*state, &record);
    assert_stored(*state, &pending);
}

static void test_bytes_come_back_as_they_were(void **state)
{
    struct ordo_record record = store_record(1, ORDO_STATUS_DONE);
    size_t len = 1024 * 1024;
    char *order = malloc(len), id[ORDO_ID_MAX];

    assert_non_null(order);
    for (size_t i = 0; i < len; i++)
        order[i] = (char)(i * 31 >> 3);
    memset(id, 'x', sizeof(id));
    record.id = (ordo_str){id, sizeof(id)};
    record.order = (ordo_str){order, len};
    record.answer = ORDO_STR("{\"a\":\"\0\xff\"}");
    assert_int_equal(store_write(*state, record, ABSENT), 0);
    assert_stored(*state, &record);
    id[0] = 'y'; /* the last byte of an id counts as much as the first */
    assert_int_equal(store_status(*state, record.id), ORDO_ENOTFOUND);
    id[0] = 'x';
    id[ORDO_ID_MAX - 1] = 'y';
    assert_int_equal(store_status(*state, record.id), ORDO_ENOTFOUND);
    free(order);
}

static void test_unknown_id_is_not_found(void **state)
{
    assert_int_equal(store_write(*state, store_record(1, ORDO_STATUS_DONE), ABSENT), 0);
    assert_int_equal(store_status(*state, store_id(2)), ORDO_ENOTFOUND);
}

static void test_second_insert_is_refused_and_changes_nothing(void **state)
{
    struct ordo_record first = store_record(1, ORDO_STATUS_DONE), second = first;

    second.status = ORDO_STATUS_HELD;
    second.answer = ORDO_STR("{\"other\":true}");
    assert_int_equal(store_write(*state, first, ABSENT), 0);
    assert_int_equal(store_write(*state, second, ABSENT), ORDO_EEXISTS);
    assert_stored(*state, &first);
}

static void test_every_state_is_replaced_only_when_named(void **state)
{
    for (unsigned status = 0; status < ORDO_STATUS_COUNT; status++) {
        struct ordo_record record = store_record(status, (enum ordo_status)status), next = record;

        next.status = status == ORDO_STATUS_DONE ? ORDO_STATUS_HELD : ORDO_STATUS_DONE;
        next.revision = 2;
        next.updated_ms++;
        next.answer = ORDO_STR("{\"revision\":2}");
        assert_int_equal(store_write(*state, record, ABSENT), 0);
        assert_int_equal(store_write(*state, next, ~BIT(status)), ORDO_EEXISTS);
        assert_stored(*state, &record);
        assert_int_equal(store_write(*state, next, BIT(status)), 0);
        assert_stored(*state, &next);
    }
}

static void test_absent_is_a_state_too(void **state)
{
    struct ordo_record record = store_record(1, ORDO_STATUS_DONE);

    assert_int_equal(store_write(*state, record, ~ABSENT), ORDO_EEXISTS);
    assert_int_equal(store_status(*state, record.id), ORDO_ENOTFOUND);
}

static void test_batch_is_written_in_order(void **state)
{
    struct ordo_write writes[] = {
        {.record = store_record(1, ORDO_STATUS_QUEUED), .replaces = ABSENT, .result = 1},
        {.record = store_record(2, ORDO_STATUS_DONE), .replaces = ABSENT, .result = 1},
        {.record = store_record(1, ORDO_STATUS_DONE), .replaces = ABSENT, .result = 1},
        {.record = store_record(1, ORDO_STATUS_HELD), .replaces = BIT(ORDO_STATUS_QUEUED), .result = 1},
        {.record = store_record(1, ORDO_STATUS_DEAD), .replaces = BIT(ORDO_STATUS_QUEUED), .result = 1},
    };

    store_submit(*state, writes, 5);
    assert_int_equal(writes[0].result, 0);
    assert_int_equal(writes[1].result, 0);
    assert_int_equal(writes[2].result, ORDO_EEXISTS);
    assert_int_equal(writes[3].result, 0);
    assert_int_equal(writes[4].result, ORDO_EEXISTS);
    assert_stored(*state, &writes[3].record);
}

void conform_fill(struct fake_plugin *store, unsigned from, unsigned to, enum ordo_status status)
{
    for (unsigned i = from; i < to; i++)
        assert_int_equal(store_write(store, store_record(i, status), ABSENT), 0);
}

static void test_stat_counts(void **state)
{
    struct ordo_store_stat before = store_stat(*state), stat;

    conform_fill(*state, 0, 5, ORDO_STATUS_QUEUED);
    assert_int_equal(store_write(*state, store_record(0, ORDO_STATUS_DONE), BIT(ORDO_STATUS_QUEUED)), 0);
    assert_int_equal(store_write(*state, store_record(0, ORDO_STATUS_DONE), ABSENT), ORDO_EEXISTS);
    stat = store_stat(*state);
    assert_int_equal(stat.records, before.records + 5);
    assert_int_equal(stat.writes, before.writes + 6);
    assert_int_equal(stat.refused, before.refused + 1);
    assert_int_equal(stat.dropped, 0);
    assert_true(stat.bytes > before.bytes);
}

struct fake_plugin *conform_open_bounded(void)
{
    const char *bounded[33];

    memcpy(bounded, settings, sizeof(settings));
    bounded[setting_count] = "records=8";
    bounded[setting_count + 1] = NULL;
    return store_open(module, bounded);
}

static bool is_bounded(void)
{
    struct fake_plugin *store = store_open(module, settings);
    bool found = false;

    for (const struct ordo_option *option = store->plugin->options; option->name != NULL; option++)
        found = found || strcmp(option->name, "records") == 0;
    fake_plugin_close(store);
    return found;
}

static bool has_find(void)
{
    struct fake_plugin *store = store_open(module, settings);
    bool found = ordo_store_has_find(store->plugin->ops);

    fake_plugin_close(store);
    return found;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_case, close_case)

int main(int argc, char **argv)
{
    const struct CMUnitTest all[] = {
        CASE(test_get_returns_what_was_written),
        CASE(test_bytes_come_back_as_they_were),
        CASE(test_unknown_id_is_not_found),
        CASE(test_second_insert_is_refused_and_changes_nothing),
        CASE(test_every_state_is_replaced_only_when_named),
        CASE(test_absent_is_a_state_too),
        CASE(test_batch_is_written_in_order),
        CASE(test_list_is_newest_first_and_pages_meet),
        CASE(test_list_gives_no_more_than_its_limit),
        CASE(test_list_of_nothing_ends_at_once),
        CASE(test_list_goes_on_behind_the_record_that_ended_it),
        CASE(test_list_filters),
        CASE(test_list_filters_by_time),
        CASE(test_decided_order_keeps_its_place_in_the_list),
        CASE(test_orders_that_come_do_not_shift_the_next_page),
        CASE(test_pending_gives_orders_on_their_way_by_class_and_age),
        CASE(test_stat_counts),
        CASE(test_one_of_four_threads_wins_each_id),
        CASE(test_readers_see_whole_records_while_others_write),
        CASE(test_decisions_are_read_in_their_order_from_any_place),
        CASE(test_a_refused_write_emits_nothing),
        CASE(test_each_revision_is_emitted_with_its_own_decision),
        CASE(test_what_one_sink_has_taken_is_there_for_the_other),
        CASE(test_a_reader_beside_writers_misses_nothing),
    };
    const struct CMUnitTest finding[] = {
        CASE(test_find_tells_what_is_there),
        CASE(test_what_was_absent_is_written),
        CASE(test_what_came_since_is_met),
        CASE(test_what_the_same_batch_made_is_met),
        CASE(test_one_of_four_that_saw_nothing_wins_each_id),
    };
    const struct CMUnitTest bounded[] = {
        cmocka_unit_test(test_full_store_drops_the_oldest_final),
        cmocka_unit_test(test_full_store_of_undecided_orders_refuses),
        cmocka_unit_test(test_refused_write_drops_nothing),
        cmocka_unit_test(test_full_store_keeps_what_a_sink_has_not_taken),
    };
    int failed;

    if (argc < 2) {
        fprintf(stderr, "usage: %s STORE.so [option=value ...]\n", argv[0]);
        return 2;
    }
    module = argv[1];
    for (int i = 2; i < argc && setting_count < 30; i++)
        settings[setting_count++] = argv[i];
    failed = cmocka_run_group_tests_name("every store", all, NULL, NULL);
    if (has_find())
        failed += cmocka_run_group_tests_name("stores that look up ids together", finding, NULL, NULL);
    if (is_bounded())
        failed += cmocka_run_group_tests_name("bounded stores", bounded, NULL, NULL);
    return failed;
}
