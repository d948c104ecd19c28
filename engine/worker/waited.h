/* SPDX-License-Identifier: MIT
 * waited.h: what orders waited for, told to the profile of waits; nothing while it is not measured.
 */
#pragma once

#include "profile/waits.h"

struct ordo__worker;
struct ordo_job;
struct ordo_run;

/* The order leaves the queue. */
void ordo__waited_queued(const struct ordo__worker *worker, const struct ordo_job *job, int64_t now_ns);
/* The run is about to be resumed: it still stands where it waited. */
void ordo__waited_run(const struct ordo__worker *worker, const struct ordo_run *run, int64_t now_ns);
/* The order's record was submitted then, and is durable, or refused. */
void ordo__waited_commit(const struct ordo__worker *worker, const struct ordo_job *job, int64_t waited_ns);
/* Orders were queued while the worker held as many as it may. */
void ordo__waited_place(const struct ordo__worker *worker, int64_t waited_ns);
