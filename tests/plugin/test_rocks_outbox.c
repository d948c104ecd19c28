/* SPDX-License-Identifier: MIT
 * test_rocks_outbox.c: the outbox on a disk: where sinks are over a restart, what is deleted and when, and data of the
 * layout before there was one.
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocks_driver.h"
#include "rocks_raw.h"

static const char *module;

static const char *const one[] = {"one", NULL}, *const two[] = {"one", "two", NULL}, *const none[] = {NULL};

static struct fake_plugin *open_with(const char *const *sinks, uint64_t *ret_taken)
{
    struct fake_plugin *store = store_open(module, rocks_settings);

    store_sinks(store, sinks, ret_taken);
    return store;
}

static void emit(struct fake_plugin *store, unsigned from, unsigned to, enum ordo_status status)
{
    for (unsigned i = from; i < to; i++)
        assert_int_equal(store_emit(store, store_record(i, status), ABSENT), 0);
}

static void test_a_sink_goes_on_where_it_was(void **state)
{
    uint64_t taken[2];
    struct fake_plugin *store = open_with(one, taken);
    char text[512];

    (void)state;
    emit(store, 0, 5, ORDO_STATUS_DONE);
    store_taken(store, 0, 3);
    fake_plugin_close(store);

    store = open_with(two, taken);
    assert_int_equal(taken[0], 3);
    assert_int_equal(taken[1], 5); /* new: behind the newest */
    assert_int_equal(store_stat(store).sequence, 5);
    assert_int_equal(store_emissions(store, taken[0], 10, text, sizeof(text)), 5);
    assert_string_equal(text, "4:o-3/1={\"decision\":3} 5:o-4/1={\"decision\":4} ");
    emit(store, 5, 6, ORDO_STATUS_DONE);
    fake_plugin_close(store);

    store = open_with(one, taken); /* the other one is gone and forgotten */
    assert_int_equal(fake_log_count(store,
                                    "sink 'two' is not configured any more: 1 decisions that it had not "
                                    "taken are dropped"),
                     1);
    fake_plugin_close(store);
    store = open_with(two, taken);
    assert_int_equal(taken[0], 3);
    assert_int_equal(taken[1], 6);
    fake_plugin_close(store);
}

/* A child whose sink takes three of five and is killed. */
static void take_until_killed(int out)
{
    uint64_t taken[2];
    struct fake_plugin *store = open_with(one, taken);

    emit(store, 0, 5, ORDO_STATUS_HELD);
    store_taken(store, 0, 3);
    emit(store, 5, 6, ORDO_STATUS_HELD); /* behind it in the store's thread */
    if (write(out, "x", 1) == 1)
        pause();
    _exit(1);
}

static void test_a_kill_loses_no_decision(void **state)
{
    uint64_t taken[2];
    struct fake_plugin *store;
    char byte, text[512];
    int ends[2];
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        take_until_killed(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(ends[1]);

    store = open_with(one, taken);
    assert_true(taken[0] <= 3); /* it may get again what it had */
    assert_int_equal(store_emissions(store, 3, 10, text, sizeof(text)), 6);
    assert_string_equal(text, "4:o-3/1={\"decision\":3} 5:o-4/1={\"decision\":4} 6:o-5/1={\"decision\":5} ");
    fake_plugin_close(store);
}

static size_t count_entries(void)
{
    struct rocks_raw raw = rocks_raw_open();
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(raw.db, raw.read, rocks_raw_family(&raw, "outbox"));
    size_t count = 0;

    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator))
        count++;
    rocksdb_iter_destroy(iterator);
    rocks_raw_close(&raw);
    return count;
}

