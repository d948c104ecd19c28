/* SPDX-License-Identifier: MIT
 * outcome.c: what became of an attempt: the answer for the client and the record for the store.
 *
 * The table of outcomes in docs/http.md is this file.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/worker_impl.h"

static struct ordo_log_gate broken_gate;

/* A broken rule is logged by whoever handles it: here, at most one a second. */
static void note_broken(struct ordo__worker *worker, const struct ordo_job *job, const struct ordo_run *run)
{
    char text[1024], more[64];
    uint32_t skipped;

    ordo_metrics_add(worker->metrics, ORDO_COUNTER_RULE_ERRORS, 1);
    if (ordo_log_gate_pass(&broken_gate, &skipped))
        ordo_log_error("rules", "order " ORDO_STR_FMT ": %s%s", ORDO_STR_ARG(ordo_job_id(job)),
                       ordo_error_format(&run->error, text, sizeof(text)),
                       ordo_log_skipped(skipped, more, sizeof(more)));
}

static void write_decision(struct ordo_job *job, const struct ordo_run *run)
{
    struct ordo_decision_facts facts = {
        .id = ordo_job_id(job),
        .revision = job->revision,
        .attempt = job->attempt,
        .generation = run->generation,
        .priority = job->priority,
        .decided_ms = job->now_ms,
        .queue_us = (job->started_ns - job->queued_ns) / 1000,
        .processing_us = (job->decided_ns - job->started_ns) / 1000,
    };

    ordo_buffer_clear(&job->answer);
    ordo_decision_write(&run->decision, &facts, &job->answer);
}

/* The record of an order whose attempts are used up; sinks get it too. */
static void write_dead(struct ordo_engine *engine, struct ordo_job *job, const struct ordo_run *run)
{
    struct ordo_buffer attempts = {0};
    struct ordo_json_writer json;

    ordo_buffer_clear(&job->answer);
    json = ordo_json_writer(&job->answer);
    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("id"), ordo_job_id(job));
    ordo_json_key_int(&json, ORDO_STR("revision"), job->revision);
    ordo_json_key_string(&json, ORDO_STR("status"), ORDO_STR("dead"));
    ordo_json_key(&json, ORDO_STR("decision"));
    ordo_json_null(&json);
    ordo_json_key_string(&json, ORDO_STR("code"), ORDO_STR("order_dead"));
    ordo_json_key_string(&json, ORDO_STR("reason"), run->decision.reason);
    ordo_json_key_int(&json, ORDO_STR("attempt"), job->attempt);
    ordo_json_key_int(&json, ORDO_STR("generation"), (int64_t)run->generation);
    if (ordo__is_detached(engine, job))
        ordo_buffer_append(&attempts, ordo_buffer_str(&((struct ordo__detached *)job)->attempts));
    ordo__attempt_note(&attempts, job, run);
    ordo_json_key(&json, ORDO_STR("attempts"));
    ordo_json_raw(&json, ordo_buffer_str(&attempts));
    ordo_json_end_object(&json);
    ordo_buffer_done(&attempts);
}

static void decided(struct ordo__worker *worker, struct ordo_job *job, const struct ordo_run *run)
{
    enum ordo_verdict verdict = run->decision.verdict;

    job->kind = ORDO_ANSWER_DECISION;
    job->status = verdict == ORDO_VERDICT_HELD ? ORDO_STATUS_HELD : ORDO_STATUS_DONE;
    job->verdict = verdict;
    job->revision++;
    write_decision(job, run);
    ordo__record(worker, job, job->status, NULL);
}

static void died(struct ordo__worker *worker, struct ordo_job *job, const struct ordo_run *run)
{
    job->kind = ORDO_ANSWER_PROBLEM;
    job->problem = ORDO_PROBLEM_ORDER_DEAD;
    job->status = ORDO_STATUS_DEAD;
    job->revision++;
    write_dead(worker->engine, job, run);
    ordo__record(worker, job, ORDO_STATUS_DEAD, NULL);
}

