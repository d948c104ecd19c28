/* SPDX-License-Identifier: MIT
 * test_rocks_index.c: the indexes of ids and customers while their changes go from the log through memory into sorted files:
 * what is found on the way, and behind a crash at any step of it. The memory for them is so small that some 150 orders fill a
 * segment.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocks_driver.h"
#include "rocks_raw.h"

enum { MANY = 2000 };
static const char *module;

static size_t count_family(struct rocks_raw *raw, const char *name)
{
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(raw->db, raw->read, rocks_raw_family(raw, name));
    size_t count = 0;

    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator))
        count++;
    rocksdb_iter_destroy(iterator);
    return count;
}

static void expect_no_findings(void)
{
    struct rocks_findings findings = rocks_verify_all(module, NULL);

    assert_int_equal(findings.result, 0);
    assert_string_equal(findings.first[0], "");
}

/* The orders of customer c-3, of ten: all with a number that ends so, the newest first. */
static void expect_customer(struct fake_plugin *store, struct store_seen *seen, unsigned orders,
                            uint32_t limit)
{
    seen->count = 0;
    store_list_all(
        store, (struct ordo_store_query){.priority = ANY, .limit = limit, .customer = ORDO_STR("c-3")}, seen);
    assert_int_equal(seen->count, orders / 10);
    for (unsigned i = 0; i < seen->count; i++)
        assert_int_equal(seen->numbers[i], orders - 7 - i * 10);
}

static void test_all_is_found_while_segments_are_filed(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct store_seen *seen = calloc(1, sizeof(*seen));
    struct rocks_raw raw;

    (void)state;
    assert_non_null(seen);
    for (unsigned from = 0; from < MANY; from += 100) {
        rocks_fill(store, from, from + 100, ORDO_STATUS_DONE);
        for (unsigned i = 0; i < from + 100; i += 37)
            assert_true(store_has(store, i));
        assert_false(store_has(store, from + 100));
        expect_customer(store, seen, from + 100, 7);
        assert_int_equal(store_write(store, store_record(from / 2, ORDO_STATUS_DONE), ABSENT), ORDO_EEXISTS);
    }
    fake_plugin_close(store);
    expect_no_findings();
    raw = rocks_raw_open(); /* a close files all of it */
    assert_int_equal(count_family(&raw, "ids"), MANY);
    assert_int_equal(count_family(&raw, "customers"), MANY);
    assert_int_equal(count_family(&raw, "changes"), 0);
    rocks_raw_close(&raw);
    store = store_open(module, rocks_settings);
    expect_customer(store, seen, MANY, 7);
    fake_plugin_close(store);
    free(seen);
}

/* What comes does not move what is behind a cursor, also when it was filed in between. */
static void test_a_cursor_holds_while_segments_are_filed(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct ordo_store_query query = {.priority = ANY, .limit = 3, .customer = ORDO_STR("c-3")};
    struct store_seen *seen = calloc(1, sizeof(*seen));
    unsigned next = 1000;

    (void)state;
    assert_non_null(seen);
    rocks_fill(store, 0, 1000, ORDO_STATUS_DONE);
    do {
        assert_int_equal(store_list(store, query, seen, &query.after), 0);
        rocks_fill(store, next, next + 50, ORDO_STATUS_DONE);
        next += 50;
    } while (!store_is_end(query.after));
    assert_int_equal(seen->count, 100);
    for (unsigned i = 0; i < seen->count; i++)
        assert_int_equal(seen->numbers[i], 993 - i * 10);
    fake_plugin_close(store);
    free(seen);
}

/* Invalid ones give way to new orders; of some, both are in one segment, of others the first is filed. */
static void test_replaced_orders_lead_to_the_new_one(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct store_seen *seen = calloc(1, sizeof(*seen));

    (void)state;
    assert_non_null(seen);
    rocks_fill(store, 0, 1000, ORDO_STATUS_INVALID);
    for (unsigned i = 0; i < 1000; i += i < 900 ? 9 : 1) {
        struct ordo_record record = store_record(i, ORDO_STATUS_DONE);

        record.customer = ORDO_STR("c-new");
        record.received_ms += 1000;
        assert_int_equal(store_write(store, record, BIT(ORDO_STATUS_INVALID)), 0);
        assert_int_equal(store_status(store, store_id(i)), ORDO_STATUS_DONE);
    }
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(store_stat(store).records, 1000);
        for (unsigned i = 0; i < 1000; i++)
            assert_int_equal(store_status(store, store_id(i)),
                             i >= 900 || i % 9 == 0 ? ORDO_STATUS_DONE : ORDO_STATUS_INVALID);
        seen->count = 0;
        store_list_all(store,
                       (struct ordo_store_query){.priority = ANY, .limit = 9, .customer = ORDO_STR("c-new")},
                       seen);
        assert_int_equal(seen->count, 200);
        fake_plugin_close(store);
        expect_no_findings();
        store = store_open(module, rocks_settings);
    }
    fake_plugin_close(store);
    free(seen);
}

