/* SPDX-License-Identifier: MIT
 * load_client.h: sends orders over many connections from one thread, and counts and times the answers.
 *
 * Closed loop (rate 0): each connection sends its next request when the last was answered. Open loop:
 * requests are due at fixed moments, and a time counts from that moment, whether or not a connection was free
 * then.
 */
#pragma once

#include "cli/load_orders.h"
#include "cli/load_response.h"
#include "metrics/histogram.h"

enum ordo_load_mode { ORDO_LOAD_SYNC = 0, ORDO_LOAD_ASYNC, ORDO_LOAD_NDJSON };

struct ordo_load_options {
    const char *host, *port, *path;
    const char *token; /* sent as Bearer; NULL: none */
    enum ordo_load_mode mode;
    double rate; /* orders a second; 0: as fast as it can */
    int64_t duration_ns;
    int64_t timeout_ns; /* of one request, from its sending */
    uint64_t limit;     /* orders to send; 0: until the time is over */
    uint32_t connections;
    uint32_t batch; /* orders a request with NDJSON; else 1 */
    uint64_t seed;
    uint32_t mix[ORDO_PRIORITY_COUNT];
};

/* X(NAME, "name"): requests without an answer. */
#define ORDO_LOAD_ERROR_TABLE(X)                                                                             \
    X(CONNECT, "connect") /* no connection was made */                                                       \
    X(CLOSED, "closed")   /* it ended before the answer */                                                   \
    X(TIMED_OUT, "timeout")                                                                                  \
    X(BAD_RESPONSE, "bad_response") /* not HTTP, or fewer lines than orders */                               \
    X(UNFINISHED, "unfinished")     /* the generator was stopped before the answer */

enum ordo_load_error {
#define X(name, text) ORDO_LOAD_ERROR_##name,
    ORDO_LOAD_ERROR_TABLE(X)
#undef X
        ORDO_LOAD_ERROR_COUNT,
};
const char *ordo_load_error_name(enum ordo_load_error error);

struct ordo_load_stats {
    uint64_t sent, sent_orders; /* requests and orders */
    uint64_t requests, orders;  /* of these answered */
    uint64_t unsent;            /* orders that were due in the time and found no free connection */
    uint64_t outcomes[ORDO_LOAD_OUTCOME_COUNT];
    uint64_t classes[6]; /* responses by status / 100 */
    uint64_t errors[ORDO_LOAD_ERROR_COUNT];
    uint64_t bytes_in, bytes_out;
    int64_t start_ns, last_ns; /* monotonic: begin, and last answer */
    bool interrupted;
    struct ordo_histogram latency; /* nanoseconds of a request */
};

/* Called about once a second. */
struct ordo_load_observer {
    void (*second)(struct ordo_load_observer *observer, const struct ordo_load_stats *stats, int64_t now_ns);
};

/* Runs to the end of the duration or the limit, or until SIGINT or SIGTERM, then waits for the answers that
 * are due (a second signal: not). 0, or a code and *err when not even the first connection was made. Main
 * thread. */
int ordo_load_client_run(const struct ordo_load_options *options, struct ordo_load_observer *observer,
                         struct ordo_load_stats *ret_stats, struct ordo_error *err);
