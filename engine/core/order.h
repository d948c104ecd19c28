/* SPDX-License-Identifier: MIT
 * order.h: reading an order: its envelope, and the checks that the engine itself needs.
 *
 * The envelope (id, priority, customer id) is found before the queue; the items are read by the worker. Both
 * work on a parsed document and copy nothing: strings live as long as the parser's document.
 */
#pragma once

#include "base/json_read.h"
#include "core/limits.h"
#include "core/problem.h"

/* What the queue and the store need to know. */
struct ordo_envelope {
    ordo_str id;       /* empty: absent (the engine gives one) or not a valid id (see id_valid) */
    ordo_str customer; /* customer.id when it is a string; else empty */
    enum ordo_priority priority;
    bool id_present;     /* there is an "id" member that is not null */
    bool id_valid;       /* ... and it is [A-Za-z0-9._~:-]{1,128} */
    bool priority_valid; /* absent (medium), high|medium|low, or 1|2|3 */
};

/* One line of an order, as the engine sees it. */
struct ordo_item {
    int64_t quantity, price; /* 1..2^53, 0..2^53 */
};

/* The engine's own copy of what money is computed from. */
struct ordo_cart {
    struct ordo_item *items; /* in the arena */
    uint32_t count;
    int64_t subtotal;  /* 0..2^53 */
    ordo_str currency; /* three capital letters; in the arena */
};

bool ordo_id_is_valid(ordo_str id);

/* Gives a time-ordered id of 26 characters (48 bits of UTC milliseconds, 80 random bits, Crockford's base 32,
 * as a ULID). out: 26 bytes. Any thread. */
void ordo_id_make(char *out);

/* Never fails: what is missing or wrong is left out, and found by ordo_order_check. `order` may be any JSON
 * value. */
void ordo_envelope_read(struct ordo_json_value order, struct ordo_envelope *ret_envelope);

/* The structural checks: fields that are needed, their types, exact amounts, item count. Everything wrong is
 * added to problems (of the items, about the first 1,000); *ret_cart is complete only when none was. Returns 0,
 * or ORDO_ENOMEM when the arena is full.
 *
 *   id        when present: a string, [A-Za-z0-9._~:-]{1,128}
 *   priority  when present: high|medium|low or 1|2|3
 *   customer  when present: an object; its id when present: a string of 1..128 bytes
 *   currency  needed: three capital letters
 *   items     needed: an array of 1..limits.items objects, each with
 *     sku     a string that is not empty
 *     qty     an integer 1..2^53 (2.0 is an integer, 2.5 is not)
 *     price   an integer 0..2^53
 *
 * and the subtotal, sum of qty x price, is at most 2^53. null counts as absent. */
int ordo_order_check(struct ordo_json_value order, const struct ordo_limits *limits, struct ordo_arena *arena,
                     struct ordo_problems *problems, struct ordo_cart *ret_cart);

const char *ordo_priority_name(enum ordo_priority priority);               /* "high" */
bool ordo_priority_parse(ordo_str name, enum ordo_priority *ret_priority); /* the names only */
const char *ordo_status_name(enum ordo_status status);                     /* "done" */
/* False: it is only what an order on its way does just now; its record is queued. */
static inline bool ordo_status_is_kept(enum ordo_status status)
{
    return status == ORDO_STATUS_QUEUED || status >= ORDO_STATUS_DONE;
}
bool ordo_status_parse(ordo_str name, enum ordo_status *ret_status);