static void test_what_all_have_taken_is_deleted(void **state)
{
    enum { COUNT = 5000 };
    uint64_t taken[2];
    struct fake_plugin *store = open_with(two, taken);

    (void)state;
    emit(store, 0, COUNT, ORDO_STATUS_DONE);
    store_taken(store, 0, COUNT);
    fake_plugin_close(store);
    assert_int_equal(count_entries(), COUNT); /* the other one has taken nothing */
    store = open_with(two, taken);
    store_taken(store, 1, COUNT - 1);
    fake_plugin_close(store);
    assert_int_equal(count_entries(), 1);

    store = open_with(none, taken);
    fake_plugin_close(store);
    assert_int_equal(count_entries(), 0);
}

/* The store's thread runs before it is told of the sinks. */
static void test_nothing_is_deleted_before_the_sinks_are_known(void **state)
{
    const char *const keep[] = {rocks_settings[0], "keep_orders=1", NULL};
    uint64_t taken[2];
    struct fake_plugin *store = open_with(one, taken);

    (void)state;
    emit(store, 0, 20, ORDO_STATUS_DONE);
    fake_plugin_close(store);
    store = store_open(module, keep);
    assert_int_equal(store_write(store, store_record(30, ORDO_STATUS_QUEUED), ABSENT), 0);
    assert_int_equal(store_write(store, store_record(31, ORDO_STATUS_QUEUED), ABSENT),
                     0); /* a turn behind that */
    assert_int_equal(store_stat(store).dropped, 0);
    store_sinks(store, one, taken);
    assert_int_equal(taken[0], 0);
    store_taken(store, 0, 20);
    while (store_stat(store).dropped < 20)
        sched_yield();
    fake_plugin_close(store);
}

static void test_retention_waits_for_the_sinks(void **state)
{
    uint64_t taken[2];
    struct fake_plugin *store =
        store_open(module, (const char *const[]){rocks_settings[0], "keep_orders=10", NULL});
    char text[4096];

    (void)state;
    store_sinks(store, one, taken);
    emit(store, 0, 40, ORDO_STATUS_DONE);
    assert_int_equal(store_stat(store).records, 40);
    assert_int_equal(store_stat(store).dropped, 0);
    assert_int_equal(store_emissions(store, 0, 100, text, sizeof(text)), 40);
    store_taken(store, 0, 20);
    while (store_stat(store).dropped < 20)
        sched_yield();
    assert_int_equal(store_stat(store).records, 20);
    assert_true(store_has(store, 20));
    store_taken(store, 0, 40);
    while (store_stat(store).dropped < 30)
        sched_yield();
    assert_int_equal(store_stat(store).records, 10);
    fake_plugin_close(store);
}

static void delete_order(size_t number)
{
    struct rocks_raw raw = rocks_raw_open();
    rocksdb_column_family_handle_t *orders = rocks_raw_family(&raw, "orders");
    rocksdb_iterator_t *iterator = rocksdb_create_iterator_cf(raw.db, raw.read, orders);
    char *error = NULL;
    const char *key;
    size_t len;

    rocksdb_iter_seek_to_first(iterator);
    for (size_t i = 0; i < number; i++)
        rocksdb_iter_next(iterator);
    assert_true(rocksdb_iter_valid(iterator));
    key = rocksdb_iter_key(iterator, &len);
    rocksdb_delete_cf(raw.db, raw.write, orders, key, len, &error);
    assert_null(error);
    rocksdb_iter_destroy(iterator);
    rocks_raw_close(&raw);
}

static void test_decision_without_its_order_is_told_and_passed_over(void **state)
{
    uint64_t taken[2];
    struct fake_plugin *store = open_with(one, taken);
    char text[512];

    (void)state;
    for (unsigned i = 0; i < 4; i++) { /* one class, so that they lie as they came */
        struct ordo_record record = store_record(i, ORDO_STATUS_DONE);

        record.priority = ORDO_PRIORITY_MEDIUM;
        record.received_ms = 1000 + i;
        assert_int_equal(store_emit(store, record, ABSENT), 0);
    }
    fake_plugin_close(store);
    delete_order(3);
    delete_order(1);
    store = open_with(one, taken);
    assert_int_equal(store_emissions(store, 0, 10, text, sizeof(text)), 4);
    assert_string_equal(text, "1:o-0/1={\"decision\":0} 2:lost/0= 3:o-2/1={\"decision\":2} 4:lost/0= ");
    assert_int_equal(fake_log_count(store, "2 decisions, the first with number 2, cannot be given to a sink: "
                                           "their orders are not in the store, so it is damaged"),
                     1);
    fake_plugin_close(store);
}

