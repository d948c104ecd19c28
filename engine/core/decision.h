/* SPDX-License-Identifier: MIT
 * decision.h: what the rules made of one order: operations, the sums they give, and the JSON that clients
 * get.
 *
 * Operations are only ever appended. Each keeps the rule, file and line that made it, so the list is the
 * explanation. All amounts are integer minor units in 0..2^53; every function that adds one checks it and
 * says what is wrong, in a sentence made for the author of the rule. One order, one thread, memory from one
 * arena.
 */
#pragma once

#include "core/order.h"

/* X(NAME, "name"): kinds of operations, as scripts and clients call them. */
#define ORDO_OPERATION_TABLE(X)                                                                              \
    X(DISCOUNT, "discount")                                                                                  \
    X(FEE, "fee")                                                                                            \
    X(TAX, "tax")                                                                                            \
    X(PAY, "pay")                                                                                            \
    X(CAP, "cap")                                                                                            \
    X(SHIP, "ship")                                                                                          \
    X(ROUTE, "route")                                                                                        \
    X(FLAG, "flag")                                                                                          \
    X(NOTE, "note")                                                                                          \
    X(SET, "set")                                                                                            \
    X(COUNT, "count")                                                                                        \
    X(REJECT, "reject")                                                                                      \
    X(HOLD, "hold")                                                                                          \
    X(RETRY, "retry")

enum ordo_operation_kind {
#define X(name, text) ORDO_OPERATION_##name,
    ORDO_OPERATION_TABLE(X)
#undef X
        ORDO_OPERATION_COUNT_,
};
const char *ordo_operation_name(enum ordo_operation_kind kind); /* "discount" */
enum { ORDO_AMOUNT_KINDS = ORDO_OPERATION_PAY + 1 };            /* discount, fee, tax, pay have sums */

enum ordo_verdict {
    ORDO_VERDICT_ACCEPTED = 0,
    ORDO_VERDICT_REJECTED,
    ORDO_VERDICT_HELD,
    ORDO_VERDICT_RETRY,
};

/* Where in the rules an operation was made. The strings belong to the generation. */
struct ordo_place {
    ordo_str rule; /* name of the rule */
    ordo_str file; /* rules/30_coupon.lua */
    int line;
};

struct ordo_operation {
    enum ordo_operation_kind kind;
    bool included;     /* tax that the prices contain: not in the sum */
    uint32_t item;     /* from 1; 0: the whole order */
    int64_t amount;    /* what counts, after caps; for retry the wait in ms */
    int64_t requested; /* what the rule asked for: more than amount when a cap cut it or it was withdrawn */
    ordo_str label;  /* discount.. label; pay method; cap: the kind it limits; ship and route name; flag kind;
                        set and count key; reject code */
    ordo_str text;   /* reason or note; for set the value as JSON */
    uint32_t *items; /* ship only: from 1 */
    uint32_t item_count;
    struct ordo_place place;
};

/* What ctx answered a script. Who decides the order again gives the same answers. */
struct ordo_answer {
    const char *call; /* "now" */
    ordo_str value;   /* JSON: what it answered; of a sleep the milliseconds */
    struct ordo_place place;
};
enum { ORDO_ANSWERS_MAX = 100 }; /* of those that can be computed again: behind them they are only counted */

/* Prepared by ordo_decision_init; the fields are read-only for others. */
struct ordo_decision {
    struct ordo_arena *arena;
    const struct ordo_limits *limits;
    struct ordo_cart cart;
    struct ordo_operation *operations;
    uint32_t count, capacity;
    int64_t sums[ORDO_AMOUNT_KINDS]; /* what has been given; included taxes are not */
    int64_t caps[ORDO_AMOUNT_KINDS]; /* INT64_MAX: none */
    enum ordo_verdict verdict;
    bool ended;      /* after reject or retry: what follows is ignored (but a reject after a retry wins) */
    ordo_str code;   /* of the reject */
    ordo_str reason; /* of the reject, the (first) hold or the retry */
    int64_t retry_after_ms;
    ordo_str route; /* the last */
    bool *shipped;  /* by item, from 0; NULL until the first shipment */
    int64_t *nets;  /* of the items, as of nets_count operations; NULL until asked for */
    uint32_t nets_count;
    bool withdrawn;              /* no amount counts, see ordo_decision_withdraw */
    struct ordo_answer *answers; /* in the order in which they were given */
    uint32_t answer_count, answer_capacity;
    uint32_t answers_left_out; /* more of them, which are not kept */
};

