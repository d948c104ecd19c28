/* SPDX-License-Identifier: MIT
 * profiled.h: what profiles learn from a worker: which order it executes, and what its rules are called.
 */
#pragma once

#include "worker/crash_notes.h"

struct ordo__worker;

/* At the start and the end of a worker's thread. */
void ordo__profiled_enter(struct ordo__worker *worker);
void ordo__profiled_leave(struct ordo__worker *worker);
/* The worker has loaded a rule set: one worker tells their names. */
void ordo__profiled_rules(struct ordo__worker *worker);

/* The thread executes the order from now on: runs the rules of a generation, or 0: only reads it. NULL: none. A few stores. */
void ordo__executes(const struct ordo_job *job, uint64_t generation);

/* The worker's thread runs the rules of a generation until the end is said, and what that took is added to what they cost. The
 * end reads the clock into worker->now_ns. `is_first`: of this attempt. */
void ordo__execute_begin(struct ordo__worker *worker, const struct ordo_job *job, uint64_t generation);
void ordo__execute_end(struct ordo__worker *worker, uint64_t generation, bool is_first);
