/* SPDX-License-Identifier: MIT
 * intake.c: how orders come in: reading the envelope, claiming the id, queueing; and orders that outlive
 * their client.
 *
 * An order that is answered before its decision (respond-async, or a next attempt) becomes a detached job: it
 * owns its bytes, so that the origin's job can go back. Its first record is durable before anyone is told.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json_equal.h"
#include "worker/worker_impl.h"

void ordo__job_problem(struct ordo_job *job, enum ordo_problem_code code, const char *detail)
{
    job->kind = ORDO_ANSWER_PROBLEM;
    job->problem = code;
    ordo_buffer_clear(&job->answer);
    ordo_problem_write(&job->answer, code, ordo_str_from(detail), ordo_job_id(job), NULL);
}

/* The id in use: the order's own, or the key that stands in for it, or one that the engine gives. */
static int settle_id(struct ordo_job *job, const struct ordo_envelope *envelope, ordo_str key)
{
    ordo_str id = envelope->id_present ? envelope->id : key;

    job->id_len = 0;
    job->id_given = false;
    if (key.len > 0 && !ordo_id_is_valid(key)) {
        ordo__job_problem(job, ORDO_PROBLEM_BAD_KEY,
                          "Idempotency-Key must be 1 to 128 of A-Z a-z 0-9 . _ ~ : -");
        return ORDO_ECONFLICT;
    }
    if (envelope->id_present && !envelope->id_valid)
        return 0; /* validation says so, with everything else that is wrong */
    if (id.len > 0) {
        job->id_len = (uint8_t)id.len;
        memcpy(job->id_bytes, id.ptr, id.len);
    } else {
        ordo_id_make(job->id_bytes);
        job->id_len = 26;
        job->id_given = true;
    }
    if (key.len > 0 && !ordo_str_equal(key, ordo_job_id(job))) {
        ordo__job_problem(job, ORDO_PROBLEM_KEY_MISMATCH,
                          "Idempotency-Key stands in for an absent id; send one of them, or both the same");
        return ORDO_ECONFLICT;
    }
    return 0;
}

static int read_problem(struct ordo_job *job, int code, const struct ordo_error *err)
{
    char text[1024];

    job->id_len = 0;
    ordo__job_problem(job, code == ORDO_ELIMIT ? ORDO_PROBLEM_TOO_DEEP : ORDO_PROBLEM_INVALID_JSON,
                      ordo_error_format(err, text, sizeof(text)));
    return code;
}

int ordo_engine_read(struct ordo_engine *engine, struct ordo_json_parser *parser, struct ordo_job *job,
                     ordo_str key)
{
    struct ordo_error err = {0};
    struct ordo_envelope envelope;
    int result;

    if (job->bytes.len > engine->options.limits.order_bytes) {
        char text[128];

        job->id_len = 0;
        snprintf(text, sizeof(text), "an order may have %zu bytes; this one has %zu (limits.order_bytes)",
                 engine->options.limits.order_bytes, job->bytes.len);
        ordo__job_problem(job, ORDO_PROBLEM_ORDER_TOO_LARGE, text);
        return ORDO_ELIMIT;
    }
    if ((result = ordo_json_parse(parser, job->bytes.ptr, job->bytes.len, &err)) != 0)
        return read_problem(job, result, &err);
    ordo_envelope_read(ordo_json_root(parser), &envelope);
    if ((result = settle_id(job, &envelope, key)) != 0)
        return result;
    job->customer_len = 0;
    if (envelope.customer.len > 0 && envelope.customer.len <= sizeof(job->customer_bytes)) {
        job->customer_len = (uint8_t)envelope.customer.len;
        memcpy(job->customer_bytes, envelope.customer.ptr, envelope.customer.len);
    }
    job->priority = envelope.priority;
    job->parsed = true;
    if (job->id_len == 0)
        job->async =
            false; /* without an id nothing can be recorded: the client hears at once what is wrong */
    return 0;
}

