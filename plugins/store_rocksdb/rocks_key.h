/* SPDX-License-Identifier: MIT
 * rocks_key.h: what is on the disk: the column families, their keys and values.
 *
 *   family      key                                       value
 *   orders      priority, received, number                the record (rocks_key_encode)
 *   ids         order id                                  the key in orders
 *   customers   length of the customer id, it, received, number, priority
 *                                                         nothing
 *   open        status, received, number, priority        nothing; only for orders that are not done
 *   default     "layout", "counters"                      the version of all this; struct rocks_counters
 *
 * Clients choose ids, often at random, and a tree on a disk pays for that. So the record, which is large, stands
 * under a key that grows with time, and only small entries (ids, customers) land in random places. An order keeps
 * its key for ever. Numbers in keys are big-endian, so that bytes compare as numbers do; `received` is 48 bits of
 * milliseconds UTC and `number` 48 bits, counted up with every new order.
 */
#pragma once

#include <ordo/store.h>

enum {
    ROCKS_LAYOUT = 1,
    ROCKS_KEY = 13,                                   /* bytes of a key in orders */
    ROCKS_CUSTOMER_KEY = 1 + ORDO_ID_MAX + ROCKS_KEY, /* at most */
    ROCKS_OPEN_KEY = 1 + ROCKS_KEY,
    ROCKS_HEADER = 56, /* bytes of a record before its texts */
};

enum rocks_family {
    ROCKS_META = 0,
    ROCKS_ORDERS,
    ROCKS_IDS,
    ROCKS_CUSTOMERS,
    ROCKS_OPEN,
    ROCKS_FAMILY_COUNT
};
extern const char *const rocks_family_names[ROCKS_FAMILY_COUNT];

/* Where an order stands in time; newer is larger. */
struct rocks_place {
    enum ordo_priority priority;
    uint64_t received_ms, number;
};

/* -1, 0, 1: by time, then number. */
int rocks_place_compare(const struct rocks_place *a, const struct rocks_place *b);

void rocks_key_order(const struct rocks_place *place, char out[ROCKS_KEY]);
size_t rocks_key_customer(ordo_str customer, const struct rocks_place *place, char out[ROCKS_CUSTOMER_KEY]);
void rocks_key_open(enum ordo_status status, const struct rocks_place *place, char out[ROCKS_OPEN_KEY]);

/* False when the bytes are no such key. */
bool rocks_key_read_order(const char *key, size_t len, struct rocks_place *ret_place);
/* The place at the end of a key of customers and open. */
bool rocks_key_read_tail(const char *key, size_t len, struct rocks_place *ret_place);

/* A record's value in parts, in order, so that nothing is copied twice: the header, then the texts. */
enum { ROCKS_PARTS = 5 };
void rocks_record_parts(const struct ordo_record *record, char header[ROCKS_HEADER],
                        const char *parts[ROCKS_PARTS], size_t lens[ROCKS_PARTS]);
/* The record's strings point into the value. False when it is no record of this layout. */
bool rocks_record_read(const char *value, size_t len, struct ordo_record *ret_record);
/* The status alone. */
bool rocks_record_status(const char *value, size_t len, enum ordo_status *ret_status);
