/* SPDX-License-Identifier: MIT
 * engine.h: the engine without a network: queue, workers, rules, store, sinks and exporters, as one object.
 *
 * HTTP, sources and the command line bring orders as jobs (core/job.h) and get each job back exactly once,
 * through its origin, when its answer is known. Until then the job belongs to the engine; its origin may read
 * `bytes`, id and `stage`.
 */
#pragma once

#include <ordo/exporter.h>
#include <ordo/sink.h>
#include <ordo/store.h>

#include "core/inflight.h"
#include "core/queue.h"
#include "metrics/metrics.h"
#include "plugin/plugin.h"
#include "profile/profiler.h"
#include "script/script.h"
#include "worker/emit.h"

struct ordo_engine;

struct ordo_engine_options {
    struct ordo_limits limits;
    struct ordo_queue_options queue;
    struct ordo_script_options script;
    uint32_t workers;               /* 0: one a core */
    uint32_t max_in_flight;         /* orders a worker holds at most */
    uint32_t max_attempts;          /* rules.max_attempts */
    int64_t retry_max_ms;           /* rules.retry_max */
    uint32_t max_crashes;           /* rules.max_crashes */
    size_t gc_headroom;             /* rules.gc_headroom; 0: LuaJIT collects by itself, and nobody times it */
    const char *data_dir;           /* keeps which orders the process died of; NULL: nobody counts */
    struct ordo_profiler *profiler; /* NULL: no profiles */
    const struct ordo_store_ops *store;
    void *store_self;
    struct ordo_plugin_instance *const *sinks;
    size_t sink_count;
    struct ordo_plugin_instance *const *exporters;
    size_t exporter_count;
    struct ordo_ruleset
        *ruleset; /* the first generation; a reference is taken; NULL only when workers are not started */
};

struct ordo_engine *ordo_engine_new(const struct ordo_engine_options *options, struct ordo_error *err);
/* Starts the workers, which take up what the store has pending, and the sinks' threads. */
int ordo_engine_start(struct ordo_engine *engine, struct ordo_error *err);
/* From now on ordo_engine_is_draining is true, so that /readyz can say so; orders are still taken. */
void ordo_engine_begin_drain(struct ordo_engine *engine);
/* A request comes in that brings orders over a while: until ordo_engine_leave its lines (jobs that are not
 * parsed) are taken and a drain waits for it. False, and nothing to leave, when a drain takes no more. */
bool ordo_engine_enter(struct ordo_engine *engine);
void ordo_engine_leave(struct ordo_engine *engine);
/* No more orders are taken (they are answered ORDO_PROBLEM_STOPPING) but of requests that have entered; waits
 * until those inside are finished, or until the monotonic time. True when they are. */
bool ordo_engine_drain(struct ordo_engine *engine, int64_t until_ns);
/* Ends and joins the workers; orders that are still inside go back as ORDO_PROBLEM_STOPPING. A backup that is not done when
 * the time of the drain is over is given up. */
void ordo_engine_stop(struct ordo_engine *engine);
uint64_t ordo_engine_given_up(struct ordo_engine *engine); /* how many those were */
/* Then: the sinks take what is left, until the monotonic time at most, and their threads end. */
void ordo_engine_stop_sinks(struct ordo_engine *engine, int64_t until_ns);
/* After the end of the profiler: the exporters push what they have, until the monotonic time at most. Once. */
void ordo_engine_stop_exporters(struct ordo_engine *engine, int64_t until_ns);
void ordo_engine_free(struct ordo_engine *engine);

/* Fills the job's envelope from its bytes: id, priority. Returns 0, or a code with the job's answer set to
 * the problem (invalid_json, too_deep, order_too_large, key_mismatch). `key` is the Idempotency-Key, empty
 * when there is none: it stands in for an absent id. Any thread with its own parser. */
int ordo_engine_read(struct ordo_engine *engine, struct ordo_json_parser *parser, struct ordo_job *job,
                     ordo_str key);

/* Takes the jobs; those that it refuses at once (id in progress, queue full, stopping) stay in *jobs with
 * their answers set. Jobs need not be parsed (`parsed` false: a line of a batch, which the worker reads; it
 * queues as medium). A parsed job with `async` is answered ORDO_ANSWER_LATER once it is durable. Any thread.
 */
void ordo_engine_submit(struct ordo_engine *engine, struct ordo_job_list *jobs);

/* Makes an order that is inside durable as pending, for an answer before its decision. False: it has just
 * ended and its answer is on its way, nothing happens. True: `done` is called once, on any thread, perhaps
 * inside; the job must not go back to its pool before. With is_recorded false there is no such record (the store has no
 * room, or has another one with this id), so nothing may be promised: the outcome is the answer. */
bool ordo_engine_make_pending(struct ordo_engine *engine, struct ordo_job *job,
                              void (*done)(void *context, bool is_recorded), void *context);

/* A dead order once more: 0 (then it is queued), or the problem NOT_FOUND, NOT_DEAD, IN_PROGRESS, QUEUE_FULL,
 * STOPPING as a positive (problem + 1). Any thread; may wait for the store. */
int ordo_engine_retry(struct ordo_engine *engine, ordo_str id);
/* A held order decided by a person. 0 and the new decision (revision 2) in *answer, or a positive (problem +
 * 1): NOT_FOUND, NOT_HELD, STOPPING. */
int ordo_engine_resolve(struct ordo_engine *engine, ordo_str id, bool accepted, ordo_str by, ordo_str reason,
                        struct ordo_buffer *answer);

