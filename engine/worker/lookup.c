/* SPDX-License-Identifier: MIT
 * lookup.c: what may be asked of an order, and the two things a person may do to it: retry and resolve.
 *
 * The truth is in the store; the in-flight index adds where an order is just now.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json_copy.h"
#include "base/json_time.h"
#include "worker/worker_impl.h"

enum { PAGE_BYTES = 4 * 1024 * 1024 }; /* a listing goes on in the next page after this many */

static void write_time(struct ordo_json_writer *json, ordo_str key, int64_t utc_ms)
{
    ordo_json_key(json, key);
    ordo_json_time(json, utc_ms);
}

static const char *stage_status(enum ordo_stage stage)
{
    switch (stage) {
    case ORDO_STAGE_RUNNING:
        return ordo_status_name(ORDO_STATUS_RUNNING);
    case ORDO_STAGE_WAITING:
        return ordo_status_name(ORDO_STATUS_WAITING);
    case ORDO_STAGE_RECORDING:
    case ORDO_STAGE_FINISHED:
        return ordo_status_name(ORDO_STATUS_RECORDING);
    default:
        return ordo_status_name(ORDO_STATUS_QUEUED);
    }
}

struct reader {
    struct ordo_engine *engine;
    struct ordo_json_writer *json;
    bool with_order;
};

static bool write_record(void *context, const struct ordo_record *record)
{
    struct reader *reader = context;
    struct ordo_json_writer *json = reader->json;
    struct ordo_inflight_entry entry;
    const char *status = ordo_status_name(record->status);
    bool has_answer = record->answer.len > 0;

    if (record->status == ORDO_STATUS_QUEUED &&
        ordo_inflight_find(reader->engine->inflight, record->id, &entry))
        status = stage_status(entry.stage);
    ordo_json_object(json);
    ordo_json_key_string(json, ORDO_STR("id"), record->id);
    ordo_json_key_string(json, ORDO_STR("status"), ordo_str_from(status));
    ordo_json_key_string(json, ORDO_STR("priority"), ordo_str_from(ordo_priority_name(record->priority)));
    if (record->customer.len > 0)
        ordo_json_key_string(json, ORDO_STR("customer"), record->customer);
    ordo_json_key_int(json, ORDO_STR("attempt"), record->attempt);
    ordo_json_key_int(json, ORDO_STR("revision"), record->revision);
    write_time(json, ORDO_STR("received_at"), record->received_ms);
    write_time(json, ORDO_STR("updated_at"), record->updated_ms);
    if (record->due_ms > 0 && record->status == ORDO_STATUS_QUEUED)
        write_time(json, ORDO_STR("due_at"), record->due_ms);
    if (reader->with_order) {
        ordo_json_key(json, ORDO_STR("order"));
        ordo_json_raw(json, record->order);
    }
    if (has_answer) {
        ordo_json_key(json, record->status == ORDO_STATUS_INVALID  ? ORDO_STR("problem")
                            : record->status == ORDO_STATUS_QUEUED ? ORDO_STR("attempts")
                                                                   : ORDO_STR("decision"));
        ordo_json_raw(json, record->answer);
    }
    ordo_json_end_object(json);
    return json->out->len < PAGE_BYTES;
}

/* An order that the store does not have yet. */
static bool write_inflight(struct ordo_engine *engine, ordo_str id, struct ordo_json_writer *json)
{
    struct ordo_inflight_entry entry;
    struct ordo_buffer bytes = {0};

    if (!ordo_inflight_find(engine->inflight, id, &entry) ||
        !ordo_inflight_bytes(engine->inflight, id, &bytes))
        return false;
    ordo_json_object(json);
    ordo_json_key_string(json, ORDO_STR("id"), id);
    ordo_json_key_string(json, ORDO_STR("status"), ordo_str_from(stage_status(entry.stage)));
    ordo_json_key_string(json, ORDO_STR("priority"), ordo_str_from(ordo_priority_name(entry.priority)));
    write_time(json, ORDO_STR("received_at"), entry.received_ms);
    ordo_json_key(json, ORDO_STR("order"));
    ordo_json_raw(json, ordo_buffer_str(&bytes));
    ordo_json_end_object(json);
    ordo_buffer_done(&bytes);
    return true;
}

int ordo_engine_get(struct ordo_engine *engine, ordo_str id, struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);
    struct reader reader = {.engine = engine, .json = &json, .with_order = true};

    int result = engine->options.store->get(engine->options.store_self, id, write_record, &reader);

    if (result != ORDO_ENOTFOUND)
        return result;
    if (write_inflight(engine, id, &json))
        return 0;
    /* it may have been recorded between the two looks */
    return engine->options.store->get(engine->options.store_self, id, write_record, &reader);
}

