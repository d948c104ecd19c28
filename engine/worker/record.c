/* SPDX-License-Identifier: MIT
 * record.c: commits a turn's records in one submit, and answers when the store says that they are durable.
 *
 * The store may complete inside of submit (store_memory) or later on a thread of its own; then the commit
 * comes back through the worker's inbox, so that answers and counters stay with the worker.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/waited.h"
#include "worker/worker_impl.h"

/* The worker that is inside of submit on this thread. */
static _Thread_local struct ordo__worker *submitting;

static struct ordo__commit *commit_new(struct ordo__worker *worker)
{
    struct ordo__commit *commit = worker->free_commits;

    if (commit != NULL) {
        worker->free_commits = commit->next;
    } else {
        commit = malloc(sizeof(*commit));
        ORDO_REQUIRE(commit != NULL);
        commit->worker = worker;
    }
    commit->next = NULL;
    commit->count = 0;
    return commit;
}

/* States in which the order's record may be. One that is on its way is the job's own only when it was recorded before, or
 * when its client was promised an outcome: from here on no promise is given any more. */
static uint32_t replaces_own(struct ordo_job *job)
{
    uint32_t replaces = ORDO_STATUS_BIT_ABSENT | ORDO_STATUS_BIT(ORDO_STATUS_INVALID);
    int promise = ORDO_PROMISE_NONE;

    if (!atomic_compare_exchange_strong(&job->promise, &promise, ORDO_PROMISE_ENDED))
        replaces |= ORDO_STATUS_BIT(ORDO_STATUS_QUEUED);
    return job->recorded ? ORDO_STATUS_BIT(ORDO_STATUS_QUEUED) : replaces;
}

void ordo__record(struct ordo__worker *worker, struct ordo_job *job, enum ordo_status status,
                  struct ordo_job *later)
{
    struct ordo__commit *commit;
    int64_t now_ms = ordo_clock_utc_ms();
    ordo_str answer = status == ORDO_STATUS_QUEUED ? ORDO_STR_NONE : ordo_buffer_str(&job->answer);

    if (status == ORDO_STATUS_QUEUED && later != NULL) /* its attempts so far */
        answer = ordo_buffer_str(&((struct ordo__detached *)later)->attempts);
    if (worker->open_commit == NULL)
        worker->open_commit = commit_new(worker);
    commit = worker->open_commit;
    ordo_job_set_stage(job, ORDO_STAGE_RECORDING);
    job->status = status;
    commit->jobs[commit->count] = job;
    commit->later[commit->count] = later;
    commit->writes[commit->count++] = (struct ordo_write){
        .record =
            {
                .size = sizeof(struct ordo_record),
                .status = status,
                .priority = job->priority,
                .revision = job->revision,
                .attempt = job->attempt,
                .generation = job->generation,
                .received_ms = job->received_ms,
                .updated_ms = now_ms,
                .due_ms = later == NULL ? 0 : now_ms + later->retry_after_ms,
                .id = ordo_job_id(job),
                .customer = ordo_job_customer(job),
                .order = job->bytes,
                .answer = answer,
            },
        .replaces = replaces_own(job),
        .absent_at = job->absent_at,
        .emits = status != ORDO_STATUS_QUEUED && status != ORDO_STATUS_INVALID &&
                 ordo_emitter_has_sinks(worker->engine->emitter),
    };
    job->absent_at = 0;
    if (commit->count == ORDO__COMMIT_MAX)
        ordo__record_flush(worker);
}