/* Appends
 * {"id":…,"status":…,"priority":…,"attempt":…,"revision":…,"received_at":…,"updated_at":…,"customer":…,"order":<as
 * sent>,"decision":{…}|"problem":{…}}; ORDO_ENOTFOUND, or another code when the store cannot read it. */
int ordo_engine_get(struct ordo_engine *engine, ordo_str id, struct ordo_buffer *out);
/* Appends {"orders":[ as above, without "order" unless with_order ],"next":"cursor"|null}. A page ends early once it has
 * a few MiB; `next` then goes on. */
int ordo_engine_list(struct ordo_engine *engine, const struct ordo_store_query *query, bool with_order,
                     struct ordo_buffer *out);

struct ordo_engine_figures {
    struct ordo_queue_figures queue;
    uint32_t workers, workers_busy;
    uint64_t in_flight, waiting; /* orders inside workers; of these in a ctx.sleep */
    uint64_t lua_bytes, lua_generations;
    uint64_t generation; /* running now */
    struct ordo_store_stat store;
    uint64_t sink_backlog;
    int64_t uptime_ns;
    bool draining;
};
void ordo_engine_figures(struct ordo_engine *engine, struct ordo_engine_figures *ret_figures);
/* The sinks, each with its figures. Any thread, once the engine is started; may wait for the store to read. */
size_t ordo_engine_sink_count(struct ordo_engine *engine);
void ordo_engine_sink_figures(struct ordo_engine *engine, size_t index,
                              struct ordo_sink_figures *ret_figures);
/* Calls with the label and the figures of each exporter, in the configuration's order. Any thread. */
void ordo_engine_each_exporter(struct ordo_engine *engine,
                               void (*visit)(void *context, const char *label,
                                             const struct ordo_exporter_stat *stat),
                               void *context);
struct ordo_metrics_registry *ordo_engine_metrics(struct ordo_engine *engine);
/* How many orders it has decided, with whatever outcome. Any thread. */
uint64_t ordo_engine_decided(struct ordo_engine *engine);
const struct ordo_limits *ordo_engine_limits(struct ordo_engine *engine);
/* The store refuses new orders just now. Any thread. */
bool ordo_engine_is_store_full(struct ordo_engine *engine);
bool ordo_engine_is_draining(struct ordo_engine *engine);
void ordo_engine_reopen(struct ordo_engine *engine); /* SIGUSR1: sinks open their files anew */

/* Adds the coroutines that wait now; of a worker that does not come to list them until then, that it is missing. One thread
 * at a time; no worker stops for longer than its own list takes. */
void ordo_engine_coroutines(struct ordo_engine *engine, int64_t until_ns, struct ordo_coroutines *out);

/* What a profiler is to know of the engine, from its start until ordo_profiler_end. */
struct ordo_profiled ordo_engine_profiled(struct ordo_engine *engine);

/* Every worker uses the rule set for new orders from its next turn on; returns when all have switched, or
 * ORDO_ESTOPPED. One thread at a time. */
int ordo_engine_switch(struct ordo_engine *engine, struct ordo_ruleset *ruleset);

/* Has every worker collect Lua's garbage, all of it, one worker after the other; waits for it, until the monotonic time at
 * most. -ETIMEDOUT when not all have come by then (they still will), ORDO_ESTOPPED. *ret_collected: how many have. Any
 * thread but a worker's. */
int ordo_engine_collect(struct ordo_engine *engine, int64_t until_ns, uint32_t *ret_collected);

/* Hears of every recorded decision: `hear` gets the items of one worker's turn; it must copy what it wants
 * and not block. Any worker's thread. */
struct ordo_listener {
    void (*hear)(struct ordo_listener *listener, const struct ordo_emission *items, size_t count);
};
void ordo_engine_listen(
    struct ordo_engine *engine,
    struct ordo_listener *listener); /* one; NULL: none; returns when the old one is no longer called */

/* What a backup came to; valid during the call. */
struct ordo_backup_result {
    int result; /* 0, or a code with err */
    struct ordo_error err;
    struct ordo_store_report report;
    int64_t took_ns;
};
typedef void (*ordo_backup_done_fn)(void *context, const struct ordo_backup_result *result);
/* Copies the store into a folder, on a thread of its own, which calls `done` once. One at a time. 0, and `done` will be
 * called; ORDO_EEXISTS: one is running; ORDO_ESTOPPED; ORDO_ENOTFOUND: the store keeps nothing on a disk. Any thread. */
int ordo_engine_backup(struct ordo_engine *engine, const char *folder, ordo_backup_done_fn done,
                       void *context);

/* An explanation, or an order decided again. Valid during the call. */
struct ordo_trial_result {
    int problem;   /* enum ordo_problem_code; -1: none */
    ordo_str body; /* the document or the text; of a problem its document */
};
typedef void (*ordo_trial_done_fn)(void *context, const struct ordo_trial_result *result);
/* Why the order was decided as it was, as JSON or as sentences (core/explain.h). `done` is called once, on the thread for
 * such things, which workers never wait for. 0; ORDO_EFULL: too many wait for it already; ORDO_ESTOPPED. Any thread. */
int ordo_engine_explain(struct ordo_engine *engine, ordo_str id, bool as_text, ordo_trial_done_fn done,
                        void *context);
/* The same: decides it again (worker/what_if_decide.h). `wanted` is JSON, {"order":{changes},"generation":N}, both optional. */
int ordo_engine_what_if(struct ordo_engine *engine, ordo_str id, ordo_str wanted, ordo_trial_done_fn done,
                        void *context);

/* For sources: struct ordo_host.submit. */
int ordo_engine_submit_bytes(struct ordo_engine *engine, ordo_str order, ordo_outcome_fn decided,
                             void *context, struct ordo_error *err);
