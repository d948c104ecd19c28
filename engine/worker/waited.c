/* SPDX-License-Identifier: MIT
 * waited.c: the stacks of what orders wait for. Most have no code that waits: a note says what it is, "(queue wait, high)",
 * below it is "(order)"; between them are the lines of the rule, if it is one that waits.
 */
#include "worker/waited.h"

#include <stdio.h>

#include "profile/unwind.h"
#include "vm/line_table.h"
#include "worker/worker_impl.h"

static uint64_t note(const char *text)
{
    return ordo_line_address(text, 0, 0);
}

static struct ordo_wait_about about(const struct ordo__worker *worker, const struct ordo_job *job)
{
    return (struct ordo_wait_about){
        .worker = (uint16_t)(worker->index + 1),
        .priority = (uint8_t)(job->priority + 1),
    };
}

void ordo__waited_queued(const struct ordo__worker *worker, const struct ordo_job *job, int64_t now_ns)
{
    static const char *const notes[] = {"=(queue wait, high)", "=(queue wait, medium)", "=(queue wait, low)"};
    struct ordo_wait wait;

    if (ordo_waits_choose(ORDO_WAIT_BLOCK, now_ns - job->queued_ns, &wait))
        ordo_waits_add(&wait, about(worker, job),
                       (const uint64_t[]){note(notes[job->priority]), note("=(order)")}, 2);
}

void ordo__waited_run(const struct ordo__worker *worker, const struct ordo_run *run, int64_t now_ns)
{
    uint64_t frames[ORDO_WAIT_DEPTH];
    struct ordo_wait wait;
    size_t count = 1;
    char text[32];

    if (!ordo_waits_choose(ORDO_WAIT_BLOCK, now_ns - run->waits_since_ns, &wait))
        return;
    snprintf(text, sizeof(text), "=(%s)", run->waits_for);
    frames[0] = note(text);
    count += ordo_script_stack(run, frames + 1, ORDO_WAIT_DEPTH - 2);
    frames[count++] = note("=(order)");
    ordo_waits_add(&wait, about(worker, run->user), frames, count);
}

void ordo__waited_commit(const struct ordo__worker *worker, const struct ordo_job *job, int64_t waited_ns)
{
    struct ordo_wait wait;

    if (ordo_waits_choose(ORDO_WAIT_BLOCK, waited_ns, &wait))
        ordo_waits_add(&wait, about(worker, job),
                       (const uint64_t[]){note("=(commit wait)"), note("=(order)")}, 2);
}

void ordo__waited_place(const struct ordo__worker *worker, int64_t waited_ns)
{
    uint64_t frames[ORDO_UNWIND_MAX];
    struct ordo_wait wait;

    if (!ordo_waits_choose(ORDO_WAIT_BLOCK, waited_ns, &wait))
        return;
    frames[0] = note("=(wait for a free place)");
    ordo_waits_add(&wait, (struct ordo_wait_about){.worker = (uint16_t)(worker->index + 1)}, frames,
                   1 + ordo_unwind(frames + 1, ORDO_UNWIND_MAX - 1));
}