static void count_outcome(struct ordo__worker *worker, const struct ordo_job *job)
{
    static const enum ordo_counter by_verdict[] = {
        [ORDO_VERDICT_ACCEPTED] = ORDO_COUNTER_ORDERS_ACCEPTED,
        [ORDO_VERDICT_REJECTED] = ORDO_COUNTER_ORDERS_REJECTED,
        [ORDO_VERDICT_HELD] = ORDO_COUNTER_ORDERS_HELD,
    };

    if (job->status == ORDO_STATUS_DEAD)
        ordo_metrics_add(worker->metrics, ORDO_COUNTER_ORDERS_DEAD, 1);
    else if (job->status != ORDO_STATUS_INVALID)
        ordo_metrics_add(worker->metrics, by_verdict[job->verdict], 1);
    ordo_metrics_time(worker->metrics, ORDO_TIMING_TOTAL, worker->now_ns - job->received_ns);
}

/* The record of a dead order is not what its client gets. */
void ordo__job_dead(struct ordo_job *job)
{
    char detail[2 * ORDO_ID_MAX + 96];

    snprintf(detail, sizeof(detail),
             "it is dead: GET /orders/" ORDO_STR_FMT " says why, POST /orders/" ORDO_STR_FMT
             "/retry tries once more",
             ORDO_STR_ARG(ordo_job_id(job)), ORDO_STR_ARG(ordo_job_id(job)));
    ordo__job_problem(job, ORDO_PROBLEM_ORDER_DEAD, detail);
}

void ordo__job_not_stored(struct ordo_job *job, int result)
{
    ordo__job_problem(job, result == ORDO_EFULL ? ORDO_PROBLEM_STORE_FULL : ORDO_PROBLEM_INTERNAL,
                      result == ORDO_EFULL ? "the store has no room for new orders; its log says why"
                                           : "the store did not take the order; the log says why");
}

static void stored(struct ordo__worker *worker, struct ordo_job *job, struct ordo_job *later)
{
    if (later != NULL) { /* the next attempt begins when it is due */
        later->recorded = true;
        ordo_job_set_stage(later, ORDO_STAGE_QUEUED);
        ordo_timers_push(
            &worker->timers,
            (struct ordo_timer){.due_ns = worker->now_ns + later->retry_after_ms * 1000000, .job = later});
        if (later == job)
            worker->orders--;
        else
            ordo__finish(worker, job);
        return;
    }
    if (ordo_crash_notes_forget(worker->engine->crashes, job))
        ordo_metrics_add(worker->metrics, ORDO_COUNTER_ORDERS_CRASHED, 1);
    count_outcome(worker, job);
    if (job->status != ORDO_STATUS_INVALID)
        ordo__recorded_add(worker, job);
    if (job->status == ORDO_STATUS_DEAD) {
        ordo__recorded_tell(worker); /* before its answer becomes another */
        ordo__job_dead(job);
    }
    ordo__finish(worker, job);
}

static const char *why_not_stored(int result)
{
    return result == ORDO_EFULL     ? "the store has no room for new orders"
           : result == ORDO_EIO     ? "the store failed"
           : result == ORDO_EEXISTS ? "the store has another state of it"
                                    : ordo_error_name(result);
}

/* Nothing was written. What the rules decided is dropped, for nobody has heard of it. */
static void refused(struct ordo__worker *worker, struct ordo_job *job, struct ordo_job *later, int result)
{
    static struct ordo_log_gate gate;
    char more[64];
    uint32_t skipped;

    if (later != NULL && later != job) {
        ordo_inflight_release(worker->engine->inflight, later);
        later->origin->finish(later->origin, later);
    }
    if (result == ORDO_EEXISTS && ordo__job_replay(worker->engine, job)) {
        ordo_metrics_add(worker->metrics, ordo__job_conflict_counter(job), 1);
    } else {
        ordo_metrics_add(worker->metrics, ORDO_COUNTER_ORDERS_STORE_FAILED, 1);
        if (ordo_log_gate_pass(&gate, &skipped))
            ordo_log_error("store", "order " ORDO_STR_FMT " was not written: %s%s",
                           ORDO_STR_ARG(ordo_job_id(job)), why_not_stored(result),
                           ordo_log_skipped(skipped, more, sizeof(more)));
        ordo__job_not_stored(job, result);
    }
    ordo__finish(worker, job);
}