static void test_deleted_orders_go_from_the_indexes(void **state)
{
    struct fake_plugin *store = store_open(
        module, (const char *const[]){rocks_settings[0], "index_buffer=64KiB", "keep_orders=100", NULL});
    struct rocks_raw raw;
    uint64_t taken[1];

    (void)state;
    store_sinks(store, (const char *const[]){NULL}, taken);
    rocks_fill(store, 0, MANY, ORDO_STATUS_DONE);
    while (store_stat(store).dropped < MANY - 100)
        sched_yield();
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(store_has(store, i), i >= MANY - 100);
    fake_plugin_close(store);
    expect_no_findings();
    raw = rocks_raw_open();
    assert_int_equal(count_family(&raw, "ids"), 100);
    assert_int_equal(count_family(&raw, "customers"), 100);
    rocks_raw_close(&raw);
}

static void test_a_kill_leaves_the_rest_in_the_log(void **state)
{
    struct store_seen *seen = calloc(1, sizeof(*seen));
    struct fake_plugin *store;
    struct rocks_raw raw;
    size_t changes;

    (void)state;
    assert_non_null(seen);
    for (unsigned i = 0; i < 4; i++) {
        rocks_fill_and_kill(module, i * 500, (i + 1) * 500);
        expect_no_findings();
    }
    raw = rocks_raw_open();
    changes = count_family(&raw, "changes");
    assert_true(changes > 0);
    assert_true(count_family(&raw, "ids") + changes >= MANY);
    assert_true(rocks_raw_counter(&raw, ROCKS_RAW_INDEXED) >
                0); /* some of it was filed, and went from the log */
    rocks_raw_close(&raw);
    store = store_open(module, rocks_settings);
    for (unsigned i = 0; i < MANY; i++)
        assert_true(store_has(store, i));
    expect_customer(store, seen, MANY, 7);
    fake_plugin_close(store);
    free(seen);
}

/* A child writes them in one commit and is killed. */
static void write_at_once_and_kill(unsigned count)
{
    struct ordo_write *writes = calloc(count, sizeof(*writes));
    char(*ids)[16] = calloc(count, sizeof(*ids));
    struct fake_plugin *store = store_open(module, rocks_settings);

    for (unsigned i = 0; i < count; i++) {
        writes[i] = (struct ordo_write){.record = store_record(i, ORDO_STATUS_DONE), .replaces = ABSENT};
        snprintf(ids[i], sizeof(ids[i]), "o-%u", i);
        writes[i].record.id = ordo_str_from(ids[i]);
        writes[i].record.customer = writes[i].record.order = writes[i].record.answer = ORDO_STR("c-3");
    }
    store_submit(store, writes, count);
    for (unsigned i = 0; i < count; i++)
        if (writes[i].result != 0)
            _exit(1);
    rocks_fill(store, count, count + 1, ORDO_STATUS_DONE); /* a commit behind it, which trims the log */
    kill(getpid(), SIGKILL);
}

/* The log has them as one entry, of which the first ones are filed, and the rest is not. */
static void test_a_commit_of_many_is_filed_in_parts(void **state)
{
    struct fake_plugin *store;
    pid_t child = fork();
    int status;

    (void)state;
    assert_true(child >= 0);
    if (child == 0)
        write_at_once_and_kill(MANY);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    expect_no_findings();
    store = store_open(module, rocks_settings);
    for (unsigned i = 0; i <= MANY; i++)
        assert_true(store_has(store, i));
    rocks_fill(store, MANY + 1, MANY + 10, ORDO_STATUS_DONE);
    fake_plugin_close(store);
    expect_no_findings();
}