void ordo__job_copy_envelope(struct ordo_job *to, struct ordo_job *from)
{
    to->follow = from->follow; /* which goes on with the order */
    from->follow = 0;
    ordo_timeline_step(to->follow, ORDO_TIMELINE_PROMISED);
    memcpy(to->id_bytes, from->id_bytes, from->id_len);
    memcpy(to->customer_bytes, from->customer_bytes, from->customer_len);
    to->id_len = from->id_len;
    to->customer_len = from->customer_len;
    to->id_given = from->id_given;
    to->priority = from->priority;
    to->parsed = true;
    to->attempt = from->attempt;
    to->revision = from->revision;
    to->received_ms = from->received_ms;
    to->queued_ns = from->queued_ns;
    to->received_ns = from->received_ns;
}

struct ordo__detached *ordo__detached_new(struct ordo_engine *engine, ordo_str bytes)
{
    struct ordo__detached *detached = calloc(1, sizeof(*detached) + bytes.len + ORDO_JSON_PADDING);

    ORDO_REQUIRE(detached != NULL);
    memcpy(detached->bytes, bytes.ptr, bytes.len);
    detached->job.bytes = (ordo_str){detached->bytes, bytes.len};
    detached->job.origin = &engine->detached_origin;
    return detached;
}

void ordo__detached_free(struct ordo__detached *detached)
{
    if (detached == NULL)
        return;
    ordo_buffer_done(&detached->job.answer);
    ordo_buffer_done(&detached->attempts);
    free(detached);
}

struct ordo__detached *ordo__detached_of_record(struct ordo_engine *engine, const struct ordo_record *record)
{
    struct ordo__detached *detached = ordo__detached_new(engine, record->order);
    struct ordo_job *job = &detached->job;

    job->id_len = (uint8_t)record->id.len;
    memcpy(job->id_bytes, record->id.ptr, record->id.len);
    job->customer_len = (uint8_t)record->customer.len;
    if (record->customer.len > 0)
        memcpy(job->customer_bytes, record->customer.ptr, record->customer.len);
    job->priority = record->priority;
    job->attempt = record->attempt;
    job->revision = record->revision;
    job->received_ms = record->received_ms;
    job->received_ns = ordo_clock_ns();
    job->parsed = true;
    ordo__attempts_of_record(record, &detached->attempts);
    return detached;
}

void ordo__pending_record(const struct ordo_job *job, int64_t due_ms, struct ordo_record *ret_record)
{
    *ret_record = (struct ordo_record){
        .size = sizeof(*ret_record),
        .status = ORDO_STATUS_QUEUED,
        .priority = job->priority,
        .revision = job->revision,
        .attempt = job->attempt,
        .received_ms = job->received_ms,
        .updated_ms = ordo_clock_utc_ms(),
        .due_ms = due_ms,
        .id = ordo_job_id(job),
        .customer = ordo_job_customer(job),
        .order = job->bytes,
    };
}

/* Completion of a detached job's first record. */
static void detached_stored(void *context, struct ordo_write *writes, size_t count)
{
    struct ordo__detached *detached = context;

    (void)count;
    detached->stored(detached, writes[0].result);
}

/* What the store has under a job's id. */
struct replay {
    struct ordo_job *job;
    bool found;
    bool same_bytes;
    struct ordo_buffer order; /* when the bytes differ */
    enum ordo_status status;
    uint32_t revision;
};

/* An invalid record claims nothing, so it does not count. What takes time is done behind the visit, which may hold a
 * lock of the store. */
static bool replay_record(void *context, const struct ordo_record *record)
{
    struct replay *replay = context;
    struct ordo_job *job = replay->job;

    replay->found = record->status != ORDO_STATUS_INVALID;
    replay->same_bytes = ordo_str_equal(record->order, job->bytes);
    replay->status = record->status;
    replay->revision = record->revision;
    if (replay->found) {
        if (!replay->same_bytes)
            ordo_buffer_append(&replay->order, record->order);
        ordo_buffer_clear(&job->answer);
        ordo_buffer_append(&job->answer, record->answer);
    }
    return false;
}

