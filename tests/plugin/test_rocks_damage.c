/* SPDX-License-Identifier: MIT
 * test_rocks_damage.c: files of the store that are damaged or gone: what is acknowledged is never missing without a word,
 * and a damaged order is never shown. The damage is real: bits of real files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "rocks_driver.h"

static const char *module;

static char *file_in_db(const char *name)
{
    char *path = NULL;

    assert_true(asprintf(&path, "%s/%s", rocks_db, name) > 0);
    return path;
}

/* The store does not open; its sentence says this. */
static void expect_refused(const char *sentence)
{
    struct fake_plugin *store = fake_plugin_open(module, rocks_settings);

    assert_null(store->self);
    assert_int_equal(store->err.code, ORDO_EIO);
    assert_string_equal(store->err.place, rocks_db);
    if (strstr(store->err.message, sentence) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", store->err.message, sentence);
    fake_plugin_close(store);
}

static void expect_orders(unsigned count)
{
    struct fake_plugin *store = store_open(module, rocks_settings);

    assert_int_equal(store_stat(store).records, count);
    for (unsigned i = 0; i < count; i++)
        assert_true(store_has(store, i));
    fake_plugin_close(store);
}

/* An order is 3 writes: order, changes of the indexes, and the counters. */
static void test_flipped_bit_in_the_log_is_refused_and_can_be_mended(void **state)
{
    size_t offset;
    char *log;

    (void)state;
    rocks_fill_and_kill(module, 0, 100);
    log = rocks_largest_file(".log");
    offset = rocks_find_bytes(log, "o-60");
    rocks_flip(log, offset);
    expect_refused("the last 120 writes that were acknowledged are missing");
    expect_refused("remove the file acknowledged there"); /* and the first refusal changed nothing: */
    rocks_flip(log, offset);
    expect_orders(100);
    free(log);
}

static void test_without_the_mark_it_goes_on_with_what_is_left(void **state)
{
    char *log, *mark = file_in_db("acknowledged");

    (void)state;
    rocks_fill_and_kill(module, 0, 100);
    log = rocks_largest_file(".log");
    rocks_flip(log, rocks_find_bytes(log, "o-60"));
    expect_refused("missing");
    assert_int_equal(unlink(mark), 0);
    expect_orders(60);
    expect_orders(60);
    free(log);
    free(mark);
}

static void test_log_that_is_gone_is_refused(void **state)
{
    char *log;

    (void)state;
    rocks_fill_and_kill(module, 0, 10);
    log = rocks_largest_file(".log");
    assert_int_equal(unlink(log), 0);
    expect_refused("writes that were acknowledged are missing");
    free(log);
}

static void test_torn_end_behind_the_mark_is_no_damage(void **state)
{
    static const char torn[] = "what a power cut may leave behind";
    FILE *file;
    char *log;

    (void)state;
    rocks_fill_and_kill(module, 0, 100);
    log = rocks_largest_file(".log");
    file = fopen(log, "ae");
    assert_non_null(file);
    assert_int_equal(fwrite(torn, 1, sizeof(torn), file), sizeof(torn));
    assert_int_equal(fclose(file), 0);
    expect_orders(100);
    free(log);
}

static void test_kills_and_closes_in_turn_keep_all(void **state)
{
    struct fake_plugin *store;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        rocks_fill_and_kill(module, i * 100, i * 100 + 50);
        store = store_open(module, rocks_settings);
        rocks_fill(store, i * 100 + 50, i * 100 + 100, ORDO_STATUS_DONE);
        fake_plugin_close(store);
    }
    expect_orders(500);
}

static void test_damaged_mark_is_told_and_harmless(void **state)
{
    char *mark = file_in_db("acknowledged");
    struct fake_plugin *store;

    (void)state;
    rocks_fill_and_kill(module, 0, 10);
    rocks_flip(mark, 0);
    store = store_open(module, rocks_settings);
    assert_int_equal(fake_log_count(store, "acknowledged is damaged"), 1);
    assert_int_equal(store_stat(store).records, 10);
    fake_plugin_close(store);
    store = store_open(module, rocks_settings); /* it was written anew */
    assert_int_equal(fake_log_count(store, "damaged"), 0);
    fake_plugin_close(store);
    free(mark);
}

static void test_half_a_mark_still_guards(void **state)
{
    char *log, *mark = file_in_db("acknowledged");

    (void)state;
    rocks_fill_and_kill(module, 0, 100);
    rocks_flip(mark, 8);
    log = rocks_largest_file(".log");
    rocks_flip(log, rocks_find_bytes(log, "o-60"));
    expect_refused("writes that were acknowledged are missing");
    free(log);
    free(mark);
}

static void test_clean_close_leaves_nothing_in_the_log(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);

    (void)state;
    rocks_fill(store, 0, 50, ORDO_STATUS_HELD);
    assert_int_equal(rocks_count_files(".log"), 1);
    fake_plugin_close(store);
    assert_int_equal(rocks_count_files(".log"), 0);
    expect_orders(50);
}

static bool note_visit(void *context, const struct ordo_record *record)
{
    (void)record;
    *(bool *)context = true;
    return true;
}

/* 0 or a code; whether a record was shown. */
static int get(struct fake_plugin *store, unsigned number, bool *ret_shown)
{
    const struct ordo_store_ops *ops = store->plugin->ops;

    *ret_shown = false;
    return ops->get(store->self, store_id(number), note_visit, ret_shown);
}

static void test_damaged_block_is_named_and_never_shown(void **state)
{
    struct fake_plugin *store = store_open(module, rocks_settings);
    char *table;
    bool shown;

    (void)state;
    rocks_fill_with_noise(store, 0, 100);
    fake_plugin_close(store);
    table = rocks_largest_file(".sst");
    rocks_flip(table, rocks_find_bytes(table, "tag-50."));

    store = store_open(module, rocks_settings);
    assert_int_equal(get(store, 50, &shown), ORDO_EIO);
    assert_false(shown);
    assert_true(fake_log_count(store, "an order cannot be read: Corruption: block checksum mismatch") > 0);
    assert_true(fake_log_count(store, table) > 0);
    assert_true(fake_log_count(store, "offset") > 0);
    /* It is not written over either: what it was is not known. */
    assert_int_equal(store_write(store, store_record(50, ORDO_STATUS_DONE), ABSENT), ORDO_EIO);
    assert_int_equal(get(store, 10, &shown), 0);
    assert_true(shown);
    rocks_fill(store, 200, 210, ORDO_STATUS_DONE);
    assert_int_equal(store->failures, 0);
    fake_plugin_close(store);
    free(table);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        ROCKS_CASE(test_flipped_bit_in_the_log_is_refused_and_can_be_mended),
        ROCKS_CASE(test_without_the_mark_it_goes_on_with_what_is_left),
        ROCKS_CASE(test_log_that_is_gone_is_refused),
        ROCKS_CASE(test_torn_end_behind_the_mark_is_no_damage),
        ROCKS_CASE(test_kills_and_closes_in_turn_keep_all),
        ROCKS_CASE(test_damaged_mark_is_told_and_harmless),
        ROCKS_CASE(test_half_a_mark_still_guards),
        ROCKS_CASE(test_clean_close_leaves_nothing_in_the_log),
        ROCKS_CASE(test_damaged_block_is_named_and_never_shown),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: %s STORE.so\n", argv[0]);
        return 2;
    }
    module = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
