/* SPDX-License-Identifier: MIT
 * test_rocks_verify.c: verify finds what is wrong with a store, one sentence each, and nothing where all is right. The
 * damage is made in the database itself, behind the store's back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocks_driver.h"
#include "rocks_raw.h"

static const char *module;

/* 100 done orders, 10 held, 5 queued, with customers. */
static void make_store(void)
{
    struct fake_plugin *store = store_open(module, rocks_settings);

    rocks_fill(store, 0, 100, ORDO_STATUS_DONE);
    rocks_fill(store, 100, 110, ORDO_STATUS_HELD);
    rocks_fill(store, 110, 115, ORDO_STATUS_QUEUED);
    fake_plugin_close(store);
}

/* Deletes the family's first entry. */
static void delete_first(const char *family)
{
    struct rocks_raw raw = rocks_raw_open();
    rocksdb_iterator_t *iterator =
        rocksdb_create_iterator_cf(raw.db, raw.read, rocks_raw_family(&raw, family));
    const char *key;
    char *error = NULL;
    size_t len;

    rocksdb_iter_seek_to_first(iterator);
    assert_true(rocksdb_iter_valid(iterator));
    key = rocksdb_iter_key(iterator, &len);
    rocksdb_delete_cf(raw.db, raw.write, rocks_raw_family(&raw, family), key, len, &error);
    assert_null(error);
    rocksdb_iter_destroy(iterator);
    rocks_raw_close(&raw);
}

static void expect_one(const char *part)
{
    struct rocks_findings findings = rocks_verify_all(module, NULL);

    assert_int_equal(findings.result, 0);
    assert_int_equal(findings.report.findings, findings.count);
    if (findings.count != 1 || strstr(findings.first[0], part) == NULL)
        fail_msg("%zu findings, the first \"%s\"; wanted is one with \"%s\"", findings.count,
                 findings.first[0], part);
}

static void test_whole_store_has_no_findings(void **state)
{
    struct rocks_findings findings;

    (void)state;
    make_store();
    findings = rocks_verify_all(module, NULL);
    assert_int_equal(findings.result, 0);
    assert_string_equal(findings.first[0], "");
    assert_int_equal(findings.report.orders, 115);
    assert_int_equal(findings.report.index_entries, 115 + 115 + 15);
    assert_true(findings.report.bytes > 115 * 56);
    assert_int_equal(findings.report.findings, 0);
}

static void test_log_of_a_killed_store_is_read_too(void **state)
{
    struct rocks_findings findings;

    (void)state;
    rocks_fill_and_kill(module, 0, 50);
    findings = rocks_verify_all(module, NULL);
    assert_int_equal(findings.count, 0);
    assert_int_equal(findings.report.orders, 50);
    assert_int_equal(rocks_count_files(".log"), 1); /* it changed nothing */
    assert_int_equal(rocks_count_files(".sst"), 0);
}

static void test_deleted_id_is_found(void **state)
{
    (void)state;
    make_store();
    delete_first("ids");
    expect_one("order o-0: it has no entry in ids");
}

static void test_deleted_customer_entry_is_found(void **state)
{
    (void)state;
    make_store();
    delete_first("customers");
    expect_one("it has no entry in customers");
}

static void test_deleted_open_entry_is_found(void **state)
{
    (void)state;
    make_store();
    delete_first("open"); /* queued comes before held */
    expect_one("it has no entry in open");
}

/* Its three entries lead nowhere, and the counters are one order and its bytes too high. */
static void test_deleted_order_is_found(void **state)
{
    struct rocks_findings findings;

    (void)state;
    make_store();
    delete_first("orders");
    findings = rocks_verify_all(module, NULL);
    assert_int_equal(findings.result, 0);
    assert_true(findings.count >= 4);
    assert_non_null(strstr(findings.first[0], "id entry o-"));
    assert_non_null(strstr(findings.first[0], "leads to an order that is not there"));
    assert_non_null(strstr(findings.first[1], "customer entry"));
}

static void test_entry_of_an_id_that_was_never_is_found(void **state)
{
    struct rocks_raw raw;
    rocksdb_pinnableslice_t *slice;
    const char *key;
    char *error = NULL;
    size_t len;

    (void)state;
    make_store();
    raw = rocks_raw_open();
    slice = rocksdb_get_pinned_cf(raw.db, raw.read, rocks_raw_family(&raw, "ids"), "o-7", 3, &error);
    assert_non_null(slice);
    key = rocksdb_pinnableslice_value(slice, &len);
    rocksdb_put_cf(raw.db, raw.write, rocks_raw_family(&raw, "ids"), "stranger", 8, key, len, &error);
    assert_null(error);
    rocksdb_pinnableslice_destroy(slice);
    rocks_raw_close(&raw);
    expect_one("id entry stranger: it leads to an order that is not its own");
}

/* Ten decisions, of which the one sink has taken two. */
static void make_outbox(void)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    uint64_t taken[2];

    store_sinks(store, (const char *const[]){"one", NULL}, taken);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(
            store_emit(store, store_record(i, i == 9 ? ORDO_STATUS_HELD : ORDO_STATUS_DONE), ABSENT), 0);
    store_taken(store, 0, 2);
    fake_plugin_close(store);
}

