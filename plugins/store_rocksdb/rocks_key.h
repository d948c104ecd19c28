/* SPDX-License-Identifier: MIT
 * rocks_key.h: what is on the disk: the column families, their keys and values.
 *
 *   family      key                                       value
 *   orders      priority, received, number                the record (rocks_record_parts)
 *   ids         order id                                  the key in orders
 *   customers   length of the customer id, it, received, number, priority
 *                                                         nothing
 *   changes     number of the last one                    changes of ids and customers (struct rocks_change) of one commit
 *   open        status, received, number, priority        nothing; only for orders that are not done
 *   outbox      sequence number                           where the decision is, or the decision itself
 *   default     "layout", "counters"                      the version of all this; struct rocks_counters
 *               "sink:" and its name                      the sequence number up to which it has taken all
 *
 * Clients choose ids, often at random, and a tree on a disk pays for that. So the record, which is large, stands
 * under a key that grows with time, and only small entries (ids, customers) land in random places. Those are put there
 * many at a time, in sorted files (rocks_index.h); until then `changes` has them, in the order in which they were made. So what
 * the two families have is right where no change says otherwise. An order keeps
 * its key for ever. Numbers in keys are big-endian, so that bytes compare as numbers do; `received` is 48 bits of
 * milliseconds UTC and `number` 48 bits, counted up with every new order.
 *
 * An entry of the outbox leads to the record when that cannot change any more (done). A held or dead order may get
 * another decision before a sink has taken the first, so that is copied into the entry.
 */
#pragma once

#include <ordo/store.h>

enum {
    ROCKS_LAYOUT = 3,
    ROCKS_KEY = 13,                                   /* bytes of a key in orders */
    ROCKS_CUSTOMER_KEY = 1 + ORDO_ID_MAX + ROCKS_KEY, /* at most */
    ROCKS_OPEN_KEY = 1 + ROCKS_KEY,
    ROCKS_HEADER = 64, /* bytes of a record before its texts */
    ROCKS_OUTBOX_KEY = 8,
    ROCKS_CHANGES_KEY = 8,
    ROCKS_CHANGE_HEAD = 3 + ROCKS_KEY,
    ROCKS_CHANGE_MAX = ROCKS_CHANGE_HEAD + 2 * ORDO_ID_MAX,
    ROCKS_SINK_NAME_MAX = 64,
    ROCKS_SINK_KEY = 5 + ROCKS_SINK_NAME_MAX,
};

#define ROCKS_SINK_PREFIX "sink:"

enum rocks_family {
    ROCKS_META = 0,
    ROCKS_ORDERS,
    ROCKS_IDS,
    ROCKS_CUSTOMERS,
    ROCKS_OPEN,
    ROCKS_OUTBOX,
    ROCKS_CHANGES,
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
void rocks_key_outbox(uint64_t sequence, char out[ROCKS_OUTBOX_KEY]);
uint64_t rocks_key_read_outbox(const char key[ROCKS_OUTBOX_KEY]);
/* A longer name is cut. */
size_t rocks_sink_key(ordo_str name, char out[ROCKS_SINK_KEY]);

/* False when the bytes are no such key. */
bool rocks_key_read_order(const char *key, size_t len, struct rocks_place *ret_place);
/* The place at the end of a key of customers and open. */
bool rocks_key_read_tail(const char *key, size_t len, struct rocks_place *ret_place);

/* A record's value in parts, in order, so that nothing is copied twice: the header, then the texts. */
enum { ROCKS_PARTS = 5 };
void rocks_record_parts(const struct ordo_record *record, uint64_t sequence, char header[ROCKS_HEADER],
                        const char *parts[ROCKS_PARTS], size_t lens[ROCKS_PARTS]);
/* The record's strings point into the value; *ret_sequence (may be NULL) is that of its decision in the outbox, 0 when it
 * has none there. False when it is no record of this layout or of an earlier one. */
bool rocks_record_read(const char *value, size_t len, struct ordo_record *ret_record, uint64_t *ret_sequence);

/* An entry of the outbox, read: either where the record is, or the decision, which points into the value. */
struct rocks_outbox_entry {
    bool is_copy;
    char order_key[ROCKS_KEY];
    struct ordo_emission emission;
};
enum { ROCKS_OUTBOX_HEAD = 6 /* bytes of an entry with a decision before its texts */ };
bool rocks_outbox_read(const char *value, size_t len, struct rocks_outbox_entry *ret_entry);
/* An entry with a decision in parts: head, id, decision. */
void rocks_outbox_copy_head(const struct ordo_record *record, char out[ROCKS_OUTBOX_HEAD]);
/* An entry that leads to a record. */
void rocks_outbox_reference(const char order_key[ROCKS_KEY], char out[1 + ROCKS_KEY]);

/* A change of ids and customers. */
enum rocks_change_kind {
    ROCKS_CHANGE_PUT = 0, /* the id leads to the order, and the customer has it */
    ROCKS_CHANGE_DELETE,  /* neither */
    ROCKS_CHANGE_KINDS
};
struct rocks_change {
    enum rocks_change_kind kind;
    const char *order_key; /* ROCKS_KEY bytes */
    ordo_str id, customer; /* customer: empty when it has none */
};
void rocks_key_change(uint64_t number, char out[ROCKS_CHANGES_KEY]);
uint64_t rocks_key_read_change(const char key[ROCKS_CHANGES_KEY]);
/* Bytes of it. */
size_t rocks_change_write(const struct rocks_change *change, char out[ROCKS_CHANGE_MAX]);
/* How many changes the bytes are, one behind the other; 0 when they are anything else. */
uint64_t rocks_change_count(const char *value, size_t len);
/* Of bytes that begin with one. It points there. */
struct rocks_change rocks_change_at(const char *value);
static inline size_t rocks_change_len(const struct rocks_change *change)
{
    return ROCKS_CHANGE_HEAD + change->id.len + change->customer.len;
}
