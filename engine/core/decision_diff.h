/* SPDX-License-Identifier: MIT
 * decision_diff.h: what differs between two decisions of one order, for people who change rules or ask "what if".
 */
#pragma once

#include "base/json_read.h"
#include "base/json_write.h"

/* Decisions as clients get them, or objects with fewer of their members.
 *
 * Writes {"fields":[{"field":"total","recorded":9583,"what_if":9000,"change":-583}],
 *         "operations":{"only_recorded":[…],"only_what_if":[…],"both":7}}
 *
 * Fields are those that say what becomes of the order; attributes, flags and shipments follow from operations. Operations
 * are the same when all of their members but `at` are: a rule that moved down a line says what it said. True: nothing
 * differs. */
bool ordo_decision_diff(struct ordo_json_writer *json, struct ordo_json_value recorded,
                        struct ordo_json_value what_if);
