/* SPDX-License-Identifier: MIT
 * test_store_rocksdb.c: what is particular to the store on a disk: what is there after the end of a process, who is
 * kept out, and what happens when the disk takes no more. The folder is the test's own.
 */
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocks_driver.h"
#include "rocks_raw.h"

static const char *module;
static void test_all_is_there_after_a_close(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct store_seen *seen = calloc(1, sizeof(*seen));
    struct ordo_store_stat before, after;

    (void)state;
    assert_non_null(seen);
    rocks_fill(store, 0, 10, ORDO_STATUS_QUEUED);
    rocks_fill(store, 10, 20, ORDO_STATUS_HELD);
    assert_int_equal(store_write(store, store_record(3, ORDO_STATUS_DONE), BIT(ORDO_STATUS_QUEUED)), 0);
    before = store_stat(store);
    fake_plugin_close(store);

    store = store_open(module, rocks_settings);
    after = store_stat(store);
    assert_int_equal(after.records, 20);
    assert_int_equal(after.bytes, before.bytes);
    assert_int_equal(after.memory_max, (3 << 20) + (64 << 10)); /* cache, two write buffers, index buffer */
    for (int priority = 0; priority < ORDO_PRIORITY_COUNT; priority++)
        store_pending(store, (enum ordo_priority)priority, 100, seen);
    assert_int_equal(seen->count, 9);
    assert_int_equal(seen->numbers[1], 6); /* 3 is decided */
    assert_int_equal(store_write(store, store_record(15, ORDO_STATUS_DONE), ABSENT), ORDO_EEXISTS);
    rocks_fill(store, 20, 21, ORDO_STATUS_DONE);
    seen->count = 0;
    store_list_all(store, (struct ordo_store_query){.priority = ANY, .limit = 3}, seen);
    assert_int_equal(seen->count, 21);
    assert_int_equal(seen->numbers[0], 20);
    fake_plugin_close(store);
    free(seen);
}

/* A child writes orders and tells of each that was acknowledged, until it is killed. */
static void write_until_killed(int out)
{
    struct fake_plugin *store = store_open(module, rocks_settings);

    for (unsigned number = 0;; number++)
        if (store_write(store, store_record(number, ORDO_STATUS_DONE), ABSENT) != 0 ||
            write(out, &number, sizeof(number)) != sizeof(number))
            _exit(1);
}

static void test_acknowledged_is_there_after_a_kill(void **state)
{
    enum { ACKNOWLEDGED = 200 };
    struct fake_plugin *store;
    unsigned number, last = 0;
    int ends[2], status;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        write_until_killed(ends[1]);
    close(ends[1]);
    while (last < ACKNOWLEDGED && read(ends[0], &number, sizeof(number)) == sizeof(number))
        last = number;
    assert_int_equal(last, ACKNOWLEDGED);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    while (read(ends[0], &number, sizeof(number)) == sizeof(number))
        last = number;
    close(ends[0]);

    store = store_open(module, rocks_settings);
    for (number = 0; number <= last; number++)
        assert_true(store_has(store, number));
    assert_in_range(store_stat(store).records, last + 1, last + 2); /* one may be written and not told */
    fake_plugin_close(store);
}

static void test_second_process_is_told_who_is_there(void **state)
{
    char expected[32];
    struct fake_plugin *store;
    int ends[2], back[2];
    pid_t child;
    char byte;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(back), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        store_open(module, rocks_settings);
        if (write(ends[1], "x", 1) == 1 && read(back[0], &byte, 1) == 1)
            _exit(0);
        _exit(1);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    store = fake_plugin_open(module, rocks_settings);
    assert_null(store->self);
    assert_int_equal(store->err.code, ORDO_EEXISTS);
    snprintf(expected, sizeof(expected), "process %d uses", (int)child);
    assert_non_null(strstr(store->err.message, expected));
    fake_plugin_close(store);
    assert_int_equal(write(back[1], "x", 1), 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    store = store_open(module, rocks_settings); /* the lock went with the process */
    fake_plugin_close(store);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(back[i]);
    }
}