/* What the layout before the outbox was: a record with a shorter header, no such family, and counters without it. */
static void make_layout_1(void)
{
    const char id[] = "o-0", key[] = {0, 1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 1};
    char record[56 + 3 + 2 + 2] = {1, ORDO_STATUS_DONE, ORDO_PRIORITY_HIGH, 3, 0};
    const uint64_t counters[] = {2, 1, sizeof(record)};
    struct rocks_raw raw = rocks_raw_open();
    char *error = NULL;

    record[8] = 1;               /* revision */
    record[48] = record[52] = 2; /* lengths of order and answer */
    memcpy(record + 56, "o-0{}[]", 7);
    rocksdb_put_cf(raw.db, raw.write, rocks_raw_family(&raw, "orders"), key, sizeof(key), record,
                   sizeof(record), &error);
    rocksdb_put_cf(raw.db, raw.write, rocks_raw_family(&raw, "ids"), id, 3, key, sizeof(key), &error);
    rocksdb_put(raw.db, raw.write, "counters", 8, (const char *)counters, sizeof(counters), &error);
    rocksdb_drop_column_family(raw.db, rocks_raw_family(&raw, "outbox"), &error);
    rocks_raw_set_layout(&raw, 1);
    assert_null(error);
    rocks_raw_close(&raw);
}

static bool is_old_record(void *context, const struct ordo_record *record)
{
    *(bool *)context = ordo_str_equal(record->id, ORDO_STR("o-0")) && record->revision == 1 &&
                       ordo_str_equal(record->order, ORDO_STR("{}")) &&
                       ordo_str_equal(record->answer, ORDO_STR("[]"));
    return false;
}

static void test_data_of_the_layout_before_is_taken_over(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    const struct ordo_store_ops *ops;
    bool is_old = false;
    uint64_t taken[2];
    char text[128];

    (void)state;
    fake_plugin_close(store);
    make_layout_1();
    store = open_with(one, taken);
    assert_int_equal(fake_log_count(store, "its data is of layout 1 and becomes layout 3"), 1);
    assert_int_equal(taken[0], 0);
    ops = store->plugin->ops;
    assert_int_equal(ops->get(store->self, ORDO_STR("o-0"), is_old_record, &is_old), 0);
    assert_true(is_old);
    assert_int_equal(store_stat(store).records, 1);
    assert_int_equal(store_write(store, store_record(0, ORDO_STATUS_DONE), ABSENT), ORDO_EEXISTS);
    emit(store, 1, 2, ORDO_STATUS_DONE);
    assert_int_equal(store_emissions(store, 0, 10, text, sizeof(text)), 1);
    fake_plugin_close(store);

    store = open_with(one, taken);
    assert_int_equal(fake_log_count(store, "becomes layout"), 0);
    assert_int_equal(store_stat(store).records, 2);
    fake_plugin_close(store);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ROCKS_CASE(test_a_sink_goes_on_where_it_was),
        ROCKS_CASE(test_a_kill_loses_no_decision),
        ROCKS_CASE(test_what_all_have_taken_is_deleted),
        ROCKS_CASE(test_nothing_is_deleted_before_the_sinks_are_known),
        ROCKS_CASE(test_retention_waits_for_the_sinks),
        ROCKS_CASE(test_decision_without_its_order_is_told_and_passed_over),
        ROCKS_CASE(test_data_of_the_layout_before_is_taken_over),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: %s STORE.so\n", argv[0]);
        return 2;
    }
    module = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