/* The log does not fit into the memory that the next start has. */
static void test_a_smaller_memory_takes_over_a_larger_log(void **state)
{
    struct fake_plugin *store;
    pid_t child = fork();
    int status;

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        store = store_open(module, (const char *const[]){rocks_settings[0], NULL});
        rocks_fill(store, 0, MANY, ORDO_STATUS_DONE);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    store = store_open(module, rocks_settings);
    for (unsigned i = 0; i < MANY; i++)
        assert_true(store_has(store, i));
    rocks_fill(store, MANY, MANY + 10, ORDO_STATUS_DONE);
    fake_plugin_close(store);
    expect_no_findings();
}

/* As a crash leaves it between the sorted files and the end of their changes in the log. */
static void test_changes_that_were_filed_are_filed_again(void **state)
{
    struct store_seen *seen = calloc(1, sizeof(*seen));
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct rocks_findings findings;
    struct rocks_raw raw;
    uint64_t changes;

    (void)state;
    assert_non_null(seen);
    rocks_fill(store, 0, MANY, ORDO_STATUS_DONE);
    fake_plugin_close(store);
    raw = rocks_raw_open();
    changes = rocks_raw_counter(&raw, ROCKS_RAW_CHANGES);
    assert_int_equal(changes, MANY);
    for (unsigned i = 0; i < 500; i++)
        rocks_raw_put_change(&raw, changes - 499 + i, 0, MANY - 500 + i, NULL);
    rocks_raw_set_counter(&raw, ROCKS_RAW_INDEXED, changes - 500);
    rocks_raw_close(&raw);
    findings = rocks_verify_all(module, NULL);
    assert_string_equal(findings.first[0], "");
    assert_int_equal(findings.report.index_entries, 2 * MANY); /* none counts twice */

    store = store_open(module, rocks_settings);
    expect_customer(store, seen, MANY, 7);
    rocks_fill(store, MANY, MANY + 10, ORDO_STATUS_DONE);
    fake_plugin_close(store);
    expect_no_findings();
    raw = rocks_raw_open();
    assert_int_equal(count_family(&raw, "ids"), MANY + 10);
    assert_int_equal(count_family(&raw, "changes"), 0);
    rocks_raw_close(&raw);
    free(seen);
}

/* The plugin's, too: once this is set, the thread "files" cannot sync a MANIFEST that has a file which it has handed over. RocksDB
 * syncs it twice for each: before that, it only has the file's number. */
static _Atomic bool fails;
static _Atomic unsigned syncs, failures;
__attribute__((visibility("default"))) int fdatasync(int fd);
int fdatasync(int fd)
{
    char link[32], path[256] = "", thread[16] = "";

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    pthread_getname_np(pthread_self(), thread, sizeof(thread));
    if (strcmp(thread, "files") == 0 && readlink(link, path, sizeof(path) - 1) > 0 &&
        strstr(path, "/MANIFEST-") != NULL && atomic_fetch_add(&syncs, 1) % 2 == 1 && atomic_load(&fails)) {
        atomic_fetch_add(&failures, 1);
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/* A child fills the store until it fails, and tells how many orders were acknowledged. */
static _Noreturn void fill_until_it_fails(int out)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    unsigned number = 0;

    rocks_fill(store, 0, 400, ORDO_STATUS_DONE);
    atomic_store(&fails, true);
    for (number = 400; number < MANY; number++)
        if (store_write(store, store_record(number, ORDO_STATUS_DONE), ABSENT) != 0)
            break;
    if (store->failures != 1 || atomic_load(&failures) != 1 ||
        write(out, &number, sizeof(number)) != sizeof(number))
        _exit(1);
    _exit(0);
}

/* RocksDB then removes the file, which its MANIFEST has. */
static void test_a_list_of_files_that_cannot_be_synced_loses_no_file(void **state)
{
    struct fake_plugin *store;
    unsigned written = 0;
    int ends[2], status;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        fill_until_it_fails(ends[1]);
    close(ends[1]);
    assert_int_equal(read(ends[0], &written, sizeof(written)), sizeof(written));
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_in_range(written, 400, MANY - 1);
    store = store_open(module, rocks_settings);
    for (unsigned i = 0; i < written; i++)
        assert_true(store_has(store, i));
    fake_plugin_close(store);
    expect_no_findings();
}

static void touch(const char *name)
{
    char path[160];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", rocks_db, name);
    file = fopen(path, "we");
    assert_non_null(file);
    fclose(file);
}

static void test_half_a_sorted_file_is_removed(void **state)
{
    (void)state;
    fake_plugin_close(store_open(module, rocks_settings));
    touch("ids.filed");
    touch("customers.filed");
    fake_plugin_close(store_open(module, rocks_settings));
    assert_int_equal(rocks_count_files(".filed"), 0);
    assert_int_equal(access(rocks_db, F_OK), 0);
    for (int i = 0; i < 2; i++) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s", rocks_db, i == 0 ? "ids.filed" : "customers.filed");
        assert_int_equal(access(path, F_OK), -1);
    }
}

