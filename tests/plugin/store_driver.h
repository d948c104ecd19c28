/* SPDX-License-Identifier: MIT
 * store_driver.h: calls on a store plugin as tests make them: submits that wait for their completion, and
 * listings that are remembered.
 */
#pragma once

#include <ordo/store.h>

#include "fake_host.h"

enum {
    ANY = -1, /* of a query's priority */
    SEEN_MAX = 32768,
};

#define BIT ORDO_STATUS_BIT
#define ABSENT ORDO_STATUS_BIT_ABSENT

/* Opens the store that the test program was given; `settings` may be NULL. */
struct fake_plugin *store_open(const char *path, const char *const *settings);

/* A record with all fields set from few: id "o-7" for number 7, and so on. Strings are static or per thread
 * and live until the thread's next 64 calls. */
struct ordo_record store_record(unsigned number, enum ordo_status status);
ordo_str store_id(unsigned number);

/* One write; its result. */
int store_write(struct fake_plugin *store, struct ordo_record record, uint32_t replaces);
/* Several; waits for the completion, which is checked to come once with the same array. */
void store_submit(struct fake_plugin *store, struct ordo_write *writes, size_t count);

/* The record's status, or a negative code. */
int store_status(struct fake_plugin *store, ordo_str id);
bool store_has(struct fake_plugin *store, unsigned number);
struct ordo_store_stat store_stat(struct fake_plugin *store);

/* What a listing showed, as the numbers of the ids. */
struct store_seen {
    unsigned numbers[SEEN_MAX];
    size_t count;
    size_t stop_after; /* return false from this many on; 0: never */
};
int store_list(struct fake_plugin *store, struct ordo_store_query query, struct store_seen *seen,
               struct ordo_store_cursor *ret_after);
bool store_is_end(struct ordo_store_cursor cursor);
/* All pages from the query on; pages that the store ends early are followed. */
void store_list_all(struct fake_plugin *store, struct ordo_store_query query, struct store_seen *seen);
/* The pending orders of a class, in pages of `limit`. */
void store_pending(struct fake_plugin *store, enum ordo_priority priority, uint32_t limit,
                   struct store_seen *seen);

/* The outbox. One write whose decision is for the sinks; its result. */
int store_emit(struct fake_plugin *store, struct ordo_record record, uint32_t replaces);
/* Says which sinks there are (NULL ends), first of all. */
void store_sinks(struct fake_plugin *store, const char *const *names, uint64_t *ret_taken);
/* Writes "SEQUENCE:ID/REVISION=DECISION " for each decision behind `after`, at most `limit`; the last number. */
uint64_t store_emissions(struct fake_plugin *store, uint64_t after, size_t limit, char *out, size_t size);
void store_taken(struct fake_plugin *store, size_t sink, uint64_t sequence);