static void test_damage_of_the_outbox_is_found(void **state)
{
    struct rocks_findings findings;

    (void)state;
    make_outbox();
    findings = rocks_verify_all(module, NULL);
    assert_string_equal(findings.first[0], "");
    assert_int_equal(findings.report.index_entries, 10 + 10 + 1 + 10);
    delete_first("outbox");
    expect_one("order o-0: it has no entry in outbox");
}

static void test_decision_that_is_gone_before_its_sink_has_it_is_found(void **state)
{
    struct rocks_findings findings;
    bool found = false;

    (void)state;
    make_outbox();
    for (int i = 0; i < 3; i++)
        delete_first("orders"); /* of one class: 0, 3 and 6; the sink has the decision of 0 */
    findings = rocks_verify_all(module, NULL);
    for (size_t i = 0; i < sizeof(findings.first) / sizeof(*findings.first); i++) {
        assert_null(strstr(findings.first[i], "outbox entry 1:"));
        found |= strstr(findings.first[i], "outbox entry 4: it leads to an order that is not there") != NULL;
    }
    assert_true(found);
}

static void test_wrong_counters_are_found(void **state)
{
    const uint64_t wrong[] = {1, 7, 9};
    struct rocks_findings findings;
    struct rocks_raw raw;

    (void)state;
    make_store();
    raw = rocks_raw_open();
    for (size_t i = 0; i < 3; i++)
        rocks_raw_set_counter(&raw, i, wrong[i]);
    rocks_raw_close(&raw);
    findings = rocks_verify_all(module, NULL);
    assert_int_equal(findings.count, 3);
    assert_string_equal(findings.first[0], "counters: they say 7 orders, and there are 115");
    assert_non_null(strstr(findings.first[1], "counters: they say 9 bytes of records"));
    assert_non_null(strstr(findings.first[2], "the next number is 1, and there is an order with number 115"));
}

static void test_flipped_bit_is_found_and_named(void **state)
{
    struct rocks_findings findings;
    char *table;

    (void)state;
    make_store();
    table = rocks_largest_file(".sst");
    rocks_flip(table, 20); /* in its first block */
    findings = rocks_verify_all(module, NULL);
    assert_int_equal(findings.result, 0);
    assert_true(findings.count >= 1);
    assert_non_null(strstr(findings.first[0], "block checksum mismatch"));
    assert_non_null(strstr(findings.first[0], table));
    free(table);
}

static void test_missing_writes_are_found(void **state)
{
    struct rocks_findings findings;
    char *log;

    (void)state;
    rocks_fill_and_kill(module, 0, 100);
    log = rocks_largest_file(".log");
    rocks_flip(log, rocks_find_bytes(log, "o-60"));
    findings = rocks_verify_all(module, NULL);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.first[0], "log: the last 120 writes that were acknowledged are missing");
    assert_int_equal(findings.report.orders, 60);
    free(log);
}

static void test_store_of_another_user_is_told(void **state)
{
    struct rocks_findings findings;
    uid_t user = geteuid();

    (void)state;
    make_store();
    assert_int_equal(chmod(rocks_db, 0), 0);
    if (user == 0) /* whom no mode stops */
        assert_int_equal(seteuid(65534), 0);
    findings = rocks_verify_all(module, NULL);
    assert_int_equal(seteuid(user), 0);
    assert_int_equal(chmod(rocks_db, 0700), 0);
    assert_int_equal(findings.result, -EACCES);
    assert_string_equal(findings.err.place, rocks_db);
    assert_string_equal(findings.err.message,
                        "this user may not read it; run this as the user that the engine runs as");
}

static void test_store_that_is_not_there_is_told(void **state)
{
    struct rocks_findings findings = rocks_verify_all(module, NULL);

    (void)state;
    assert_int_equal(findings.result, ORDO_ENOTFOUND);
    assert_non_null(strstr(findings.err.message, "there is no store in this folder"));
    assert_int_equal(access(rocks_db, F_OK), -1); /* it made none */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ROCKS_CASE(test_whole_store_has_no_findings),
        ROCKS_CASE(test_log_of_a_killed_store_is_read_too),
        ROCKS_CASE(test_deleted_id_is_found),
        ROCKS_CASE(test_deleted_customer_entry_is_found),
        ROCKS_CASE(test_deleted_open_entry_is_found),
        ROCKS_CASE(test_deleted_order_is_found),
        ROCKS_CASE(test_entry_of_an_id_that_was_never_is_found),
        ROCKS_CASE(test_damage_of_the_outbox_is_found),
        ROCKS_CASE(test_decision_that_is_gone_before_its_sink_has_it_is_found),
        ROCKS_CASE(test_wrong_counters_are_found),
        ROCKS_CASE(test_flipped_bit_is_found_and_named),
        ROCKS_CASE(test_missing_writes_are_found),
        ROCKS_CASE(test_store_of_another_user_is_told),
        ROCKS_CASE(test_store_that_is_not_there_is_told),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: %s STORE.so\n", argv[0]);
        return 2;
    }
    module = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
