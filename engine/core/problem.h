/* SPDX-License-Identifier: MIT
 * problem.h: what is wrong with an order, for the client: the list that validation fills, and RFC 9457
 * documents.
 */
#pragma once

#include "base/arena.h"
#include "base/json_write.h"

/* One thing wrong with one field. */
struct ordo_problem {
    struct ordo_problem *next;
    ordo_str field;   /* counts from 1, as scripts do: items[2].qty; empty: the order as a whole */
    ordo_str message; /* "must be positive" */
    ordo_str rule;    /* script that found it; "engine" for the engine's own checks */
    ordo_str at;      /* rules/10_x.lua:7, empty for the engine's own */
};

struct ordo_problems {
    struct ordo_problem *first, **last; /* last: where the next goes; NULL before the first */
    uint32_t count;
};

/* Copies the strings into the arena. False when it is full. */
bool ordo_problems_add(struct ordo_problems *problems, struct ordo_arena *arena, ordo_str field,
                       ordo_str message, ordo_str rule, ordo_str at);

/* Kinds of problem documents: code, HTTP status, title. problem_table.h: X(CODE, "code", status, "Title"),
 * sorted. */
enum ordo_problem_code {
#define X(name, code, status, title) ORDO_PROBLEM_##name,
#include "core/problem_table.h"
#undef X
    ORDO_PROBLEM_COUNT,
};

int ordo_problem_status(enum ordo_problem_code code);       /* HTTP status */
const char *ordo_problem_name(enum ordo_problem_code code); /* "queue_full" */

/* Appends {"type":"about:blank","title":…,"status":…,"code":…,"detail":…,"id":…[,"problems":[…]]}; id may be
 * empty (left out), problems NULL. */
void ordo_problem_write(struct ordo_buffer *out, enum ordo_problem_code code, ordo_str detail, ordo_str id,
                        const struct ordo_problems *problems);

/* "items[2].qty" -> "/items/1/qty", RFC 6901 escapes included. */
void ordo_problem_pointer(struct ordo_buffer *out, ordo_str field);
