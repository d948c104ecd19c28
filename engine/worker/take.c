/* SPDX-License-Identifier: MIT
 * take.c: the new orders of a turn: taken from the queue, read, looked up in the store together, and begun one behind the
 * other.
 *
 * A worker takes only as many orders at once as it expects to finish within TAKE_NS. An order that has waited its bound in the
 * queue goes before the rest of what was taken. A worker never holds more than max_in_flight; orders that were accepted
 * before the start get at most half of the room that there is.
 *
 * Looking up many ids at once costs a store much less than one by one, so it is done before the first order begins. The id of
 * a line of a batch is known when it is read; so lines are read ahead, each with a parser of its own, and claim their ids then.
 * Nothing else changes by that: where a line's id belongs to another order, the lines and orders before it are begun first,
 * for one of them may give the id back at once.
 */
#include "base/clock.h"
#include "worker/profiled.h"
#include "worker/waited.h"
#include "worker/worker_impl.h"

enum {
    TAKE_NS = 100000,
    MEAN_SHIFT = 4,
    AHEAD_BYTES =
        16384, /* of a line that is read ahead behind others: a parser keeps several times as much */
};

/* An order that was taken and is not begun. */
struct ahead {
    struct ordo_job *job;
    struct ordo_json_parser *parser; /* a line: has read it */
    bool is_refused;                 /* a line: its answer is set */
    bool is_absent;                  /* the store has no order with its id */
};

struct group {
    struct ahead orders[ORDO__TAKE_MAX];
    size_t count;
    uint32_t overdue_left; /* so many may still go first in this turn: one an order that was taken */
};

/* How many it may still take. */
static uint64_t room(const struct ordo__worker *worker)
{
    uint64_t most = worker->engine->options.max_in_flight;

    return worker->orders < most ? most - worker->orders : 0;
}

bool ordo__take_has_room(const struct ordo__worker *worker)
{
    return room(worker) > 0;
}

/* As many as are done soon, so that none waits long behind its neighbours, and fit. */
static uint32_t count_within(const struct ordo__worker *worker, uint64_t most)
{
    uint64_t count = worker->mean_ns > 0 ? (uint64_t)(TAKE_NS / worker->mean_ns) : ORDO__TAKE_MAX;

    if (count < 1)
        count = 1;
    if (count > ORDO__TAKE_MAX)
        count = ORDO__TAKE_MAX;
    return (uint32_t)(count < most ? count : most);
}

/* Nobody has to look for an id that the engine gave, or for an order that is known to be pending. */
static bool is_looked_up(const struct ordo_job *job)
{
    return !job->id_given && (!job->recorded || job->was_claimed) && job->id_len > 0;
}

/* What is not looked up here, for the store cannot or failed, is looked up when it begins. */
static void look_up(const struct ordo__worker *worker, struct ahead *orders, size_t count)
{
    const struct ordo_engine_options *options = &worker->engine->options;
    struct ahead *asked[ORDO__TAKE_MAX];
    ordo_str ids[ORDO__TAKE_MAX];
    int results[ORDO__TAKE_MAX];
    uint32_t moment;
    size_t some = 0;

    for (size_t i = 0; i < count; i++)
        if (!orders[i].is_refused && is_looked_up(orders[i].job)) {
            ids[some] = ordo_job_id(orders[i].job);
            asked[some++] = &orders[i];
        }
    if (some == 0 || !ordo_store_has_find(options->store))
        return;
    options->store->find(options->store_self, ids, some, results, &moment);
    for (size_t i = 0; i < some; i++) {
        asked[i]->is_absent = results[i] == ORDO_ENOTFOUND;
        asked[i]->job->absent_at = asked[i]->is_absent ? moment : 0;
    }
}

/* What stands between the two reads the order, for profiles, crash notes and the timeline. */
static uint64_t read_begin(const struct ordo_job *job)
{
    ordo__executes(job, 0);
    return ordo_timeline_begin(job->follow);
}