static void tell_waits(const struct ordo__worker *worker, const struct ordo__commit *commit)
{
    int64_t waited_ns = ordo_clock_ns() - commit->submitted_ns;

    for (size_t i = 0; i < commit->count; i++)
        ordo__waited_commit(worker, commit->jobs[i], waited_ns);
}

static void complete(struct ordo__worker *worker, struct ordo__commit *commit)
{
    if (commit->submitted_ns != 0)
        tell_waits(worker, commit);
    for (size_t i = 0; i < commit->count; i++) {
        if (commit->writes[i].result == 0)
            stored(worker, commit->jobs[i], commit->later[i]);
        else
            refused(worker, commit->jobs[i], commit->later[i], commit->writes[i].result);
    }
    ordo_emitter_wake(worker->engine->emitter);
    worker->committing -= commit->count;
    commit->next = worker->free_commits;
    worker->free_commits = commit;
}

static void store_done(void *context, struct ordo_write *writes, size_t count)
{
    struct ordo__commit *commit = context, *head;
    struct ordo__worker *worker = commit->worker;

    (void)writes, (void)count;
    if (submitting == worker) {
        complete(worker, commit);
        return;
    }
    head = atomic_load_explicit(&worker->inbox, memory_order_relaxed);
    do
        commit->next = head;
    while (!atomic_compare_exchange_weak(&worker->inbox, &head, commit));
    if (head == NULL)
        ordo_waker_wake(&worker->waker);
}

void ordo__record_flush(struct ordo__worker *worker)
{
    struct ordo__commit *commit = worker->open_commit;
    const struct ordo_engine_options *options = &worker->engine->options;
    uint64_t began;

    if (commit == NULL)
        return;
    worker->open_commit = NULL;
    worker->committing += commit->count;
    began = ordo_timeline_ticks();
    commit->submitted_ns = ordo_waits_are_on(ORDO_WAIT_BLOCK) ? ordo_clock_ns() : 0;
    submitting = worker;
    options->store->submit(options->store_self, commit->writes, commit->count, store_done, commit);
    submitting = NULL;
    ordo_timeline_span_rationed(ORDO_TIMELINE_COMMIT, ORDO_TIMELINE_NONE, began);
}

void ordo__record_completed(struct ordo__worker *worker)
{
    struct ordo__commit *commit = atomic_exchange(&worker->inbox, NULL), *in_order = NULL, *next;

    for (; commit != NULL; commit = next) {
        next = commit->next;
        commit->next = in_order;
        in_order = commit;
    }
    for (; in_order != NULL; in_order = next) {
        next = in_order->next;
        complete(worker, in_order);
    }
}

void ordo__finish(struct ordo__worker *worker, struct ordo_job *job)
{
    struct finished *finished = worker->finished;
    size_t i = 0;

    worker->orders--;
    atomic_store_explicit(&job->promise, ORDO_PROMISE_ENDED, memory_order_release);
    ordo_inflight_release(worker->engine->inflight, job);
    ordo_job_set_stage(job, ORDO_STAGE_FINISHED);
    ordo_timeline_followed(job->follow);
    while (i < sizeof(worker->finished) / sizeof(*finished) && finished[i].origin != NULL &&
           finished[i].origin != job->origin)
        i++;
    if (i == sizeof(worker->finished) / sizeof(*finished)) { /* more origins than places: answer some now */
        ordo__finish_flush(worker);
        i = 0;
    }
    finished[i].origin = job->origin;
    ordo_job_list_push(&finished[i].jobs, job);
}

void ordo__finish_flush(struct ordo__worker *worker)
{
    ordo__recorded_tell(worker);
    for (size_t i = 0; i < sizeof(worker->finished) / sizeof(*worker->finished); i++) {
        struct finished finished = worker->finished[i];

        if (finished.origin == NULL)
            break;
        worker->finished[i] = (struct finished){0};
        finished.origin->finish(finished.origin, finished.jobs.first);
    }
}