static void test_folder_is_for_its_owner_only(void **state)
{
    struct stat status;

    (void)state;
    fake_plugin_close(store_open(module, rocks_settings));
    assert_int_equal(stat(rocks_db, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

/* With a family of its own. */
static void make_newer(void)
{
    struct rocks_raw raw = rocks_raw_open();
    char *error = NULL;

    rocksdb_column_family_handle_destroy(
        rocksdb_create_column_family(raw.db, raw.options, "of_the_future", &error));
    assert_null(error);
    rocks_raw_set_layout(&raw, 4);
    rocks_raw_close(&raw);
}

static void test_newer_data_is_refused(void **state)
{
    struct fake_plugin *store;

    (void)state;
    fake_plugin_close(store_open(module, rocks_settings));
    make_newer();
    store = fake_plugin_open(module, rocks_settings);
    assert_null(store->self);
    assert_int_equal(store->err.code, ORDO_EABI);
    assert_string_equal(store->err.message,
                        "its data is of layout 4, and this ordo knows layouts up to 3; use the "
                        "version that wrote it, or a newer one");
    fake_plugin_close(store);
}

/* The file that commits go to may not grow: as a full or broken disk, for this process alone. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* In a process of its own, as the database stays open behind a failure. */
static void fail_disk(void)
{
    struct fake_plugin *store = store_open(module, rocks_settings);

    rocks_fill(store, 0, 5, ORDO_STATUS_DONE);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(1);
    assert_int_equal(store_write(store, store_record(5, ORDO_STATUS_DONE), ABSENT), ORDO_EIO);
    limit_files(RLIM_INFINITY);
    assert_int_equal(store->failures, 1);
    assert_int_equal(fake_log_count(store, "cannot write: "), 1);
    assert_int_equal(store_write(store, store_record(6, ORDO_STATUS_DONE), ABSENT), ORDO_EIO);
    assert_int_equal(store->failures, 1);
    assert_int_equal(store_stat(store).refused, 2);
    assert_int_equal(store_stat(store).records, 5);
    assert_true(store_has(store, 4));
    fake_plugin_close(store);
}

static void test_failed_disk_ends_all_acknowledgement(void **state)
{
    struct fake_plugin *store;
    pid_t child = fork();
    int status;

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        fail_disk();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    store = store_open(module, rocks_settings);
    assert_int_equal(store_stat(store).records, 5);
    assert_true(store_has(store, 4));
    assert_false(store_has(store, 6));
    rocks_fill(store, 6, 7, ORDO_STATUS_DONE);
    fake_plugin_close(store);
}

static void test_oldest_final_orders_are_deleted_by_number(void **state)
{
    struct fake_plugin *store =
        store_open(module, (const char *const[]){rocks_settings[0], "keep_orders=100", NULL});
    uint64_t taken[1];
    struct store_seen *seen = calloc(1, sizeof(*seen));

    (void)state;
    assert_non_null(seen);
    store_sinks(store, (const char *const[]){NULL}, taken); /* nothing is deleted before */
    rocks_fill(store, 0, 50, ORDO_STATUS_HELD);
    rocks_fill(store, 50, 500, ORDO_STATUS_DONE);
    while (store_stat(store).dropped < 400)
        sched_yield();
    assert_int_equal(store_stat(store).records, 100);
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(store_has(store, i), i < 50 || i >= 450); /* held ones are never deleted */
    store_list_all(store, (struct ordo_store_query){.priority = ANY, .limit = 7}, seen);
    assert_int_equal(seen->count, 100);
    seen->count = 0;
    store_list_all(store, (struct ordo_store_query){.priority = ANY, .limit = 7, .customer = ORDO_STR("c-3")},
                   seen);
    assert_int_equal(seen->count, 10);

    /* One that was passed while it was held is the oldest once it is final. */
    assert_int_equal(store_write(store, store_record(7, ORDO_STATUS_DONE), BIT(ORDO_STATUS_HELD)), 0);
    rocks_fill(store, 500, 501, ORDO_STATUS_DONE);
    while (store_stat(store).dropped < 401)
        sched_yield();
    assert_false(store_has(store, 7));
    assert_true(store_has(store, 450));
    fake_plugin_close(store);

    store = store_open(module, rocks_settings); /* without a bound nothing is deleted */
    rocks_fill(store, 600, 700, ORDO_STATUS_DONE);
    assert_int_equal(store_stat(store).records, 200);
    fake_plugin_close(store);
    free(seen);
}

static void test_old_final_orders_are_deleted(void **state)
{
    struct fake_plugin *store =
        store_open(module, (const char *const[]){rocks_settings[0], "keep_for=1h", NULL});
    uint64_t taken[1];
    struct ordo_record now = store_record(200, ORDO_STATUS_DONE);
    struct timespec clock;

    (void)state;
    store_sinks(store, (const char *const[]){NULL}, taken);
    clock_gettime(CLOCK_REALTIME, &clock);
    now.received_ms = (int64_t)clock.tv_sec * 1000;
    assert_int_equal(store_write(store, now, ABSENT), 0);
    rocks_fill(store, 0, 150, ORDO_STATUS_DONE); /* received in 2023 */
    rocks_fill(store, 150, 151, ORDO_STATUS_QUEUED);
    while (store_stat(store).dropped < 150)
        sched_yield();
    assert_true(store_has(store, 200));
    assert_true(store_has(store, 150));
    assert_int_equal(store_stat(store).records, 2);
    assert_int_equal(store_write(store, store_record(3, ORDO_STATUS_QUEUED), ABSENT),
                     0); /* its id is free again */
    fake_plugin_close(store);
}

/* A file that takes the space which the store asks for, and goes again. */
static void test_new_orders_wait_for_space_on_the_disk(void **state)
{
    const off_t margin = (off_t)128 << 20;
    char min_free[64], filler[96];
    struct fake_plugin *store;
    struct statvfs space;
    int fd;

    (void)state;
    assert_int_equal(statvfs(rocks_folder, &space), 0);
    snprintf(min_free, sizeof(min_free), "min_free=%llu",
             (unsigned long long)space.f_bavail * space.f_frsize - (unsigned long long)margin);
    snprintf(filler, sizeof(filler), "%s/filler", rocks_folder);
    store = store_open(module, (const char *const[]){rocks_settings[0], min_free, NULL});
    rocks_fill(store, 0, 1, ORDO_STATUS_QUEUED);
    assert_false(store_stat(store).is_full);

    fd = open(filler, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, margin * 2), 0);
    assert_true(store_stat(store).is_full); /* also before it has written anything */
    assert_int_equal(store_write(store, store_record(1, ORDO_STATUS_DONE), ABSENT), ORDO_EFULL);
    assert_int_equal(store_write(store, store_record(2, ORDO_STATUS_DONE), ABSENT), ORDO_EFULL);
    assert_int_equal(store_write(store, store_record(0, ORDO_STATUS_DONE), BIT(ORDO_STATUS_QUEUED)), 0);
    assert_int_equal(store_status(store, store_id(0)), ORDO_STATUS_DONE);
    assert_int_equal(fake_log_count(store, "less than min_free: new orders are refused until it has more"),
                     1);

    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(filler), 0);
    assert_false(store_stat(store).is_full);
    rocks_fill(store, 1, 2, ORDO_STATUS_DONE);
    assert_int_equal(fake_log_count(store, "free again: new orders are taken"), 1);
    assert_int_equal(store_stat(store).refused, 2);
    assert_int_equal(store->failures, 0);
    fake_plugin_close(store);
}

static void test_order_that_takes_an_invalid_ones_id_is_new(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct ordo_store_query query = {.priority = ANY, .limit = 10};
    struct ordo_record record;
    struct store_seen *seen = calloc(1, sizeof(*seen));

    (void)state;
    assert_non_null(seen);
    rocks_fill(store, 0, 1, ORDO_STATUS_INVALID);
    rocks_fill(store, 1, 2, ORDO_STATUS_DONE);
    record = store_record(0, ORDO_STATUS_QUEUED);
    record.customer = ORDO_STR("c-new");
    record.received_ms += 100;
    record.priority = ORDO_PRIORITY_LOW;
    assert_int_equal(store_write(store, record, BIT(ORDO_STATUS_INVALID)), 0);
    store_list_all(store, query, seen);
    assert_int_equal(seen->count, 2);
    assert_int_equal(seen->numbers[0], 0);
    query.customer = ORDO_STR("c-0");
    seen->count = 0;
    store_list_all(store, query, seen);
    assert_int_equal(seen->count, 0);
    query.customer = ORDO_STR("c-new");
    store_list_all(store, query, seen);
    assert_int_equal(seen->count, 1);
    query = (struct ordo_store_query){.priority = ANY, .limit = 10, .statuses = BIT(ORDO_STATUS_INVALID)};
    seen->count = 0;
    store_list_all(store, query, seen);
    assert_int_equal(seen->count, 0);
    query = (struct ordo_store_query){.priority = ORDO_PRIORITY_LOW, .limit = 10};
    store_list_all(store, query, seen);
    assert_int_equal(seen->count, 1);
    assert_int_equal(store_stat(store).records, 2);
    fake_plugin_close(store);
    free(seen);
}

/* A page ends after 10,000 records, whether they match or not. */
static void test_page_is_bounded(void **state)
{
    enum { COUNT = 10010 };
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct ordo_store_query query = {.priority = ANY, .limit = 10, .statuses = BIT(ORDO_STATUS_DONE)};
    struct ordo_write *writes = calloc(COUNT, sizeof(*writes));
    struct store_seen *seen = calloc(1, sizeof(*seen));
    char(*ids)[16] = calloc(COUNT, sizeof(*ids));

    (void)state;
    assert_true(writes != NULL && seen != NULL && ids != NULL);
    for (unsigned i = 0; i < COUNT; i++) {
        writes[i] = (struct ordo_write){
            .record = store_record(i, i == 0 ? ORDO_STATUS_DONE : ORDO_STATUS_HELD), .replaces = ABSENT};
        snprintf(ids[i], sizeof(ids[i]), "o-%u", i);
        writes[i].record.id = ordo_str_from(ids[i]);
        writes[i].record.customer = writes[i].record.order = writes[i].record.answer = ORDO_STR_NONE;
    }
    store_submit(store, writes, COUNT);
    assert_int_equal(store_list(store, query, seen, &query.after), 0);
    assert_int_equal(seen->count, 0);
    assert_false(store_is_end(query.after));
    assert_int_equal(store_list(store, query, seen, &query.after), 0);
    assert_int_equal(seen->count, 1);
    assert_true(store_is_end(query.after));
    fake_plugin_close(store);
    free(writes);
    free(seen);
    free(ids);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ROCKS_CASE(test_all_is_there_after_a_close),
        ROCKS_CASE(test_acknowledged_is_there_after_a_kill),
        ROCKS_CASE(test_second_process_is_told_who_is_there),
        ROCKS_CASE(test_folder_is_for_its_owner_only),
        ROCKS_CASE(test_newer_data_is_refused),
        ROCKS_CASE(test_failed_disk_ends_all_acknowledgement),
        ROCKS_CASE(test_oldest_final_orders_are_deleted_by_number),
        ROCKS_CASE(test_old_final_orders_are_deleted),
        ROCKS_CASE(test_new_orders_wait_for_space_on_the_disk),
        ROCKS_CASE(test_order_that_takes_an_invalid_ones_id_is_new),
        ROCKS_CASE(test_page_is_bounded),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: %s STORE.so\n", argv[0]);
        return 2;
    }
    module = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
