/* SPDX-License-Identifier: MIT
 * test_store_memory.c: what is particular to the memory store: its bounds, with one shard and with many, and
 * that its table and rings keep up with whatever comes and goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "store_driver.h"

enum { MANY_SHARDS_RECORDS = 65536, MODEL_IDS = 300, MODEL_STEPS = 60000, MODEL_RECORDS = 100 };

static const char *module;

static struct fake_plugin *open_with(const char *first, const char *second)
{
    return store_open(module, (const char *[]){first, second, NULL});
}

static void test_default_bounds(void **state)
{
    const struct fake_plugin *store = store_open(module, NULL);
    const struct ordo_option *option = store->plugin->options;

    (void)state;
    assert_string_equal(option[0].name, "records");
    assert_string_equal(option[0].preset, "100000");
    assert_string_equal(option[1].name, "bytes");
    assert_string_equal(option[1].preset, "256MiB");
    fake_plugin_close((struct fake_plugin *)store);
}

static void test_records_are_bounded_over_many_shards(void **state)
{
    struct fake_plugin *store = open_with("records=65536", NULL);
    unsigned count = MANY_SHARDS_RECORDS * 2, kept = 0;
    struct ordo_store_stat stat;

    (void)state;
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(store_write(store, store_record(i, ORDO_STATUS_DONE), ABSENT), 0);
    stat = store_stat(store);
    assert_int_equal(stat.records, MANY_SHARDS_RECORDS);
    assert_int_equal(stat.dropped, count - MANY_SHARDS_RECORDS);
    /* Each shard drops its own oldest, so the line between kept and dropped is not sharp, but it is near. */
    for (unsigned i = 0; i < count * 2 / 5; i++)
        assert_false(store_has(store, i));
    for (unsigned i = count * 3 / 5; i < count; i++)
        assert_true(store_has(store, i));
    for (unsigned i = 0; i < count; i++)
        kept += store_has(store, i);
    assert_int_equal(kept, MANY_SHARDS_RECORDS);
    fake_plugin_close(store);
}

/* One shard full of undecided orders takes the room of others' final ones; refused is only who finds none
 * anywhere. */
static void test_undecided_orders_fill_all_shards_to_the_last_record(void **state)
{
    struct fake_plugin *store = open_with("records=65536", NULL);

    (void)state;
    for (unsigned i = 0; i < MANY_SHARDS_RECORDS; i++)
        assert_int_equal(store_write(store, store_record(i, ORDO_STATUS_DONE), ABSENT), 0);
    for (unsigned i = 0; i < MANY_SHARDS_RECORDS; i++)
        assert_int_equal(store_write(store, store_record(MANY_SHARDS_RECORDS + i, ORDO_STATUS_HELD), ABSENT),
                         0);
    assert_int_equal(store_stat(store).records, MANY_SHARDS_RECORDS);
    assert_int_equal(store_stat(store).dropped, MANY_SHARDS_RECORDS);
    assert_int_equal(store_write(store, store_record(999999, ORDO_STATUS_DONE), ABSENT), ORDO_EFULL);
    assert_int_equal(store_stat(store).refused, 1);
    assert_true(store_has(store, MANY_SHARDS_RECORDS));
    fake_plugin_close(store);
}

static struct ordo_record large(unsigned number, enum ordo_status status, const char *bytes, size_t len)
{
    struct ordo_record record = store_record(number, status);

    record.order = (ordo_str){bytes, len};
    return record;
}

static void test_bytes_are_bounded(void **state)
{
    struct fake_plugin *store = open_with("bytes=1MiB", "records=1000");
    size_t len = 100 * 1024;
    char *bytes = calloc(11, len);
    uint64_t kept;

    (void)state;
    assert_non_null(bytes);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(store_write(store, large(i, ORDO_STATUS_DONE, bytes, len), ABSENT), 0);
    kept = store_stat(store).records;
    assert_in_range(kept, 9, 10);
    assert_true(store_stat(store).bytes <= 1024 * 1024);
    assert_int_equal(store_stat(store).dropped, 50 - kept);
    assert_true(store_has(store, 49));
    assert_true(store_has(store, 50 - (unsigned)kept));
    assert_false(store_has(store, 49 - (unsigned)kept));

    /* More than everything: refused, and nothing is dropped for it. */
    assert_int_equal(store_write(store, large(99, ORDO_STATUS_DONE, bytes, 11 * len), ABSENT), ORDO_EFULL);
    assert_int_equal(store_stat(store).records, kept);

    /* Half of everything takes the place of several. */
    assert_int_equal(store_write(store, large(60, ORDO_STATUS_DONE, bytes, 5 * len), ABSENT), 0);
    assert_int_equal(store_stat(store).records, kept - 5 + 1);
    free(bytes);
    fake_plugin_close(store);
}

