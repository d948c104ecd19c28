/* SPDX-License-Identifier: MIT
 * conform_store.h: the cases of conform_store that are in other files, and what they share.
 */
#pragma once

#include "store_driver.h"

/* Writes new records with the numbers from `from` up to `to`; a refused one fails the case. */
void conform_fill(struct fake_plugin *store, unsigned from, unsigned to, enum ordo_status status);
/* The store under test with records=8. */
struct fake_plugin *conform_open_bounded(void);

/* conform_store_list.c */
void test_list_is_newest_first_and_pages_meet(void **state);
void test_list_gives_no_more_than_its_limit(void **state);
void test_list_of_nothing_ends_at_once(void **state);
void test_list_goes_on_behind_the_record_that_ended_it(void **state);
void test_list_filters(void **state);
void test_list_filters_by_time(void **state);
void test_decided_order_keeps_its_place_in_the_list(void **state);
void test_orders_that_come_do_not_shift_the_next_page(void **state);
void test_pending_gives_orders_on_their_way_by_class_and_age(void **state);

/* conform_store_find.c; only for stores that have it */
void test_find_tells_what_is_there(void **state);
void test_what_was_absent_is_written(void **state);
void test_what_came_since_is_met(void **state);
void test_what_the_same_batch_made_is_met(void **state);
void test_one_of_four_that_saw_nothing_wins_each_id(void **state);

/* conform_store_outbox.c */
void test_decisions_are_read_in_their_order_from_any_place(void **state);
void test_a_refused_write_emits_nothing(void **state);
void test_each_revision_is_emitted_with_its_own_decision(void **state);
void test_what_one_sink_has_taken_is_there_for_the_other(void **state);
void test_a_reader_beside_writers_misses_nothing(void **state);
void test_full_store_keeps_what_a_sink_has_not_taken(void **state);

/* conform_store_shared.c */
void test_one_of_four_threads_wins_each_id(void **state);
void test_readers_see_whole_records_while_others_write(void **state);
void test_full_store_drops_the_oldest_final(void **state);
void test_full_store_of_undecided_orders_refuses(void **state);
void test_refused_write_drops_nothing(void **state);