int ordo_engine_list(struct ordo_engine *engine, const struct ordo_store_query *query, bool with_order,
                     struct ordo_buffer *out)
{
    struct ordo_json_writer json = ordo_json_writer(out);
    struct reader reader = {.engine = engine, .json = &json, .with_order = with_order};
    struct ordo_store_cursor after = {0, 0};
    char cursor[48];
    int result;

    ordo_json_object(&json);
    ordo_json_key(&json, ORDO_STR("orders"));
    ordo_json_array(&json);
    result = engine->options.store->list(engine->options.store_self, query, write_record, &reader, &after);
    ordo_json_end_array(&json);
    ordo_json_key(&json, ORDO_STR("next"));
    snprintf(cursor, sizeof(cursor), "%llu-%llu", (unsigned long long)after.high,
             (unsigned long long)after.low);
    if (after.high > 0 || after.low > 0)
        ordo_json_string(&json, ordo_str_from(cursor));
    else
        ordo_json_null(&json);
    ordo_json_end_object(&json);
    return result;
}

/* A record, copied out of the store. */
struct copy {
    struct ordo_record record;
    struct ordo_buffer answer;
    struct ordo__detached *detached; /* the order's bytes and envelope */
    struct ordo_engine *engine;
};

static bool copy_record(void *context, const struct ordo_record *record)
{
    struct copy *copy = context;

    copy->record = *record;
    ordo_buffer_append(&copy->answer, record->answer);
    copy->detached = ordo__detached_of_record(copy->engine, record);
    return false;
}

static void copy_done(struct copy *copy)
{
    ordo_buffer_done(&copy->answer);
    ordo__detached_free(copy->detached);
}

/* Waits for one write; the store may complete it on its own thread. */
struct waiting_write {
    struct ordo_waker waker;
    int result;
};

static void waiting_done(void *context, struct ordo_write *writes, size_t count)
{
    struct waiting_write *waiting = context;

    (void)count;
    waiting->result = writes[0].result;
    ordo_waker_wake(&waiting->waker);
}

static int write_and_wait(struct ordo_engine *engine, struct ordo_write *write)
{
    struct waiting_write waiting = {.result = 0};

    ordo_waker_init(&waiting.waker);
    engine->options.store->submit(engine->options.store_self, write, 1, waiting_done, &waiting);
    ordo_waker_wait(&waiting.waker, INT64_MAX);
    ordo_waker_done(&waiting.waker);
    return waiting.result;
}

static int problem(enum ordo_problem_code code)
{
    return (int)code + 1;
}

static int read_problem(int result)
{
    return problem(result == ORDO_ENOTFOUND ? ORDO_PROBLEM_NOT_FOUND : ORDO_PROBLEM_INTERNAL);
}

/* With the id claimed and room in the queue reserved: records the order as pending and queues it. */
static int retry_claimed(struct ordo_engine *engine, struct copy *copy)
{
    struct ordo_job *job = &copy->detached->job;
    struct ordo_write write = {.replaces = ORDO_STATUS_BIT(ORDO_STATUS_DEAD)};
    int result;

    if (!ordo_queue_reserve(engine->queue, job->priority, 1))
        return problem(ORDO_PROBLEM_QUEUE_FULL);
    /* One attempt more, whatever was used up before: its number is new, and so is what ctx.random() gives. */
    if (job->attempt < engine->options.max_attempts - 1)
        job->attempt = engine->options.max_attempts - 1;
    ordo__pending_record(job, 0, &write.record);
    write.record.answer = ordo_buffer_str(&copy->detached->attempts);
    if ((result = write_and_wait(engine, &write)) != 0) {
        ordo_queue_release(engine->queue, job->priority, 1);
        return problem(result == ORDO_EEXISTS ? ORDO_PROBLEM_NOT_DEAD : ORDO_PROBLEM_INTERNAL);
    }
    ordo_crash_notes_forget(engine->crashes, job);
    job->recorded = true;
    copy->detached = NULL; /* the queue has it now */
    ordo_queue_push_reserved(engine->queue, job, ordo_clock_ns());
    ordo__queue_pushed(engine);
    return 0;
}

int ordo_engine_retry(struct ordo_engine *engine, ordo_str id)
{
    struct copy copy = {.engine = engine};
    struct ordo_inflight_entry entry;
    struct ordo_job *job;
    int result;

    if (!ordo_engine_enter(engine))
        return problem(ORDO_PROBLEM_STOPPING);
    if (ordo_inflight_find(engine->inflight, id, &entry)) {
        result = problem(ORDO_PROBLEM_IN_PROGRESS);
        goto out;
    }
    if ((result = engine->options.store->get(engine->options.store_self, id, copy_record, &copy)) != 0) {
        result = read_problem(result);
        goto out;
    }
    job = &copy.detached->job;
    if (copy.record.status != ORDO_STATUS_DEAD)
        result = problem(ORDO_PROBLEM_NOT_DEAD);
    else if (!ordo_inflight_claim(engine->inflight, job))
        result = problem(ORDO_PROBLEM_IN_PROGRESS);
    else if ((result = retry_claimed(engine, &copy)) != 0)
        ordo_inflight_release(engine->inflight, job);
out:
    copy_done(&copy);
    ordo_engine_leave(engine);
    return result;
}