/* The same bytes, or, which is looked at only if they differ, the same content in another spelling. */
static bool is_same_order(const struct replay *replay)
{
    return replay->same_bytes || ordo_json_text_equal(ordo_buffer_str(&replay->order), replay->job->bytes);
}

/* The answer to an order whose id is taken. A record of the same order that is on its way is the job's own when it is one
 * from before the start, or when its client was promised an outcome while it waited; then it goes on: false. Else it is one
 * from before the start, whose turn comes. */
static bool answer_replay(const struct replay *replay)
{
    struct ordo_job *job = replay->job;
    bool same = is_same_order(replay);

    if (same && replay->status == ORDO_STATUS_QUEUED &&
        (job->recorded || atomic_load(&job->promise) == ORDO_PROMISE_GIVEN))
        return false;
    if (!same) {
        ordo__job_problem(job, ORDO_PROBLEM_KEY_REUSED, "another order was sent with this id; use a new one");
    } else if (replay->status == ORDO_STATUS_QUEUED) {
        ordo__job_problem(job, ORDO_PROBLEM_IN_PROGRESS, "this order is still on its way; ask again later");
    } else if (replay->status == ORDO_STATUS_DEAD) {
        ordo__job_dead(job);
    } else {
        job->kind = ORDO_ANSWER_REPLAY;
        job->status = replay->status;
        job->revision = replay->revision;
    }
    return true;
}

bool ordo__job_replay(struct ordo_engine *engine, struct ordo_job *job)
{
    struct replay replay = {.job = job};
    bool answered;

    int result =
        engine->options.store->get(engine->options.store_self, ordo_job_id(job), replay_record, &replay);

    if (result == 0 || result == ORDO_ENOTFOUND) {
        answered = replay.found && answer_replay(&replay);
    } else {
        /* It may be there: deciding it again could give it a second decision. */
        ordo__job_problem(job, ORDO_PROBLEM_INTERNAL, "the store cannot read whether this order is known");
        answered = true;
    }
    ordo_buffer_done(&replay.order);
    return answered;
}

enum ordo_counter ordo__job_conflict_counter(const struct ordo_job *job)
{
    if (job->kind == ORDO_ANSWER_PROBLEM && job->problem == ORDO_PROBLEM_INTERNAL)
        return ORDO_COUNTER_ORDERS_STORE_FAILED;
    return job->kind == ORDO_ANSWER_REPLAY ? ORDO_COUNTER_ORDERS_REPLAYED : ORDO_COUNTER_ORDERS_CONFLICT;
}

bool ordo__job_claim(struct ordo_engine *engine, struct ordo_job *job)
{
    if (job->id_len == 0 || ordo_inflight_claim(engine->inflight, job))
        return true;
    ordo__job_problem(job, ORDO_PROBLEM_IN_PROGRESS, "an order with this id is on its way; ask for it later");
    return false;
}

static void give_back(struct ordo_job *job)
{
    job->next = NULL;
    job->origin->finish(job->origin, job);
}

/* respond-async: the record is durable (or was refused): the client is answered, and the detached job
 * queued. */
