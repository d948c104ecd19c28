/* SPDX-License-Identifier: MIT
 * feeder.h: how a source brings orders in: a thread, waits that end at once when the source stops, a bound on
 * the orders that are inside, and patience while the engine is full. Shared by the sources that ship.
 *
 * The engine tells of each order's outcome on a thread of its own, perhaps after stop; the feeder must live
 * until then, which the engine promises: it closes a source after all its orders are decided.
 */
#pragma once

#include <pthread.h>

#include <ordo/source.h>

struct feeder {
    /* set once */
    const struct ordo_host *host;
    uint64_t in_flight_max;
    pthread_t thread;
    bool started;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* stopping, or an order was decided */
    /* under lock */
    bool stopping;
    uint64_t in_flight, submitted, refused, waits, decided;
};

/* Wraps the outcome of one order. Embed it first in what is to be known then; it is freed by whoever
 * `decided` is. */
struct feeder_order {
    struct feeder *feeder;
    void (*decided)(struct feeder_order *order, const struct ordo_outcome *outcome); /* may be NULL */
};

void feeder_init(struct feeder *feeder, const struct ordo_host *host, uint64_t in_flight_max);
void feeder_done(struct feeder *feeder);

int feeder_start(struct feeder *feeder, const char *name, void *(*run)(void *context), void *context,
                 struct ordo_error *err);
/* Ends all waits and joins the thread. Safe to call twice, or without a start. */
void feeder_stop(struct feeder *feeder);

/* From the thread. Hands an order over, waiting while too many are inside or the engine is full. 0;
 * ORDO_ESTOPPED; or why the order was refused, which is counted. `order` gets the outcome; NULL: only
 * counted. */
int feeder_submit(struct feeder *feeder, ordo_str bytes, struct feeder_order *order, struct ordo_error *err);
/* From the thread. Sleeps until the monotonic time; false when the source stops. */
bool feeder_sleep(struct feeder *feeder, int64_t until_ns);
/* Waits until all orders are decided; false when the source stops. */
bool feeder_settle(struct feeder *feeder);

void feeder_stat(struct feeder *feeder, struct ordo_source_stat *ret_stat);
