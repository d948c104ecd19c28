/* SPDX-License-Identifier: MIT
 * worker_impl.h: what the files of worker/ share: the engine's and a worker's insides.
 *
 * One order inside a worker:
 *
 *   intake.c    reads the envelope, claims the id, queues
 *   take.c      takes it, parses, looks for its id in the store, runs the rules in a coroutine
 *   worker.c    resumes it when a wait is over
 *   outcome.c   turns the run into an answer and a record
 *   record.c    commits a turn's records together, then answers
 */
#pragma once

#include "worker/crash_notes.h"
#include "worker/emit.h"
#include "worker/engine.h"
#include "worker/rule_tax.h"
#include "worker/recorder.h"
#include "worker/timers.h"

enum {
    ORDO__TAKE_MAX = 16,   /* orders taken from the queue at once */
    ORDO__COMMIT_MAX = 64, /* records in one submit to the store */
};

/* A job of the engine's own: an order of a source, one answered before its decision, a later attempt. */
struct ordo__detached {
    struct ordo_job job;     /* first: job and detached convert */
    ordo_outcome_fn decided; /* may be NULL */
    void *context;
    void (*stored)(struct ordo__detached *detached, int result); /* while its first record is being written */
    struct ordo_job *waiting; /* whose origin is answered when it is stored */
    struct ordo_write write;
    struct ordo_buffer attempts; /* JSON array: those that ended with a retry; empty: none */
    char bytes[];                /* the order, then ORDO_JSON_PADDING */
};

/* Records on their way into the store. `next` links it in a free list or an inbox. */
struct ordo__commit {
    struct ordo__commit *next;
    struct ordo__worker *worker;
    size_t count;
    int64_t submitted_ns; /* 0: nobody wants to know */
    struct ordo_job *jobs[ORDO__COMMIT_MAX];
    struct ordo_job *later[ORDO__COMMIT_MAX]; /* a next attempt that starts once the record is durable */
    struct ordo_write writes[ORDO__COMMIT_MAX];
};

struct ordo__worker {
    /* set once */
    struct ordo_engine *engine;
    unsigned index;
    struct ordo_thread thread;
    struct ordo_metrics *metrics;

    /* owner thread only */
    struct ordo_script *script;
    struct ordo_json_parser *parser, *line_parsers[ORDO__TAKE_MAX];
    struct ordo_ruleset *ruleset; /* loaded */
    struct ordo_timers timers;
    struct ordo_queue_sleeper sleeper;
    struct ordo__commit *open_commit, *free_commits;
    struct ordo_emission recorded[ORDO__COMMIT_MAX]; /* of this turn, for the listener */
    size_t recorded_count;
    struct finished {
        struct ordo_origin *origin;
        struct ordo_job_list jobs;
    } finished[8]; /* answers of this turn, by origin */
    struct ordo__rule_costs costs;
    int64_t mean_ns; /* running mean of the time an order takes from start to its end or first wait */
    int64_t now_ns;  /* read at the last step */
    struct ordo_job_list taken; /* orders of this turn that are not begun */
    bool odd_is_pending;        /* who got the odd place of the room last: one from before the start */
    uint64_t begun;             /* attempts at orders */
    uint64_t orders, sleeping, committing;  /* inside: all; of these in ctx.sleep; of these in the store */
    uint64_t collect_seen, coroutines_seen; /* the last collection, list, that was asked for */

    /* any thread */
    struct ordo_waker waker;
    _Atomic(struct ordo__commit *) inbox; /* commits that the store finished */
    _Atomic uint64_t seen_orders, seen_sleeping, seen_lua_bytes, seen_generations; /* copies for readers */
    _Atomic bool idle; /* asleep with nothing inside */
    _Atomic uint64_t collect_asked, coroutines_asked;

    /* under engine->lock */
    uint64_t collected, coroutines_listed; /* as they were asked for, when it is done */
    struct ordo_coroutines coroutines;     /* listed last, unless whoever asked has taken it */
};