static void async_stored(struct ordo__detached *detached, int result)
{
    struct ordo_engine *engine = detached->context;
    struct ordo_job *waiting = detached->waiting;

    detached->context = NULL;
    if (result == 0) {
        waiting->kind = ORDO_ANSWER_LATER;
        waiting->status = ORDO_STATUS_QUEUED;
        waiting->retry_after_ms = 0;
        detached->job.recorded = true;
        ordo_queue_push_reserved(engine->queue, &detached->job, ordo_clock_ns());
        ordo__queue_pushed(engine);
    } else {
        ordo_queue_release(engine->queue, detached->job.priority, 1);
        if (result == ORDO_EEXISTS && ordo__job_replay(engine, waiting)) {
            ordo_metrics_add_shared(engine->shared_metrics, ordo__job_conflict_counter(waiting), 1);
        } else {
            ordo_metrics_add_shared(engine->shared_metrics, ORDO_COUNTER_ORDERS_STORE_FAILED, 1);
            ordo__job_not_stored(waiting, result);
        }
        ordo_inflight_release(engine->inflight, &detached->job);
        detached->job.origin->finish(detached->job.origin, &detached->job);
    }
    ordo_lock(&engine->lock); /* a stop that sees the last one leave may free the engine */
    atomic_fetch_sub(&engine->detached_waiting, 1);
    pthread_cond_broadcast(&engine->changed);
    ordo_unlock(&engine->lock);
    give_back(waiting);
}

static void submit_async(struct ordo_engine *engine, struct ordo_job *job)
{
    struct ordo__detached *detached = ordo__detached_new(engine, job->bytes);

    ordo__job_copy_envelope(&detached->job, job);
    ordo_inflight_move(engine->inflight, job, &detached->job);
    detached->waiting = job;
    detached->stored = async_stored;
    detached->context = engine;
    ordo__pending_record(&detached->job, 0, &detached->write.record);
    detached->write.replaces = ORDO_STATUS_BIT_ABSENT | ORDO_STATUS_BIT(ORDO_STATUS_INVALID);
    atomic_fetch_add(&engine->detached_waiting, 1);
    engine->options.store->submit(engine->options.store_self, &detached->write, 1, detached_stored, detached);
}

static void refuse_full(struct ordo_engine *engine, struct ordo_job *job)
{
    char text[96];

    ordo_inflight_release(engine->inflight, job);
    if (!job->parsed)
        return; /* a line of a batch: it waits at its origin, no answer is made */
    ordo_metrics_add_shared(engine->shared_metrics, ORDO_COUNTER_ORDERS_REFUSED, 1);
    snprintf(text, sizeof(text), "the queue for %s orders is full; send it again later",
             ordo_priority_name(job->priority));
    ordo__job_problem(job, ORDO_PROBLEM_QUEUE_FULL, text);
}

/* Whether a job may go on to the queue; else its answer is set. */
static bool admit(struct ordo_engine *engine, struct ordo_job *job)
{
    if (atomic_load(&engine->stopping)) {
        ordo__job_give_up(engine, job);
        return false;
    }
    if (job->parsed && atomic_load(&engine->refusing)) { /* a line came in with its batch */
        ordo_metrics_add_shared(engine->shared_metrics, ORDO_COUNTER_ORDERS_STOPPED, 1);
        ordo__job_problem(job, ORDO_PROBLEM_STOPPING,
                          "the engine is stopping; send it to another one, or later");
        return false;
    }
    if (job->parsed && !ordo__job_claim(engine, job)) {
        ordo_metrics_add_shared(engine->shared_metrics, ordo__job_conflict_counter(job), 1);
        return false;
    }
    if (job->parsed && job->async && !ordo_queue_reserve(engine->queue, job->priority, 1)) {
        refuse_full(engine, job);
        return false;
    }
    return true;
}

