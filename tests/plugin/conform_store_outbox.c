/* SPDX-License-Identifier: MIT
 * conform_store_outbox.c: what every store's outbox must do for the sinks.
 */
#include "conform_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const one[] = {"one", NULL}, *const two[] = {"one", "two", NULL};

void test_decisions_are_read_in_their_order_from_any_place(void **state)
{
    uint64_t taken[2] = {7, 7};
    char text[512];

    store_sinks(*state, one, taken);
    assert_int_equal(taken[0], 0);
    assert_int_equal(store_emissions(*state, 0, 10, text, sizeof(text)), 0);
    assert_string_equal(text, "");
    assert_int_equal(store_emit(*state, store_record(1, ORDO_STATUS_DONE), ABSENT), 0);
    assert_int_equal(store_write(*state, store_record(2, ORDO_STATUS_DONE), ABSENT), 0); /* not for sinks */
    assert_int_equal(store_emit(*state, store_record(3, ORDO_STATUS_HELD), ABSENT), 0);
    assert_int_equal(store_emit(*state, store_record(4, ORDO_STATUS_DEAD), ABSENT), 0);
    assert_int_equal(store_emissions(*state, 0, 10, text, sizeof(text)), 3);
    assert_string_equal(text, "1:o-1/1={\"decision\":1} 2:o-3/1={\"decision\":3} 3:o-4/1={\"decision\":4} ");
    assert_int_equal(store_emissions(*state, 1, 1, text, sizeof(text)), 2);
    assert_string_equal(text, "2:o-3/1={\"decision\":3} ");
    assert_int_equal(store_emissions(*state, 3, 10, text, sizeof(text)), 3);
    assert_string_equal(text, "");
    assert_int_equal(store_stat(*state).sequence, 3);
}

void test_a_refused_write_emits_nothing(void **state)
{
    uint64_t taken[2];
    char text[512];

    store_sinks(*state, one, taken);
    assert_int_equal(store_emit(*state, store_record(1, ORDO_STATUS_DONE), ABSENT), 0);
    assert_int_equal(store_emit(*state, store_record(1, ORDO_STATUS_DONE), ABSENT), ORDO_EEXISTS);
    assert_int_equal(store_stat(*state).sequence, 1);
    assert_int_equal(store_emissions(*state, 0, 10, text, sizeof(text)), 1);
    assert_string_equal(text, "1:o-1/1={\"decision\":1} ");
}

void test_each_revision_is_emitted_with_its_own_decision(void **state)
{
    struct ordo_record held = store_record(1, ORDO_STATUS_HELD), resolved = held,
                       dead = store_record(2, ORDO_STATUS_DEAD), again = dead;
    uint64_t taken[2];
    char text[512];

    store_sinks(*state, one, taken);
    resolved.status = ORDO_STATUS_DONE;
    resolved.revision = 2;
    resolved.answer = ORDO_STR("{\"resolved\":1}");
    again.status = ORDO_STATUS_QUEUED;
    assert_int_equal(store_emit(*state, held, ABSENT), 0);
    assert_int_equal(store_emit(*state, dead, ABSENT), 0);
    assert_int_equal(store_emit(*state, resolved, BIT(ORDO_STATUS_HELD)), 0);
    assert_int_equal(store_write(*state, again, BIT(ORDO_STATUS_DEAD)), 0);
    again.status = ORDO_STATUS_DONE;
    again.revision = 2;
    again.answer = ORDO_STR("{\"again\":2}");
    assert_int_equal(store_emit(*state, again, BIT(ORDO_STATUS_QUEUED)), 0);
    assert_int_equal(store_emissions(*state, 0, 10, text, sizeof(text)), 4);
    assert_string_equal(text, "1:o-1/1={\"decision\":1} 2:o-2/1={\"decision\":2} 3:o-1/2={\"resolved\":1} "
                              "4:o-2/2={\"again\":2} ");
}

void test_what_one_sink_has_taken_is_there_for_the_other(void **state)
{
    uint64_t taken[2];
    char text[512];

    store_sinks(*state, two, taken);
    assert_int_equal(store_emit(*state, store_record(1, ORDO_STATUS_DONE), ABSENT), 0);
    assert_int_equal(store_emit(*state, store_record(2, ORDO_STATUS_DONE), ABSENT), 0);
    store_taken(*state, 0, 2);
    assert_int_equal(store_emissions(*state, 0, 10, text, sizeof(text)), 2);
    store_taken(*state, 1, 1);
    assert_int_equal(store_emissions(*state, 1, 10, text, sizeof(text)), 2);
    assert_string_equal(text, "2:o-2/1={\"decision\":2} ");
    store_taken(*state, 1, 2);
    assert_int_equal(store_emissions(*state, 2, 10, text, sizeof(text)), 2);
    assert_string_equal(text, "");
}

enum { WRITERS = 4, EACH = 500 };

struct writer {
    struct fake_plugin *store;
    pthread_t thread;
    unsigned from;
    int wrong;
};

static void *write_some(void *context)
{
    struct writer *writer = context;

    for (unsigned i = 0; i < EACH; i++)
        writer->wrong +=
            store_emit(writer->store, store_record(writer->from + i, ORDO_STATUS_DONE), ABSENT) != 0;
    return NULL;
}

static bool expect_next(void *context, uint64_t sequence, const struct ordo_emission *emission)
{
    uint64_t *last = context;

    (void)emission;
    assert_int_equal(sequence, *last + 1);
    *last = sequence;
    return true;
}

void test_a_reader_beside_writers_misses_nothing(void **state)
{
    struct fake_plugin *store = *state;
    const struct ordo_store_ops *ops = store->plugin->ops;
    struct writer writers[WRITERS];
    uint64_t taken[2], last = 0;

    store_sinks(store, one, taken);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.store = store, .from = i * EACH};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_some, &writers[i]), 0);
    }
    while (last < WRITERS * EACH) {
        assert_int_equal(ops->emissions(store->self, last, expect_next, &last), 0);
        store_taken(store, 0, last);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_int_equal(writers[i].wrong, 0);
    }
    assert_int_equal(store_stat(store).sequence, last);
}

void test_full_store_keeps_what_a_sink_has_not_taken(void **state)
{
    struct fake_plugin *store = conform_open_bounded();
    uint64_t taken[2];
    char text[512];

    (void)state;
    store_sinks(store, two, taken);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(store_emit(store, store_record(i, ORDO_STATUS_DONE), ABSENT), 0);
    assert_int_equal(store_emit(store, store_record(8, ORDO_STATUS_DONE), ABSENT), ORDO_EFULL);
    store_taken(store, 0, 8);
    assert_int_equal(store_emit(store, store_record(8, ORDO_STATUS_DONE), ABSENT), ORDO_EFULL);
    assert_int_equal(store_emissions(store, 0, 1, text, sizeof(text)), 1);
    assert_string_equal(text, "1:o-0/1={\"decision\":0} ");
    store_taken(store, 1, 1);
    assert_int_equal(store_emit(store, store_record(8, ORDO_STATUS_DONE), ABSENT), 0);
    assert_false(store_has(store, 0));
    assert_int_equal(store_emit(store, store_record(9, ORDO_STATUS_DONE), ABSENT), ORDO_EFULL);
    fake_plugin_close(store);
}