/* RocksDB counts a sorted file as a write of its own, which says nothing of those in the log. */
static void test_sorted_files_do_not_hide_what_the_log_misses(void **state)
{
    struct fake_plugin *store;
    char *log;

    (void)state;
    rocks_fill_and_kill(module, 0, MANY);
    log = rocks_largest_file(".log");
    rocks_flip(log, rocks_find_bytes(log, "o-1990"));
    store = fake_plugin_open(module, rocks_settings);
    assert_null(store->self);
    assert_non_null(strstr(store->err.message, "the last 30 writes that were acknowledged are missing"));
    fake_plugin_close(store);
    free(log);
}

/* What the layout before the changes was: no such family, and counters without them. */
static void test_data_of_layout_2_is_taken_over(void **state)
{
    struct store_seen *seen = calloc(1, sizeof(*seen));
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct rocks_raw raw;
    char *counters, *error = NULL;
    size_t len;

    (void)state;
    assert_non_null(seen);
    rocks_fill(store, 0, 500, ORDO_STATUS_DONE);
    fake_plugin_close(store);
    raw = rocks_raw_open();
    counters = rocksdb_get(raw.db, raw.read, "counters", 8, &len, &error);
    assert_non_null(counters);
    rocksdb_put(raw.db, raw.write, "counters", 8, counters, 5 * sizeof(uint64_t), &error);
    rocksdb_free(counters);
    rocksdb_drop_column_family(raw.db, rocks_raw_family(&raw, "changes"), &error);
    assert_null(error);
    rocks_raw_set_layout(&raw, 2);
    rocks_raw_close(&raw);
    expect_no_findings();

    store = store_open(module, rocks_settings);
    assert_int_equal(fake_log_count(store, "its data is of layout 2 and becomes layout 3"), 1);
    rocks_fill(store, 500, 1000, ORDO_STATUS_DONE);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(store_has(store, i));
    expect_customer(store, seen, 1000, 7);
    fake_plugin_close(store);
    rocks_fill_and_kill(module, 1000, 1500);
    expect_no_findings();
    store = store_open(module, rocks_settings);
    expect_customer(store, seen, 1500, 7);
    fake_plugin_close(store);
    free(seen);
}

static void test_the_smallest_memory_holds_the_largest_ids(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    char id[ORDO_ID_MAX + 1], customer[ORDO_ID_MAX + 1];

    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 300; i++) {
            struct ordo_record record = store_record((unsigned)i, ORDO_STATUS_DONE);

            snprintf(id, sizeof(id), "%0*d", ORDO_ID_MAX, i);
            snprintf(customer, sizeof(customer), "%0*d", ORDO_ID_MAX, i % 5);
            record.id = ordo_str_from(id);
            record.customer = ordo_str_from(customer);
            assert_int_equal(store_write(store, record, ABSENT), turn == 0 ? 0 : ORDO_EEXISTS);
        }
        fake_plugin_close(store);
        expect_no_findings();
        store = store_open(module, rocks_settings);
    }
    fake_plugin_close(store);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ROCKS_CASE(test_all_is_found_while_segments_are_filed),
        ROCKS_CASE(test_a_cursor_holds_while_segments_are_filed),
        ROCKS_CASE(test_replaced_orders_lead_to_the_new_one),
        ROCKS_CASE(test_deleted_orders_go_from_the_indexes),
        ROCKS_CASE(test_a_kill_leaves_the_rest_in_the_log),
        ROCKS_CASE(test_a_commit_of_many_is_filed_in_parts),
        ROCKS_CASE(test_a_smaller_memory_takes_over_a_larger_log),
        ROCKS_CASE(test_changes_that_were_filed_are_filed_again),
        ROCKS_CASE(test_a_list_of_files_that_cannot_be_synced_loses_no_file),
        ROCKS_CASE(test_half_a_sorted_file_is_removed),
        ROCKS_CASE(test_sorted_files_do_not_hide_what_the_log_misses),
        ROCKS_CASE(test_data_of_layout_2_is_taken_over),
        ROCKS_CASE(test_the_smallest_memory_holds_the_largest_ids),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: %s STORE.so\n", argv[0]);
        return 2;
    }
    module = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
