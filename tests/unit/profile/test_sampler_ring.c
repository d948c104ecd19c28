/* SPDX-License-Identifier: MIT
 * The sampler's ring: records come out whole and in order, also around the end, and a full ring refuses.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "profile/sampler_ring.h"

static int make(void **state)
{
    *state = calloc(1, sizeof(struct ordo__ring));
    return *state == NULL;
}

static int unmake(void **state)
{
    free(*state);
    return 0;
}

static void test_empty_ring_has_no_record(void **state)
{
    assert_null(ordo__ring_oldest(*state));
}

static void test_unpublished_record_is_not_seen(void **state)
{
    struct ordo__ring *ring = *state;

    assert_non_null(ordo__ring_reserve(ring, 3));
    assert_null(ordo__ring_oldest(ring));
    ordo__ring_publish(ring, 3);
    assert_int_equal(ordo__ring_oldest(ring)[0], 3);
}

static void test_full_ring_refuses_and_takes_again_after_a_release(void **state)
{
    enum { LENGTH = ORDO__RING_WORDS / 4 };
    struct ordo__ring *ring = *state;

    for (int i = 0; i < 4; i++) {
        assert_non_null(ordo__ring_reserve(ring, LENGTH));
        ordo__ring_publish(ring, LENGTH);
    }
    assert_null(ordo__ring_reserve(ring, 2));
    assert_non_null(ordo__ring_oldest(ring));
    ordo__ring_release(ring);
    assert_non_null(ordo__ring_reserve(ring, LENGTH));
}

/* Lengths that do not divide the ring's, so that every place is met as an end. */
static void put(struct ordo__ring *ring, uint64_t number)
{
    size_t length = 2 + number % 61;
    uint64_t *record;

    while ((record = ordo__ring_reserve(ring, length)) == NULL)
        sched_yield();
    for (size_t i = 1; i < length; i++)
        record[i] = number;
    ordo__ring_publish(ring, length);
}

static void check(const uint64_t *record, uint64_t number)
{
    assert_int_equal(record[0], 2 + number % 61);
    for (size_t i = 1; i < record[0]; i++)
        assert_int_equal(record[i], number);
}

static void test_records_stay_whole_around_the_end(void **state)
{
    struct ordo__ring *ring = *state;

    for (uint64_t number = 0; number < 100000; number++) {
        put(ring, number);
        check(ordo__ring_oldest(ring), number);
        ordo__ring_release(ring);
    }
    assert_null(ordo__ring_oldest(ring));
}

enum { RACED = 300000 };

static void *put_all(void *ring)
{
    for (uint64_t number = 0; number < RACED; number++)
        put(ring, number);
    return NULL;
}

static void test_reader_on_another_thread_sees_all_in_order(void **state)
{
    struct ordo__ring *ring = *state;
    const uint64_t *record;
    pthread_t writer;

    assert_int_equal(pthread_create(&writer, NULL, put_all, ring), 0);
    for (uint64_t number = 0; number < RACED; number++) {
        while ((record = ordo__ring_oldest(ring)) == NULL)
            sched_yield();
        check(record, number);
        ordo__ring_release(ring);
    }
    pthread_join(writer, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_empty_ring_has_no_record, make, unmake),
        cmocka_unit_test_setup_teardown(test_unpublished_record_is_not_seen, make, unmake),
        cmocka_unit_test_setup_teardown(test_full_ring_refuses_and_takes_again_after_a_release, make, unmake),
        cmocka_unit_test_setup_teardown(test_records_stay_whole_around_the_end, make, unmake),
        cmocka_unit_test_setup_teardown(test_reader_on_another_thread_sees_all_in_order, make, unmake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
