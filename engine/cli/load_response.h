/* SPDX-License-Identifier: MIT
 * load_response.h: reads HTTP/1.1 responses as they arrive, in pieces of any size, and counts what became of
 * the orders in them. No allocation; bodies are not kept.
 *
 * Of a decision or a line of a batch only the first bytes are looked at: an outcome stands near the front,
 * and quotes inside of strings are escaped, so "decision":" cannot be part of a client's text.
 */
#pragma once

#include <ordo/types.h>

/* X(NAME, "name"): what became of an order. */
#define ORDO_LOAD_OUTCOME_TABLE(X)                                                                           \
    X(ACCEPTED, "accepted")                                                                                  \
    X(REJECTED, "rejected")                                                                                  \
    X(HELD, "held")                                                                                          \
    X(LATER, "later")       /* 202: taken, not decided yet */                                                \
    X(REPLAYED, "replayed") /* the engine knew the order */                                                  \
    X(INVALID, "invalid")   /* 4xx */                                                                        \
    X(REFUSED, "refused")   /* 503 */                                                                        \
    X(FAILED, "failed")     /* other 5xx */                                                                  \
    X(UNKNOWN, "unknown")   /* 2xx without a decision: not an order engine */

enum ordo_load_outcome {
#define X(name, text) ORDO_LOAD_##name,
    ORDO_LOAD_OUTCOME_TABLE(X)
#undef X
        ORDO_LOAD_OUTCOME_COUNT,
};
const char *ordo_load_outcome_name(enum ordo_load_outcome outcome);

enum { ORDO_LOAD_HEAD_MAX = 512 };

struct ordo_load_response {
    int state;  /* enum in load_response.c */
    bool lines; /* each line of the body is an order's answer; else the body is */
    /* of the response that is read */
    int status;
    bool keep_alive, replayed, chunked, has_length;
    uint64_t left;   /* bytes of the body or the chunk */
    char line[1024]; /* the header line that is read; what is longer is passed over */
    size_t line_len;
    char head[ORDO_LOAD_HEAD_MAX]; /* first bytes of the body or of its line */
    size_t head_len;
    uint64_t outcomes[ORDO_LOAD_OUTCOME_COUNT];
    uint64_t orders; /* sum of the outcomes */
};

enum ordo_load_progress { ORDO_LOAD_MORE = 0, ORDO_LOAD_COMPLETE, ORDO_LOAD_BROKEN };

void ordo_load_response_start(struct ordo_load_response *response, bool lines);

/* Reads from bytes; *ret_used is how many belonged to this response. COMPLETE: status, keep_alive, outcomes
 * are final. */
enum ordo_load_progress ordo_load_response_feed(struct ordo_load_response *response, const char *bytes,
                                                size_t len, size_t *ret_used);

/* The connection ended: complete when the response was one that ends so. */
enum ordo_load_progress ordo_load_response_end(struct ordo_load_response *response);
