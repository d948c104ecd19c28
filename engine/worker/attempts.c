/* SPDX-License-Identifier: MIT
 * attempts.c: how long the next attempt waits, and what is remembered of those before.
 */
#include "base/json_copy.h"
#include "base/json_time.h"
#include "worker/worker_impl.h"

/* 0 to 1023, the same for the same order and attempt, so that orders which failed together do not come together. */
static int64_t jitter_of(const struct ordo_job *job)
{
    uint64_t hash = 0xcbf29ce484222325u ^ job->attempt;

    for (size_t i = 0; i < job->id_len; i++)
        hash = (hash ^ (unsigned char)job->id_bytes[i]) * 0x100000001b3u;
    return (int64_t)((hash ^ hash >> 32) * 0x9e3779b97f4a7c15u >> 54);
}

int64_t ordo__attempt_wait_ms(const struct ordo_engine *engine, const struct ordo_job *job, int64_t asked_ms)
{
    int64_t most_ms = engine->options.retry_max_ms, wait_ms = asked_ms;

    for (uint32_t attempt = 1; attempt < job->attempt && wait_ms < most_ms; attempt++)
        wait_ms *= 2;
    if (wait_ms > most_ms)
        wait_ms = asked_ms > most_ms ? asked_ms : most_ms;
    return wait_ms + wait_ms / 4 * jitter_of(job) / 1024;
}

void ordo__attempt_note(struct ordo_buffer *attempts, const struct ordo_job *job, const struct ordo_run *run)
{
    struct ordo_json_writer json;

    if (attempts->len == 0)
        ordo_buffer_put(attempts, '[');
    else
        attempts->ptr[attempts->len - 1] = ','; /* the end of the array */
    json = ordo_json_writer(attempts);
    ordo_json_object(&json);
    ordo_json_key_int(&json, ORDO_STR("attempt"), job->attempt);
    ordo_json_key(&json, ORDO_STR("at"));
    ordo_json_time(&json, job->now_ms);
    ordo_json_key_int(&json, ORDO_STR("generation"), (int64_t)run->generation);
    ordo_json_key_string(&json, ORDO_STR("reason"), run->decision.reason);
    ordo_json_end_object(&json);
    ordo_buffer_put(attempts, ']');
}

/* The member "attempts" of the record of a dead order. */
static void read_dead(ordo_str answer, struct ordo_buffer *attempts)
{
    struct ordo_json_parser *parser = ordo_json_parser_new(1024);
    struct ordo_json_writer json = ordo_json_writer(attempts);
    struct ordo_buffer padded = {0};
    struct ordo_json_value value;
    ordo_str key = ORDO_STR_NONE;

    ordo_buffer_append(&padded, answer);
    if (ordo_json_parse_buffer(parser, &padded, NULL) == 0)
        for (struct ordo_json_iter iter = ordo_json_iter_of(ordo_json_root(parser));
             ordo_json_next(&iter, &key, &value);)
            if (ordo_str_equal(key, ORDO_STR("attempts")))
                ordo_json_copy(&json, value);
    ordo_json_parser_free(parser);
    ordo_buffer_done(&padded);
}

void ordo__attempts_of_record(const struct ordo_record *record, struct ordo_buffer *attempts)
{
    if (record->status == ORDO_STATUS_QUEUED)
        ordo_buffer_append(attempts, record->answer);
    else if (record->status == ORDO_STATUS_DEAD)
        read_dead(record->answer, attempts);
}
