/* SPDX-License-Identifier: MIT
 * feeder.c: submits orders with patience.
 *
 * While the engine is full the feeder tries again after a short wait that doubles up to FULL_WAIT_MAX_NS; an
 * order that is decided ends the wait early, since that is what makes room.
 */
#include "feeder.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "monotonic_cond.h"
#include "quiet_thread.h"

enum { FULL_WAIT_NS = 1000000, FULL_WAIT_MAX_NS = 100000000 };

void feeder_init(struct feeder *feeder, const struct ordo_host *host, uint64_t in_flight_max)
{
    *feeder = (struct feeder){.host = host, .in_flight_max = in_flight_max};
    pthread_mutex_init(&feeder->lock, NULL);
    monotonic_cond_init(&feeder->changed);
}

void feeder_done(struct feeder *feeder)
{
    pthread_cond_destroy(&feeder->changed);
    pthread_mutex_destroy(&feeder->lock);
}

int feeder_start(struct feeder *feeder, const char *name, void *(*run)(void *context), void *context,
                 struct ordo_error *err)
{
    int result = quiet_thread_start(&feeder->thread, name, run, context, feeder->host, err);

    if (result != 0)
        return result;
    feeder->started = true;
    return 0;
}

void feeder_stop(struct feeder *feeder)
{
    pthread_mutex_lock(&feeder->lock);
    feeder->stopping = true;
    pthread_cond_broadcast(&feeder->changed);
    pthread_mutex_unlock(&feeder->lock);
    if (feeder->started)
        pthread_join(feeder->thread, NULL);
    feeder->started = false;
}

static void count_decided(struct feeder *feeder)
{
    pthread_mutex_lock(&feeder->lock);
    feeder->in_flight--;
    feeder->decided++;
    pthread_cond_signal(&feeder->changed);
    pthread_mutex_unlock(&feeder->lock);
}

static void order_decided(void *context, const struct ordo_outcome *outcome)
{
    struct feeder_order *order = context;
    struct feeder *feeder = order->feeder;

    if (order->decided != NULL)
        order->decided(order, outcome);
    count_decided(feeder);
}

static void bare_decided(void *context, const struct ordo_outcome *outcome)
{
    (void)outcome;
    count_decided(context);
}

/* Needs the lock; false when the time has come. */
static bool wait_locked(struct feeder *feeder, int64_t until_ns)
{
    struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

    return pthread_cond_timedwait(&feeder->changed, &feeder->lock, &until) != ETIMEDOUT;
}

/* Waits for a place among the orders inside and takes it; false when the source stops. */
static bool take_place(struct feeder *feeder)
{
    bool taken;

    pthread_mutex_lock(&feeder->lock);
    while (!feeder->stopping && feeder->in_flight >= feeder->in_flight_max)
        pthread_cond_wait(&feeder->changed, &feeder->lock);
    taken = !feeder->stopping;
    if (taken)
        feeder->in_flight++;
    pthread_mutex_unlock(&feeder->lock);
    return taken;
}

/* After ORDO_EFULL: gives the engine a moment; false when the source stops. */
static bool wait_for_room(struct feeder *feeder, int64_t wait_ns)
{
    int64_t until_ns = feeder->host->monotonic_ns(feeder->host->engine) + wait_ns;
    bool go_on;

    pthread_mutex_lock(&feeder->lock);
    feeder->waits++;
    if (!feeder->stopping)
        wait_locked(feeder, until_ns);
    go_on = !feeder->stopping;
    pthread_mutex_unlock(&feeder->lock);
    return go_on;
}

int feeder_submit(struct feeder *feeder, ordo_str bytes, struct feeder_order *order, struct ordo_error *err)
{
    const struct ordo_host *host = feeder->host;
    int64_t wait_ns = FULL_WAIT_NS;
    int result;

    if (!take_place(feeder))
        return ORDO_ESTOPPED;
    if (order != NULL)
        order->feeder = feeder;
    for (;;) {
        result = order != NULL ? host->submit(host->engine, bytes, order_decided, order, err)
                               : host->submit(host->engine, bytes, bare_decided, feeder, err);
        if (result != ORDO_EFULL)
            break;
        if (!wait_for_room(feeder, wait_ns)) {
            result = ORDO_ESTOPPED;
            break;
        }
        wait_ns = wait_ns * 2 < FULL_WAIT_MAX_NS ? wait_ns * 2 : FULL_WAIT_MAX_NS;
    }
    pthread_mutex_lock(&feeder->lock);
    if (result == 0) {
        feeder->submitted++;
    } else {
        feeder->in_flight--;
        feeder->refused += result != ORDO_ESTOPPED;
    }
    pthread_mutex_unlock(&feeder->lock);
    return result;
}

bool feeder_sleep(struct feeder *feeder, int64_t until_ns)
{
    bool go_on;

    pthread_mutex_lock(&feeder->lock);
    while (!feeder->stopping && wait_locked(feeder, until_ns)) {
    }
    go_on = !feeder->stopping;
    pthread_mutex_unlock(&feeder->lock);
    return go_on;
}

bool feeder_settle(struct feeder *feeder)
{
    bool settled;

    pthread_mutex_lock(&feeder->lock);
    while (!feeder->stopping && feeder->in_flight > 0)
        pthread_cond_wait(&feeder->changed, &feeder->lock);
    settled = feeder->in_flight == 0;
    pthread_mutex_unlock(&feeder->lock);
    return settled;
}

void feeder_stat(struct feeder *feeder, struct ordo_source_stat *ret_stat)
{
    struct ordo_source_stat stat = {.size = ret_stat->size};

    pthread_mutex_lock(&feeder->lock);
    stat.submitted = feeder->submitted;
    stat.refused = feeder->refused + feeder->waits;
    stat.decided = feeder->decided;
    pthread_mutex_unlock(&feeder->lock);
    memcpy(ret_stat, &stat, ret_stat->size < sizeof(stat) ? ret_stat->size : sizeof(stat));
}