/* Starts a decision on a checked cart (whose items stay in place). Keeps nothing of an earlier one. */
void ordo_decision_init(struct ordo_decision *decision, struct ordo_arena *arena,
                        const struct ordo_limits *limits, const struct ordo_cart *cart);

/* Every adding function: strings are copied; returns 0, or ORDO_ESCRIPT with the sentence in *err (negative
 * amount, above 2^53, no such item, an item shipped twice, too many operations, out of arena), and then
 * changes nothing. A zero amount of discount, fee, tax or pay returns 0 and adds nothing. After `ended` they
 * return 0 and do nothing. */

/* DISCOUNT, FEE, TAX or PAY. A cap on the kind cuts the amount to the room left. */
int ordo_decision_amount(struct ordo_decision *decision, enum ordo_operation_kind kind, ordo_str label,
                         int64_t amount, uint32_t item, bool included, struct ordo_place place,
                         struct ordo_error *err);
/* Limits the sum of `kind`: of what was given (cut from the newest operations backwards) and of what will be.
 * Of several caps the lowest counts. */
int ordo_decision_cap(struct ordo_decision *decision, ordo_str kind, int64_t amount, ordo_str reason,
                      struct ordo_place place, struct ordo_error *err);
int ordo_decision_ship(struct ordo_decision *decision, ordo_str name, const uint32_t *items, uint32_t count,
                       struct ordo_place place, struct ordo_error *err);
/* ROUTE (label), FLAG (label, text), NOTE (text), SET (label, JSON text; over limits.attribute_bytes is an
 * error), COUNT (label, amount). */
int ordo_decision_add(struct ordo_decision *decision, enum ordo_operation_kind kind, ordo_str label,
                      ordo_str text, int64_t amount, struct ordo_place place, struct ordo_error *err);
int ordo_decision_reject(struct ordo_decision *decision, ordo_str code, ordo_str reason,
                         struct ordo_place place, struct ordo_error *err);
int ordo_decision_hold(struct ordo_decision *decision, ordo_str reason, struct ordo_place place,
                       struct ordo_error *err);
int ordo_decision_retry(struct ordo_decision *decision, int64_t after_ms, ordo_str reason,
                        struct ordo_place place, struct ordo_error *err);

/* Keeps what ctx answered; `call` is a literal, the value is copied. Also after `ended`. */
int ordo_decision_answer(struct ordo_decision *decision, const char *call, ordo_str value,
                         struct ordo_place place, struct ordo_error *err);

/* subtotal - discount + fee of the whole order. */
int64_t ordo_decision_net(const struct ordo_decision *decision);
/* The same of one item (from 1): its line and operations, and its share of order-level discounts and fees,
 * pro rata by line subtotal with the largest remainder (ties to the lower index), so that the items' nets
 * always sum to the order's. Each order-level operation sum (discount, fee) is split as one. 0 on success,
 * ORDO_ESCRIPT. */
int ordo_decision_item_net(struct ordo_decision *decision, uint32_t item, int64_t *ret_net,
                           struct ordo_error *err);
/* The last value that was set for key, as JSON; ORDO_STR_NONE when none. */
ordo_str ordo_decision_get(const struct ordo_decision *decision, ordo_str key);

/* The check at the end: 0 <= total <= 2^53, paid <= total. ORDO_ESCRIPT names the sums. */
int ordo_decision_finish(const struct ordo_decision *decision, struct ordo_error *err);
/* For a decision that fails this check: no amount counts any more, so the total is the subtotal. The operations stay,
 * and `requested` says what each rule asked for. */
void ordo_decision_withdraw(struct ordo_decision *decision);

/* What the engine knows besides the rules' operations, for the JSON. */
struct ordo_decision_facts {
    ordo_str id;
    uint32_t revision, attempt;
    uint64_t generation;
    enum ordo_priority priority;
    int64_t decided_ms; /* ctx.now() of the attempt */
    int64_t queue_us, processing_us;
};

/* Appends the decision as clients get it (one line, no newline): see design of the JSON in docs/http.md.
 * `resolved` decisions are derived from it elsewhere. */
void ordo_decision_write(const struct ordo_decision *decision, const struct ordo_decision_facts *facts,
                         struct ordo_buffer *out);
