/* SPDX-License-Identifier: MIT
 * http_job.c: jobs of a loop: made from a pool, handed over once a turn, taken back through a mailbox.
 *
 * Finished jobs come as lists that workers push onto loop->finished; only a push onto the empty list sends
 * the one message that wakes the loop, and the loop unlinks the message before it takes the list. So the
 * message is never linked twice, and ten thousand answers cost one wake-up.
 */
#include "http/http_impl.h"

enum {
    POOL_MAX = 4096,         /* free jobs kept */
    BUFFER_KEPT = 64 * 1024, /* capacity of a free job's buffers */
};

struct ordo__http_job *ordo__job_new(struct ordo__loop *loop)
{
    struct ordo__http_job *job = loop->free_jobs;

    if (job != NULL) {
        loop->free_jobs = (struct ordo__http_job *)job->job.next;
        loop->free_job_count--;
    } else {
        job = calloc(1, sizeof(*job));
        ORDO_REQUIRE(job != NULL);
        job->job.origin = &loop->origin;
    }
    job->job.next = NULL;
    job->job.id_len = 0;
    job->job.customer_len = 0;
    job->job.parsed = false;
    job->job.async = false;
    job->job.id_given = false;
    job->job.retry_after_ms = 0;
    job->job.follow = 0;
    job->job.received_ns = ordo__loop_now_ns(loop);
    job->job.received_ms = ordo__loop_now_ms(loop);
    ordo_job_set_stage(&job->job, ORDO_STAGE_RECEIVED);
    job->back = false;
    return job;
}

static void trim(struct ordo_buffer *buffer)
{
    if (buffer->capacity > BUFFER_KEPT)
        ordo_buffer_done(buffer);
}

void ordo__job_free(struct ordo__loop *loop, struct ordo__http_job *job)
{
    job->request = NULL;
    job->batch = NULL;
    if (loop->free_job_count == POOL_MAX) {
        ordo_buffer_done(&job->job.answer);
        ordo_buffer_done(&job->body);
        free(job);
        return;
    }
    trim(&job->job.answer);
    trim(&job->body);
    job->job.next = (struct ordo_job *)loop->free_jobs;
    loop->free_jobs = job;
    loop->free_job_count++;
}

void ordo__job_submit(struct ordo__loop *loop, struct ordo__http_job *job)
{
    ordo_job_list_push(&loop->submit, &job->job);
    ordo__loop_need_turn(loop);
}

static void refused(struct ordo__loop *loop, struct ordo__http_job *job)
{
    if (job->batch != NULL)
        ordo__batch_line_refused(loop, job);
    else
        ordo__order_answered(loop, job);
}

void ordo__jobs_send(struct ordo__loop *loop)
{
    struct ordo_job_list jobs = loop->submit;
    struct ordo_job *job;

    if (jobs.count == 0)
        return;
    loop->submit = (struct ordo_job_list){0};
    loop->jobs_out += jobs.count;
    ordo_engine_submit(loop->engine, &jobs);
    loop->jobs_out -= jobs.count;
    while ((job = ordo_job_list_pop(&jobs)) != NULL)
        refused(loop, (struct ordo__http_job *)job);
}

void ordo__job_finish(struct ordo_origin *origin, struct ordo_job *jobs)
{
    struct ordo__loop *loop = H2O_STRUCT_FROM_MEMBER(struct ordo__loop, origin, origin);
    struct ordo_job *last = jobs, *head = atomic_load_explicit(&loop->finished, memory_order_relaxed);

    while (last->next != NULL)
        last = last->next;
    atomic_fetch_add(&loop->posting, 1);
    do
        last->next = head;
    while (!atomic_compare_exchange_weak_explicit(&loop->finished, &head, jobs, memory_order_acq_rel,
                                                  memory_order_relaxed));
    if (head == NULL)
        h2o_multithread_send_message(&loop->finished_receiver, &loop->finished_message);
    atomic_fetch_sub(&loop->posting, 1);
}

void ordo__jobs_received(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    struct ordo__loop *loop = H2O_STRUCT_FROM_MEMBER(struct ordo__loop, finished_receiver, receiver);
    struct ordo_job *job, *next;

    while (!h2o_linklist_is_empty(messages))
        h2o_linklist_unlink(messages->next);
    job = atomic_exchange_explicit(&loop->finished, NULL, memory_order_acq_rel);
    for (; job != NULL; job = next) {
        struct ordo__http_job *http_job = (struct ordo__http_job *)job;

        next = job->next;
        if (next != NULL)
            __builtin_prefetch(next);
        loop->jobs_out--;
        ordo_job_answered(job, ordo__loop_now_ns(loop));
        if (http_job->batch != NULL)
            ordo__batch_line_back(loop, http_job);
        else
            ordo__order_answered(loop, http_job);
    }
}

const char *ordo__stage_status(int stage)
{
    switch (stage) {
    case ORDO_STAGE_RUNNING:
        return "running";
    case ORDO_STAGE_WAITING:
        return "waiting";
    case ORDO_STAGE_RECORDING:
        return "recording";
    default:
        return "queued";
    }
}
