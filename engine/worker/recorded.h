/* SPDX-License-Identifier: MIT
 * recorded.h: an order with its outcome, as ordo_engine_get writes it, read for whoever decides it again: the same moment,
 * the same attempt, so that ctx answers the same.
 */
#pragma once

#include "script/script.h"

/* For parsers of records: an order's values may stand in its decision, some levels deeper. */
enum { ORDO_RECORDED_DEPTH = 1024 };

/* Points into the document, as long as its parser has it. */
struct ordo_recorded {
    struct ordo_json_value record, order,
        answer; /* answer: the decision, or the problem of an invalid order */
    ordo_str id, status;
    bool is_invalid, is_dead;
    uint64_t generation; /* that decided it; 0: not known */
    uint32_t attempt;
    int64_t decided_ms; /* what ctx.now said */
};

/* False: the order has no outcome yet. */
bool ordo_recorded_read(struct ordo_json_value record, struct ordo_recorded *ret_recorded);

/* The order, or `root` in its place, for ordo_script_decide. */
struct ordo_script_order ordo_recorded_order(const struct ordo_recorded *recorded,
                                             struct ordo_json_value root);