void ordo_engine_submit(struct ordo_engine *engine, struct ordo_job_list *jobs)
{
    struct ordo_job_list refused = {0}, queued = {0};
    struct ordo_job *job;
    int64_t now_ns = ordo_clock_ns();

    atomic_fetch_add(&engine->entered, 1); /* a drain sees them here until it can see them in the queue */
    while ((job = ordo_job_list_pop(jobs)) != NULL) {
        job->recorded = false;
        job->was_claimed = false;
        job->attempt = 0;
        job->revision = 0;
        job->absent_at = 0;
        atomic_store_explicit(&job->promise, ORDO_PROMISE_NONE, memory_order_relaxed);
        if (!job->parsed)
            job->priority = ORDO_PRIORITY_MEDIUM;
        if (!admit(engine, job))
            ordo_job_list_push(&refused, job);
        else if (job->parsed && job->async)
            submit_async(engine, job);
        else
            ordo_job_list_push(&queued, job);
    }
    if (queued.first != NULL && ordo_queue_push(engine->queue, &queued, now_ns) > 0)
        while ((job = ordo_job_list_pop(&queued)) != NULL) {
            refuse_full(engine, job);
            ordo_job_list_push(&refused, job);
        }
    ordo__queue_pushed(engine);
    ordo_engine_leave(engine);
    *jobs = refused;
}

struct pending {
    struct ordo_write write;
    void (*done)(void *context, bool is_recorded);
    void *context;
};

static void pending_stored(void *context, struct ordo_write *writes, size_t count)
{
    struct pending *pending = context;
    void (*done)(void *context, bool is_recorded) = pending->done;
    void *done_context = pending->context;
    bool is_recorded = writes[0].result == 0;

    (void)count;
    free(pending);
    done(done_context, is_recorded);
}

/* The order goes on meanwhile, and its outcome may be recorded first: then this write finds a record and
 * changes nothing. */
bool ordo_engine_make_pending(struct ordo_engine *engine, struct ordo_job *job,
                              void (*done)(void *context, bool is_recorded), void *context)
{
    struct pending *pending;
    int promise = ORDO_PROMISE_NONE;

    if (!atomic_compare_exchange_strong(&job->promise, &promise, ORDO_PROMISE_GIVEN))
        return false;
    pending = calloc(1, sizeof(*pending));
    ORDO_REQUIRE(pending != NULL);
    pending->done = done;
    pending->context = context;
    pending->write.record = (struct ordo_record){
        .size = sizeof(pending->write.record),
        .status = ORDO_STATUS_QUEUED,
        .priority = job->priority,
        .received_ms = job->received_ms,
        .updated_ms = ordo_clock_utc_ms(),
        .id = ordo_job_id(job),
        .customer = ordo_job_customer(job),
        .order = job->bytes,
    };
    pending->write.replaces = ORDO_STATUS_BIT_ABSENT | ORDO_STATUS_BIT(ORDO_STATUS_INVALID);
    engine->options.store->submit(engine->options.store_self, &pending->write, 1, pending_stored, pending);
    return true;
}

int ordo_engine_submit_bytes(struct ordo_engine *engine, ordo_str order, ordo_outcome_fn decided,
                             void *context, struct ordo_error *err)
{
    struct ordo__detached *detached = ordo__detached_new(engine, order);
    struct ordo_job_list jobs = {0};
    int result;

    detached->decided = decided;
    detached->context = context;
    detached->job.received_ms = ordo_clock_utc_ms();
    detached->job.received_ns = ordo_clock_ns();
    ordo_lock(&engine->source_lock);
    result = ordo_engine_read(engine, engine->source_parser, &detached->job, ORDO_STR_NONE);
    ordo_unlock(&engine->source_lock);
    if (result == 0) {
        ordo_metrics_add_shared(engine->shared_metrics, ORDO_COUNTER_ORDERS_RECEIVED, 1);
        ordo_job_list_push(&jobs, &detached->job);
        ordo_engine_submit(engine, &jobs);
        if (jobs.first == NULL)
            return 0;
        result = detached->job.problem == ORDO_PROBLEM_QUEUE_FULL    ? ORDO_EFULL
                 : detached->job.problem == ORDO_PROBLEM_IN_PROGRESS ? ORDO_EEXISTS
                                                                     : ORDO_ESTOPPED;
    }
    ordo_fail(err, result, NULL, ORDO_STR_FMT, ORDO_STR_ARG(ordo_buffer_str(&detached->job.answer)));
    ordo__detached_free(detached);
    return result;
}
