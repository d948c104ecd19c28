/* SPDX-License-Identifier: MIT
 * job_timeline.c: what an order leaves on the timeline.
 *
 * Whether it is recorded is decided when its first attempt begins, by the worker, who has most to write. What was before is
 * known from the job's times.
 */
#include "core/job.h"

void ordo_job_follow(struct ordo_job *job)
{
    if (job->follow != 0 || (job->follow = ordo_timeline_choose()) == 0)
        return;
    ordo_timeline_step_at(job->follow, ORDO_TIMELINE_RECEIVED, job->received_ns);
    ordo_timeline_step_at(job->follow, ORDO_TIMELINE_QUEUED, job->queued_ns);
}

void ordo_job_answered(struct ordo_job *job, int64_t now_ns)
{
    ordo_timeline_step(job->follow, ORDO_TIMELINE_ANSWERED);
    if (now_ns - job->received_ns < atomic_load_explicit(&ordo_timeline_slow_ns, memory_order_relaxed))
        return;
    ordo_timeline_note_slow(&(struct ordo_timeline_slow){
        .number = job->follow,
        .began_ns = job->received_ns,
        .ended_ns = now_ns,
        .steps_ns = {job->queued_ns, job->started_ns, job->decided_ns},
        .attempt = job->attempt,
        .label = ordo_job_id(job),
    });
}
