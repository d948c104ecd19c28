/* SPDX-License-Identifier: MIT
 * queue.h: the bounded, fair queue between those who bring orders and the workers.
 *
 * Three classes, each FIFO and bounded. Service is weighted (8 high, 4 medium, 1 low in 13 when all have
 * work; an empty class gives its turn on); a medium or low order that has waited its class's bound is taken
 * next, oldest first. One mutex, held for a few pointer moves; nothing is called under it. Time is passed in,
 * so tests need no clock.
 *
 * Idle workers register a waker; a push wakes one, and a worker that leaves more behind wakes the next.
 */
#pragma once

#include "base/thread.h"
#include "core/job.h"

struct ordo_queue;

struct ordo_queue_options {
    uint32_t capacity[ORDO_PRIORITY_COUNT];   /* orders */
    int64_t max_wait_ns[ORDO_PRIORITY_COUNT]; /* INT64_MAX: no bound (high) */
    uint32_t weight[ORDO_PRIORITY_COUNT];     /* all 0: 8, 4, 1 */
};

struct ordo_queue_figures {
    uint32_t depth[ORDO_PRIORITY_COUNT];
    uint32_t capacity[ORDO_PRIORITY_COUNT];
    uint64_t pushed[ORDO_PRIORITY_COUNT], taken[ORDO_PRIORITY_COUNT], refused[ORDO_PRIORITY_COUNT];
    uint64_t overdue[ORDO_PRIORITY_COUNT];       /* taken because they had waited their bound */
    int64_t oldest_wait_ns[ORDO_PRIORITY_COUNT]; /* of the order at the head; 0 when empty */
};

/* A sleeping worker; the worker owns it, the queue links it while it is registered. */
struct ordo_queue_sleeper {
    struct ordo_waker *waker;
    struct ordo_queue_sleeper *next;
    bool registered; /* under the queue's lock */
};

struct ordo_queue *ordo_queue_new(const struct ordo_queue_options *options);
void ordo_queue_free(struct ordo_queue *queue); /* must be empty */

/* Queues jobs of any classes under one lock, sets their queued_ns, and wakes one sleeper. Those that find
 * their class full stay in *jobs (in order) and are counted as refused; the others are gone from it. Returns
 * how many were refused. Any thread. */
uint32_t ordo_queue_push(struct ordo_queue *queue, struct ordo_job_list *jobs, int64_t now_ns);

/* Holds room for `count` orders of a class before they are pushed, so that an order can be made durable
 * between; false (counted as refused) when there is none. ordo_queue_push_reserved uses the room up and
 * cannot fail; ordo_queue_release gives it back. */
bool ordo_queue_reserve(struct ordo_queue *queue, enum ordo_priority priority, uint32_t count);
void ordo_queue_push_reserved(struct ordo_queue *queue, struct ordo_job *job, int64_t now_ns);
void ordo_queue_release(struct ordo_queue *queue, enum ordo_priority priority, uint32_t count);

/* Moves up to max jobs, in the order of service, to the end of *ret_jobs; wakes the next sleeper when more
 * are left. Returns how many. Any thread. */
uint32_t ordo_queue_take(struct ordo_queue *queue, uint32_t max, int64_t now_ns,
                         struct ordo_job_list *ret_jobs);

/* Takes one order that has waited its bound, if there is one. Cheap when there is none: reads one atomic. */
struct ordo_job *ordo_queue_take_overdue(struct ordo_queue *queue, int64_t now_ns);

/* Registers an idle worker: true when the queue was empty and it may sleep; false when there is work (it is
 * not registered). */
bool ordo_queue_sleep(struct ordo_queue *queue, struct ordo_queue_sleeper *sleeper);
/* Takes it out again if it still is registered. */
void ordo_queue_awake(struct ordo_queue *queue, struct ordo_queue_sleeper *sleeper);

void ordo_queue_figures(struct ordo_queue *queue, int64_t now_ns, struct ordo_queue_figures *ret_figures);