static void read_end(const struct ordo_job *job, uint64_t began)
{
    ordo_timeline_end(ORDO_TIMELINE_PARSE, began, job->follow);
    ordo__executes(NULL, 0);
    if (job->follow != 0 && job->attempt == 0)
        ordo_timeline_label(job->follow, ordo_job_id(job));
}

/* Reads a line and claims its id; false when its answer is set. *ret_taken: because another order has the id. */
static bool read_line(struct ordo__worker *worker, struct ordo_job *job, struct ordo_json_parser *parser,
                      bool *ret_taken)
{
    uint64_t began = read_begin(job);
    bool read = ordo_engine_read(worker->engine, parser, job, ORDO_STR_NONE) == 0;

    read_end(job, began);
    *ret_taken = read && !ordo__job_claim(worker->engine, job);
    return read && !*ret_taken;
}

/* Adds an order behind the others; false when they are to be begun first. A line's job is changed by that, but not what is
 * known of it. */
static bool gather(struct ordo__worker *worker, struct group *group, struct ordo_job *job, bool is_line)
{
    struct ahead *ahead = &group->orders[group->count];
    bool is_taken;

    if (group->count == ORDO__TAKE_MAX)
        return false;
    *ahead = (struct ahead){.job = job};
    if (is_line) {
        if (group->count > 0 && job->bytes.len > AHEAD_BYTES)
            return false;
        ahead->parser = worker->line_parsers[group->count];
        ordo_job_follow(job);
        ahead->is_refused = !read_line(worker, job, ahead->parser, &is_taken);
        if (is_taken && group->count > 0)
            return false;
        if (is_taken)
            ordo_metrics_add(worker->metrics, ordo__job_conflict_counter(job), 1);
    }
    group->count++;
    return true;
}

/* True when the id is new. */
static bool is_new(struct ordo__worker *worker, const struct ahead *ahead)
{
    struct ordo_job *job = ahead->job;

    if (!is_looked_up(job) || ahead->is_absent)
        return true;
    if (!ordo__job_replay(worker->engine, job))
        return true;
    if (job->was_claimed)
        return false; /* decided meanwhile; nobody waits for it here */
    ordo_metrics_add(worker->metrics, ordo__job_conflict_counter(job), 1);
    return false;
}

/* An order that is no line was read at its receipt, and is only parsed again. */
static bool is_readable(struct ordo__worker *worker, struct ahead *ahead)
{
    struct ordo_job *job = ahead->job;
    uint64_t began;
    bool parsed;

    if (ahead->parser != NULL)
        return !ahead->is_refused;
    ahead->parser = worker->parser;
    began = read_begin(job);
    parsed = ordo_json_parse(worker->parser, job->bytes.ptr, job->bytes.len, NULL) == 0;
    read_end(job, began);
    return parsed;
}

/* A line of a batch that is not to be waited for: recorded as pending, then decided by the same worker. */
static void begin_async_line(struct ordo__worker *worker, struct ordo_job *job)
{
    struct ordo__detached *detached = ordo__detached_new(worker->engine, job->bytes);

    ordo__job_copy_envelope(&detached->job, job);
    ordo_inflight_move(worker->engine->inflight, job, &detached->job);
    job->kind = ORDO_ANSWER_LATER;
    job->retry_after_ms = 0;
    ordo__record(worker, job, ORDO_STATUS_QUEUED, &detached->job);
}