static void test_decision_is_taken_beyond_the_bound_on_bytes(void **state)
{
    struct fake_plugin *store = open_with("bytes=64KiB", NULL);
    struct ordo_record record;
    char *bytes = calloc(1, 60 * 1024);
    uint64_t over;

    (void)state;
    assert_non_null(bytes);
    assert_int_equal(store_write(store, large(1, ORDO_STATUS_QUEUED, bytes, 60 * 1024), ABSENT), 0);
    record = large(1, ORDO_STATUS_DONE, bytes, 60 * 1024);
    record.answer = (ordo_str){bytes, 30 * 1024};
    assert_int_equal(store_write(store, record, BIT(ORDO_STATUS_QUEUED)), 0);
    over = store_stat(store).bytes;
    assert_true(over > 64 * 1024);
    assert_int_equal(store_write(store, store_record(2, ORDO_STATUS_QUEUED), ABSENT),
                     0); /* it goes, being final */
    assert_false(store_has(store, 1));
    assert_true(store_stat(store).bytes < 2048);
    free(bytes);
    fake_plugin_close(store);
}

static void test_bytes_come_down_to_what_is_left(void **state)
{
    struct fake_plugin *store = open_with("records=1", NULL);
    uint64_t one;

    (void)state;
    assert_int_equal(store_write(store, store_record(1, ORDO_STATUS_DONE), ABSENT), 0);
    one = store_stat(store).bytes;
    for (unsigned i = 2; i < 10; i++)
        assert_int_equal(store_write(store, store_record(i, ORDO_STATUS_DONE), ABSENT), 0);
    assert_int_equal(store_stat(store).bytes, one);
    assert_int_equal(store_stat(store).records, 1);
    fake_plugin_close(store);
}

/* A filter that matches nothing among many records: each call ends after a bounded search, and the cursor
 * goes on. */
static void test_list_bounds_the_work_of_a_call(void **state)
{
    struct fake_plugin *store = open_with("records=65536", NULL);
    struct ordo_store_query query = {.priority = ANY, .statuses = BIT(ORDO_STATUS_HELD), .limit = 10};
    static struct store_seen seen;
    unsigned calls = 0;

    (void)state;
    assert_int_equal(store_write(store, store_record(0, ORDO_STATUS_HELD), ABSENT), 0);
    for (unsigned i = 1; i < 40000; i++)
        assert_int_equal(store_write(store, store_record(i, ORDO_STATUS_DONE), ABSENT), 0);
    do {
        assert_int_equal(store_list(store, query, &seen, &query.after), 0);
        calls++;
    } while (!store_is_end(query.after));
    assert_in_range(calls, 4, 10);
    assert_int_equal(seen.count, 1);
    fake_plugin_close(store);
}

/* What a store of one shard must hold, kept in the plainest way. */
struct model {
    enum ordo_status status[MODEL_IDS];
    bool there[MODEL_IDS];
    uint64_t final_at[MODEL_IDS];
    unsigned count;
    uint64_t steps;
};

static bool is_final(enum ordo_status status)
{
    return status == ORDO_STATUS_DONE || status == ORDO_STATUS_INVALID || status == ORDO_STATUS_DEAD;
}

static int model_write(struct model *model, unsigned id, enum ordo_status status, uint32_t replaces)
{
    unsigned oldest = MODEL_IDS;

    if ((replaces & (model->there[id] ? BIT(model->status[id]) : ABSENT)) == 0)
        return ORDO_EEXISTS;
    if (!model->there[id] && model->count == MODEL_RECORDS) {
        for (unsigned i = 0; i < MODEL_IDS; i++)
            if (model->there[i] && is_final(model->status[i]) &&
                (oldest == MODEL_IDS || model->final_at[i] < model->final_at[oldest]))
                oldest = i;
        if (oldest == MODEL_IDS)
            return ORDO_EFULL;
        model->there[oldest] = false;
        model->count--;
    }
    model->count += !model->there[id];
    model->there[id] = true;
    model->status[id] = status;
    model->final_at[id] = model->steps++;
    return 0;
}