/* A next attempt. A job of the engine's own goes on itself; another is answered, and a copy goes on. */
static void retried(struct ordo__worker *worker, struct ordo_job *job, const struct ordo_run *run)
{
    struct ordo_engine *engine = worker->engine;
    struct ordo_job *later = job;

    ordo_metrics_add(worker->metrics, ORDO_COUNTER_ATTEMPTS_RETRIED, 1);
    job->retry_after_ms = ordo__attempt_wait_ms(engine, job, run->decision.retry_after_ms);
    if (!ordo__is_detached(engine, job)) {
        later = &ordo__detached_new(engine, job->bytes)->job;
        ordo__job_copy_envelope(later, job);
        later->retry_after_ms = job->retry_after_ms;
        ordo_inflight_move(engine->inflight, job, later);
        job->kind = ORDO_ANSWER_LATER;
    }
    ordo__attempt_note(&((struct ordo__detached *)later)->attempts, job, run);
    job->status = ORDO_STATUS_QUEUED;
    ordo__record(worker, job, ORDO_STATUS_QUEUED, later);
}

/* A client that waits is told and nothing is kept, so that the corrected order may use the id again. One that
 * was promised an outcome finds it in the record. */
static void invalid(struct ordo__worker *worker, struct ordo_job *job, const struct ordo_run *run)
{
    int promise = ORDO_PROMISE_NONE;
    char detail[64];

    job->kind = ORDO_ANSWER_PROBLEM;
    job->problem = ORDO_PROBLEM_INVALID_ORDER;
    job->status = ORDO_STATUS_INVALID;
    snprintf(detail, sizeof(detail), "%u problem%s", run->problems.count,
             run->problems.count == 1 ? "" : "s");
    ordo_buffer_clear(&job->answer);
    ordo_problem_write(&job->answer, ORDO_PROBLEM_INVALID_ORDER, ordo_str_from(detail), ordo_job_id(job),
                       &run->problems);
    ordo_metrics_add(worker->metrics, ORDO_COUNTER_ORDERS_INVALID, 1);
    if (job->recorded || !atomic_compare_exchange_strong(&job->promise, &promise, ORDO_PROMISE_ENDED)) {
        ordo__record(worker, job, ORDO_STATUS_INVALID, NULL);
    } else {
        ordo_crash_notes_forget(worker->engine->crashes, job);
        ordo__finish(worker, job);
    }
}

void ordo__outcome_crashed(struct ordo__worker *worker, struct ordo_job *job, const struct ordo_crash *crash)
{
    struct ordo_run run = {.generation = worker->ruleset->number};
    const char *signal = ordo_crash_signal_name(crash->signal);
    char reason[96];

    if (crash->count == 1)
        snprintf(reason, sizeof(reason), "the process died of %s while deciding it", signal);
    else
        snprintf(reason, sizeof(reason), "the process died %u times while deciding it, the last time of %s",
                 crash->count, signal);
    run.decision.reason = ordo_str_from(reason);
    ordo_log_error("crashes", "order " ORDO_STR_FMT " is dead: %s", ORDO_STR_ARG(ordo_job_id(job)), reason);
    job->generation = run.generation;
    died(worker, job, &run);
}

void ordo__outcome(struct ordo__worker *worker, struct ordo_job *job, struct ordo_run *run)
{
    int64_t processing_ns = job->decided_ns - job->started_ns;

    ordo_metrics_time(worker->metrics, ORDO_TIMING_PROCESSING, processing_ns);
    if (run->blocked_ns > 0)
        ordo_metrics_time(worker->metrics, ORDO_TIMING_BLOCKED, run->blocked_ns);
    job->generation = run->generation;
    if (run->broke)
        note_broken(worker, job, run);
    if (run->state == ORDO_RUN_INVALID)
        invalid(worker, job, run);
    else if (run->decision.verdict != ORDO_VERDICT_RETRY)
        decided(worker, job, run);
    else if (job->attempt >= worker->engine->options.max_attempts)
        died(worker, job, run);
    else
        retried(worker, job, run);
}