static void decide(struct ordo__worker *worker, struct ahead *ahead)
{
    struct ordo_job *job = ahead->job;
    struct ordo_script_order order;
    struct ordo_run *run;
    struct ordo_crash crash;
    int64_t started_ns = worker->now_ns;
    bool line = ahead->parser != NULL;
    bool poison = !line && ordo_crash_notes_is_poison(worker->engine->crashes, job, &crash);

    job->number = ++worker->begun << 8 | worker->index;
    job->started_ns = started_ns;
    ordo_job_set_stage(job, ORDO_STAGE_RUNNING);
    ordo_metrics_time(worker->metrics, ORDO_TIMING_QUEUE_WAIT, started_ns - job->queued_ns);
    if (ordo_waits_are_on(ORDO_WAIT_BLOCK))
        ordo__waited_queued(worker, job, started_ns);
    if ((!poison && !is_readable(worker, ahead)) || !is_new(worker, ahead)) {
        ordo__finish(worker, job);
        return;
    }
    if (line && job->async && job->id_len > 0) {
        begin_async_line(worker, job);
        return;
    }
    job->attempt++;
    job->now_ms = ordo_clock_utc_ms();
    if (poison || (line && ordo_crash_notes_is_poison(worker->engine->crashes, job, &crash))) {
        ordo__outcome_crashed(worker, job, &crash);
        return;
    }
    order = (struct ordo_script_order){
        .root = ordo_json_root(ahead->parser),
        .id = ordo_job_id(job),
        .priority = job->priority,
        .attempt = job->attempt,
        .now_ms = job->now_ms,
        .follow = job->follow,
        .user = job,
    };
    ordo__execute_begin(worker, job, worker->ruleset->number);
    run = ordo_script_start(worker->script, &order);
    ordo__execute_end(worker, run->generation, true);
    worker->mean_ns += (worker->now_ns - started_ns - worker->mean_ns) >> MEAN_SHIFT;
    ordo__hand_run(worker, job, run);
}

static void begin(struct ordo__worker *worker, struct ahead *ahead)
{
    uint64_t follow, began;

    if (ahead->parser == NULL) /* a line was chosen when it was read */
        ordo_job_follow(ahead->job);
    follow = ahead->job->follow; /* the job may be gone when it is decided */
    began = ordo_timeline_begin(follow);
    decide(worker, ahead);
    ordo_timeline_end(ORDO_TIMELINE_ORDER, began, follow);
    ordo__collect_between(worker);
}

/* Out of turn: now, but for a line: one of those that are not begun may have its id. */
static void take_overdue(struct ordo__worker *worker, struct group *group)
{
    struct ordo_job *job;
    struct ahead ahead;

    if (group->overdue_left == 0 || !ordo__take_has_room(worker))
        return;
    group->overdue_left--;
    if ((job = ordo_queue_take_overdue(worker->engine->queue, worker->now_ns)) == NULL)
        return;
    worker->orders++;
    if (!job->parsed) {
        ordo_job_list_push(&worker->taken, job);
        return;
    }
    ahead = (struct ahead){.job = job};
    look_up(worker, &ahead, 1);
    begin(worker, &ahead);
}

static void begin_all(struct ordo__worker *worker, struct group *group)
{
    look_up(worker, group->orders, group->count);
    worker->now_ns = ordo_clock_ns();
    for (size_t i = 0; i < group->count; i++) {
        take_overdue(worker, group);
        begin(worker, &group->orders[i]);
    }
    group->count = 0;
}

/* Where there is room for one only, those from before the start and new ones take turns. */
static void take_pending_and_new(struct ordo__worker *worker)
{
    uint64_t half;

    worker->odd_is_pending = !worker->odd_is_pending;
    half = (room(worker) + worker->odd_is_pending) / 2;
    if (half > 0)
        ordo__recovery_take(worker, count_within(worker, half));
    worker->orders += worker->taken.count;
    worker->orders += ordo_queue_take(worker->engine->queue, count_within(worker, room(worker)),
                                      worker->now_ns, &worker->taken);
}

void ordo__take(struct ordo__worker *worker)
{
    struct group group = {.count = 0};
    struct ordo_job *job;

    if (!ordo__take_has_room(worker))
        return;
    take_pending_and_new(worker);
    group.overdue_left = worker->taken.count;
    while ((job = ordo_job_list_pop(&worker->taken)) != NULL) {
        bool is_line = !job->parsed;

        if (!gather(worker, &group, job, is_line)) {
            begin_all(worker, &group);
            gather(worker, &group, job, is_line);
        }
        if (worker->taken.first == NULL)
            begin_all(worker, &group); /* which may take an overdue line */
    }
}