struct resolution {
    bool accepted;
    ordo_str by, reason;
    uint32_t revision;
};

/* The held decision with what the person decided: status, decision, revision and reason change, `resolved` is
 * added, all else stays as the rules left it. */
static int write_resolved(struct ordo_buffer *out, struct ordo_buffer *held,
                          const struct resolution *resolution)
{
    struct ordo_json_parser *parser = ordo_json_parser_new(1024);
    struct ordo_json_writer json = ordo_json_writer(out);
    struct ordo_json_value value;
    ordo_str key;
    int result;

    if ((result = ordo_json_parse_buffer(parser, held, NULL)) != 0)
        goto out;
    ordo_json_object(&json);
    for (struct ordo_json_iter iter = ordo_json_iter_of(ordo_json_root(parser));
         ordo_json_next(&iter, &key, &value);) {
        if (ordo_str_equal(key, ORDO_STR("revision"))) {
            ordo_json_key_int(&json, key, resolution->revision);
        } else if (ordo_str_equal(key, ORDO_STR("status"))) {
            ordo_json_key_string(&json, key, ORDO_STR("done"));
        } else if (ordo_str_equal(key, ORDO_STR("decision"))) {
            ordo_json_key_string(&json, key,
                                 resolution->accepted ? ORDO_STR("accepted") : ORDO_STR("rejected"));
            if (!resolution->accepted)
                ordo_json_key_string(&json, ORDO_STR("code"), ORDO_STR("resolved"));
            ordo_json_key_string(&json, ORDO_STR("reason"), resolution->reason);
        } else if (!ordo_str_equal(key, ORDO_STR("reason"))) {
            ordo_json_key_escaped(&json, key);
            ordo_json_copy(&json, value);
        }
    }
    ordo_json_key(&json, ORDO_STR("resolved"));
    ordo_json_object(&json);
    ordo_json_key_string(&json, ORDO_STR("by"), resolution->by);
    write_time(&json, ORDO_STR("at"), ordo_clock_utc_ms());
    ordo_json_end_object(&json);
    ordo_json_end_object(&json);
out:
    ordo_json_parser_free(parser);
    return result;
}

static void count_resolved(struct ordo_engine *engine, bool accepted)
{
    ordo_metrics_add_shared(engine->shared_metrics,
                            accepted ? ORDO_COUNTER_ORDERS_ACCEPTED : ORDO_COUNTER_ORDERS_REJECTED, 1);
}

int ordo_engine_resolve(struct ordo_engine *engine, ordo_str id, bool accepted, ordo_str by, ordo_str reason,
                        struct ordo_buffer *answer)
{
    struct copy copy = {.engine = engine};
    struct resolution resolution = {accepted, by, reason, 0};
    struct ordo_write write = {.replaces = ORDO_STATUS_BIT(ORDO_STATUS_HELD),
                               .emits = ordo_emitter_has_sinks(engine->emitter)};
    int result;

    if (!ordo_engine_enter(engine)) /* the sinks may have heard their last decision */
        return problem(ORDO_PROBLEM_STOPPING);
    if ((result = engine->options.store->get(engine->options.store_self, id, copy_record, &copy)) != 0) {
        result = read_problem(result);
        goto out;
    }
    if (copy.record.status != ORDO_STATUS_HELD) {
        result = problem(ORDO_PROBLEM_NOT_HELD);
        goto out;
    }
    resolution.revision = copy.record.revision + 1;
    if (write_resolved(answer, &copy.answer, &resolution) != 0) {
        result = problem(ORDO_PROBLEM_INTERNAL);
        goto out;
    }
    write.record = copy.record;
    write.record.status = ORDO_STATUS_DONE;
    write.record.revision = resolution.revision;
    write.record.updated_ms = ordo_clock_utc_ms();
    write.record.id = ordo_job_id(&copy.detached->job);
    write.record.customer = ordo_job_customer(&copy.detached->job);
    write.record.order = copy.detached->job.bytes;
    write.record.answer = ordo_buffer_str(answer);
    result = write_and_wait(engine, &write);
    if (result != 0) {
        ordo_buffer_clear(answer);
        result = problem(result == ORDO_EEXISTS ? ORDO_PROBLEM_NOT_HELD : ORDO_PROBLEM_INTERNAL);
        goto out;
    }
    count_resolved(engine, accepted);
    ordo_emitter_wake(engine->emitter);
    ordo__tell(engine, &(struct ordo_emission){id, resolution.revision, ordo_buffer_str(answer)}, 1);
out:
    copy_done(&copy);
    ordo_engine_leave(engine);
    return result;
}
