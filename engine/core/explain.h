/* SPDX-License-Identifier: MIT
 * explain.h: why an order was decided as it was: a document made of its record and, where it could be decided again, of
 * what that showed; and the same in sentences.
 *
 * What every decision keeps (operations with their places, what ctx answered) is recorded with it. What can be had from
 * that is computed here: amounts before and after each operation, which rules ran and said nothing. What rules take is
 * measured when somebody asks, and said to be so.
 */
#pragma once

#include "base/buffer.h"
#include "base/json_read.h"
#include "core/limits.h"

/* A check or rule of the rule set that decided the order. */
struct ordo_explain_rule {
    ordo_str name, path; /* coupon, rules/30_coupon.lua */
    int line;
    bool is_check, ran;
    int64_t ns;     /* that it took when it was measured */
    uint64_t bytes; /* that it allocates without compiled code, which may do without some of it */
};

/* The order was decided again by the rule set that decided it. */
struct ordo_explain_again {
    const struct ordo_explain_rule
        *rules; /* checks, then rules, as they run; NULL: it was not decided again */
    size_t count;
    const char *why_not; /* a clause, when it was not */
    bool same;           /* with the same operations; else only that is told */
    uint32_t runs;       /* of which ns is the least; 0: not measured */
};

/* Appends the document. `record`: an order as ordo_engine_get writes it, that has a decision or a problem. */
void ordo_explain_write(struct ordo_json_value record, const struct ordo_limits *limits,
                        const struct ordo_explain_again *again, struct ordo_buffer *out);

/* explain_text.c: appends what such a document says in sentences, a line each. */
void ordo_explain_text(struct ordo_json_value explanation, struct ordo_buffer *out);