/* Orders that were accepted before the start, as far as they are taken up. */
struct ordo__recovery {
    _Atomic bool is_active;         /* there may be more */
    struct ordo_lock lock;          /* guards the rest */
    enum ordo_priority priority;    /* the class that is read */
    struct ordo_store_cursor after; /* in it */
    uint64_t count;
};

struct ordo_engine {
    /* set once */
    struct ordo_engine_options options;
    struct ordo_metrics_registry *metrics;
    struct ordo_metrics *shared_metrics; /* for threads without a set: add with ordo_metrics_add_shared */
    struct ordo_queue *queue;
    struct ordo_inflight *inflight;
    struct ordo_emitter *emitter;
    struct ordo_recorder *recorder; /* NULL: no timeline */
    struct ordo__recovery recovery;
    struct ordo_crash_notes *crashes; /* NULL: crashes are not counted */
    struct ordo_origin detached_origin;
    struct ordo__worker *workers;
    uint32_t worker_count;
    int64_t started_ns; /* monotonic */

    _Atomic bool draining, refusing, stopping;
    _Atomic uint64_t entered;          /* requests that may still bring orders, and calls that bring some */
    _Atomic uint64_t detached_waiting; /* detached jobs whose first record is being written */
    _Atomic uint64_t given_up;         /* orders that the stop did not wait for */
    _Atomic int64_t stop_by_ns;        /* when the time of a drain is over */

    struct ordo_rwlock listening;
    struct ordo_listener *listener; /* under listening */
    _Atomic bool has_listener;

    struct ordo__trial *trial;   /* set once */
    struct ordo__backup *backup; /* under lock; the one that is running or ran last; may be NULL */

    struct ordo_lock source_lock;
    struct ordo_json_parser *source_parser; /* under source_lock */

    struct ordo_lock lock;
    pthread_cond_t changed;         /* a worker switched rules, collected, or went idle while draining */
    struct ordo_ruleset *ruleset;   /* under lock */
    uint64_t generation_before;     /* under lock; which ran before this one; 0: none */
    struct ordo__rule_tax tax;      /* under lock */
    _Atomic uint64_t switch_number; /* raised with every switch; workers compare */
    uint32_t switched;              /* under lock: workers that have seen it */
};

/* compiled.c: on the worker's thread, before it loads rules. */
void ordo__compiled_enter(struct ordo__worker *worker);

/* hear.c */
/* Tells the listener, if there is one. */
void ordo__tell(struct ordo_engine *engine, const struct ordo_emission *items, size_t count);
/* The job's decision is recorded: the listener hears of it with the others of this turn. */
void ordo__recorded_add(struct ordo__worker *worker, const struct ordo_job *job);
void ordo__recorded_tell(struct ordo__worker *worker);

/* recovery.c: adds to worker->taken. */
void ordo__recovery_take(struct ordo__worker *worker, uint32_t limit);
bool ordo__recovery_has_more(struct ordo_engine *engine); /* that may be taken now */

/* store_backup.c: waits for the one that is running, and gives it up when the drain's time is over; no other begins once the
 * engine is stopping. */
void ordo__backup_join(struct ordo_engine *engine);

/* collect.c */
void ordo__collect_begin(struct ordo__worker *worker);    /* once, on its thread */
void ordo__collect_if_asked(struct ordo__worker *worker); /* between two turns */
/* Between two orders, and at the end of a turn: the steps of Lua's collector that are due. */
void ordo__collect_between(struct ordo__worker *worker);
void ordo__collect_turn(struct ordo__worker *worker);

/* trial.c: orders that are decided again, on a thread of their own. */
struct ordo__trial *ordo__trial_new(struct ordo_engine *engine);
void ordo__trial_stop(struct ordo__trial *trial); /* joins it; who still waits is answered so */
void ordo__trial_free(struct ordo__trial *trial);