static void test_random_writes_agree_with_a_plain_model(void **state)
{
    struct fake_plugin *store = open_with("records=100", NULL);
    static struct model model;

    (void)state;
    srand(7);
    for (unsigned step = 0; step < MODEL_STEPS; step++) {
        unsigned id = (unsigned)rand() % MODEL_IDS;
        /* Mostly final at times and mostly not at others, so that it is full of either. */
        bool undecided = rand() % 100 < (step / 5000 % 2 == 0 ? 20 : 80);
        enum ordo_status status =
            undecided ? (enum ordo_status)(rand() % 4) : (enum ordo_status)(4 + rand() % 4);
        uint32_t replaces = rand() % 3 == 0 ? ABSENT : ABSENT | (uint32_t)rand() % 256;
        int want = model_write(&model, id, status, replaces);

        assert_int_equal(store_write(store, store_record(id, status), replaces), want);
        id = (unsigned)rand() % MODEL_IDS;
        assert_int_equal(store_status(store, store_id(id)),
                         model.there[id] ? (int)model.status[id] : (int)ORDO_ENOTFOUND);
    }
    assert_int_equal(store_stat(store).records, model.count);
    for (unsigned id = 0; id < MODEL_IDS; id++)
        assert_int_equal(store_has(store, id), model.there[id]);
    fake_plugin_close(store);
}

enum { FLOOD_THREADS = 4, FLOOD = 20000 };

struct flood {
    struct fake_plugin *store;
    pthread_t thread;
    unsigned first;
    uint64_t failed;
};

static void *flood(void *context)
{
    struct flood *own = context;
    struct ordo_write writes[16];

    for (unsigned i = 0; i < FLOOD; i += 16) {
        for (unsigned j = 0; j < 16; j++)
            writes[j] = (struct ordo_write){.record = store_record(own->first + i + j, ORDO_STATUS_DONE),
                                            .replaces = ABSENT};
        store_submit(own->store, writes, 16);
        for (unsigned j = 0; j < 16; j++)
            own->failed += writes[j].result != 0;
    }
    return NULL;
}

static void test_four_threads_keep_a_full_store_at_its_bound(void **state)
{
    struct fake_plugin *store = open_with("records=8192", NULL); /* two shards */
    static struct flood floods[FLOOD_THREADS];
    struct ordo_store_stat stat;
    static struct store_seen seen;

    (void)state;
    for (unsigned i = 0; i < FLOOD_THREADS; i++) {
        floods[i] = (struct flood){.store = store, .first = i * FLOOD};
        assert_int_equal(pthread_create(&floods[i].thread, NULL, flood, &floods[i]), 0);
    }
    for (unsigned i = 0; i < FLOOD_THREADS; i++) {
        pthread_join(floods[i].thread, NULL);
        assert_int_equal(floods[i].failed, 0);
    }
    stat = store_stat(store);
    /* Writers that find it over the bound at the same moment may each drop one. */
    assert_in_range(stat.records, 8192 - FLOOD_THREADS, 8192);
    assert_int_equal(stat.dropped, FLOOD_THREADS * FLOOD - stat.records);
    seen.count = 0;
    store_list_all(store, (struct ordo_store_query){.priority = ANY, .limit = 1000}, &seen);
    assert_int_equal(seen.count, stat.records);
    fake_plugin_close(store);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_bounds),
        cmocka_unit_test(test_records_are_bounded_over_many_shards),
        cmocka_unit_test(test_undecided_orders_fill_all_shards_to_the_last_record),
        cmocka_unit_test(test_bytes_are_bounded),
        cmocka_unit_test(test_decision_is_taken_beyond_the_bound_on_bytes),
        cmocka_unit_test(test_bytes_come_down_to_what_is_left),
        cmocka_unit_test(test_list_bounds_the_work_of_a_call),
        cmocka_unit_test(test_random_writes_agree_with_a_plain_model),
        cmocka_unit_test(test_four_threads_keep_a_full_store_at_its_bound),
    };

    ORDO_REQUIRE(argc == 2);
    module = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
