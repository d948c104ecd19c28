/* SPDX-License-Identifier: MIT
 * conform_store_find.c: what every store that looks up ids together must do: say what is there, and never let what a writer
 * saw before take the place of the comparison.
 */
#include "conform_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MANY = 100, THREADS = 4, BLOCK = 10, RACED = 400 };

/* The moment stands where 1.0 had padding, so that arrays of writes are the same for both. */
struct write_1_0 {
    struct ordo_record record;
    uint32_t replaces;
    bool emits;
    int result;
};
_Static_assert(sizeof(struct write_1_0) == sizeof(struct ordo_write), "an array of 1.0 is one of 1.1");

/* The ids from `first` on. */
static uint32_t find(struct fake_plugin *store, unsigned first, size_t count, int *results)
{
    const struct ordo_store_ops *ops = store->plugin->ops;
    char texts[MANY][16];
    ordo_str ids[MANY];
    uint32_t moment = UINT32_MAX;

    for (size_t i = 0; i < count; i++) {
        ordo_str id = store_id(first + (unsigned)i);

        memcpy(texts[i], id.ptr, id.len);
        ids[i] = (ordo_str){texts[i], id.len};
        results[i] = 1;
    }
    ops->find(store->self, ids, count, results, &moment);
    return moment;
}

static int write_absent(struct fake_plugin *store, struct ordo_record record, uint32_t replaces,
                        uint32_t moment)
{
    struct ordo_write write = {.record = record, .replaces = replaces, .absent_at = moment, .result = 1};

    store_submit(store, &write, 1);
    return write.result;
}

void test_find_tells_what_is_there(void **state)
{
    int results[MANY];

    for (unsigned i = 0; i < MANY; i += 3)
        assert_int_equal(
            store_write(*state, store_record(i, (enum ordo_status)(i % ORDO_STATUS_COUNT)), ABSENT), 0);
    find(*state, 0, MANY, results);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(results[i], i % 3 == 0 ? 0 : ORDO_ENOTFOUND);
    find(*state, 3, 1, results);
    assert_int_equal(results[0], 0);
    find(*state, 4, 1, results);
    assert_int_equal(results[0], ORDO_ENOTFOUND);
    find(*state, 0, 0, results);
}

void test_what_was_absent_is_written(void **state)
{
    int results[MANY];
    uint32_t moment = find(*state, 0, MANY, results);

    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(results[i], ORDO_ENOTFOUND);
        assert_int_equal(write_absent(*state, store_record(i, ORDO_STATUS_DONE), ABSENT, moment), 0);
    }
    assert_int_equal(store_stat(*state).records, MANY);
    find(*state, 0, MANY, results);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(results[i], 0);
}

void test_what_came_since_is_met(void **state)
{
    int results[MANY];
    uint32_t before = find(*state, 0, MANY, results), between;

    conform_fill(*state, 1, 3, ORDO_STATUS_QUEUED);
    between = find(*state, 0, MANY, results);
    conform_fill(*state, 3, 5, ORDO_STATUS_QUEUED);
    for (unsigned i = 1; i < 5; i++) {
        struct ordo_record record = store_record(i, ORDO_STATUS_DONE);

        assert_int_equal(write_absent(*state, record, ABSENT, before), ORDO_EEXISTS);
        if (i >= 3)
            assert_int_equal(write_absent(*state, record, ABSENT, between), ORDO_EEXISTS);
        assert_int_equal(store_status(*state, record.id), ORDO_STATUS_QUEUED);
        assert_int_equal(write_absent(*state, record, BIT(ORDO_STATUS_QUEUED), before), 0);
        assert_int_equal(store_status(*state, record.id), ORDO_STATUS_DONE);
    }
    assert_int_equal(store_stat(*state).records, 4);
}

/* Twice in one submit, and the state that the first leaves is named or not. */
void test_what_the_same_batch_made_is_met(void **state)
{
    int results[MANY];
    uint32_t moment = find(*state, 0, MANY, results);
    struct ordo_write writes[] = {
        {.record = store_record(1, ORDO_STATUS_QUEUED), .replaces = ABSENT, .absent_at = moment},
        {.record = store_record(1, ORDO_STATUS_DONE), .replaces = ABSENT, .absent_at = moment},
        {.record = store_record(1, ORDO_STATUS_HELD),
         .replaces = BIT(ORDO_STATUS_QUEUED),
         .absent_at = moment},
        {.record = store_record(2, ORDO_STATUS_DONE), .replaces = ABSENT, .absent_at = moment},
    };

    store_submit(*state, writes, 4);
    assert_int_equal(writes[0].result, 0);
    assert_int_equal(writes[1].result, ORDO_EEXISTS);
    assert_int_equal(writes[2].result, 0);
    assert_int_equal(writes[3].result, 0);
    assert_int_equal(store_status(*state, store_id(1)), ORDO_STATUS_HELD);
    assert_int_equal(store_stat(*state).records, 2);
}

struct racer {
    struct fake_plugin *store;
    pthread_t thread;
    int found[RACED], results[RACED];
};

static void *race(void *context)
{
    struct racer *racer = context;

    for (unsigned first = 0; first < RACED; first += BLOCK) {
        uint32_t moment = find(racer->store, first, BLOCK, &racer->found[first]);

        for (unsigned i = first; i < first + BLOCK; i++)
            racer->results[i] = write_absent(racer->store, store_record(i, ORDO_STATUS_DONE), ABSENT,
                                             racer->found[i] == ORDO_ENOTFOUND ? moment : 0);
    }
    return NULL;
}

void test_one_of_four_that_saw_nothing_wins_each_id(void **state)
{
    static struct racer racers[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.store = *state};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(racers[i].thread, NULL);
    for (unsigned i = 0; i < RACED; i++) {
        unsigned winners = 0;

        for (unsigned j = 0; j < THREADS; j++) {
            winners += racers[j].results[i] == 0;
            if (racers[j].found[i] == 0 || racers[j].results[i] != 0)
                assert_int_equal(racers[j].results[i], ORDO_EEXISTS);
        }
        assert_int_equal(winners, 1);
    }
    assert_int_equal(store_stat(*state).records, RACED);
}
