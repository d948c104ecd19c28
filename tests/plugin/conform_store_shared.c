/* SPDX-License-Identifier: MIT
 * conform_store_shared.c: what every store must do when several threads use it, and what a bounded one does
 * when it is full.
 */
#include "conform_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { THREADS = 4, RACED = 400 };

struct racer {
    struct fake_plugin *store;
    pthread_t thread;
    unsigned number;
    int results[RACED];
};

static void *race(void *context)
{
    struct racer *racer = context;

    for (unsigned i = 0; i < RACED; i++) {
        struct ordo_record record = store_record(i, ORDO_STATUS_DONE);

        record.revision = racer->number + 1;
        racer->results[i] = store_write(racer->store, record, ABSENT | BIT(ORDO_STATUS_QUEUED));
    }
    return NULL;
}

static bool keep_revision(void *context, const struct ordo_record *record)
{
    *(uint32_t *)context = record->revision;
    return false;
}

void test_one_of_four_threads_wins_each_id(void **state)
{
    const struct fake_plugin *store = *state;
    const struct ordo_store_ops *ops = store->plugin->ops;
    static struct racer racers[THREADS];

    for (unsigned i = 0; i < RACED; i += 2) /* half of them replace, half insert */
        assert_int_equal(store_write(*state, store_record(i, ORDO_STATUS_QUEUED), ABSENT), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.store = *state, .number = i};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(racers[i].thread, NULL);
    for (unsigned i = 0; i < RACED; i++) {
        uint32_t winner = 0, revision = 0;

        for (unsigned j = 0; j < THREADS; j++) {
            if (racers[j].results[i] == 0) {
                assert_int_equal(winner, 0);
                winner = j + 1;
            } else {
                assert_int_equal(racers[j].results[i], ORDO_EEXISTS);
            }
        }
        assert_int_not_equal(winner, 0);
        assert_int_equal(ops->get(store->self, store_id(i), keep_revision, &revision), 0);
        assert_int_equal(revision, winner);
    }
}

struct reader {
    struct fake_plugin *store;
    pthread_t thread;
    _Atomic bool stop;
    uint64_t wrong;
};

/* While others write: a listing shows no order twice and nothing out of order, and records are whole. */
static bool check_whole(void *context, const struct ordo_record *record)
{
    struct reader *reader = context;
    bool is_decided = record->status == ORDO_STATUS_DONE;

    reader->wrong += (record->answer.len > 0) != is_decided || record->order.len < 8 ||
                     memcmp(record->order.ptr + 7, record->id.ptr, record->id.len) != 0;
    return true;
}

static void *read_all(void *context)
{
    struct reader *reader = context;
    const struct ordo_store_ops *ops = reader->store->plugin->ops;

    while (!atomic_load(&reader->stop)) {
        struct ordo_store_query query = {.size = sizeof(query), .priority = ANY, .limit = 50};
        struct ordo_store_stat stat = {.size = sizeof(stat)};

        do {
            reader->wrong += ops->list(reader->store->self, &query, check_whole, reader, &query.after) != 0;
        } while (!store_is_end(query.after));
        ops->get(reader->store->self, store_id(5), check_whole, reader);
        ops->stat(reader->store->self, &stat);
    }
    return NULL;
}

void test_readers_see_whole_records_while_others_write(void **state)
{
    static struct reader readers[2];

    for (size_t i = 0; i < 2; i++) {
        readers[i].store = *state;
        readers[i].wrong = 0;
        atomic_store(&readers[i].stop, false);
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
    }
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(store_write(*state, store_record(i, ORDO_STATUS_QUEUED), ABSENT), 0);
        assert_int_equal(store_write(*state, store_record(i, ORDO_STATUS_DONE), BIT(ORDO_STATUS_QUEUED)), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&readers[i].stop, true);
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].wrong, 0);
    }
}

void test_full_store_drops_the_oldest_final(void **state)
{
    struct fake_plugin *store = conform_open_bounded();

    (void)state;
    conform_fill(store, 0, 1, ORDO_STATUS_QUEUED);
    conform_fill(store, 1, 2, ORDO_STATUS_HELD);
    conform_fill(store, 2, 8, ORDO_STATUS_DONE);
    assert_int_equal(store_stat(store).dropped, 0);
    conform_fill(store, 8, 9, ORDO_STATUS_INVALID);
    assert_false(store_has(store, 2));
    assert_true(store_has(store, 3));
    conform_fill(store, 9, 14, ORDO_STATUS_DEAD);
    assert_false(store_has(store, 7));
    assert_true(store_has(store, 8));
    assert_true(store_has(store, 0)); /* not decided: never dropped */
    assert_true(store_has(store, 1));
    conform_fill(store, 14, 20, ORDO_STATUS_DONE);
    assert_false(store_has(store, 13));
    assert_int_equal(store_stat(store).dropped, 12);
    assert_int_equal(store_stat(store).records, 8);
    fake_plugin_close(store);
}

void test_full_store_of_undecided_orders_refuses(void **state)
{
    struct fake_plugin *store = conform_open_bounded();
    struct store_seen seen = {0};

    (void)state;
    conform_fill(store, 0, 4, ORDO_STATUS_QUEUED);
    conform_fill(store, 4, 8, ORDO_STATUS_HELD);
    assert_int_equal(store_write(store, store_record(8, ORDO_STATUS_DONE), ABSENT), ORDO_EFULL);
    assert_int_equal(store_write(store, store_record(8, ORDO_STATUS_QUEUED), ABSENT), ORDO_EFULL);
    assert_false(store_has(store, 8));
    assert_int_equal(store_stat(store).records, 8);
    assert_int_equal(store_stat(store).refused, 2);
    /* An order that is inside is never refused its decision, and that makes room. */
    assert_int_equal(store_write(store, store_record(3, ORDO_STATUS_DONE), BIT(ORDO_STATUS_QUEUED)), 0);
    assert_int_equal(store_write(store, store_record(8, ORDO_STATUS_QUEUED), ABSENT), 0);
    assert_false(store_has(store, 3));
    store_list_all(store, (struct ordo_store_query){.priority = ANY, .limit = 3}, &seen);
    assert_int_equal(seen.count, 8);
    assert_int_equal(seen.numbers[0], 8);
    fake_plugin_close(store);
}

void test_refused_write_drops_nothing(void **state)
{
    struct fake_plugin *store = conform_open_bounded();

    (void)state;
    conform_fill(store, 0, 8, ORDO_STATUS_DONE);
    assert_int_equal(store_write(store, store_record(5, ORDO_STATUS_DONE), ABSENT), ORDO_EEXISTS);
    assert_int_equal(store_stat(store).dropped, 0);
    assert_int_equal(store_stat(store).records, 8);
    fake_plugin_close(store);
}
