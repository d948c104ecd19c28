/* SPDX-License-Identifier: MIT
 * conform_store_list.c: what every store must do: listings, pages, and the orders that are on their way.
 */
#include "conform_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void test_list_is_newest_first_and_pages_meet(void **state)
{
    struct ordo_store_query query = {.priority = ANY, .limit = 7};
    static struct store_seen seen;

    conform_fill(*state, 0, 50, ORDO_STATUS_DONE);
    seen = (struct store_seen){0};
    store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 50);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(seen.numbers[i], 49 - i);
}

void test_list_gives_no_more_than_its_limit(void **state)
{
    struct ordo_store_query query = {.priority = ANY, .limit = 7};
    struct store_seen seen = {0};

    conform_fill(*state, 0, 7, ORDO_STATUS_DONE);
    store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 7);
    conform_fill(*state, 7, 8, ORDO_STATUS_DONE);
    seen.count = 0;
    assert_int_equal(store_list(*state, query, &seen, &query.after), 0);
    assert_in_range(seen.count, 0, 7);
    assert_false(store_is_end(query.after));
}

void test_list_of_nothing_ends_at_once(void **state)
{
    struct ordo_store_query query = {.priority = ANY, .limit = 10};
    struct store_seen seen = {0};
    struct ordo_store_cursor after = {99, 99};

    assert_int_equal(store_list(*state, query, &seen, &after), 0);
    assert_int_equal(seen.count, 0);
    assert_true(store_is_end(after));
}

void test_list_goes_on_behind_the_record_that_ended_it(void **state)
{
    struct ordo_store_query query = {.priority = ANY, .limit = 10};
    struct store_seen seen = {.stop_after = 2};

    conform_fill(*state, 0, 4, ORDO_STATUS_DONE);
    assert_int_equal(store_list(*state, query, &seen, &query.after), 0);
    assert_int_equal(seen.count, 2);
    seen.stop_after = 0;
    store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 4);
    assert_int_equal(seen.numbers[3], 0);
}

void test_list_filters(void **state)
{
    struct ordo_store_query query = {.priority = ANY, .limit = 5};
    struct store_seen seen = {0};

    conform_fill(*state, 0, 30, ORDO_STATUS_DONE);
    conform_fill(*state, 30, 60, ORDO_STATUS_HELD);
    conform_fill(*state, 60, 90, ORDO_STATUS_QUEUED);
    query.statuses = BIT(ORDO_STATUS_HELD);
    store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 30);
    assert_int_equal(seen.numbers[0], 59);
    assert_int_equal(seen.numbers[29], 30);

    query.statuses = BIT(ORDO_STATUS_HELD) | BIT(ORDO_STATUS_DONE);
    query.customer = ORDO_STR("c-3");
    seen.count = 0;
    store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 6);
    assert_int_equal(seen.numbers[0], 53);
    assert_int_equal(seen.numbers[5], 3);

    query.priority = ORDO_PRIORITY_LOW;
    seen.count = 0;
    store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[0], 53);
    assert_int_equal(seen.numbers[1], 23);

    query = (struct ordo_store_query){.priority = ORDO_PRIORITY_HIGH, .customer = ORDO_STR("c"), .limit = 5};
    seen.count = 0;
    store_list_all(*state, query, &seen); /* a customer is compared whole */
    assert_int_equal(seen.count, 0);
}

void test_list_filters_by_time(void **state)
{
    struct ordo_store_query query = {.priority = ANY, .limit = 4};
    struct store_seen seen = {0};

    conform_fill(*state, 0, 30,
                 ORDO_STATUS_DONE); /* received in the ms of their numbers, from 1700000000000 on */
    query.since_ms = 1700000000010;
    store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 20);
    assert_int_equal(seen.numbers[19], 10);

    query.until_ms = 1700000000020;
    seen.count = 0;
    store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 10);
    assert_int_equal(seen.numbers[0], 19);
    assert_int_equal(seen.numbers[9], 10);

    query.since_ms = 0;
    query.customer = ORDO_STR("c-7");
    query.statuses = BIT(ORDO_STATUS_DONE);
    seen.count = 0;
    store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[0], 17);
    assert_int_equal(seen.numbers[1], 7);

    query.until_ms = 1700000000000;
    seen.count = 0;
    store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 0);
}

void test_decided_order_keeps_its_place_in_the_list(void **state)
{
    struct ordo_store_query query = {.priority = ANY, .limit = 10};
    struct store_seen seen = {0};

    conform_fill(*state, 0, 3, ORDO_STATUS_QUEUED);
    assert_int_equal(store_write(*state, store_record(0, ORDO_STATUS_DONE), BIT(ORDO_STATUS_QUEUED)), 0);
    store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.numbers[0], 2);
    assert_int_equal(seen.numbers[2], 0);
}

void test_orders_that_come_do_not_shift_the_next_page(void **state)
{
    struct ordo_store_query query = {.priority = ANY, .limit = 5};
    struct store_seen seen = {0};

    conform_fill(*state, 0, 10, ORDO_STATUS_DONE);
    assert_int_equal(store_list(*state, query, &seen, &query.after), 0);
    conform_fill(*state, 10, 20, ORDO_STATUS_DONE);
    if (!store_is_end(query.after))
        store_list_all(*state, query, &seen);
    assert_int_equal(seen.count, 10);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(seen.numbers[i], 9 - i);
}

void test_pending_gives_orders_on_their_way_by_class_and_age(void **state)
{
    static const unsigned medium[] = {1, 4, 10, 13, 22, 31, 34}; /* numbers with 1 as the rest of a third */

    for (unsigned status = 0; status < ORDO_STATUS_COUNT; status++)
        conform_fill(*state, status * 10, status * 10 + 5, (enum ordo_status)status);
    assert_int_equal(store_write(*state, store_record(12, ORDO_STATUS_DONE), BIT(ORDO_STATUS_RUNNING)), 0);
    for (uint32_t limit = 1; limit < 9; limit++) {
        struct store_seen seen = {0};

        store_pending(*state, ORDO_PRIORITY_MEDIUM, limit, &seen);
        assert_int_equal(seen.count, sizeof(medium) / sizeof(*medium));
        for (size_t i = 0; i < seen.count; i++)
            assert_int_equal(seen.numbers[i], medium[i]);
        for (int priority = 0; priority < ORDO_PRIORITY_COUNT; priority++)
            if (priority != ORDO_PRIORITY_MEDIUM)
                store_pending(*state, (enum ordo_priority)priority, limit, &seen);
        assert_int_equal(seen.count, 19);
    }
}
