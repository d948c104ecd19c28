/* SPDX-License-Identifier: MIT
 * test_rocks_changes.c: the log of index changes with damage that no checksum shows, made in the database itself: verify names it, and
 * a start that would lose index entries refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rocks_driver.h"
#include "rocks_raw.h"

static const char *module;

static void expect_findings(size_t count, const char *first, const char *second)
{
    struct rocks_findings findings = rocks_verify_all(module, NULL);

    assert_int_equal(findings.result, 0);
    if (findings.count != count || strstr(findings.first[0], first) == NULL ||
        (count > 1 && strstr(findings.first[1], second) == NULL))
        fail_msg("%zu findings: \"%s\", \"%s\"", findings.count, findings.first[0], findings.first[1]);
}

static void expect_refused(const char *sentence)
{
    struct fake_plugin *store = fake_plugin_open(module, rocks_settings);

    assert_null(store->self);
    assert_int_equal(store->err.code, ORDO_EIO);
    if (strstr(store->err.message, "its log of index changes is damaged") == NULL ||
        strstr(store->err.message, sentence) == NULL)
        fail_msg("\"%s\"", store->err.message);
    fake_plugin_close(store);
}

static void test_a_missing_change_is_found_and_refused(void **state)
{
    struct rocks_findings findings;
    struct rocks_raw raw;

    (void)state;
    rocks_fill_and_kill(module, 0, 50);
    raw = rocks_raw_open();
    rocks_raw_delete_change(&raw, 20);
    rocks_raw_close(&raw);
    findings = rocks_verify_all(module, NULL);
    assert_int_equal(findings.count, 3);
    assert_string_equal(findings.first[0], "change 21: 1 before it are missing");
    assert_string_equal(findings.first[1], "order o-19: it has no entry in ids");
    assert_string_equal(findings.first[2], "order o-19: it has no entry in customers");
    expect_refused("a change is missing");
}

static void test_a_missing_end_of_the_log_is_found_and_refused(void **state)
{
    struct rocks_raw raw;

    (void)state;
    rocks_fill_and_kill(module, 0, 50);
    raw = rocks_raw_open();
    rocks_raw_delete_change(&raw, 50);
    rocks_raw_close(&raw);
    expect_findings(3, "changes: the log ends with number 49, and the counters say 50",
                    "order o-49: it has no entry in ids");
    expect_refused("its end is missing");
}

static void test_a_change_that_leads_to_no_order_is_found(void **state)
{
    static const char nowhere[13] = {1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};
    struct rocks_raw raw;

    (void)state;
    rocks_fill_and_kill(module, 0, 50);
    raw = rocks_raw_open();
    rocks_raw_put_change(&raw, 51, 0, 900, nowhere);
    rocks_raw_set_counter(&raw, ROCKS_RAW_CHANGES, 51);
    rocks_raw_close(&raw);
    expect_findings(2, "id entry o-900: it leads to an order that is not there", "customer entry");
}

static void test_a_change_behind_the_counters_is_found(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct rocks_raw raw;

    (void)state;
    rocks_fill(store, 0, 50, ORDO_STATUS_DONE);
    fake_plugin_close(store);
    raw = rocks_raw_open();
    rocks_raw_put_change(&raw, 3, 0, 2, NULL);
    rocks_raw_put_change(&raw, 60, 0, 3, NULL);
    rocks_raw_close(&raw);
    expect_findings(2, "change 3: the counters say that the log has those from 51 to 50", "change 60");
}

static void test_a_change_that_deletes_an_order_is_found(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    struct rocks_raw raw;

    (void)state;
    rocks_fill(store, 0, 50, ORDO_STATUS_DONE);
    fake_plugin_close(store);
    raw = rocks_raw_open();
    rocks_raw_put_change(&raw, 51, 1, 7, NULL);
    rocks_raw_set_counter(&raw, ROCKS_RAW_CHANGES, 51);
    rocks_raw_close(&raw);
    expect_findings(2, "order o-7: it has no entry in ids", "order o-7: it has no entry in customers");
}

static void test_an_unreadable_change_is_found_and_refused(void **state)
{
    struct rocks_raw raw;

    (void)state;
    rocks_fill_and_kill(module, 0, 50);
    raw = rocks_raw_open();
    rocks_raw_put_change(&raw, 51, 9, 900, "0123456789012");
    rocks_raw_set_counter(&raw, ROCKS_RAW_CHANGES, 51);
    rocks_raw_close(&raw);
    expect_findings(2, "they are not as this store writes them", "changes: the log ends with number 50");
    expect_refused("not as this store writes it");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ROCKS_CASE(test_a_missing_change_is_found_and_refused),
        ROCKS_CASE(test_a_missing_end_of_the_log_is_found_and_refused),
        ROCKS_CASE(test_a_change_that_leads_to_no_order_is_found),
        ROCKS_CASE(test_a_change_behind_the_counters_is_found),
        ROCKS_CASE(test_a_change_that_deletes_an_order_is_found),
        ROCKS_CASE(test_an_unreadable_change_is_found_and_refused),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: %s STORE.so\n", argv[0]);
        return 2;
    }
    module = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