/* coroutines.c: between two turns. */
void ordo__coroutines_if_asked(struct ordo__worker *worker);

/* attempts.c */
/* Until the next attempt: what was asked for, doubled with each attempt up to rules.retry_max, and up to a quarter more. */
int64_t ordo__attempt_wait_ms(const struct ordo_engine *engine, const struct ordo_job *job, int64_t asked_ms);
/* Adds the attempt that just ended to the array. */
void ordo__attempt_note(struct ordo_buffer *attempts, const struct ordo_job *job, const struct ordo_run *run);
/* Appends the attempts that a queued or dead order's record tells of. */
void ordo__attempts_of_record(const struct ordo_record *record, struct ordo_buffer *attempts);

struct ordo__detached *ordo__detached_new(struct ordo_engine *engine, ordo_str bytes);
void ordo__detached_free(struct ordo__detached *detached); /* NULL is allowed */
/* The order of a record, as a job that was received when the record says. */
struct ordo__detached *ordo__detached_of_record(struct ordo_engine *engine, const struct ordo_record *record);
static inline bool ordo__is_detached(const struct ordo_engine *engine, const struct ordo_job *job)
{
    return job->origin == &engine->detached_origin;
}

/* The grace is over: the job's answer is that the engine stops, and it is counted. */
void ordo__job_give_up(struct ordo_engine *engine, struct ordo_job *job);
void ordo__job_problem(struct ordo_job *job, enum ordo_problem_code code, const char *detail);
/* The answers to an order that is dead, and to one that the store did not write (record.c). */
void ordo__job_dead(struct ordo_job *job);
void ordo__job_not_stored(struct ordo_job *job, int result);
void ordo__job_copy_envelope(struct ordo_job *to, struct ordo_job *from);
/* The record of an order that waits for a decision. */
void ordo__pending_record(const struct ordo_job *job, int64_t due_ms, struct ordo_record *ret_record);
/* Claims the job's id, if it has one. False, and the answer is set, when another order on its way has it. */
bool ordo__job_claim(struct ordo_engine *engine, struct ordo_job *job);
/* Compares with what the store has under the job's id: true when it is there, and the answer is then set: the recorded
 * one, or why there is none. */
bool ordo__job_replay(struct ordo_engine *engine, struct ordo_job *job);
/* What a job counts as that one of these two has answered. */
enum ordo_counter ordo__job_conflict_counter(const struct ordo_job *job);

/* Follows every push into the queue but those of workers, which the stop joins first: an order that came in
 * behind the stop is given back at once. */
void ordo__queue_pushed(struct ordo_engine *engine);

void ordo__worker_run(void *worker);
/* The run has ended, or begins to wait. */
void ordo__hand_run(struct ordo__worker *worker, struct ordo_job *job, struct ordo_run *run);

/* take.c */
bool ordo__take_has_room(const struct ordo__worker *worker);
void ordo__take(struct ordo__worker *worker); /* takes new orders and begins them */

/* outcome.c: the run has ended: fills the job's answer, and adds its record to the open commit, or finishes
 * it. */
void ordo__outcome(struct ordo__worker *worker, struct ordo_job *job, struct ordo_run *run);
/* The order is not run, for the process has died of it too often: it is dead. */
void ordo__outcome_crashed(struct ordo__worker *worker, struct ordo_job *job, const struct ordo_crash *crash);

/* record.c */
/* Adds a record for the job; `later` is the next attempt or NULL. */
void ordo__record(struct ordo__worker *worker, struct ordo_job *job, enum ordo_status status,
                  struct ordo_job *later);
void ordo__record_flush(struct ordo__worker *worker);     /* submits the open commit */
void ordo__record_completed(struct ordo__worker *worker); /* takes finished commits off the inbox */
void ordo__finish(struct ordo__worker *worker,
                  struct ordo_job *job); /* gives it back at the end of the turn */
void ordo__finish_flush(struct ordo__worker *worker);
