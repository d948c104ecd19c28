/* SPDX-License-Identifier: MIT
 * job.h: one order on its way through the engine.
 *
 * A job belongs to one place at a time: its origin, the queue, a worker, the store's submit, then its origin
 * again. Handing it over is moving the pointer; nobody else may touch it but for the atomic `stage`, which
 * readers look at. An origin (an HTTP loop, a source, the retry clock) makes jobs and takes the finished ones
 * back in lists.
 */
#pragma once

#include <stdatomic.h>

#include "base/buffer.h"
#include "base/timeline.h"
#include "core/order.h"

struct ordo_job;

/* X(NAME, "name"): the stages of an order. Each has a counter of orders that reached it. */
#define ORDO_STAGE_TABLE(X)                                                                                  \
    X(RECEIVED, "received")                                                                                  \
    X(QUEUED, "queued")                                                                                      \
    X(RUNNING, "running")                                                                                    \
    X(WAITING, "waiting")                                                                                    \
    X(RECORDING, "recording")                                                                                \
    X(FINISHED, "finished")

enum ordo_stage {
#define X(name, text) ORDO_STAGE_##name,
    ORDO_STAGE_TABLE(X)
#undef X
        ORDO_STAGE_COUNT,
};

/* A client that waits too long is promised that its order is on its way. Whoever moves it from NONE first
 * wins: the origin then records the order as pending, or the worker's answer comes in time after all. */
enum ordo_promise { ORDO_PROMISE_NONE = 0, ORDO_PROMISE_GIVEN, ORDO_PROMISE_ENDED };

/* What the origin is told. Not an error code: a broken engine is ORDO_ANSWER_PROBLEM with its problem. */
enum ordo_answer_kind {
    ORDO_ANSWER_DECISION = 0, /* answer: the decision; status done or held */
    ORDO_ANSWER_REPLAY,       /* answer: the recorded decision of the same order, sent before */
    ORDO_ANSWER_PROBLEM,      /* answer: a problem document, code in `problem` */
    ORDO_ANSWER_LATER,        /* not decided yet and durable: 202; retry_after_ms may be set */
};

/* Who made the job. Lives longer than its jobs. */
struct ordo_origin {
    /* Takes a list of finished jobs (linked by `next`) back. Any thread; must not block. */
    void (*finish)(struct ordo_origin *origin, struct ordo_job *jobs);
};

struct ordo_job {
    struct ordo_job *next;      /* in whatever list it is */
    struct ordo_origin *origin; /* who gets it back; set once */
    ordo_str bytes; /* the order as sent; ORDO_JSON_PADDING readable bytes follow; owned by the origin */

    /* the envelope, copied out of the parsed document */
    char id_bytes[ORDO_ID_MAX];
    char customer_bytes[ORDO_ID_MAX];
    uint8_t customer_len; /* 0: none, or not a valid one */
    uint8_t id_len;       /* 0: not known yet (a line of a batch) or not valid */
    bool id_given;        /* by the engine: the order had none */
    bool parsed;          /* the envelope is filled in */
    bool async;           /* answer ORDO_ANSWER_LATER once it is durable */
    bool claimed;         /* it holds its id in the in-flight index */
    bool was_claimed;     /* by the same order sent again, when this one from before the start was taken up */
    bool recorded;        /* the store has a record of it that is on its way (async, retried, recovered) */
    enum ordo_priority priority; /* class it queues in */
    _Atomic int stage;           /* enum ordo_stage; written by the owner */
    _Atomic int promise;         /* enum ordo_promise; the one thing that both sides write */

    uint64_t number;     /* of the attempt; other attempts have others */
    uint64_t follow;     /* its number on the timeline; 0: it is not recorded there */
    uint32_t attempt;    /* attempts begun */
    uint32_t absent_at;  /* of the next write: see ordo_write.absent_at */
    int64_t received_ms; /* UTC */
    int64_t now_ms;      /* UTC; ctx.now() of the attempt */
    int64_t received_ns, queued_ns, started_ns, decided_ns; /* monotonic */

    /* the answer */
    enum ordo_answer_kind kind;
    enum ordo_problem_code problem;
    enum ordo_status status;
    int verdict; /* enum ordo_verdict, when there is a decision */
    uint32_t revision;
    uint64_t generation; /* rule set that decided it */
    int64_t retry_after_ms;
    struct ordo_buffer answer; /* kept when the job is used again */

    struct ordo_job *index_next; /* in-flight index: chain of its slot; under the shard's lock */
    uint64_t index_hash;
};

static inline ordo_str ordo_job_id(const struct ordo_job *job)
{
    return (ordo_str){job->id_bytes, job->id_len};
}

static inline ordo_str ordo_job_customer(const struct ordo_job *job)
{
    return (ordo_str){job->customer_bytes, job->customer_len};
}

static inline void ordo_job_set_stage(struct ordo_job *job, enum ordo_stage stage)
{
    atomic_store_explicit(&job->stage, stage, memory_order_relaxed);
    ordo_timeline_step(job->follow, (uint16_t)(ORDO_TIMELINE_RECEIVED + stage));
}
static_assert(ORDO_TIMELINE_FINISHED == ORDO_TIMELINE_RECEIVED + ORDO_STAGE_FINISHED,
              "the stages stand on the timeline in the same order");

/* job_timeline.c: an attempt begins: may be it is to be followed on the timeline from now on. */
void ordo_job_follow(struct ordo_job *job);
/* The job is back at its origin. One that took too long is noted with its times. */
void ordo_job_answered(struct ordo_job *job, int64_t now_ns);

/* A list with both ends, in order. */
struct ordo_job_list {
    struct ordo_job *first, *last;
    uint32_t count;
};

static inline void ordo_job_list_push(struct ordo_job_list *list, struct ordo_job *job)
{
    job->next = NULL;
    if (list->first == NULL)
        list->first = job;
    else
        list->last->next = job;
    list->last = job;
    list->count++;
}

static inline struct ordo_job *ordo_job_list_pop(struct ordo_job_list *list)
{
    struct ordo_job *job = list->first;

    if (job != NULL) {
        list->first = job->next;
        list->count--;
        job->next = NULL;
    }
    return job;
}
